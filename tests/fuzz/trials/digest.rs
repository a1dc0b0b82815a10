//! Any text as an `Authorization` we check and as a challenge we answer: nothing but the right answer opens, and no realm
//! but the configured one is answered, nor more than twice.

use holdfast::engine::time::Monotonic;
use holdfast::secret::Secret;
use holdfast::sip::auth::{Algorithm, Answerer, Guard, Hashes, Login, Params, Verdict};
use holdfast::sip::source::Source;
use std::time::Duration;

const URI: &str = "sip:holdfast";

fn login() -> Login {
    Login { username: "anna".into(), realm: "holdfast".into(), password: Secret::new("pw") }
}

fn guard() -> Guard {
    Guard::new("holdfast", [7; 32], Duration::from_secs(60), vec![Algorithm::Sha256, Algorithm::Md5])
}

fn here() -> Source {
    Source::of([192, 0, 2, 1].into())
}

/// A right answer to the first challenge.
fn right() -> String {
    let challenges = guard().challenges(Monotonic(1), here(), false);
    Answerer::new(login()).answer(challenges.iter().map(String::as_str), "REGISTER", URI, "c").unwrap()
}

pub fn trial(bytes: &[u8]) {
    // As the wire hands it on: no line end and no NUL is left in a value; here a line is a header.
    let text = String::from_utf8_lossy(bytes).replace(['\r', '\0'], " ");
    let _ = Params::parse(&text);
    let (mut guard, hashes) = (guard(), Hashes::new("anna", "holdfast", &Secret::new("pw")));
    guard.challenges(Monotonic(1), here(), false);
    let account = |name: &str| (name == "anna").then_some(&hashes);
    let verdict = guard.check(Monotonic(2), here(), ("REGISTER", URI), text.lines(), account);
    if let Verdict::Accepted { .. } = verdict {
        let right = Params::parse(&right()).unwrap();
        let shown = |params: &Params| params.value("response").map(str::to_ascii_lowercase);
        let knew = text.lines().filter_map(Params::parse).any(|params| shown(&params) == shown(&right));
        assert!(knew, "opened without the right answer: {text}");
        let again = guard.check(Monotonic(2), here(), ("REGISTER", URI), text.lines(), account);
        assert_eq!(again, Verdict::Stale, "and nobody opens twice with it");
    }
    let mut answerer = Answerer::new(login());
    let mut answers = 0;
    for _ in 0..4 {
        if let Ok(answer) = answerer.answer(text.lines(), "INVITE", "sip:x", "c") {
            answers += 1;
            assert_eq!(
                Params::parse(&answer).and_then(|it| it.value("realm").map(str::to_owned)).as_deref(),
                Some("holdfast")
            );
            assert!(!answer.contains(['\r', '\n']), "{answer:?}");
        }
    }
    assert!(answers <= 2);
}

pub fn seeds() -> Vec<Vec<u8>> {
    let challenge = guard().challenges(Monotonic(1), here(), true).join("\n");
    let mut seeds = vec![right().into_bytes(), challenge.into_bytes()];
    seeds.push(
        b"Digest realm=\"holdfast\", nonce=\"1\\\"2\", qop=\"auth,auth-int\", opaque=\"x\", stale=TRUE"
            .to_vec(),
    );
    seeds
}
