//! Toll fraud: the engine and the signalling together, and everybody who might want a call made at our cost. Whoever asks, by
//! whatever means, towards whatever target: no INVITE leaves for a number outside unless an agent's own phone asked and the
//! dial policy lets it be called.

use crate::bench::{Bench, carrier, settings, udp};
use crate::peer::{Dialler, Phone, sdp};
use holdfast::engine::command::Commands;
use holdfast::engine::id::QueueId;
use holdfast::engine::settings::{Agent, Login, Number, Queue, Settings};
use holdfast::engine::{Engine, Event};
use holdfast::sip::dialling::{DialPolicy, Pattern};
use holdfast::sip::flow::Flow;
use holdfast::sip::message::{Message, Method, Request, Response};
use holdfast::sip::settings::{Route, SipSettings, Trunk};
use holdfast::sip::uri::Host;
use std::time::Duration;

const GATEWAY: &str = "203.0.113.200:5060";
const ANNAS: &str = "198.51.100.1:5070";

/// The whole house: what the signalling tells goes to the engine, what that wants done goes back.
struct House {
    bench: Bench,
    engine: Engine,
    /// INVITEs that left, and where to.
    left: Vec<(Flow, Request)>,
    answers: Vec<Response>,
    anna: Phone,
}

fn rules() -> Settings {
    let agent = |name: &str| Agent {
        name: name.into(),
        queues: vec![QueueId(0)],
        login: Login::Automatic,
        ..Agent::default()
    };
    Settings {
        queues: vec![Queue { name: "sales".into(), title: "Sales".into(), ..Queue::default() }],
        agents: vec![agent("anna"), agent("bert")],
        numbers: vec![Number { dialled: "4001".into(), ..Number::default() }],
        ..Settings::default()
    }
}

impl House {
    fn new() -> Self {
        let route = Route::to(Host::parse("203.0.113.200").unwrap());
        let outward = Trunk { name: "outward".into(), route: Some(route), ..Trunk::default() };
        let pattern = |text: &str| Pattern::parse(text).unwrap();
        let dial = DialPolicy { allow: vec![pattern("+49*")], deny: vec![pattern("+49900*")] };
        let trunks = vec![carrier(), outward];
        let mut bench = Bench::with(SipSettings { trunks, dial, ..settings() });
        let engine = Engine::new(rules(), 1, 1);
        let anna = Phone::registered(&mut bench, "anna", ANNAS);
        let (left, answers) = (Vec::new(), Vec::new());
        let mut house = Self { bench, engine, left, answers, anna };
        house.happen(Event::AgentReachable { agent: holdfast::engine::id::AgentId(0), reachable: true });
        house.settle();
        house
    }

    fn happen(&mut self, event: Event) {
        let mut out = Commands::default();
        self.engine.handle(self.bench.now, event, &mut out);
        for command in out.take_commands() {
            self.bench.command(command);
        }
    }

    /// Until nobody has anything more to say. Phones and trunks answer what keeps a call going.
    fn settle(&mut self) {
        loop {
            if let Some(event) = self.bench.events.pop_front() {
                self.happen(event);
                continue;
            }
            match self.bench.wire.pop_front() {
                Some((flow, Message::Request(request))) if request.method == Method::Invite => {
                    self.left.push((flow, request));
                }
                Some((_, Message::Request(_))) => {}
                Some((_, Message::Response(response))) => self.answers.push(response),
                None => return,
            }
        }
    }

    fn request(&mut self, from: Flow, request: &Request) {
        self.bench.request(from, request);
        self.settle();
    }

    /// The numbers outside that were called since this was asked last.
    fn called(&mut self) -> Vec<String> {
        let all = std::mem::take(&mut self.left);
        for (flow, invite) in &all {
            let known = [udp(ANNAS), udp(GATEWAY)].contains(flow);
            assert!(
                known,
                "an INVITE left for {flow}, who is neither a phone of ours nor the trunk: {invite:#?}"
            );
        }
        let outside = all.into_iter().filter(|(flow, _)| *flow == udp(GATEWAY));
        outside.map(|(_, invite)| invite.uri).collect()
    }

    /// The caller is with Anna: her leg's INVITE.
    fn talking(&mut self, caller: &mut Dialler) -> Request {
        caller.invite(&mut self.bench);
        self.settle();
        let ok =
            self.answers.iter().rfind(|answer| answer.status == 200).expect("the call was taken").clone();
        caller.learn(&ok);
        caller.send(&mut self.bench, Method::Ack, Vec::new());
        let (_, invite) = self.left.pop().expect("Anna is rung");
        self.anna.says(&mut self.bench, &invite, 200);
        self.settle();
        invite
    }

