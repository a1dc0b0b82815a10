//! A conversation: who sits in it, who hears whom, and what each of them hears. Knows no sockets and no codecs.
//!
//! Two who hear each other need no mixing when their codecs fit; everybody beyond that is mixed, and hears all but
//! himself (N−1).

use super::codec::encoder::Frame;
use super::codec::{HOUSE_FRAME, HOUSE_HZ};

/// Seats of one conversation: caller, agent, a third, and supervisors.
pub const SEATS_MAX: usize = 8;

/// What a supervisor who joined does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Supervision {
    /// Hears both, is heard by nobody.
    Listen,
    /// Is heard by the agent, not by the caller.
    Whisper,
    /// Is heard by all.
    Barge,
}

/// As what somebody takes part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Who called.
    Caller,
    /// Who serves him.
    Agent,
    /// A third party, heard by all: the colleague who is asked, the number outside.
    Third,
    /// A supervisor.
    Supervisor(Supervision),
}

impl Role {
    /// Whether what he says reaches somebody in that role.
    fn reaches(self, listener: Role) -> bool {
        match self {
            Self::Caller | Self::Agent | Self::Third | Self::Supervisor(Supervision::Barge) => true,
            Self::Supervisor(Supervision::Listen) => false,
            // Supervisors hear each other: whoever whispers is no secret to the colleague who listens.
            Self::Supervisor(Supervision::Whisper) => matches!(listener, Self::Agent | Self::Supervisor(_)),
        }
    }
}

/// One who takes part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seat {
    /// His leg, by its place with the worker.
    pub leg: usize,
    /// As what he is here.
    pub role: Role,
    /// Whether he is in the conversation now; on hold he keeps his seat, hears music and is not heard.
    pub present: bool,
}

/// Who takes part in one conversation.
#[derive(Debug, Default)]
pub struct Room {
    seats: Vec<Seat>,
}

impl Room {
    /// All seats, in the order in which they were taken.
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Takes a seat, comes back to it, or takes part in another role. `false`: every seat is taken.
    pub fn sit(&mut self, leg: usize, role: Role) -> bool {
        let seat = Seat { leg, role, present: true };
        if let Some(taken) = self.seats.iter_mut().find(|seat| seat.leg == leg) {
            *taken = seat;
        } else if self.seats.len() < SEATS_MAX {
            self.seats.push(seat);
        } else {
            return false;
        }
        true
    }

    /// Keeps the seat, but neither hears nor is heard.
    pub fn step_out(&mut self, leg: usize) {
        for seat in self.seats.iter_mut().filter(|seat| seat.leg == leg) {
            seat.present = false;
        }
    }

    /// Leaves for good.
    pub fn leave(&mut self, leg: usize) {
        self.seats.retain(|seat| seat.leg != leg);
    }

    /// How many are in the conversation now.
    pub fn present(&self) -> usize {
        self.seats.iter().filter(|seat| seat.present).count()
    }

    /// The only two who are present, when each hears the other.
    pub fn pair(&self) -> Option<(usize, usize)> {
        let mut present = self.seats.iter().filter(|seat| seat.present);
        let (one, other) = (present.next()?, present.next()?);
        let mutual = one.role.reaches(other.role) && other.role.reaches(one.role);
        (mutual && present.next().is_none()).then_some((one.leg, other.leg))
    }

    /// Whether the one in the first seat is heard by the one in the second.
    pub fn is_heard(&self, speaker: usize, listener: usize) -> bool {
        match (self.seats.get(speaker), self.seats.get(listener)) {
            (Some(from), Some(to)) => {
                speaker != listener && from.present && to.present && from.role.reaches(to.role)
            }
            (Some(_) | None, None) | (None, Some(_)) => false,
        }
    }

    /// What the one in a seat hears: everybody else who reaches him. `voices` has a frame per seat.
    pub fn mix(&self, voices: &[Frame], listener: usize, out: &mut Frame) {
        let mut sum = [0_i32; HOUSE_FRAME];
        for (speaker, voice) in voices.iter().enumerate().take(self.seats.len()) {
            if self.is_heard(speaker, listener) {
                add(&mut sum, voice);
            }
        }
        saturate(&sum, out);
    }

    /// The two sides of a recording: what the caller says, and what all others say that he hears.
    pub fn sides(&self, voices: &[Frame], caller: &mut Frame, others: &mut Frame) {
        let (mut left, mut right) = ([0_i32; HOUSE_FRAME], [0_i32; HOUSE_FRAME]);
        for (seat, voice) in self.seats.iter().zip(voices).filter(|(seat, _)| seat.present) {
            match seat.role {
                Role::Caller => add(&mut left, voice),
                role if role.reaches(Role::Caller) => add(&mut right, voice),
                Role::Agent | Role::Third | Role::Supervisor(_) => {}
            }
        }
        saturate(&left, caller);
        saturate(&right, others);
    }
}

fn add(sum: &mut [i32; HOUSE_FRAME], voice: &Frame) {
    for (sum, &sample) in sum.iter_mut().zip(voice) {
        *sum += i32::from(sample);
    }
}

