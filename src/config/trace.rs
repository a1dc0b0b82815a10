//! `[sip.trace]` and `[sip.hep]`: how much of what was said is kept, and to whom it is told.

use super::section::Section;
use crate::trace::TraceRules;
use crate::trace::hep::HepRules;
use std::net::SocketAddr;

pub(super) fn trace(sip: &Section<'_>) -> TraceRules {
    let section = sip.table("trace");
    let default = TraceRules::default();
    let rules = TraceRules {
        calls: section.count("calls", 0..=100_000).unwrap_or(default.calls),
        steps_max: section.count("messages_max", 10..=10_000).unwrap_or(default.steps_max),
        bytes_max: section.count("megabytes_max", 1..=4_096).map_or(default.bytes_max, |count| count << 20),
    };
    section.finish();
    rules
}

pub(super) fn hep(sip: &Section<'_>) -> Option<HepRules> {
    let section = sip.optional_table("hep")?;
    section.require("server");
    let server = section.parsed("server", "\"udp:ADDRESS:PORT\", such as \"udp:192.0.2.9:9060\"", |text| {
        text.strip_prefix("udp:")?.parse::<SocketAddr>().ok().filter(|server| server.port() != 0)
    });
    let node = section.count("node", 0..=u32::MAX as usize).and_then(|node| u32::try_from(node).ok());
    let password = section.secret("password").map(|(password, _)| password);
    section.finish();
    Some(HepRules { server: server?, node: node.unwrap_or(2001), password })
}
