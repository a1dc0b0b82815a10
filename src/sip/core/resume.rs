//! After a restart: the dialogs that were written down go on. Each leg the engine wants gets media anew and a re-INVITE
//! with our offer; whoever answers is there, whoever does not is told to hang up. What rang is cancelled.

use super::compose::{ALLOW, SDP, SUPPORTED};
use super::fork::Fork;
use super::{Due, Purpose, SipCore, Turn};
use crate::engine::Event;
use crate::engine::id::{AgentId, LegId};
use crate::engine::time::Monotonic;
use crate::media::Wishes;
use crate::sip::codec;
use crate::sip::dialog::SessionTimer;
use crate::sip::flow::Flow;
use crate::sip::leg::{Leg, LegMedia, Phase};
use crate::sip::message::{Message, Method, Response};
use crate::sip::registrar::AccountId;
use crate::sip::standing::{Standing, StandingFork, StandingLeg};
use crate::sip::transaction::ClientId;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// So many are asked at once, and the next ones so much later: no burst that a network would drop, and yet some thousand
/// in five seconds.
const AT_ONCE: usize = 16;
const PACE: Duration = Duration::from_millis(20);
/// How often it is looked whether there is a way by now to one who could not be asked.
const WAY_EVERY: Duration = Duration::from_millis(250);
/// Whoever has not answered by then is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was written down and is being asked for.
#[derive(Debug, Default)]
pub(super) struct Resumption {
    /// Legs that the engine has said nothing of yet.
    dormant: BTreeMap<LegId, StandingLeg>,
    /// Those that are asked next, in order.
    waiting: VecDeque<LegId>,
}

/// What can go on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Restored {
    /// Legs whose far side can be asked.
    pub legs: Vec<LegId>,
    /// Agents with a phone that can be rung.
    pub reachable: Vec<AgentId>,
}

impl SipCore {
    /// Takes over what was written down before the restart. Registered phones can be rung at once; legs wait for
    /// `Command::Resume`, and [`end_unclaimed`](Self::end_unclaimed) for those that get none.
    pub fn restore(&mut self, now: Monotonic, standing: Standing, out: &mut super::SipOutputs) -> Restored {
        for of_account in standing.contacts {
            let Some(account) = self.account_named(&of_account.account) else { continue };
            for contact in of_account.contacts {
                // A phone that registered by a connection has to connect again.
                if let Some(flow) =
                    self.flow_again(&contact.flow).filter(|flow| !flow.transport.is_reliable())
                {
                    self.registrar.restore(now, account, contact, flow);
                }
            }
        }
        for (_, fork) in standing.forks {
            self.call_off(now, &fork, out);
        }
        for leg in standing.legs {
            if self.may_be_asked(&leg) {
                self.resumption.dormant.insert(leg.leg, leg);
            }
        }
        let agents = (0..).map(AccountId).zip(&self.settings.accounts);
        let reachable =
            agents.filter(|(id, _)| self.registrar.is_reachable(*id)).filter_map(|(_, it)| it.agent);
        Restored { legs: self.resumption.dormant.keys().copied().collect(), reachable: reachable.collect() }
    }

    /// A phone that rang must stop; should it have been answered meanwhile, that is acknowledged and hung up.
    fn call_off(&mut self, now: Monotonic, fork: &StandingFork, out: &mut super::SipOutputs) {
        let Some(flow) = self.flow_again(&fork.flow) else { return };
        let Ok(Message::Request(invite)) = codec::parse(&fork.invite) else { return };
        let Some(id) = self.transactions.revive(now, invite.clone(), flow) else { return };
        self.forks.insert(id, Fork::unwanted(invite, flow));
        self.transactions.cancel(now, id, &mut self.news);
        for output in self.news.drain(..) {
            if let crate::sip::transaction::Output::Send { to, bytes } = output {
                out.send.push((to, bytes));
            }
        }
    }

