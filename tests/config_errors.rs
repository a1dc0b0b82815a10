//! What an operator reads when the configuration is wrong: file, line, what was expected, a suggestion.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // a panic here is a failed assertion

use holdfast::config::{Config, DEFAULT_TEXT};
use holdfast::sip::auth::Algorithm;
use proptest::prelude::*;

/// A small configuration in which everything is right.
const GOOD: &str = r#"skills = ["english", "sales"]
pause_reasons = ["break"]
[sip]
listen = ["udp:127.0.0.1:5060"]
[[queue]]
name = "sales"
strategy = "longest-idle"
requires = "sales"
ring_timeout = "15s"
service_level = { within = "20s", target = 0.8 }
[[number]]
dialled = "4001"
queue = "sales"
[[agent]]
name = "anna"
password = "change-me"
skills = { english = 5, sales = 3 }
queues = ["sales"]
[[feature_code]]
dialled = "*11"
does = "login"
"#;

/// Puts `new` in the place of `old` and says what the operator then reads.
fn errors(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    let text = GOOD.replacen(old, new, 1);
    Config::from_str("site.toml", &text).map_or_else(|errors| errors.to_string(), |_| "no error".into())
}

#[track_caller]
fn check(old: &str, new: &str, expected: &str) {
    assert_eq!(errors(old, new), expected);
}

