//! Registered contacts as they are written down, and as they are known again after a restart.

use super::binding::{FlowOfPhone, MadeBy};
use super::{AccountId, Binding, PhoneWay, Registrar};
use crate::engine::time::Monotonic;
use crate::sip::flow::Flow;
use crate::sip::standing::StandingContact;

impl Registrar {
    /// What is written down of an account: the phones that registered, not those of the configuration.
    pub fn standing(&self, account: AccountId) -> Vec<StandingContact> {
        let written = |binding: &Binding| {
            let MadeBy { call_id, cseq } = binding.made_by.clone()?;
            Some(StandingContact {
                uri: binding.uri.clone(),
                flow: binding.flow.into(),
                path: binding.path.clone(),
                outbound: binding.outbound.as_ref().map(|it| (it.instance.clone(), it.reg_id)),
                made_by: (call_id, cseq),
                expires_at: binding.expires_at,
                q_thousandths: binding.q_thousandths,
            })
        };
        self.bindings_of(account).filter_map(|(_, binding)| written(binding)).collect()
    }

    /// A phone that was registered before the restart still is, until its time is over.
    pub fn restore(&mut self, now: Monotonic, account: AccountId, contact: StandingContact, flow: Flow) {
        let is_over = contact.expires_at.is_some_and(|at| at <= now);
        if is_over || self.bindings_of(account).count() >= self.rules.contacts_max {
            return;
        }
        let (call_id, cseq) = contact.made_by;
        let way = PhoneWay { path: contact.path, ..PhoneWay::direct(flow) };
        let id = self.insert(Binding::new(account, contact.uri, way, Some(MadeBy { call_id, cseq })));
        let every = self.rules.probe_every;
        self.change(id, |binding| {
            binding.outbound = contact.outbound.map(|(instance, reg_id)| FlowOfPhone { instance, reg_id });
            binding.seen = now;
            binding.q_thousandths = contact.q_thousandths;
            binding.expires_at = contact.expires_at;
            binding.probe_at = every.map(|every| now + every);
        });
    }
}
