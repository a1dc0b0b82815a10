//! Other accounts and networks while calls go on: whoever is registered stays so, calls are not touched.

use super::SipCore;
use super::start::{SettingsError, way_to};
use crate::sip::registrar::AccountId;
use crate::sip::settings::SipSettings;

impl SipCore {
    /// Takes over the accounts, trunks, how calls are presented, which keep their places and the trunks their routes, the proxies, which
    /// numbers may be called, whom to have patience with, how long a phone may be silent, and the bound on legs. All else stays as it was at the start. What this means for who can be reached is told at the next [`tick`](Self::tick), which is due.
    ///
    /// # Errors
    /// When a static contact can't be reached by any listener. Nothing is changed then.
    pub fn reconfigure(&mut self, new: SipSettings) -> Result<(), SettingsError> {
        let mut ways = Vec::new();
        for account in &new.accounts {
            let way = |contact: &String| way_to(contact, &account.name, &self.settings.listeners);
            ways.push(account.contact.as_ref().map(way).transpose()?);
        }
        for (index, (account, way)) in new.accounts.iter().zip(ways).enumerate() {
            let id = AccountId(index);
            let before = self.settings.accounts.get(index);
            if account.password.is_none() {
                self.registrar.forget_registered(id);
            }
            if before.is_none_or(|before| before.contact != account.contact) {
                self.registrar.forget_static(id);
                if let Some((uri, flow)) = way {
                    self.registrar.add_static(id, uri, flow);
                }
            }
            if before.is_none_or(|before| before.agent != account.agent) {
                self.registrar.tell_anew(id);
            }
        }
        self.gate.know(&self.settings.realm, &new.accounts);
        self.gate.trust(new.trunks.clone());
        self.gate.bouncer.go_by(new.bouncer);
        self.gate.let_through(new.proxies.clone());
        self.settings.accounts = new.accounts;
        let known = self.settings.trunks.len();
        self.settings.trunks = new.trunks;
        self.trunks.follow(&self.settings.trunks);
        self.know_trunks(known);
        self.settings.proxies = new.proxies;
        self.settings.presentation = new.presentation;
        self.settings.queues = new.queues;
        self.settings.dial = new.dial;
        self.settings.legs_max = new.legs_max;
        self.settings.phone_silence = new.phone_silence;
        Ok(())
    }
}