    /// An INVITE with a password: the challenge is answered.
    fn invite_as(&mut self, name: &str, password: &str, at: &str, change: impl Fn(&mut Request)) {
        let mut line = Dialler::at(at, name);
        line.call_id = format!("own-{name}-{}", self.bench.now.mono.0);
        let mut invite = line.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
        change(&mut invite);
        self.bench.request(line.flow, &invite);
        let challenge = match self.bench.wire.pop_front() {
            Some((_, Message::Response(response))) if response.status == 401 => response,
            // Not even that.
            _ => return self.settle(),
        };
        line.cseq += 1;
        invite.headers.set("CSeq", format!("{} INVITE", line.cseq));
        Phone::new(name, at).authorize(&mut invite, &challenge, password);
        self.request(line.flow, &invite);
    }
}

/// Targets, and what an agent may reach of them.
const TARGETS: [(&str, Option<&str>); 8] = [
    ("+49301234", Some("sip:+49301234@203.0.113.200")),
    ("+49-30-1234", Some("sip:+49301234@203.0.113.200")),
    ("+1900555", None),
    ("+49900555", None),
    ("0049301234", None),
    ("+49*21*0900%23", None),
    ("+49301234%40evil.example", None),
    ("+4930;phone-context=+1900", Some("sip:+4930@203.0.113.200")),
];

/// By which header or line somebody who is not an agent might try to have a number called.
const MEANS: [&str; 7] = ["uri", "to", "route", "contact", "replaces", "refer-to", "diversion"];

fn aim(request: &mut Request, means: &str, target: &str) {
    match means {
        "uri" => request.uri = format!("sip:{target}@192.0.2.9"),
        "to" => request.headers.set("To", format!("<sip:{target}@192.0.2.9>")),
        "route" => request.headers.push("Route", format!("<sip:{target}@203.0.113.200;lr>")),
        "contact" => request.headers.set("Contact", format!("<sip:{target}@203.0.113.200>")),
        "replaces" => request.headers.push("Replaces", format!("{target};to-tag=a;from-tag=b")),
        "refer-to" => request.headers.push("Refer-To", format!("<sip:{target}@192.0.2.9>")),
        "diversion" => request.headers.push("Diversion", format!("<sip:{target}@192.0.2.9>")),
        other => panic!("{other}"),
    }
}

#[test]
fn nobody_but_an_agent_has_a_number_called_by_an_invite_of_any_shape() {
    for (target, _) in TARGETS {
        for means in MEANS {
            let mut house = House::new();
            // A stranger; the trunk; a wrong password; an account that is no agent's; one name, another's password.
            for remote in ["198.51.100.66:5060", "203.0.113.7:5060"] {
                for name in ["mallory", "anna"] {
                    let mut dialler = Dialler::at(remote, name);
                    dialler.call_id = format!("{name}-{remote}");
                    let mut invite = dialler.make(Method::Invite, sdp(40_000, 0, "sendrecv"));
                    aim(&mut invite, means, target);
                    house.request(dialler.flow, &invite);
                }
            }
            let thief = "198.51.100.66:5060";
            house.invite_as("anna", "guess", thief, |invite| aim(invite, means, target));
            house.invite_as("guest", "guest-secret", thief, |invite| aim(invite, means, target));
            house.invite_as("guest", "guest-secret", thief, |invite| {
                aim(invite, means, target);
                invite.headers.set("From", "<sip:anna@192.0.2.9>;tag=borrowed");
            });
            for span in [1, 10, 60] {
                house.bench.after(Duration::from_secs(span));
                house.settle();
            }
            assert_eq!(house.called(), [] as [&str; 0], "{target} by {means}");
        }
    }
}

#[test]
fn no_method_of_a_strangers_or_of_a_trunks_has_a_number_called() {
    let methods =
        "REFER SUBSCRIBE NOTIFY MESSAGE PUBLISH INFO UPDATE PRACK OPTIONS REGISTER BYE CANCEL ACK FROB";
    for method in methods.split(' ').map(Method::from_token) {
        for remote in ["198.51.100.66:5060", "203.0.113.7:5060"] {
            let mut house = House::new();
            for (number, means) in MEANS.into_iter().enumerate() {
                let mut dialler = Dialler::at(remote, "anna");
                dialler.call_id = format!("call-{number}");
                let mut request = dialler.make(method.clone(), Vec::new());
                aim(&mut request, means, "+49301234");
                house.request(dialler.flow, &request);
            }
            house.bench.after(Duration::from_secs(60));
            house.settle();
            assert_eq!(house.called(), [] as [&str; 0], "{method} from {remote}");
        }
    }
}

