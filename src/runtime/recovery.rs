//! What the process before has left, if it was killed: read before anything listens, taken over before anything is
//! received, so that no message of a call that goes on finds nobody who knows it.

use super::driver::Driver;
use crate::config::{Config, follow};
use crate::engine::id::CallId;
use crate::engine::settings::Settings;
use crate::engine::time::{Now, Wall};
use crate::engine::{Engine, Event};
use crate::journal::disk::{Found, find};
use crate::journal::{Journal, JournalError, Recovered, replay};
use crate::sip::standing::Standing;
use crate::stats::{CdrFold, Entry, Today};
use std::path::{Path, PathBuf};

/// What the process before has left.
#[derive(Default)]
pub(super) struct Before {
    /// Where the journal is; `None`: none is to be written.
    pub path: Option<PathBuf>,
    /// What was in it.
    pub recovered: Option<Recovered>,
    /// Held until our own journal is there.
    pub found: Option<Found>,
}

/// What is taken over, part by part.
pub(super) struct Taken {
    pub engine: Engine,
    pub records: CdrFold,
    pub today: Today,
    pub written: Vec<Entry>,
    /// The signalling, and when the process before was last alive; `None`: there was none.
    pub standing: Option<(Standing, Now)>,
}

impl Before {
    /// Reads the journal. What cannot be read is told, and costs what was in it, never the start.
    pub(super) async fn read(config: &Config) -> Self {
        if !config.store.journal {
            return Self::default();
        }
        let path = config.store.path.with_extension("journal");
        let read = {
            let path = path.clone();
            // A mistake of ours in what was written down must not keep us from starting, again and again.
            tokio::task::spawn_blocking(move || look(&path)).await
        };
        match read {
            Ok(Ok((recovered, found))) => Self { path: Some(path), recovered, found: Some(found) },
            Ok(Err(JournalError::Locked(path))) => {
                let path = path.display();
                tracing::error!(%path, "another process writes the journal: this one neither reads nor writes it");
                Self::default()
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "what the process before left cannot be read: calls and agents' states are lost");
                Self { path: Some(path), ..Self::default() }
            }
            Err(_) => {
                let path_shown = path.display();
                tracing::error!(path = %path_shown, "what the process before left leads nowhere; please report it with that file");
                Self { path: Some(path), ..Self::default() }
            }
        }
    }

    /// The configuration for which what was left still means the same: names keep their places.
    pub(super) fn reconcile(&self, config: Config) -> Config {
        match &self.recovered {
            Some(recovered) => follow(recovered.engine.settings(), config),
            None => config,
        }
    }

    /// The highest identity of a call the process before knew of.
    pub(super) fn newest_call(&self) -> Option<CallId> {
        self.recovered.as_ref().and_then(|recovered| recovered.newest_call)
    }

    /// When it was last known to be alive.
    pub(super) fn last(&self) -> Option<Now> {
        self.recovered.as_ref().map(|recovered| recovered.last)
    }

    /// The engine and all that is folded from its facts, as they were or new.
    pub(super) fn take(&mut self, settings: &Settings, first_id: u64) -> Taken {
        let (mut records, mut today) = (CdrFold::new(settings), Today::new(settings));
        let Some(recovered) = self.recovered.take() else {
            let engine = Engine::new(settings.clone(), first_id, first_id);
            return Taken { engine, records, today, written: Vec::new(), standing: None };
        };
        let Recovered { engine, written, sip, last, .. } = recovered;
        // Who stopped it had done with the day.
        if !engine.is_draining() {
            today = recovered.today;
            today.follow(settings);
        }
        records.go_on_with(recovered.records);
        Taken { engine, records, today, written, standing: Some((sip, last)) }
    }
}

fn look(path: &Path) -> Result<(Option<Recovered>, Found), JournalError> {
    let found = find(path)?;
    let recovered = match replay(&found.bytes) {
        Ok(recovered) => recovered,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the journal of the process before is not read: its calls and agents' states are lost");
            None
        }
    };
    if let Some(recovered) = &recovered {
        let Recovered { events, torn_bytes, last, .. } = recovered;
        let Wall(last) = last.wall;
        tracing::info!(path = %path.display(), events, torn_bytes, last_alive_ms = last, "the journal of the process before was read");
    }
    Ok((recovered, found))
}

impl Driver {
    /// Goes on where the process before was killed: legs that may be there are asked for, all others are done with.
    pub(super) fn go_on(&mut self, settings: &Settings, standing: Standing, last: Now) {
        let now = self.clock.now();
        let restored = self.sip.restore(now.mono, standing, &mut self.work.sip);
        tracing::info!(
            legs = restored.legs.len(),
            phones = restored.reachable.len(),
            "going on where the process before was killed"
        );
        self.facts.begin_amid(&self.engine.snapshot(now));
        // Told at the moment at which it happened: so long did those wait and talk who could not go on.
        self.happen(last, Event::Restarted { standing: restored.legs, reachable: restored.reachable });
        self.pump();
        if self.engine.settings() != settings {
            self.happen(self.clock.now(), Event::Reconfigured { settings: Box::new(settings.clone()) });
            self.pump();
        }
        let rules = self.engine.settings();
        self.sip.end_unclaimed(now, rules, &mut self.media, &mut self.work.sip);
        self.pump();
    }

    /// Begins our own journal, with everything as it is now.
    pub(super) async fn begin_journal(&mut self, before: Before) {
        let Some(path) = before.path else { return };
        let (whole, now) = (self.whole(), self.clock.now().mono);
        let started = tokio::task::spawn_blocking(move || Journal::start(&path, whole, now)).await;
        match started {
            Ok(Ok(journal)) => {
                // Nothing has happened since everything was looked at: the loop does not run yet.
                self.sip.watch();
                self.journal = Some(journal);
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "no journal is written: calls would not outlive this process");
            }
            Err(_) => tracing::error!("no journal is written: its thread died"),
        }
        // Until here nobody else could take what was left for his own.
        drop(before.found);
    }
}
