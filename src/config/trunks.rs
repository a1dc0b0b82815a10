//! `[[trunk]]`: who calls in without a password, and through whom numbers outside are called.

mod route;

use super::audio;
use super::dial::patterns;
use super::queues::name;
use super::section::Section;
use crate::cidr::Cidr;
use crate::sip::settings::{NumberFrom, Trunk};
use crate::sip::transport::Listen;
use crate::sip::trunk::numbers::{Home, NumberFormat, NumberPlan};
use crate::sip::trunk::order::Rank;
use std::time::Duration;

/// More than enough to share by.
const RANK_MAX: usize = 10_000;

/// `options_every` is what `[sip]` says.
pub(super) fn trunks(root: &Section<'_>, listen: &[Listen], options_every: Duration) -> Vec<Trunk> {
    let mut trunks: Vec<Trunk> = Vec::new();
    for section in root.tables("trunk") {
        let (name, span) = name(&section);
        if trunks.iter().any(|known| known.name == name) && !name.is_empty() {
            section.error(&span, "another trunk has this name already; give each its own");
        }
        let plan = plan(&section);
        trunks.push(Trunk {
            route: route::route(&section, listen, options_every),
            addresses: addresses(&section),
            trusted_headers: section.flag("trusted_headers").unwrap_or(false),
            media: audio::wishes(&section),
            rank: Rank { priority: share(&section, "priority"), weight: share(&section, "weight") },
            numbers: patterns(&section, "numbers", section.texts("numbers").unwrap_or_default()),
            plan,
            number_from: section.choice("number_from", &NUMBER_FROM).unwrap_or_default(),
            name,
        });
        section.finish();
    }
    trunks
}

const NUMBER_FROM: [(&str, NumberFrom); 3] =
    [("request", NumberFrom::Request), ("to", NumberFrom::To), ("diversion", NumberFrom::Diversion)];

const FORMATS: [(&str, NumberFormat); 3] = [
    ("e164", NumberFormat::E164),
    ("e164-without-plus", NumberFormat::E164WithoutPlus),
    ("national", NumberFormat::National),
];

fn share(section: &Section<'_>, key: &'static str) -> u16 {
    let number = section.count(key, 0..=RANK_MAX).unwrap_or_default();
    u16::try_from(number).unwrap_or(u16::MAX)
}

fn addresses(section: &Section<'_>) -> Vec<Cidr> {
    let texts = section.texts("addresses").unwrap_or_default();
    // Where we register, calls come from the servers we register at.
    if texts.is_empty() && !section.has("register") {
        section.error(&section.span, "addresses: expected at least one network, such as \"192.0.2.0/24\"");
    }
    networks(section, "addresses", "this admits calls from every address without a password")
}

/// Some networks; none, when the key is not there. `danger` is told of one that holds every address.
pub(super) fn networks(section: &Section<'_>, key: &'static str, danger: &str) -> Vec<Cidr> {
    let mut networks = Vec::new();
    for text in section.texts(key).unwrap_or_default() {
        match text.value.parse::<Cidr>() {
            Ok(network) => {
                if network.is_everything() {
                    section.warn(&text.span, danger);
                }
                networks.push(network);
            }
            Err(error) => section.error(&text.span, format!("{key}: {error}, got {:?}", text.value)),
        }
    }
    networks
}

/// How the trunk writes numbers.
fn plan(section: &Section<'_>) -> NumberPlan {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let code = |text: &str| (digits(text) && (1..=3).contains(&text.len())).then(|| text.to_owned());
    let prefix = |text: &str| (digits(text) && text.len() <= 8).then(|| text.to_owned());
    let country = section.parsed("country", "a country's code such as \"49\"", code);
    let wanted = "digits such as \"00\", or \"\" where there is none";
    let international = section.parsed("international_prefix", wanted, prefix).filter(|it| !it.is_empty());
    let national = section.parsed("national_prefix", wanted, prefix);
    let format = section.choice("format", &FORMATS).unwrap_or_default();
    if country.is_none() {
        let is_needed = ["international_prefix", "national_prefix"].into_iter().find(|key| section.has(key));
        if let Some(key) = is_needed.or((format == NumberFormat::National).then_some("format = \"national\""))
        {
            section.error(
                &section.span,
                format!("{key} needs country = \"…\": the code of the trunk's own country"),
            );
        }
    }
    let home = country.map(|country| Home {
        country,
        international_prefix: international.unwrap_or_else(|| "00".into()),
        national_prefix: national.unwrap_or_else(|| "0".into()),
    });
    NumberPlan { home, format }
}