/// Louder than the scale is held at its end: the rare peak of two who shout together, not worth a limiter's delay.
fn saturate(sum: &[i32; HOUSE_FRAME], out: &mut Frame) {
    for (to, &sample) in out.iter_mut().zip(sum) {
        *to = sample.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
    }
}

const _: () = assert!(HOUSE_FRAME == HOUSE_HZ as usize / 50, "a frame is 20 ms");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SUPERVISIONS: [Supervision; 3] = [Supervision::Listen, Supervision::Whisper, Supervision::Barge];

    fn room(roles: &[Role]) -> Room {
        let mut room = Room::default();
        for (leg, &role) in roles.iter().enumerate() {
            assert!(room.sit(leg * 10, role));
        }
        room
    }

    /// What each hears when the first says 1, the second 10, the third 100, …
    fn heard(room: &Room) -> Vec<i16> {
        let voices: Vec<Frame> =
            (0..room.seats().len() as u32).map(|n| [10_i16.pow(n); HOUSE_FRAME]).collect();
        let mut out = [0; HOUSE_FRAME];
        (0..voices.len())
            .map(|seat| {
                room.mix(&voices, seat, &mut out);
                out[7]
            })
            .collect()
    }

    #[test]
    fn everybody_in_a_conference_hears_all_but_himself() {
        let room = room(&[Role::Caller, Role::Agent, Role::Third]);
        assert_eq!(heard(&room), [110, 101, 11]);
        assert_eq!(room.pair(), None);
    }

    #[test]
    fn a_supervisor_is_heard_by_whom_he_means_to_reach() {
        let heard_with = |what| heard(&room(&[Role::Caller, Role::Agent, Role::Supervisor(what)]));
        assert_eq!(SUPERVISIONS.map(heard_with), [[10, 1, 11], [10, 101, 11], [110, 101, 11]]);
    }

    #[test]
    fn who_is_on_hold_neither_hears_nor_is_heard_and_keeps_his_seat() {
        let mut room = room(&[Role::Caller, Role::Agent, Role::Third]);
        room.step_out(0);
        assert_eq!(heard(&room), [0, 100, 10]);
        assert_eq!(room.pair(), Some((10, 20)));
        assert!(room.sit(0, Role::Caller));
        assert_eq!(heard(&room), [110, 101, 11]);
    }

    #[test]
    fn two_who_hear_each_other_are_a_pair_and_a_listener_beside_one_is_not() {
        assert_eq!(room(&[Role::Caller, Role::Agent]).pair(), Some((0, 10)));
        let alone = room(&[Role::Agent, Role::Supervisor(Supervision::Listen)]);
        assert_eq!((alone.pair(), alone.present()), (None, 2));
    }

    #[test]
    fn the_recording_has_the_caller_left_and_what_he_hears_right() {
        let room = room(&[Role::Caller, Role::Agent, Role::Third, Role::Supervisor(Supervision::Whisper)]);
        let voices: Vec<Frame> = [1, 10, 100, 1_000].map(|level| [level; HOUSE_FRAME]).to_vec();
        let (mut left, mut right) = ([0; HOUSE_FRAME], [0; HOUSE_FRAME]);
        room.sides(&voices, &mut left, &mut right);
        assert_eq!((left[3], right[3]), (1, 110));
    }

    #[test]
    fn what_is_too_loud_stays_at_the_end_of_the_scale() {
        let room = room(&[Role::Caller, Role::Agent, Role::Third]);
        let mut out = [0; HOUSE_FRAME];
        room.mix(&[[30_000; HOUSE_FRAME]; 3], 0, &mut out);
        assert_eq!(out, [i16::MAX; HOUSE_FRAME]);
        room.mix(&[[-30_000; HOUSE_FRAME]; 3], 0, &mut out);
        assert_eq!(out, [i16::MIN; HOUSE_FRAME]);
    }

    #[test]
    fn a_room_has_so_many_seats_and_no_more() {
        let mut room = room(&[Role::Third; SEATS_MAX]);
        assert!(!room.sit(999, Role::Third));
        assert!(room.sit(0, Role::Agent), "who sits may change his role");
        room.leave(0);
        assert!(room.sit(999, Role::Third));
    }

    proptest! {
        #[test]
        fn nobody_hears_himself_nor_who_does_not_reach_him(roles in proptest::collection::vec(0_usize..6, 1..8)) {
            let of = |n: usize| [Role::Caller, Role::Agent, Role::Third][n.min(2)];
            let roles: Vec<_> = roles.into_iter().map(|n| if n < 3 { of(n) } else { Role::Supervisor(SUPERVISIONS[n - 3]) }).collect();
            let room = room(&roles);
            for speaker in 0..roles.len() {
                prop_assert!(!room.is_heard(speaker, speaker));
                for listener in 0..roles.len() {
                    let reaches = roles[speaker].reaches(roles[listener]) && speaker != listener;
                    prop_assert_eq!(room.is_heard(speaker, listener), reaches);
                }
            }
        }
    }
}