#[test]
fn an_agent_dials_what_the_policy_allows_and_nothing_else() {
    for (target, allowed) in TARGETS {
        let mut house = House::new();
        house.invite_as("anna", "anna-secret", ANNAS, |invite| aim(invite, "uri", target));
        assert_eq!(house.called(), allowed.into_iter().collect::<Vec<_>>(), "{target}");
        // The other headers name nobody, whoever writes them: the number dialled is a queue's.
        for means in MEANS.into_iter().filter(|means| *means != "uri") {
            let mut house = House::new();
            house.invite_as("anna", "anna-secret", ANNAS, |invite| aim(invite, means, target));
            assert_eq!(house.called(), [] as [&str; 0], "{target} by {means}");
        }
    }
}

#[test]
fn a_refer_is_carried_out_for_the_agent_alone_and_by_the_policy() {
    for (target, allowed) in TARGETS {
        let to = format!("<sip:{target}@192.0.2.9>");
        // The caller himself, from his trunk, within his call.
        let (mut house, mut caller) = (House::new(), Dialler::new());
        house.talking(&mut caller);
        let mut refer = caller.make(Method::Refer, Vec::new());
        refer.headers.push("Refer-To", to.clone());
        house.request(caller.flow, &refer);
        assert_eq!(house.answers.last().map(|answer| answer.status), Some(403), "{target}");
        assert_eq!(house.called(), [] as [&str; 0], "{target} by the caller");

        // Somebody who guesses at Anna's dialog.
        let (mut house, mut caller) = (House::new(), Dialler::new());
        let invite = house.talking(&mut caller);
        for (header, value) in
            [("Call-ID", "guessed"), ("From", "<sip:x@y>;tag=guessed"), ("To", "<sip:x@y>;tag=guessed")]
        {
            let mut refer = house.anna.request(&invite, Method::Refer, 7, Vec::new());
            refer.headers.set(header, value);
            refer.headers.push("Refer-To", to.clone());
            house.request(udp("198.51.100.66:5060"), &refer);
            assert_eq!(house.answers.last().map(|answer| answer.status), Some(481), "{target}");
        }
        assert_eq!(house.called(), [] as [&str; 0], "{target} by a stranger");

        // Anna.
        let mut refer = house.anna.request(&invite, Method::Refer, 7, Vec::new());
        refer.headers.push("Refer-To", to);
        house.request(house.anna.flow, &refer);
        assert_eq!(house.called(), allowed.into_iter().collect::<Vec<_>>(), "{target} by Anna");
    }
}

#[test]
fn a_phone_that_forwards_does_so_by_the_policy() {
    for (target, allowed) in TARGETS {
        for contact in [format!("<sip:{target}@192.0.2.9>"), format!("<sip:{target}@198.51.100.66>")] {
            let (mut house, mut caller) = (House::new(), Dialler::new());
            caller.invite(&mut house.bench);
            house.settle();
            let (_, invite) = house.left.pop().expect("Anna is rung");
            let mut moved = Response::reply_to(&invite, 302, "", Some("moved"));
            moved.headers.push("Contact", contact.clone());
            house.bench.response(house.anna.flow, &moved);
            house.settle();
            let expected = allowed.filter(|_| contact.contains("192.0.2.9"));
            assert_eq!(house.called(), expected.into_iter().collect::<Vec<_>>(), "{contact}");
        }
    }
}

#[test]
fn a_contact_or_route_in_a_call_leads_nothing_of_ours_elsewhere() {
    let (mut house, mut caller) = (House::new(), Dialler::new());
    caller.contact = "<sip:+1900555@198.51.100.66:5099>".into();
    house.talking(&mut caller);
    let mut again = caller.make(Method::Invite, sdp(40_000, 0, "sendonly"));
    again.headers.set("Contact", "<sip:+1900555@198.51.100.66:5099>");
    again.headers.push("Record-Route", "<sip:198.51.100.66;lr>");
    house.request(caller.flow, &again);
    house.bench.sizes.clear();
    house.happen(Event::LegEnded {
        leg: holdfast::engine::id::LegId::Agent(holdfast::engine::id::OfferId(1)),
    });
    house.bench.after(Duration::from_secs(40));
    house.settle();
    let strangers: Vec<_> = house
        .bench
        .sizes
        .iter()
        .filter(|(flow, _)| flow.remote.ip().to_string() == "198.51.100.66")
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    assert_eq!(house.called(), [] as [&str; 0]);
}
