//! One table of the file, read key by key. What is never asked for is an unknown key, and an error.

mod values;

use super::problem::{Diagnostics, nearest};
use std::cell::RefCell;
use std::ops::Range;
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

    /// An inner table that may be left out.
    pub(super) fn optional_table(&self, key: &'static str) -> Option<Section<'a>> {
        self.has(key).then(|| self.table(key))
    }

    /// Whether the key is there at all.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// An error if the key is not there.
    pub(super) fn require(&self, key: &'static str) {
        if !self.has(key) {
            self.error(&self.span, format!("{key} is missing"));
        }
    }

    /// Inner tables `[[key]]`, in the order of the file.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Section<'a>> {
        self.listed(key, &format!("tables headed [[{key}]]"), |table| {
            let name = ["name", "dialled"].iter().find_map(|key| table.get(*key)?.get_ref().as_str());
            name.map_or_else(|| format!("[[{key}]]"), |name| format!("{key} {:?}", cut(name)))
        })
    }

    /// Rules of one kind, in the order of the file: `key = [{ … }, { … }]`.
    pub(super) fn rules(&self, key: &'static str, example: &str) -> Vec<Section<'a>> {
        let label = self.labelled(key);
        self.listed(key, &format!("a list of tables such as [{example}]"), |_| label.clone())
    }

    fn listed(
        &self,
        key: &'static str,
        wanted: &str,
        label: impl Fn(&DeTable<'_>) -> String,
    ) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, wanted, value);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items.iter() {
            let Some(table) = item.get_ref().as_table() else {
                self.wrong(key, wanted, item);
                continue;
            };
            sections.push(Section {
                table: Some(table),
                span: item.span(),
                label: label(table),
                diagnostics: self.diagnostics,
                asked: RefCell::default(),
            });
        }
        sections
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
