//! How people and phones behave, drawn by lot when a call begins: what they know, what they forget, and when.

use crate::simulate::rng::Rng;
use std::time::Duration;

/// The statuses by which phones refuse.
const REFUSALS: [u16; 9] = [486, 480, 603, 408, 404, 503, 302, 600, 500];

/// What one party to a call will do.
#[derive(Clone, Debug)]
pub(super) struct Manners {
    /// Takes UPDATE, and says so.
    pub takes_update: bool,
    /// Takes it in truth.
    pub knows_update: bool,
    /// Knows provisional responses that must arrive (RFC 3262).
    pub knows_100rel: bool,
    /// Acknowledges them. Whoever does not cannot be called through to.
    pub pracks: bool,
    /// Acknowledges a 200 from this copy on.
    pub acks_from_copy: u32,
    /// Hangs up at the very moment of the answer, before its ACK.
    pub bye_first: bool,
    /// Does not refresh the session though it should.
    pub forgets_refresh: bool,
    /// What it wants of the session timer: seconds, and who refreshes.
    pub session: Option<(u32, Refresher)>,
    /// Has no description in its INVITE: the offer is ours to make.
    pub offerless: bool,
    /// How long it waits before it gives up.
    pub patience: Duration,
    /// How long it talks.
    pub talks: Duration,
    /// How often it changes or asks something in a call.
    pub acts: u32,
    /// An agent's phone passes the call on.
    pub refers: bool,
    /// Changes the session at the very moment at which the engine refreshes it.
    pub meets_refresh: bool,
    /// Tries a change again that came at a bad moment.
    pub retries: bool,
    /// Leaves the refresh to whom it was left before, when it changes something.
    pub keeps_refresher: bool,
    /// Is found elsewhere after a change.
    pub moves: bool,
    /// Changes the session before it is answered.
    pub early_update: bool,
}

impl Manners {
    /// `at_length`: of people who talk so long that sessions have to be refreshed, and refreshes are met.
    pub fn draw(rng: &mut Rng, at_length: bool) -> Self {
        let takes_update = rng.happens(if at_length { 0.3 } else { 0.5 });
        Self {
            takes_update,
            knows_update: takes_update && !rng.happens(0.1),
            knows_100rel: rng.happens(0.4),
            pracks: !rng.happens(0.1),
            acks_from_copy: if rng.happens(0.8) { 1 } else { [2, 3, u32::MAX][rng.below(3) as usize] },
            bye_first: rng.happens(0.05),
            forgets_refresh: rng.happens(0.2),
            session: session(rng, at_length),
            offerless: rng.happens(0.1),
            patience: patience(rng),
            talks: talks(rng, at_length),
            acts: rng.below(5) as u32,
            refers: rng.happens(0.5),
            meets_refresh: rng.happens(0.8),
            retries: rng.happens(0.6),
            keeps_refresher: rng.happens(0.7),
            moves: rng.happens(0.2),
            early_update: rng.happens(0.3),
        }
    }
}

/// Who is to refresh a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refresher {
    Anybody,
    Engine,
    Peer,
}

/// Sometimes too short an interval, to be told so.
fn session(rng: &mut Rng, at_length: bool) -> Option<(u32, Refresher)> {
    if at_length {
        let refresher = if rng.happens(0.8) { Refresher::Engine } else { Refresher::Peer };
        return rng.happens(0.9).then_some((90, refresher));
    }
    let refresher = rng.choose(&[Refresher::Anybody, Refresher::Engine, Refresher::Peer]).copied();
    let secs = rng.choose(&[60, 90, 91, 120]).copied().unwrap_or(90);
    rng.happens(0.5).then_some((secs, refresher.unwrap_or(Refresher::Anybody)))
}

/// Many give up at the moment of the answer, or when somebody has just been rung.
fn patience(rng: &mut Rng) -> Duration {
    match rng.below(4) {
        0 => Duration::from_millis(rng.below(800)),
        1 => Duration::from_millis(rng.below(9_000)),
        _ => Duration::from_secs(rng.within(20, 90)),
    }
}

/// Some talk for so long that the session timer counts.
fn talks(rng: &mut Rng, at_length: bool) -> Duration {
    if at_length {
        return Duration::from_secs(rng.within(50, 250));
    }
    match rng.below(5) {
        0 => Duration::from_millis(rng.below(1_000)),
        1 => Duration::from_secs(rng.within(60, 400)),
        _ => Duration::from_millis(rng.below(20_000)),
    }
}

/// What a phone does about an INVITE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reaction {
    /// When it rings.
    pub rings_after: Duration,
    /// Whether it sends its description with that.
    pub early_media: bool,
    /// When it makes up its mind.
    pub decides_after: Duration,
    /// What it says then; 0: nothing, until it is told to stop.
    pub status: u16,
    /// Answers though it has just been cancelled.
    pub crosses: bool,
    /// Answers even after it has said 487, as another branch of a fork may.
    pub late: bool,
    /// Its answer describes nothing that we could speak.
    pub speechless: bool,
}

impl Reaction {
    pub fn draw(rng: &mut Rng) -> Self {
        let status = match rng.below(10) {
            0..=5 => 200,
            6..=8 => rng.choose(&REFUSALS).copied().unwrap_or(486),
            _ => 0,
        };
        Self {
            rings_after: Duration::from_millis(rng.below(400)),
            early_media: rng.happens(0.3),
            decides_after: Duration::from_millis(rng.below(6_000)),
            status,
            crosses: rng.happens(0.2),
            late: rng.happens(0.1),
            speechless: rng.happens(0.03),
        }
    }
}
