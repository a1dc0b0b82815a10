//! Who may import whom: the table of `src/ARCHITECTURE.md`, read off the sources.
#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed assertion")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each top-level module and the modules of ours that its non-test code may name.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("engine", &[]),
    // One type each, where several modules would else have their own.
    ("secret", &[]),
    ("cidr", &[]),
    // One GET over one connection: the demo and the command line look at the API by it.
    ("client", &[]),
    ("stats", &["engine"]),
    // The messages of calls, as bytes: it reads them without the codec.
    ("trace", &["engine"]),
    ("sip", &["engine", "media"]),
    ("media", &["engine"]),
    ("store", &["engine", "stats"]),
    ("journal", &["engine", "stats", "sip"]),
    ("metrics", &["engine", "stats"]),
    ("http", &["engine", "stats", "store", "metrics", "trace"]),
    // Whole calls are simulated, from INVITE to BYE: by the signalling's pure parts, and a media plane that keeps books.
    ("simulate", &["engine", "stats", "sip", "media"]),
    // Each shell's own settings: nothing is said twice.
    ("config", &["engine", "sip", "media", "http", "simulate", "trace"]),
    ("cli", &["config", "store", "stats", "engine", "simulate", "media", "trace", "client"]),
    // Phones talk to the engine only over sockets: they share the wire's words and nothing else.
    ("phone", &["sip", "media"]),
    ("demo", &["phone", "config", "client"]),
    ("bench", &["phone", "sip", "media"]),
    (
        "runtime",
        &[
            "engine", "stats", "sip", "media", "store", "journal", "metrics", "http", "config", "simulate",
            "trace",
        ],
    ),
];

/// Crates that only one part of the house may name.
const NAMED_ONLY_IN: &[(&str, &[&str])] = &[
    ("rsipstack", &["sip/codec.rs"]),
    ("rtp_rs", &["media/", "phone/", "bench/"]),
    ("rtcp_types", &["media/"]),
    ("sdp_types", &["media/"]),
    ("rubato", &["media/"]),
    ("hound", &["media/", "phone/"]),
    ("aes", &["media/srtp/"]),
    ("aes_gcm", &["media/srtp/"]),
    ("ctr", &["media/srtp/"]),
    ("sha1", &["media/srtp/"]),
    ("hmac", &["media/srtp/", "media/sdp/crypto.rs"]),
    ("base64", &["media/sdp/crypto.rs"]),
    ("sqlx", &["store/"]),
    ("ciborium", &["journal/"]),
    ("prometheus", &["metrics.rs", "metrics/"]),
    ("rustls", &["sip/transport/"]),
    ("tokio_rustls", &["sip/transport/"]),
    ("tokio_tungstenite", &["sip/transport/"]),
    ("futures_util", &["sip/transport/"]),
    ("axum", &["http/"]),
    ("hickory_resolver", &["runtime/resolve.rs"]),
    ("clap", &["cli.rs", "cli/", "main.rs"]),
];

/// Places that must be pure: bytes, events and time in; bytes, commands and facts out.
const PURE: &[&str] = &[
    "engine/",
    "stats/",
    "sip/transaction/",
    "sip/dialog/",
    "sip/auth/",
    "sip/codec.rs",
    "sip/core/",
    "sip/admission.rs",
    "sip/bouncer/",
    "sip/source.rs",
    "sip/leg.rs",
    "sip/message.rs",
    "sip/presenting.rs",
    "sip/presets.rs",
    "sip/overload.rs",
    "sip/overload/",
    "sip/registrar/",
    "sip/identity.rs",
    "sip/trunk/",
    "sip/standing.rs",
    "sip/uri.rs",
    "sip/wire.rs",
    "media/sdp",
    "media/session",
    "media/srtp/",
    "media/latch.rs",
    "media/dtmf.rs",
    "media/codec/",
    "media/jitter.rs",
    "media/ear.rs",
    "media/tones.rs",
    "media/quality.rs",
    "media/reception.rs",
    "media/room.rs",
    "media/bridge.rs",
    "simulate/",
    "journal/entry.rs",
    "journal/frame.rs",
    "journal/replay.rs",
    "trace/",
];

/// What a pure place never names: clocks, sockets, threads, chance, and maps without an order.
const IMPURE: &[&str] = &[
    "tokio",
    "mio",
    "socket2",
    "getrandom",
    "Instant",
    "SystemTime",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "std::fs",
    "std::thread",
    "std::env",
    "HashMap",
    "HashSet",
];

fn sources() -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, production_code(&fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    walk(&root, &root, &mut found);
    found.retain(|name, _| !is_test_file(name));
    found
}

