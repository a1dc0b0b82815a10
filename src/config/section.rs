//! One table of the file, read key by key. What is never asked for is an unknown key, and an error.

use super::problem::{Diagnostics, nearest};
use super::scalar;
use crate::secret::Secret;
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Longer values are cut when they are quoted in an error.
const QUOTED_CHARS_MAX: usize = 60;

/// A text and where it stands.
#[derive(Clone)]
pub(super) struct Text<'a> {
    pub(super) value: &'a str,
    pub(super) span: Range<usize>,
}

/// A table being read.
pub(super) struct Section<'a> {
    table: Option<&'a DeTable<'a>>,
    /// Where the table begins.
    pub(super) span: Range<usize>,
    /// How errors call it: `queue "sales"`.
    pub(super) label: String,
    pub(super) diagnostics: &'a Diagnostics<'a>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// The whole document.
    pub(super) fn root(document: &'a Spanned<DeTable<'a>>, diagnostics: &'a Diagnostics<'a>) -> Self {
        let span = 0..document.span().end;
        Self {
            table: Some(document.get_ref()),
            span,
            label: String::new(),
            diagnostics,
            asked: RefCell::default(),
        }
    }

    /// An error about a place in this table.
    pub(super) fn error(&self, span: &Range<usize>, message: impl AsRef<str>) {
        self.diagnostics.error(span, self.labelled(message.as_ref()));
    }

    /// A warning about a place in this table.
    pub(super) fn warn(&self, span: &Range<usize>, message: impl AsRef<str>) {
        self.diagnostics.warn(span, self.labelled(message.as_ref()));
    }

    fn labelled(&self, message: &str) -> String {
        if self.label.is_empty() { message.to_owned() } else { format!("{}: {message}", self.label) }
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.table?.get(key)
    }

    fn wrong(&self, key: &str, wanted: &str, value: &Spanned<DeValue<'_>>) {
        self.error(&value.span(), format!("{key}: expected {wanted}, got {}", described(value.get_ref())));
    }

    /// An inner table `[key]`; an absent one reads as empty.
    pub(super) fn table(&self, key: &'static str) -> Section<'a> {
        let found = self.value(key);
        let table = found.and_then(|value| value.get_ref().as_table());
        if let (Some(value), None) = (found, table) {
            self.wrong(key, &format!("a table [{key}]"), value);
        }
        Section {
            table,
            span: found.map_or(0..0, Spanned::span),
            label: if self.label.is_empty() { format!("[{key}]") } else { format!("{}: {key}", self.label) },
            diagnostics: self.diagnostics,
            asked: RefCell::default(),
        }
    }

    /// Whether the key is there at all.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// Inner tables `[[key]]`, in the order of the file.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, &format!("tables headed [[{key}]]"), value);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items.iter() {
            let Some(table) = item.get_ref().as_table() else {
                self.wrong(key, &format!("tables headed [[{key}]]"), item);
                continue;
            };
            let name = ["name", "dialled"].iter().find_map(|key| table.get(*key)?.get_ref().as_str());
            let label = name.map_or_else(|| format!("[[{key}]]"), |name| format!("{key} {:?}", cut(name)));
            sections.push(Section {
                table: Some(table),
                span: item.span(),
                label,
                diagnostics: self.diagnostics,
                asked: RefCell::default(),
            });
        }
        sections
    }

    /// A text, if there is one.
    pub(super) fn text(&self, key: &'static str) -> Option<Text<'a>> {
        let value = self.value(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(key, "a text in quotes", value);
        }
        Some(Text { value: text?, span: value.span() })
    }

    /// A text without which the table makes no sense.
    pub(super) fn required_text(&self, key: &'static str) -> Option<Text<'a>> {
        if !self.has(key) {
            self.error(&self.span, format!("{key} is missing"));
        }
        self.text(key)
    }

    /// A text that means something; `read` says whether it does, `wanted` what it should look like.
    pub(super) fn parsed<T>(
        &self,
        key: &'static str,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key)?;
        let value = read(text.value);
        if value.is_none() {
            self.error(&text.span, format!("{key}: expected {wanted}, got {:?}", cut(text.value)));
        }
        value
    }

    /// A list of texts, if there is one.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<Text<'a>>> {
        let value = self.value(key)?;
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, "a list of texts such as [\"one\", \"two\"]", value);
            return None;
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Text { value: text, span: item.span() }),
                None => self.wrong(key, "a text in quotes", item),
            }
        }
        Some(texts)
    }

    /// One of a fixed set of words.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, table: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = table.iter().find(|(name, _)| *name == text.value).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<_> = table.iter().map(|(name, _)| *name).collect();
            self.error(&text.span, super::problem::unknown(key, cut(text.value).as_str(), &known));
        }
        found
    }

    /// A duration within bounds.
    pub(super) fn duration(&self, key: &'static str, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let value = self.value(key)?;
        if let DeValue::Integer(number) = value.get_ref() {
            let number = number.as_str();
            self.error(
                &value.span(),
                format!(
                    "{key}: expected a duration with its unit, got {number}; did you mean \"{number}s\"?"
                ),
            );
            return None;
        }
        let span =
            self.parsed(key, "a duration such as \"15s\", \"500ms\", \"2m\" or \"1h30m\"", scalar::duration)?;
        if !bounds.contains(&span) {
            let [least, most] = [bounds.start(), bounds.end()].map(|bound| scalar::duration_text(*bound));
            let came = scalar::duration_text(span);
            self.error(&value.span(), format!("{key}: expected {least} to {most}, got {came}"));
            return None;
        }
        Some(span)
    }

    /// A whole number within bounds.
    pub(super) fn count(&self, key: &'static str, bounds: RangeInclusive<usize>) -> Option<usize> {
        let value = self.value(key)?;
        let number = integer(value.get_ref()).and_then(|number| usize::try_from(number).ok());
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            self.wrong(key, &format!("a whole number from {} to {}", bounds.start(), bounds.end()), value);
        }
        number
    }

    /// True or false.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(key, "true or false", value);
        }
        flag
    }

    /// A share from 0 to 1.
    pub(super) fn share(&self, key: &'static str) -> Option<f64> {
        let value = self.value(key)?;
        let number: Option<f64> = match value.get_ref() {
            DeValue::Float(float) => float.as_str().parse().ok(),
            other => integer(other).and_then(|whole| i32::try_from(whole).ok()).map(f64::from),
        };
        match number {
            Some(share) if (0.0..=1.0).contains(&share) => Some(share),
            Some(percent) if percent > 1.0 && percent <= 100.0 => {
                let share = percent / 100.0;
                self.wrong(key, &format!("a share from 0 to 1 (did you mean {share}?)"), value);
                None
            }
            _ => {
                self.wrong(key, "a share from 0 to 1, such as 0.8", value);
                None
            }
        }
    }

    /// A secret: never quoted in an error.
    pub(super) fn secret(&self, key: &'static str) -> Option<(Secret, Range<usize>)> {
        let value = self.value(key)?;
        match value.get_ref().as_str() {
            Some("") => self.error(&value.span(), format!("{key}: expected a text that is not empty")),
            Some(text) => return Some((Secret::new(text), value.span())),
            None => {
                let kind = value.get_ref().type_str();
                self.error(
                    &value.span(),
                    format!("{key}: expected a text in quotes, got a value of type {kind}"),
                );
            }
        }
        None
    }

    /// A table from names to whole numbers: every key counts as known.
    pub(super) fn levels(&self, key: &'static str, bounds: RangeInclusive<i64>) -> Vec<(Text<'a>, i64)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(key, "a table such as { english = 8 }", value);
            return Vec::new();
        };
        let mut levels = Vec::new();
        for (name, level) in table.iter() {
            let name = Text { value: name.get_ref(), span: name.span() };
            match integer(level.get_ref()).filter(|level| bounds.contains(level)) {
                Some(level) => levels.push((name, level)),
                None => {
                    let wanted = format!("a whole number from {} to {}", bounds.start(), bounds.end());
                    self.wrong(&format!("{key}.{}", name.value), &wanted, level);
                }
            }
        }
        levels
    }

    /// Ends the reading: what was never asked for is unknown.
    pub(super) fn finish(self) {
        let Some(table) = self.table else { return };
        let mut known = self.asked.borrow().clone();
        known.sort_unstable();
        known.dedup();
        for (key, _) in table.iter() {
            if !known.contains(&key.get_ref().as_ref()) {
                let hint = nearest(key.get_ref(), &known).map(|name| format!("; did you mean {name}?"));
                let (hint, all) = (hint.unwrap_or_default(), known.join(", "));
                let name = cut(key.get_ref());
                self.error(&key.span(), format!("unknown key {name:?}{hint} (known: {all})"));
            }
        }
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{:?}", cut(text)),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(truth) => format!("{truth}"),
        DeValue::Datetime(_) => "a date".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}
