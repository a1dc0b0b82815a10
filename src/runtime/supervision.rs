//! What whoever started this process is told (sd_notify(3)): that it is ready, how it is, that it stops, and that it lives:
//! the last only while the loop and every media worker make progress. It decides nothing else.

use crate::engine::Snapshot;
use crate::engine::snapshot::CallStage;
use crate::media::counters::Counters;
use sd_notify::NotifyState;
use std::fmt::Write;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What moves less often than this is not at rest but dead: the loop turns five times a second, an idle worker once.
const REST_MAX: Duration = Duration::from_secs(3);
/// How often it is said how many calls there are, if that has changed.
const STATUS_EVERY: Duration = Duration::from_secs(2);

/// The loop's sign of life.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// Another turn is done.
    pub(super) fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The way to whoever started us. Opened once: when descriptors have run out, the sign of life must still get through.
#[derive(Debug)]
pub(super) struct Supervisor(Option<UnixDatagram>);

impl Supervisor {
    /// Where `NOTIFY_SOCKET` says; nobody, when it says nothing.
    pub(super) fn connect() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Self(None) };
        let opened = match name.as_bytes() {
            // An abstract name, by which the socket has no file.
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest),
            _ => SocketAddr::from_pathname(&name),
        };
        let opened = opened.and_then(|address| {
            let socket = UnixDatagram::unbound()?;
            socket.connect_addr(&address)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        match opened {
            Ok(socket) => Self(Some(socket)),
            Err(error) => {
                tracing::warn!(socket = %name.display(), %error, "whoever started Holdfast cannot be told how it is");
                Self(None)
            }
        }
    }

    /// Says these things. Never waits; what does not get through is said again in a moment, or was not asked for.
    pub(super) fn tell(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.0 else { return };
        let text = states.iter().fold(String::new(), |mut text, state| {
            // Into a string it cannot fail.
            let _ = writeln!(text, "{state}");
            text
        });
        if let Err(error) = socket.send(text.as_bytes()) {
            tracing::debug!(%error, "whoever started Holdfast was not told");
        }
    }

    /// A reload begins; it ends with [`NotifyState::Ready`]. The time is what `Type=notify-reload` wants besides.
    pub(super) fn reloading(&self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            self.tell(&[NotifyState::Reloading, now]);
        }
    }
}

/// What shows whether the parts of the process make progress.
pub(super) struct Vitals {
    pub pulse: Pulse,
    pub workers: Arc<[Arc<Counters>]>,
    pub pictures: watch::Receiver<Arc<Snapshot>>,
}

impl Vitals {
    fn values(&self) -> impl Iterator<Item = u64> {
        let workers = self.workers.iter().map(|worker| worker.turns.value());
        std::iter::once(self.pulse.0.load(Ordering::Relaxed)).chain(workers)
    }

    fn status(&self) -> String {
        let picture = self.pictures.borrow();
        let waiting = picture.calls.iter().filter(|call| call.stage == CallStage::Waiting).count();
        let stops = if picture.draining { "; about to stop: new calls are refused" } else { "" };
        format!("{} calls, {waiting} of them waiting{stops}", picture.calls.len())
    }
}

/// Says how we are until the process ends.
pub(super) async fn supervise(supervisor: Arc<Supervisor>, vitals: Vitals) {
    let watchdog = sd_notify::watchdog_enabled();
    if supervisor.0.is_none() {
        return;
    }
    let every =
        watchdog.map_or(STATUS_EVERY, |limit| (limit / 4).clamp(Duration::from_millis(50), STATUS_EVERY));
    let rest_max = watchdog.map_or(REST_MAX, |limit| (limit / 2).max(REST_MAX));
    let mut progress = Progress::default();
    let (mut status, mut status_due) = (String::new(), Instant::now());
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = Instant::now();
        if progress.look(now, vitals.values(), rest_max) {
            if watchdog.is_some() {
                supervisor.tell(&[NotifyState::Watchdog]);
            }
        } else {
            tracing::error!("a part of Holdfast makes no progress: no sign of life is given any more");
        }
        if now >= status_due {
            status_due = now + STATUS_EVERY;
            let new = vitals.status();
            if new != status {
                supervisor.tell(&[NotifyState::Status(&new)]);
                status = new;
            }
        }
    }
}

/// When each part was seen to move.
#[derive(Debug, Default)]
struct Progress(Vec<(u64, Instant)>);

impl Progress {
    /// Whether every part has moved within `rest_max`.
    fn look(&mut self, now: Instant, values: impl Iterator<Item = u64>, rest_max: Duration) -> bool {
        for (part, value) in values.enumerate() {
            match self.0.get_mut(part) {
                Some((before, moved)) if *before != value => (*before, *moved) = (value, now),
                Some(_) => {}
                None => self.0.push((value, now)),
            }
        }
        self.0.iter().all(|(_, moved)| now.saturating_duration_since(*moved) <= rest_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_that_stands_still_is_enough_and_one_that_rests_is_not() {
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        let mut progress = Progress::default();
        for now in 0..10 {
            let resting = u64::from(now / 2);
            let alive = progress.look(began + second * now, [u64::from(now), resting].into_iter(), REST_MAX);
            assert!(alive, "after {now} s");
        }
        let alive: Vec<_> = (10..15)
            .map(|now| progress.look(began + second * now, [u64::from(now), 4].into_iter(), REST_MAX))
            .collect();
        assert_eq!(alive, [true, true, false, false, false]);
        assert!(progress.look(began + second * 15, [15, 5].into_iter(), REST_MAX), "it moves again");
    }
}