fn warnings(old: &str, new: &str) -> Vec<String> {
    let config = Config::from_str("site.toml", &GOOD.replacen(old, new, 1)).unwrap();
    config.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn the_good_one_is_accepted_without_a_warning() {
    assert_eq!(Config::from_str("site.toml", GOOD).unwrap().warnings, []);
}

#[test]
fn an_unknown_strategy_is_answered_with_the_nearest_one() {
    check(
        "\"longest-idle\"",
        "\"longest-idel\"",
        "site.toml:7:12: queue \"sales\": unknown strategy \"longest-idel\"; did you mean \"longest-idle\"? \
         (known: longest-idle, round-robin, fewest-calls, least-talk-time, equal-occupancy, best-skill, least-skilled, \
         linear, random, weighted-random, ring-all, ring-progressively)",
    );
}

#[test]
fn a_misspelt_key_is_an_error_with_a_suggestion() {
    let message = errors("ring_timeout", "ringtimeout");
    assert!(
        message.starts_with(
            "site.toml:9:1: queue \"sales\": unknown key \"ringtimeout\"; did you mean ring_timeout? (known: "
        ),
        "{message}"
    );
    let message = errors("[sip]\nlisten", "[sipp]\nlisten");
    assert!(message.starts_with("site.toml:3:2: unknown key \"sipp\"; did you mean sip?"), "{message}");
    let message = errors("target", "targt");
    assert!(
        message.contains("queue \"sales\": service_level: unknown key \"targt\"; did you mean target?"),
        "{message}"
    );
}

#[test]
fn a_misspelt_skill_inside_a_requirement_is_pointed_at() {
    check(
        "requires = \"sales\"",
        "requires = \"english and slaes >= 2\"",
        "site.toml:8:25: queue \"sales\": requires: unknown skill \"slaes\"; did you mean \"sales\"? \
         (known: english, sales)",
    );
}

#[test]
fn unknown_queues_and_skills_of_agents_and_numbers_are_named() {
    check(
        "queues = [\"sales\"]",
        "queues = [\"sale\"]",
        "site.toml:18:11: agent \"anna\": queues: unknown queue \"sale\"; did you mean \"sales\"? (known: sales)",
    );
    check(
        "english = 5",
        "englisch = 5",
        "site.toml:17:12: agent \"anna\": skills: unknown skill \"englisch\"; did you mean \"english\"? \
         (known: english, sales)",
    );
    check(
        "queue = \"sales\"",
        "queue = \"support\"",
        "site.toml:13:9: number \"4001\": unknown queue \"support\" (known: sales)",
    );
}

#[test]
fn values_of_the_wrong_kind_say_what_was_expected_and_what_came() {
    check(
        "ring_timeout = \"15s\"",
        "ring_timeout = 15",
        "site.toml:9:16: queue \"sales\": ring_timeout: expected a duration with its unit, got 15; \
         did you mean \"15s\"?",
    );
    check(
        "ring_timeout = \"15s\"",
        "ring_timeout = \"1d\"",
        "site.toml:9:16: queue \"sales\": ring_timeout: expected 1s to 5m, got 24h",
    );
    check(
        "target = 0.8",
        "target = 80",
        "site.toml:10:44: queue \"sales\": service_level: target: expected a share from 0 to 1 \
         (did you mean 0.8?), got the number 80",
    );
    check(
        "sales = 3",
        "sales = 11",
        "site.toml:17:33: agent \"anna\": skills.sales: expected a whole number from 1 to 10, got the number 11",
    );
    check(
        "[\"udp:127.0.0.1:5060\"]",
        "[\"127.0.0.1:5060\"]",
        "site.toml:4:11: [sip]: listen: expected \"udp:ADDRESS:PORT\", \"tcp:ADDRESS:PORT\", or the same with tls, ws \
         or wss, such as \"udp:127.0.0.1:5060\", got \"127.0.0.1:5060\"",
    );
    let message = errors("[[queue]]", "[queue]");
    assert!(
        message.contains("site.toml:5:1: queue: expected tables headed [[queue]], got a table"),
        "{message}"
    );
}

#[test]
fn every_error_is_reported_at_once_in_the_order_of_the_file() {
    let text = GOOD
        .replace("\"longest-idle\"", "\"fairest\"")
        .replace("\"15s\"", "\"soon\"")
        .replace("\"login\"", "\"logon\"");
    let errors = Config::from_str("site.toml", &text).unwrap_err();
    let lines: Vec<_> = errors.problems.iter().map(|problem| problem.place.unwrap().0).collect();
    assert_eq!(lines, [7, 9, 21], "{errors}");
    assert_eq!(errors.to_string().lines().count(), 3);
}

#[test]
fn a_syntax_error_has_its_line() {
    let message = errors("name = \"anna\"", "name = \"anna");
    assert!(message.starts_with("site.toml:15:"), "{message}");
    check(
        "\"15s\"",
        "15s",
        "site.toml:9:16: expected a value; a text or a duration stands in quotation marks, such as \"15s\"",
    );
    assert!(
        errors("[[queue]]", "[sip]\n[[queue]]")
            .starts_with("site.toml:5:2: this key or table is there already")
    );
}

#[test]
fn names_and_numbers_are_unique() {
    let twice = "[[agent]]\nname = \"anna\"\npassword = \"x\"\nqueues = [\"sales\"]\n[[feature_code]]";
    check(
        "[[feature_code]]",
        twice,
        "site.toml:20:8: agent \"anna\": another agent or account has this name already; give each its own",
    );
    let account = "[[account]]\nname = \"anna\"\npassword = \"x\"\n[[feature_code]]";
    assert!(
        errors("[[feature_code]]", account)
            .contains("account \"anna\": another agent or account has this name")
    );
    let number = "[[number]]\ndialled = \"4001\"\nqueue = \"sales\"\n[[agent]]";
    assert!(
        errors("[[agent]]", number).starts_with("site.toml:15:11: number \"4001\": this number is dialled")
    );
    assert!(errors("\"*11\"", "\"4001\"").contains("dialled for something else already"));
}

#[test]
fn missing_keys_are_named_at_their_table() {
    check("name = \"anna\"\n", "", "site.toml:14:1: [[agent]]: name is missing");
    check(
        "password = \"change-me\"\n",
        "",
        "site.toml:14:1: agent \"anna\": password is missing, or contact, if the phone has a fixed address",
    );
    assert_eq!(errors("password = \"change-me\"", "contact = \"sip:anna@192.0.2.10:5060\""), "no error");
}

#[test]
fn the_placeholder_password_is_refused_beyond_loopback() {
    check(
        "udp:127.0.0.1:5060",
        "udp:192.0.2.5:5060",
        "site.toml:16:12: \"anna\": the password is still \"change-me\" while SIP is listened for on \
         192.0.2.5:5060; choose another one",
    );
    let http = "[http]\nlisten = \"192.0.2.5:8080\"\n[[http.token]]\nname = \"wall\"\ntoken = \"change-me\"\nrole = \"read\"\n[[queue]]";
    assert!(errors("[[queue]]", http).contains("the token is still \"change-me\""));
}

#[test]
fn listening_everywhere_needs_an_address_to_advertise() {
    let text = GOOD.replace("udp:127.0.0.1:5060", "udp:0.0.0.0:5060").replace("change-me", "s3cret");
    let errors = Config::from_str("site.toml", &text).unwrap_err().to_string();
    assert!(errors.contains("[sip]: listening on every address needs advertise"), "{errors}");
    let text = text.replace("[sip]", "[sip]\nadvertise = \"203.0.113.5\"");
    assert!(Config::from_str("site.toml", &text).is_ok());
    let text = text.replace("\"udp:0.0.0.0:5060\"", "\"udp:0.0.0.0:5060\", \"udp:[::]:5060\"");
    let errors = Config::from_str("site.toml", &text).unwrap_err().to_string();
    assert!(
        errors.contains("needs advertise6"),
        "an IPv4 address is of no use to who has IPv6 only: {errors}"
    );
    let config =
        Config::from_str("site.toml", &text.replace("[sip]", "[sip]\nadvertise6 = \"2001:db8::5\"")).unwrap();
    let told = |listen: &str| config.sip.advertised(listen.parse().unwrap()).unwrap().to_string();
    assert_eq!((told("0.0.0.0"), told("::")), ("203.0.113.5".into(), "2001:db8::5".into()));
}

#[test]
fn tls_needs_a_certificate_and_its_key() {
    let tls = |more: &str| {
        let text = GOOD.replace("udp:127.0.0.1:5060\"]", &format!("tls:127.0.0.1:5061\"]\n{more}"));
        Config::from_str("site.toml", &text).map_or_else(|errors| errors.to_string(), |_| "no error".into())
    };
    assert!(tls("").contains("tls:127.0.0.1:5061 needs a certificate: [sip.tls]"), "{}", tls(""));
    assert!(tls("[sip.tls]\ncertificate = \"a.pem\"").contains("[sip]: tls: key is missing"));
    assert_eq!(tls("[sip.tls]\ncertificate = \"a.pem\"\nkey = \"a.key\""), "no error");
    let more = "[sip.tls]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n";
    let half = tls(&format!("{more}more = [{{ certificate = \"b.pem\" }}]"));
    assert!(half.contains("key is missing"), "{half}");
    let name = tls(&format!("{more}name = \"192.0.2.1\""));
    assert!(name.contains("name: expected the name in the certificate"), "{name}");
}

#[test]
fn an_origin_is_the_beginning_of_a_page_s_address() {
    let origins = |text: &str| errors("listen =", &format!("origins = [{text}]\nlisten ="));
    assert_eq!(origins("\"https://desk.example.com\", \"http://localhost:3000\""), "no error");
    for wrong in ["desk.example.com", "https://desk.example.com/", "https://*.example.com", "*"] {
        assert!(origins(&format!("{wrong:?}")).contains("origins: expected the beginning"), "{wrong}");
    }
}

#[test]
fn secrets_appear_neither_in_errors_nor_in_debug_output() {
    let text = GOOD
        .replace("change-me", "canary-1")
        .replace("ring_timeout = ", "token = \"canary-2\"\nring_timeout = ");
    let errors = format!("{:?}", Config::from_str("site.toml", &text).unwrap_err());
    assert!(!errors.contains("canary"), "{errors}");
    let number = errors_of(&GOOD.replace("\"change-me\"", "987654"));
    assert!(number.contains("got a value of type integer") && !number.contains("987654"), "{number}");
    let config = Config::from_str("site.toml", &GOOD.replace("change-me", "canary-3")).unwrap();
    assert!(!format!("{config:?}").contains("canary"));
}

fn errors_of(text: &str) -> String {
    Config::from_str("site.toml", text).unwrap_err().to_string()
}

#[test]
fn what_nobody_can_serve_is_a_warning() {
    assert_eq!(
        warnings("requires = \"sales\"", "requires = \"sales >= 9 and (english or sales)\""),
        [
            "site.toml:8:12: queue \"sales\": no agent of queue \"sales\" has sales >= 9 and (english or sales); \
          nobody has sales >= 9; the best is anna with 3"
        ]
    );
    assert_eq!(
        warnings("dialled = \"4001\"", "dialled = \"4001\"\nrequires = \"english >= 9\""),
        ["site.toml:12:11: number \"4001\": no agent of queue \"sales\" has english >= 9 and sales; \
          nobody has english >= 9; the best is anna with 5"]
    );
    assert_eq!(
        warnings("queues = [\"sales\"]\n", ""),
        [
            "site.toml:6:8: queue \"sales\": no agent serves it",
            "site.toml:15:8: agent \"anna\": serves no queue and will never be offered a call"
        ]
    );
}

#[test]
fn a_trunk_that_admits_everybody_is_a_warning_and_a_wrong_network_an_error() {
    let trunk =
        |address: &str| format!("[[trunk]]\nname = \"carrier\"\naddresses = [\"{address}\"]\n[[queue]]");
    assert!(warnings("[[queue]]", &trunk("0.0.0.0/0"))[0].contains("admits calls from every address"));
    assert!(errors("[[queue]]", &trunk("10.0.0.5/8")).contains("did you mean \"10.0.0.0/8\"?"));
}

#[test]
fn clips_that_are_not_there_are_named_with_the_nearest_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("music")).unwrap();
    std::fs::create_dir_all(at("prompts/en")).unwrap();
    std::fs::write(at("music/slow-tide.wav"), b"").unwrap();
    std::fs::write(at("prompts/en/welcome.wav"), b"").unwrap();
    let sounds = format!("[sounds]\nmusic = {:?}\nprompts = {:?}\n[[queue]]\n", at("music"), at("prompts"));
    let text = GOOD.replace("[[queue]]", &sounds);
    let load = |line: &str| {
        let text = text.replace("strategy = \"longest-idle\"", line);
        std::fs::write(at("site.toml"), text).unwrap();
        Config::load(&at("site.toml"))
            .map(|config| config.warnings.len())
            .map_err(|errors| errors.to_string())
    };
    assert_eq!(
        load("music = [\"slow-tide\"]\nwelcome = \"welcome\""),
        Ok(5),
        "five standing prompts are missing"
    );
    let music = load("music = [\"slow-tyde\"]").unwrap_err();
    assert!(
        music.contains(
            "site.toml:11:10: queue \"sales\": music: unknown clip \"slow-tyde\"; did you mean \"slow-tide\"?"
        ),
        "{music}"
    );
    let welcome = load("welcome = \"wellcome\"").unwrap_err();
    assert!(
        welcome.contains("did you mean \"welcome\"?") && welcome.contains("prompts/en/wellcome.wav"),
        "{welcome}"
    );
    assert!(load("music = [\"../../etc/passwd\"]").unwrap_err().contains("without folder"));
    assert!(load("music = [\"slow-tide.wav\"]").unwrap_err().contains("did you mean \"slow-tide\"?"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let errors = Config::load(std::path::Path::new("no/such.toml")).unwrap_err().to_string();
    assert!(
        errors.starts_with("no/such.toml: cannot be read: ") && errors.contains("working directory"),
        "{errors}"
    );
}

#[test]
fn the_shipped_configurations_are_right_and_complete() {
    let shipped = Config::from_str("config/holdfast.toml", DEFAULT_TEXT).unwrap();
    assert_eq!(shipped.warnings, []);
    assert!(shipped.sip.listen.iter().all(|listen| listen.address.ip().is_loopback()));
    let demo = Config::demo().unwrap();
    assert_eq!(demo.warnings, []);
    assert_eq!((demo.settings.queues.len(), demo.settings.agents.len()), (3, 11));
}

#[test]
fn the_demo_can_replace_every_password() {
    let mut demo = Config::demo().unwrap();
    demo.replace_passwords(&holdfast::secret::Secret::new("fresh"));
    assert!(demo.sip.accounts.iter().all(|account| account.password.as_ref().unwrap().expose() == "fresh"));
}

#[test]
fn the_shipped_configuration_loads_from_the_repository_s_root_without_a_warning() {
    // Tests run in the package's root, which is where the README has it started.
    let config = Config::load(std::path::Path::new("config/holdfast.toml")).unwrap();
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
}

#[test]
fn more_calls_than_the_ports_can_carry_are_a_warning() {
    let told = |ports: &str| {
        let tables = format!("[media]\nports = \"{ports}\"\n[limits]\ncalls_max = 100\n[[queue]]");
        warnings("[[queue]]", &tables)
    };
    assert!(told("20000-20399").is_empty());
    assert!(told("20000-20395")[0].contains("carry only 99 calls"), "{:?}", told("20000-20395"));
}

#[test]
fn hashes_of_password_checks_are_listed_by_preference_and_md5_is_alone_unless_asked() {
    let digests = |line: &str| {
        let text = GOOD.replacen("[sip]\n", &format!("[sip]\n{line}\n"), 1);
        Config::from_str("site.toml", &text).unwrap().sip.digests
    };
    assert_eq!(digests(""), [Algorithm::Md5]);
    assert_eq!(digests(r#"digest = ["sha-256", "md5"]"#), [Algorithm::Sha256, Algorithm::Md5]);
    let wrong = |line: &str| errors("[sip]\n", &format!("[sip]\n{line}\n"));
    assert!(wrong(r#"digest = ["sha256"]"#).contains("did you mean"), "{}", wrong(r#"digest = ["sha256"]"#));
    assert!(wrong(r#"digest = ["md5", "md5"]"#).contains("is there twice"));
    assert!(wrong("digest = []").contains("expected at least one of md5, sha-256"));
}

proptest! {
    /// However a file is mangled, the answer is a configuration or a list of problems inside the file.
    #[test]
    fn a_mangled_file_never_makes_the_reader_panic(
        from in 0..GOOD.len(),
        length in 0usize..40,
        insert in "[a-z0-9\"=\\[\\]{}.,#é \n-]{0,12}",
    ) {
        let mut text = GOOD.to_owned();
        let to = (from + length).min(GOOD.len());
        text.replace_range(from..to, &insert);
        if let Err(errors) = Config::from_str("site.toml", &text) {
            prop_assert!(!errors.problems.is_empty());
            let lines = text.split('\n').count();
            for problem in &errors.problems {
                prop_assert!(problem.place.is_some_and(|(line, column)| (1..=lines).contains(&line) && column >= 1));
            }
        }
    }
}

#[test]
fn codecs_and_encryption_are_chosen_per_trunk_and_agent_with_the_same_words() {
    let with = |line: &str| {
        errors(
            "skills = { english = 5, sales = 3 }",
            &format!("skills = {{ english = 5, sales = 3 }}\n{line}"),
        )
    };
    assert_eq!(with("codecs = [\"g722\", \"l16\"]\nsrtp = \"required\""), "no error");
    assert_eq!(
        with("srtp = \"require\""),
        "site.toml:18:8: agent \"anna\": unknown srtp \"require\"; did you mean \"required\"? \
         (known: off, optional, required)"
    );
    assert_eq!(
        with("codecs = [\"g772\"]"),
        "site.toml:18:11: agent \"anna\": unknown codec \"g772\"; did you mean \"g722\"? \
         (known: opus, g722, pcmu, pcma, l16)"
    );
    assert!(with("codecs = [\"opus\", \"opus\"]").ends_with("\"opus\" is there twice; remove one"));
    let trunk = |line: &str| {
        errors(
            "[[queue]]",
            &format!("[[trunk]]\nname = \"t\"\naddresses = [\"192.0.2.0/24\"]\n{line}\n[[queue]]"),
        )
    };
    assert_eq!(trunk("codecs = [\"pcma\"]\nsrtp = \"off\""), "no error");
    assert!(trunk("srtp = true").contains("srtp: expected a text in quotes"), "{}", trunk("srtp = true"));
}

#[test]
fn the_second_address_of_audio_is_ipv6_beside_ipv4() {
    let media = |lines: &str| errors("[[queue]]", &format!("[media]\n{lines}\n[[queue]]"));
    assert_eq!(media("listen6 = \"::1\"\nprefer = \"ours\""), "no error");
    assert_eq!(media("listen6 = \"::\"\nadvertise6 = \"2001:db8::5\""), "no error");
    assert!(media("listen6 = \"127.0.0.1\"").contains("listen6: expected an IPv6 address"));
    assert!(media("listen6 = \"::\"").contains("needs advertise6"));
    assert!(media("listen = \"::1\"\nlisten6 = \"::1\"").contains("listen has an IPv6 address already"));
    assert!(media("prefer = \"their\"").contains("did you mean \"theirs\"?"));
}

#[test]
fn what_is_said_of_audio_comes_where_it_belongs() {
    use holdfast::media::{Codec, Policy, Prefer};
    let text = GOOD.replacen(
        "skills = { english",
        "srtp = \"required\"\ncodecs = [\"opus\"]\nskills = { english",
        1,
    );
    let config = Config::from_str("site.toml", &text).unwrap();
    let anna = &config.sip.accounts[0].media;
    assert_eq!((anna.srtp, anna.codecs.as_deref()), (Policy::Required, Some(&[Codec::Opus][..])));
    assert_eq!((config.media.codecs, config.media.prefer), (Codec::USUAL.to_vec(), Prefer::Theirs));
    assert_eq!((config.media.listen6, config.media.advertise6), (None, None));
    let text = text.replacen("[sip]", "[media]\ncodecs = [\"pcma\"]\n[sip]", 1);
    let codecs = Config::from_str("site.toml", &text).unwrap().codecs();
    assert!(codecs.len() == 2 && [Codec::Pcma, Codec::Opus].iter().all(|codec| codecs.contains(codec)));
}

#[test]
fn what_is_missing_of_a_trunk_is_named() {
    let trunk = |more: &str| {
        let table = format!("[[trunk]]\nname = \"acme\"\n{more}\n[[queue]]\nname = \"sales\"");
        errors("[[queue]]\nname = \"sales\"", &table)
    };
    let dial = "addresses = [\"192.0.2.1\"]\ndial = \"sip.carrier.example\"";
    for (more, expected) in [
        ("dial = \"sip.carrier.example\"", "addresses: expected at least one network"),
        ("register = true\nusername = \"a\"\npassword = \"b\"", "register = true needs dial = "),
        ("register = true\ndial = \"sip.carrier.example\"", "register = true needs username and password"),
        (&format!("{dial}\nregister_every = \"5s\""), "register_every: expected 30s to 24h, got 5s"),
        (&format!("{dial}\ncontact_user = \"a b\""), "contact_user: expected a user name such as \"acme\""),
        (&format!("{dial}\ncountry = \"+49\""), "country: expected a country's code such as \"49\""),
        (&format!("{dial}\nnational_prefix = \"0\""), "national_prefix needs country = "),
        (&format!("{dial}\nformat = \"national\""), "format = \"national\" needs country = "),
        (&format!("{dial}\nformat = \"e146\""), "unknown format \"e146\"; did you mean \"e164\"?"),
        (&format!("{dial}\nnumbers = [\"+49x*\"]"), "numbers: expected a number, or the beginning of one"),
        (&format!("{dial}\nnumber_from = \"from\""), "unknown number_from \"from\""),
        (&format!("{dial}\nanswer_within = \"400ms\""), "answer_within: expected 500ms to 32s, got 400ms"),
        (&format!("{dial}\nanswer_within = \"33s\""), "answer_within: expected 500ms to 32s, got 33s"),
        (&format!("{dial}\npriority = 70000"), "priority: expected a whole number from 0 to 10000"),
    ] {
        let told = trunk(more);
        assert!(told.contains(expected), "{more}\n{told}");
    }
    for (silence, came) in [("499ms", "499ms"), ("40s", "40s"), ("0s", "0s")] {
        let told = errors("[sip]", &format!("[sip]\nphone_silence = \"{silence}\""));
        assert!(told.contains(&format!("phone_silence: expected 500ms to 32s, got {came}")), "{told}");
    }
    let told = errors("[sip]", "[sip]\nname_servers = [\"ns.example\"]");
    assert!(told.contains("name_servers: expected addresses such as \"192.0.2.53\""), "{told}");
}