    /// The engine wants this leg to go on.
    pub(super) fn resume_leg(&mut self, turn: &mut Turn<'_>, leg_id: LegId, near: Option<LegId>) {
        let standing = self.resumption.dormant.remove(&leg_id);
        let leg = standing.as_ref().and_then(|standing| self.rebuild(turn, standing, near));
        let Some(leg) = leg else {
            if let Some(standing) = &standing {
                self.say_bye_to(turn, standing);
            }
            return turn.out.events.push(Event::LegLost { leg: leg_id });
        };
        self.dialogs.insert(leg.dialog.id.clone(), leg_id);
        if let (Some(account), LegId::Agent(_)) = (leg.account, leg_id) {
            self.given.insert(account, leg_id);
        }
        self.legs.insert(leg_id, leg);
        self.leg_touched(leg_id);
        if self.resumption.waiting.is_empty() {
            self.due.insert((turn.now.mono, Due::Pace));
        }
        self.resumption.waiting.push_back(leg_id);
    }

    /// The leg as it was, with new media on the port it had, if that is free.
    fn rebuild(&self, turn: &mut Turn<'_>, standing: &StandingLeg, near: Option<LegId>) -> Option<Leg> {
        let party = self.party_again(standing);
        let dialog = self.dialog_again(standing, party)?;
        let before = &standing.media;
        let wishes =
            Wishes { codecs: Some(before.codecs.clone().into()), srtp: before.srtp, ipv6: before.ipv6 };
        let local = turn.media.reopen(standing.leg, near, &wishes, before.port).ok()?;
        Some(Leg {
            id: standing.leg,
            dialog,
            media: LegMedia::resumed(local, before),
            phase: Phase::Up { unacked: None },
            session: standing.session.map(|interval| SessionTimer::resumed(turn.now.mono, interval)),
            refresh: None,
            resuming: true,
            takes_update: standing.takes_update,
            trunk: party.trunk(),
            detour: None,
            answerer: None,
            account: standing.account.as_deref().and_then(|name| self.account_named(name)),
            provisional: None,
            refer: None,
            hops_left: standing.hops_left,
            dialled: standing.dialled.clone(),
            arrived: standing.arrived,
            user_to_user: standing.user_to_user.clone(),
            scheduled: None,
        })
    }

    fn say_bye_to(&mut self, turn: &mut Turn<'_>, standing: &StandingLeg) {
        let party = self.party_again(standing);
        if let Some(dialog) = self.dialog_again(standing, party) {
            self.say_bye(turn, dialog, party, None);
        }
    }

    /// The engine hangs up a leg it does not want to go on. Whether it was such a one.
    pub(super) fn hang_up_dormant(&mut self, turn: &mut Turn<'_>, leg: LegId) -> bool {
        let Some(standing) = self.resumption.dormant.remove(&leg) else { return false };
        self.say_bye_to(turn, &standing);
        true
    }

    /// Hangs up the legs that nobody knows any more.
    pub fn end_unclaimed(
        &mut self,
        now: crate::engine::time::Now,
        rules: &crate::engine::Settings,
        media: &mut dyn crate::media::Sessions,
        out: &mut super::SipOutputs,
    ) {
        let turn = &mut Turn { now, rules, media, out };
        for standing in std::mem::take(&mut self.resumption.dormant).into_values() {
            self.say_bye_to(turn, &standing);
        }
        self.settle(turn);
    }

    /// Asks the next ones.
    pub(super) fn pace(&mut self, turn: &mut Turn<'_>) {
        for _ in 0..AT_ONCE {
            let Some(leg) = self.resumption.waiting.pop_front() else { return };
            self.ask_again(turn, leg, None);
        }
        if !self.resumption.waiting.is_empty() {
            self.due.insert((turn.now.mono + PACE, Due::Pace));
        }
    }

