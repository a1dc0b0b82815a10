//! What agents' phones are told of calls, as it is written under `[sip]`, `[[queue]]` and `[[agent]]`.

use super::problem::nearest;
use super::section::Section;
use crate::sip::presenting::{Field, HeaderName, Presentation, Template, TemplateError};
use crate::sip::presets::{PhoneMake, Preset, Tone};

/// So many headers fit beside a description into a datagram.
const HEADERS_MAX: usize = 16;

/// What the phones are told of all calls.
pub(super) fn site(section: &Section<'_>) -> Presentation {
    Presentation { tone: None, headers: headers(section), user_to_user: template(section, "user_to_user") }
}

/// What is different with the calls of a queue.
pub(super) fn queue(section: &Section<'_>) -> Presentation {
    let user_to_user = template(section, "user_to_user");
    Presentation { tone: tone(section), headers: headers(section), user_to_user }
}

/// How an agent's phones are told, if anybody knows whose make they are.
pub(super) fn preset(section: &Section<'_>) -> Option<Preset> {
    let make = section.choice("phone", &PhoneMake::TABLE);
    let (auto_answer, tone) = (section.flag("auto_answer"), tone(section));
    let Some(make) = make else {
        for key in ["auto_answer", "ring"] {
            if section.has(key) && !section.has("phone") {
                let makes = PhoneMake::TABLE.map(|(name, _)| name).join(", ");
                section.error(
                    &section.span,
                    format!("{key} needs phone = \"…\": every make is told in another way (known: {makes})"),
                );
            }
        }
        return None;
    };
    if tone.is_some() && !make.has_tones() {
        section.warn(&section.span, "ring: phones of this make cannot be told by what tone to ring");
    }
    Some(Preset { make, auto_answer: auto_answer.unwrap_or(false), tone })
}

fn tone(section: &Section<'_>) -> Option<Tone> {
    section.parsed(
        "ring",
        "the name of a tone as the phones' settings have it: 1 to 32 letters, digits, '-', '_' and '.'",
        Tone::parse,
    )
}

fn headers(section: &Section<'_>) -> Vec<(HeaderName, Template)> {
    let mut headers: Vec<(HeaderName, Template)> = Vec::new();
    for (name, text) in section.pairs("headers", "\"X-Queue\" = \"{queue}\"") {
        let Some(header) = HeaderName::parse(name.value) else {
            let wanted = "a name that begins with \"X-\", and not with \"X-Holdfast-\", which is ours";
            section.error(&name.span, format!("headers: expected {wanted}, got {:?}", name.value));
            continue;
        };
        if headers.iter().any(|(known, _)| known.as_str().eq_ignore_ascii_case(header.as_str())) {
            section.error(&name.span, format!("headers: {:?} is there twice; remove one", name.value));
        }
        match Template::parse(text.value) {
            Ok(template) => headers.push((header, template)),
            Err(error) => section.error(&text.span, format!("headers: {}", told(&error))),
        }
    }
    if headers.len() > HEADERS_MAX {
        section.error(&section.span, format!("headers: expected at most {HEADERS_MAX}"));
    }
    headers
}

fn template(section: &Section<'_>, key: &'static str) -> Option<Template> {
    let text = section.text(key)?;
    match Template::parse(text.value) {
        Ok(template) => Some(template),
        Err(error) => {
            section.error(&text.span, format!("{key}: {}", told(&error)));
            None
        }
    }
}

fn told(error: &TemplateError) -> String {
    let TemplateError::Unknown(name) = error else { return error.to_string() };
    let known = Field::TABLE.map(|(name, _)| name);
    let hint = nearest(name, &known).map(|name| format!("; did you mean {{{name}}}?")).unwrap_or_default();
    let known = known.map(|name| format!("{{{name}}}")).join(", ");
    format!("{{{name}}} stands for nothing{hint} (known: {known})")
}
