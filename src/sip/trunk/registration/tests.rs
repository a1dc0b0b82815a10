use super::*;
use crate::secret::Secret;

const SERVER: GatewayId = GatewayId(1);
const OURS: (&str, &str) = ("sip:carrier.example", "us");

struct Desk {
    registration: Registration,
    tokens: Tokens,
}

impl Desk {
    fn new() -> Self {
        let login =
            Login { username: "acme".into(), realm: "carrier.example".into(), password: Secret::new("pw") };
        let rules = RegistrationRules { every: Duration::from_secs(600), contact_user: None };
        let mut tokens = Tokens::new(5);
        Self { registration: Registration::new(&rules, login, &mut tokens), tokens }
    }

    fn answered(&mut self, now: Monotonic, cseq: u32, status: u16, headers: &[(&str, &str)]) -> Then {
        let mut response =
            Response { status, reason: String::new(), headers: Headers::new(), body: Vec::new() };
        for (name, value) in headers {
            response.headers.push(name, *value);
        }
        self.registration.answered(now, cseq, &response, OURS, &mut self.tokens)
    }

    fn wait(&self, now: Monotonic) -> f64 {
        self.registration.deadline().unwrap().since(now).as_secs_f64()
    }
}

fn at(secs: u64) -> Monotonic {
    Monotonic(0) + Duration::from_secs(secs)
}

const CHALLENGE: (&str, &str) =
    ("WWW-Authenticate", "Digest realm=\"carrier.example\", nonce=\"1\", qop=\"auth\"");

#[test]
fn a_challenge_is_answered_and_what_is_granted_is_refreshed_in_time() {
    let mut desk = Desk::new();
    assert_eq!(desk.registration.deadline(), None, "nobody to ask");
    desk.registration.placed(at(0));
    assert_eq!(desk.registration.deadline(), Some(at(0)));
    let first = desk.registration.ask(at(0), SERVER);
    let Then::Ask(second) = desk.answered(at(0), first.cseq, 401, &[CHALLENGE]) else { panic!() };
    assert_eq!((second.cseq, &second.call_id), (first.cseq + 1, &first.call_id));
    assert!(second.authorization.unwrap().1.contains("username=\"acme\""));
    let others = ("Contact", "<sip:other@192.0.2.1>;expires=20, <sip:us@192.0.2.9>;expires=300");
    assert_eq!(desk.answered(at(1), second.cseq, 200, &[others]), Then::Registered);
    let wait = desk.wait(at(1));
    assert!((150.0..=225.0).contains(&wait), "{wait} s of 300");
    assert!(desk.registration.is_registered(at(300)) && !desk.registration.is_registered(at(302)));
}

#[test]
fn the_password_goes_to_its_own_realm_only_and_a_refused_one_is_not_sent_again() {
    let mut desk = Desk::new();
    let first = desk.registration.ask(at(0), SERVER);
    let foreign = ("WWW-Authenticate", "Digest realm=\"evil.example\", nonce=\"1\", qop=\"auth\"");
    let then = desk.answered(at(0), first.cseq, 401, &[foreign]);
    assert_eq!(then, Then::Resting(ChallengeError::NotOurs.into()));
    let mut desk = Desk::new();
    let first = desk.registration.ask(at(0), SERVER);
    let Then::Ask(second) = desk.answered(at(0), first.cseq, 401, &[CHALLENGE]) else { panic!() };
    let then = desk.answered(at(0), second.cseq, 401, &[CHALLENGE]);
    assert_eq!(then, Then::Resting(ChallengeError::Refused.into()));
}

#[test]
fn a_registrar_that_wants_it_longer_is_obeyed_once() {
    let mut desk = Desk::new();
    let first = desk.registration.ask(at(0), SERVER);
    let Then::Ask(second) = desk.answered(at(0), first.cseq, 423, &[("Min-Expires", "1800")]) else {
        panic!()
    };
    assert_eq!(second.expires, Duration::from_secs(1800));
    let then = desk.answered(at(0), second.cseq, 423, &[("Min-Expires", "3600")]);
    assert_eq!(then, Then::Resting(NotRegistered::Refused(423)));
}

#[test]
fn failures_are_followed_by_longer_and_longer_rests_that_differ_from_site_to_site() {
    let mut desk = Desk::new();
    let mut rests = Vec::new();
    for _ in 0..10 {
        desk.registration.begin();
        let ask = desk.registration.ask(at(0), SERVER);
        let then = desk.answered(at(0), ask.cseq, 503, &[]);
        assert_eq!(then, Then::Elsewhere(NotRegistered::Refused(503)));
        assert!(!desk.registration.may_try(SERVER));
        desk.registration.rest(at(0), NotRegistered::Refused(503), &mut desk.tokens);
        rests.push(desk.wait(at(0)));
    }
    for (rest, longest) in rests.iter().zip([30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1800.0, 1800.0]) {
        assert!((longest / 2.0..=longest).contains(rest), "{rests:?}");
    }
    assert!(rests[6..].windows(2).any(|pair| pair[0] != pair[1]), "{rests:?}");
}

#[test]
fn a_server_that_asks_for_rest_is_given_it() {
    let mut desk = Desk::new();
    desk.registration.begin();
    let ask = desk.registration.ask(at(0), SERVER);
    desk.answered(at(0), ask.cseq, 503, &[("Retry-After", "900")]);
    desk.registration.rest(at(0), NotRegistered::Refused(503), &mut desk.tokens);
    assert_eq!(desk.registration.deadline(), Some(at(900)));
}

#[test]
fn who_goes_gives_back_what_was_granted_and_who_has_nothing_says_nothing() {
    let mut desk = Desk::new();
    let ask = desk.registration.ask(at(0), SERVER);
    desk.answered(at(0), ask.cseq, 200, &[]);
    let farewell = desk.registration.leave(at(1)).unwrap();
    assert_eq!((farewell.expires, farewell.gateway), (Duration::ZERO, SERVER));
    let Then::Ask(proven) = desk.answered(at(1), farewell.cseq, 401, &[CHALLENGE]) else { panic!() };
    assert_eq!(proven.expires, Duration::ZERO);
    assert!(desk.registration.is_leaving());
    assert_eq!(desk.answered(at(1), proven.cseq, 200, &[]), Then::Nothing);
    assert!(!desk.registration.is_leaving() && !desk.registration.is_registered(at(1)));
    assert_eq!(desk.registration.leave(at(2)), None, "once");
    assert_eq!(Desk::new().registration.leave(at(0)), None);
}

#[test]
fn an_answer_that_comes_too_late_changes_nothing() {
    let mut desk = Desk::new();
    let first = desk.registration.ask(at(0), SERVER);
    assert_eq!(desk.registration.silent(), Then::Elsewhere(NotRegistered::Silence));
    desk.registration.ask(at(4), GatewayId(2));
    assert_eq!(desk.answered(at(5), first.cseq, 200, &[]), Then::Nothing);
    assert!(!desk.registration.is_registered(at(5)));
}