    /// A re-INVITE with all that we can speak. `challenged`: what a trunk said to the one before.
    pub(super) fn ask_again(&mut self, turn: &mut Turn<'_>, leg_id: LegId, challenged: Option<&Response>) {
        let Some(leg) = self.legs.get(&leg_id).filter(|leg| leg.resuming) else { return };
        self.due.insert((turn.now.mono + PATIENCE, Due::NotThere(leg_id)));
        if self.is_gone(&self.way_of(leg)) {
            // There is no way yet.
            self.due.insert((turn.now.mono + WAY_EVERY, Due::AskAgain(leg_id)));
            return;
        }
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        let mut request = leg.dialog.request(Method::Invite);
        let number = leg.dialog.local_cseq();
        request.headers.push("User-Agent", self.settings.user_agent.clone());
        request.headers.push("Allow", ALLOW);
        request.headers.push("Supported", SUPPORTED);
        if let Some(session) = leg.session {
            let expires = format!("{};refresher=uac", session.interval().as_secs());
            request.headers.push("Session-Expires", expires);
        }
        request.headers.push("Content-Type", SDP);
        request.body = leg.media.offer().to_vec();
        if !self.answers_challenge(turn, leg_id, &mut request, challenged) {
            return self.is_lost(turn, leg_id);
        }
        let Some(id) = self.send_within(turn, leg_id, request) else {
            // Too many requests are out: it is asked a little later.
            self.due.insert((turn.now.mono + PACE, Due::AskAgain(leg_id)));
            return;
        };
        self.sent.insert(id, Purpose::Resume(leg_id, number));
        if let Some(leg) = self.legs.get_mut(&leg_id) {
            leg.refresh = Some(id);
        }
        self.leg_touched(leg_id);
    }

    /// It could not be sent: by another way, in a moment, as long as there is patience. Whether it will be.
    pub(super) fn resume_unsent(&mut self, turn: &mut Turn<'_>, leg_id: LegId, id: ClientId) -> bool {
        let again = self.takes_detour(leg_id, id);
        if again {
            self.due.insert((turn.now.mono + WAY_EVERY, Due::AskAgain(leg_id)));
        }
        again
    }

    /// What came of it.
    pub(super) fn resume_answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: ClientId,
        (leg_id, number): (LegId, u32),
        response: &Response,
        from: Flow,
    ) {
        if response.is_provisional() {
            return;
        }
        let glare = self.glare_pause(leg_id);
        let Some(leg) = self.legs.get_mut(&leg_id) else { return };
        if response.is_success() {
            let is_news = leg.resuming && leg.refresh == Some(id);
            let mut agreed = true;
            if is_news {
                leg.refresh_target(&response.headers, from);
                leg.session = Some(SessionTimer::begun(turn.now.mono, &response.headers));
                agreed = leg.media.accept(&response.body).is_ok();
            }
            self.ack_within(turn, leg_id, number);
            match (is_news, agreed) {
                (true, true) => self.is_there(turn, leg_id),
                (true, false) => self.is_lost(turn, leg_id),
                (false, _) => {}
            }
        } else if leg.refresh == Some(id) {
            leg.refresh = None;
            if matches!(response.status, 401 | 407) && self.may_prove(leg_id) {
                self.ask_again(turn, leg_id, Some(response));
            } else if response.status == 491 {
                // RFC 3261 §14.1: both ask at once; again in a moment, as long as there is patience.
                self.due.insert((turn.now.mono + glare, Due::AskAgain(leg_id)));
            } else {
                self.is_lost(turn, leg_id);
            }
        }
    }

    fn is_there(&mut self, turn: &mut Turn<'_>, leg_id: LegId) {
        if let Some(leg) = self.legs.get_mut(&leg_id) {
            (leg.refresh, leg.resuming) = (None, false);
        }
        self.media_agreed(turn, leg_id);
        self.leg_touched(leg_id);
        self.reschedule(leg_id);
        turn.out.events.push(Event::LegResumed { leg: leg_id });
    }

    /// No answer, or one that says no: a BYE, in case somebody hears it after all.
    pub(super) fn is_lost(&mut self, turn: &mut Turn<'_>, leg_id: LegId) {
        if self.legs.get(&leg_id).is_some_and(|leg| leg.resuming) {
            self.part(turn, leg_id, false);
            turn.out.events.push(Event::LegLost { leg: leg_id });
        }
    }
}
