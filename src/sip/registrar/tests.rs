use super::*;

const ANNA: AccountId = AccountId(0);
const S: u64 = 1_000_000;

struct Bench {
    registrar: Registrar,
    now: Monotonic,
}

impl Bench {
    fn new() -> Self {
        Self { registrar: Registrar::new(RegistrarRules::default()), now: Monotonic(S) }
    }

    fn register(&mut self, cseq: u32, more: &[(&str, &str)]) -> Result<Registered, RegisterError> {
        let mut headers = super::super::message::Headers::new();
        headers.push("Call-ID", "reg");
        headers.push("CSeq", format!("{cseq} REGISTER"));
        for (name, value) in more {
            headers.push(name, *value);
        }
        self.registrar.register(self.now, ANNA, &headers, &PhoneWay::direct(flow(5070)))
    }

    fn after(&mut self, secs: u64) -> Vec<Contact> {
        self.now = self.now + Duration::from_secs(secs);
        self.registrar.tick(self.now)
    }
}

fn flow(port: u16) -> Flow {
    Flow::udp("192.0.2.9:5060".parse().unwrap(), format!("198.51.100.1:{port}").parse().unwrap())
}

#[test]
fn a_phone_behind_nat_is_called_back_by_the_way_it_came() {
    let mut bench = Bench::new();
    let listed = bench.register(1, &[("Contact", "<sip:anna@10.0.0.5:5060>;expires=60")]).unwrap();
    assert_eq!(listed, ["<sip:anna@10.0.0.5:5060>;expires=60"]);
    let contacts = bench.registrar.live_contacts(ANNA);
    assert_eq!((contacts[0].uri.as_str(), contacts[0].flow), ("sip:anna@10.0.0.5:5060", flow(5070)));
    assert_eq!(bench.registrar.changes(), [(ANNA, true)]);
    assert_eq!(bench.registrar.changes(), []);
}

#[test]
fn a_registration_that_is_not_refreshed_ends() {
    let mut bench = Bench::new();
    bench.register(1, &[("Contact", "<sip:a@10.0.0.5>"), ("Expires", "30")]).unwrap();
    bench.registrar.changes();
    bench.after(29);
    assert!(bench.registrar.is_reachable(ANNA));
    bench.after(1);
    assert_eq!(bench.registrar.changes(), [(ANNA, false)]);
    assert!(bench.registrar.is_empty() && bench.registrar.next_deadline().is_none());
}

#[test]
fn too_short_is_refused_and_too_long_is_cut() {
    let mut bench = Bench::new();
    let brief = bench.register(1, &[("Contact", "<sip:a@10.0.0.5>;expires=5")]);
    assert_eq!(brief, Err(RegisterError::TooBrief(Duration::from_secs(30))));
    let long = bench.register(2, &[("Contact", "<sip:a@10.0.0.5>;expires=999999")]).unwrap();
    assert_eq!(long, ["<sip:a@10.0.0.5>;expires=3600"]);
}

#[test]
fn an_overtaken_register_changes_nothing() {
    let mut bench = Bench::new();
    bench.register(5, &[("Contact", "<sip:a@10.0.0.5>")]).unwrap();
    let late = bench.register(4, &[("Contact", "<sip:a@10.0.0.5>;expires=0")]);
    assert_eq!(late, Err(RegisterError::OutOfOrder));
    assert_eq!(bench.registrar.len(), 1);
}

#[test]
fn a_star_removes_all_and_only_with_expires_zero() {
    let mut bench = Bench::new();
    bench.register(1, &[("Contact", "<sip:a@10.0.0.5>, <sip:a@10.0.0.6>")]).unwrap();
    assert_eq!(bench.register(2, &[("Contact", "*")]), Err(RegisterError::Malformed));
    assert_eq!(bench.register(3, &[("Contact", "*"), ("Expires", "0")]), Ok(vec![]));
    assert!(bench.registrar.is_empty());
}

#[test]
fn one_account_cannot_fill_the_memory() {
    let mut bench = Bench::new();
    for port in 1..=8 {
        let contact = format!("<sip:a@10.0.0.5:{port}>");
        bench.register(port, &[("Contact", &contact)]).unwrap();
    }
    let ninth = bench.register(9, &[("Contact", "<sip:a@10.0.0.5:9>")]);
    assert_eq!(ninth, Err(RegisterError::TooMany));
    let moved = [("Contact", "<sip:a@10.0.0.5:1>;expires=0, <sip:a@10.0.0.5:9>")];
    assert!(bench.register(10, &moved).is_ok_and(|listed| listed.len() == 8), "what leaves makes room");
}

#[test]
fn a_phone_that_misses_two_probes_is_unreachable_until_it_answers() {
    let mut bench = Bench::new();
    bench.register(1, &[("Contact", "<sip:a@10.0.0.5>")]).unwrap();
    bench.registrar.changes();
    assert_eq!(bench.after(30).len(), 1);
    assert_eq!(bench.after(4).len(), 1, "the second probe follows the first miss at once");
    assert!(bench.registrar.is_reachable(ANNA));
    assert!(bench.after(4).is_empty());
    assert_eq!(bench.registrar.changes(), [(ANNA, false)]);
    let probe = bench.after(30).remove(0);
    bench.registrar.answered(bench.now, probe.id);
    assert_eq!(bench.registrar.changes(), [(ANNA, true)]);
}

#[test]
fn a_static_contact_lives_until_it_misses_its_probes_and_is_not_the_phones_to_remove() {
    let mut bench = Bench::new();
    bench.registrar.add_static(ANNA, "sip:anna@198.51.100.1:5070".into(), flow(5070));
    assert!(bench.after(0).is_empty(), "not at once: the phones of a whole site would all be asked together");
    assert_eq!(bench.registrar.changes(), [(ANNA, true)]);
    assert_eq!(bench.after(30).len(), 1);
    bench.after(4);
    bench.after(4);
    assert_eq!(bench.registrar.changes(), [(ANNA, false)]);
    let probe = bench.after(30).remove(0);
    bench.registrar.answered(bench.now, probe.id);
    assert_eq!(bench.registrar.changes(), [(ANNA, true)]);
    bench.register(1, &[("Contact", "<sip:anna@198.51.100.1:5070>;expires=0")]).unwrap();
    bench.register(2, &[("Contact", "*"), ("Expires", "0")]).unwrap();
    assert!(bench.registrar.is_reachable(ANNA));
}

#[test]
fn a_lost_connection_takes_its_contacts_along() {
    let mut bench = Bench::new();
    let mut tcp = Flow::tcp(flow(1).local, flow(1).remote);
    tcp.connection = Some(super::super::flow::ConnectionId(7));
    let mut headers = super::super::message::Headers::new();
    for (name, value) in
        [("Call-ID", "r"), ("CSeq", "1 REGISTER"), ("Contact", "<sip:a@10.0.0.5;transport=tcp>")]
    {
        headers.push(name, value);
    }
    bench.registrar.register(bench.now, ANNA, &headers, &PhoneWay::direct(tcp)).unwrap();
    assert_eq!(bench.registrar.changes(), [(ANNA, true)]);
    bench.registrar.flow_failed(bench.now, &tcp);
    assert_eq!(bench.registrar.changes(), [(ANNA, false)]);
}
