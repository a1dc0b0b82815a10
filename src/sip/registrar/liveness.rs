//! Whether the phones are still there: OPTIONS to each contact, and what an answer or silence means.

use super::{Binding, BindingId, Contact, Registrar};
use crate::engine::time::Monotonic;

impl Registrar {
    /// Expires what is due, counts what was not answered, and says whom to send an OPTIONS now.
    pub fn tick(&mut self, now: Monotonic) -> Vec<Contact> {
        let every = self.rules.probe_every;
        for id in std::mem::take(&mut self.fresh) {
            self.change(id, |binding| binding.probe_at = every.map(|every| now + every));
        }
        let mut probes = Vec::new();
        while let Some(&(due, id)) = self.due.first() {
            if due > now {
                break;
            }
            let Some(binding) = self.bindings.get(&id) else {
                self.due.remove(&(due, id));
                continue;
            };
            if binding.expires_at.is_some_and(|at| at <= now) {
                self.remove(id);
            } else if binding.answer_by.is_some_and(|at| at <= now) {
                self.missed(now, id);
            } else {
                probes.push(binding.contact(id));
                self.probed(now, id);
            }
        }
        probes
    }

    /// Any response to the OPTIONS: even a refusal comes from somebody who is there.
    pub fn answered(&mut self, now: Monotonic, id: BindingId) {
        let every = self.rules.probe_every;
        self.change(id, |binding| {
            binding.misses = 0;
            binding.alive = true;
            binding.answer_by = None;
            binding.probe_at = every.map(|every| now + every);
        });
    }

    /// The contact gave no sign when it was rung: it is asked at once.
    pub fn suspect(&mut self, now: Monotonic, id: BindingId) {
        if self.rules.probe_every.is_some() {
            self.change(id, |binding| {
                if binding.answer_by.is_none() {
                    binding.probe_at = Some(now);
                }
            });
        }
    }

    fn probed(&mut self, now: Monotonic, id: BindingId) {
        let timeout = self.rules.probe_timeout;
        self.change(id, |binding| {
            binding.probe_at = None;
            binding.answer_by = Some(now + timeout);
        });
    }

    /// After the first miss the next probe follows at once: a lost datagram is soon made good, and a
    /// dead phone soon noticed.
    pub(super) fn missed(&mut self, now: Monotonic, id: BindingId) {
        let rules = self.rules;
        self.change(id, |binding| {
            binding.answer_by = None;
            binding.misses = binding.misses.saturating_add(1);
            let dead = binding.misses >= rules.probe_misses_max;
            binding.alive &= !dead;
            binding.probe_at = rules.probe_every.map(|every| if dead { now + every } else { now });
        });
    }

    pub(super) fn missed_for_good(&mut self, now: Monotonic, id: BindingId) {
        let every = self.rules.probe_every;
        self.change(id, |binding: &mut Binding| {
            binding.alive = every.is_none();
            binding.answer_by = None;
            binding.probe_at = every.map(|every| now + every);
        });
    }
}