fn is_test_file(name: &str) -> bool {
    name.contains("/scenarios/") || name.ends_with("/tests.rs") || name.contains("/tests/")
}

/// The code without comments and without what follows `#[cfg(test)] mod …`.
fn production_code(source: &str) -> String {
    let mut code = String::new();
    let mut lines = source.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]"
            && lines.peek().is_some_and(|next| next.trim_start().starts_with("mod "))
        {
            let declaration_only = lines.peek().is_some_and(|next| next.trim_end().ends_with(';'));
            if !declaration_only {
                break;
            }
            lines.next();
            continue;
        }
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

/// The top-level module a file belongs to.
fn module_of(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

fn names_word(code: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_none_or(|c| !is_word(c));
        let after = code[at + word.len()..].chars().next().is_none_or(|c| !is_word(c));
        before && after
    })
}

fn no_violations(violations: Vec<String>) {
    assert!(violations.is_empty(), "the house's rules are broken:\n{}", violations.join("\n"));
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut violations = Vec::new();
    for (file, code) in sources() {
        let module = module_of(&file);
        if matches!(module, "main" | "lib") {
            continue;
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
            violations.push(format!(
                "src/{file}: module `{module}` is not in the table; decide who may import whom"
            ));
            continue;
        };
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            for named in first_segments(rest) {
                let known = MAY_IMPORT.iter().any(|(name, _)| *name == named);
                if known
                    && named != module
                    && !allowed.contains(&named)
                    && !matches!(named, "secret" | "cidr")
                {
                    violations.push(format!("src/{file}: `{module}` may not import `{named}`"));
                }
            }
        }
    }
    no_violations(violations);
}

/// The first path segments after `crate::`, through one level of braces.
fn first_segments(rest: &str) -> Vec<&str> {
    let segment =
        |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len();
    match rest.strip_prefix('{') {
        None => vec![&rest[..segment(rest)]],
        Some(group) => {
            let group = &group[..group.find("};").unwrap_or(group.len())];
            let mut depth = 0;
            group
                .split(|c: char| {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    c == ',' && depth == 0
                })
                .map(|piece| piece.trim_start())
                .map(|piece| &piece[..segment(piece)])
                .collect()
        }
    }
}

#[test]
fn nobody_imports_the_runtime_but_main() {
    let violations = sources()
        .into_iter()
        .filter(|(file, code)| {
            !matches!(module_of(file), "main" | "lib" | "runtime") && code.contains("crate::runtime")
        })
        .map(|(file, _)| format!("src/{file}: only main may import `runtime`"))
        .collect();
    no_violations(violations);
}

#[test]
fn each_foreign_crate_stays_in_its_room() {
    let mut violations = Vec::new();
    for (file, code) in sources() {
        for (name, rooms) in NAMED_ONLY_IN {
            let inside = rooms.iter().any(|room| file.starts_with(room));
            let path = format!("{name}::");
            if !inside && (code.contains(&path) || code.contains(&format!("use {name};"))) {
                // Our own modules may bear a crate's name only behind `crate::`.
                violations.push(format!("src/{file}: only {rooms:?} may name the crate `{name}`"));
            }
        }
    }
    no_violations(violations);
}

#[test]
fn pure_places_name_no_clock_no_socket_and_no_chance() {
    let mut violations = Vec::new();
    for (file, code) in sources() {
        if PURE.iter().any(|place| file.starts_with(place)) {
            for word in IMPURE {
                if names_word(&code, word) {
                    violations.push(format!("src/{file}: pure code names `{word}`"));
                }
            }
        }
    }
    no_violations(violations);
}

#[test]
fn every_file_says_first_what_it_owns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let violations = sources()
        .into_keys()
        .filter(|file| !fs::read_to_string(root.join(file)).unwrap().starts_with("//!"))
        .map(|file| format!("src/{file}: the first line must be `//!` and say what the file owns"))
        .collect();
    no_violations(violations);
}

#[test]
fn words_of_other_systems_are_not_used() {
    let mut violations = Vec::new();
    for (file, code) in sources() {
        for word in ["util", "utils", "helper", "helpers", "manager", "member"] {
            let as_module = code.contains(&format!("mod {word};")) || code.contains(&format!("mod {word} "));
            if as_module || file.ends_with(&format!("/{word}.rs")) {
                violations.push(format!("src/{file}: no module is called `{word}`"));
            }
        }
        // What stands in for a map has a map's own names.
        if code.replace("fn get_mut(", "").contains("fn get_") {
            violations.push(format!("src/{file}: an accessor has no `get_`"));
        }
    }
    no_violations(violations);
}
