//! When a media thread wakes, and how soon it gets a processor then. Knows nothing of legs.

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Above ordinary threads, below those of the system itself (interrupts have 50).
const PRIORITY: u8 = 10;

/// A timer of the system that a poll waits for. The poll's own timeout counts in whole milliseconds, and an ordinary
/// thread's sleep is stretched by 50 µs (prctl(2), `PR_SET_TIMERSLACK`); this is neither.
#[derive(Debug)]
pub(super) struct Alarm {
    timer: TimerFd,
    /// For which moment it is set, in microseconds of the worker's clock: most wake-ups need no new setting.
    set_for_us: Option<u64>,
}

impl Alarm {
    /// The poll reports `token` when it is time.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Alarm> {
        let timer =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        // The poll reports edges: each time the timer goes off is one, though it is never read.
        registry.register(&mut SourceFd(&timer.as_fd().as_raw_fd()), token, Interest::READABLE)?;
        Ok(Alarm { timer, set_for_us: None })
    }

    /// Sets it for a moment that lies ahead.
    pub(super) fn set(&mut self, at_us: u64, now_us: u64) -> io::Result<()> {
        if self.set_for_us == Some(at_us) {
            return Ok(());
        }
        let after = TimeSpec::from_duration(Duration::from_micros(at_us.saturating_sub(now_us).max(1)));
        self.timer.set(Expiration::OneShot(after), TimerSetTimeFlags::empty())?;
        self.set_for_us = Some(at_us);
        Ok(())
    }

    /// It went off.
    pub(super) fn rang(&mut self) {
        self.set_for_us = None;
    }
}

/// Lets this thread run before all ordinary ones (`SCHED_RR`), if the system permits it (`CAP_SYS_NICE`, or an rtprio
/// limit): music that waits for a compiler stutters. The system keeps a share of each core for the others all the same
/// (`sched_rt_runtime_us`), and a worker that cannot keep up skips what is too late instead of running on.
pub(super) fn hurry() {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let Ok(priority) = ThreadPriorityValue::try_from(PRIORITY) else { return };
    let wanted = ThreadPriority::Crossplatform(priority);
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), wanted, policy) {
        tracing::info!(
            ?error,
            "media workers run without real-time priority: on a busy machine packets may be late"
        );
    }
}

/// Keeps this thread on one of the processors this process may use; workers take them in turn.
pub(super) fn pin(worker: usize) {
    let this = Pid::from_raw(0);
    let pinned = sched_getaffinity(this).and_then(|allowed| {
        let cores: Vec<usize> =
            (0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false)).collect();
        let mut one = CpuSet::new();
        one.set(cores.get(worker % cores.len().max(1)).copied().unwrap_or_default())?;
        sched_setaffinity(this, &one)
    });
    if let Err(error) = pinned {
        tracing::warn!(worker, %error, "the media worker cannot be kept on one processor");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};

    const TOKEN: Token = Token(7);

    fn rings(poll: &mut Poll, patience: Duration) -> bool {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(patience)).unwrap();
        events.iter().any(|event| event.token() == TOKEN)
    }

    #[test]
    fn an_alarm_that_is_never_read_rings_each_time_it_is_set() {
        let mut poll = Poll::new().unwrap();
        let mut alarm = Alarm::new(poll.registry(), TOKEN).unwrap();
        for at in [100, 200, 300] {
            alarm.set(at, at - 50).unwrap();
            assert!(rings(&mut poll, Duration::from_secs(10)), "{at}");
            alarm.rang();
        }
        assert!(!rings(&mut poll, Duration::ZERO), "it was not set again");
    }

    #[test]
    fn a_pinned_thread_stays_on_one_processor() {
        std::thread::spawn(|| {
            pin(1);
            let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
            assert_eq!((0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap()).count(), 1);
        })
        .join()
        .unwrap();
    }
}
