//! The scenario's document taken apart: what production's readers read, what is only simulated, and the changes
//! that variants make. Values keep their place in the file, so that errors name it.

use crate::config::problem::Diagnostics;
use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// What stands in `[[group]]` but is no agent's rule.
const OF_GROUPS: [&str; 12] = [
    "count",
    "speed",
    "handling_spread",
    "factors",
    "answer_after",
    "declines",
    "ignores",
    "busy",
    "holds",
    "shifts",
    "breaks",
    "name",
];
/// What is only simulated.
const OF_SIMULATION: [&str; 5] = ["simulate", "callers", "arrivals", "workers", "group"];

/// The two halves.
pub(super) struct Document<'t> {
    pub(super) scenario: Spanned<DeTable<'t>>,
    pub(super) production: Spanned<DeTable<'t>>,
}

/// A variant: its name and what it changes.
pub(super) struct Patch<'t> {
    pub(super) name: String,
    pub(super) changes: Vec<Change<'t>>,
}

/// One change: `"group.generalists.count" = 15`.
pub(super) struct Change<'t> {
    path: String,
    value: Spanned<DeValue<'t>>,
    pub(super) span: Range<usize>,
}

impl Patch<'_> {
    /// The scenario as it stands.
    pub(super) fn nothing() -> Self {
        Self { name: "as it stands".into(), changes: Vec::new() }
    }
}

/// A number, with or without a decimal point.
pub(super) fn float(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
        DeValue::Integer(whole) if whole.radix() == 10 => whole.as_str().replace('_', "").parse().ok(),
        DeValue::Integer(_)
        | DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}

/// Puts the scenario's own tables over those of the configuration it names. Where something is found wrong in these
/// it can only be by the scenario's doing; it is said to stand at its end.
pub(super) fn lay_under<'t>(own: &mut DeTable<'t>, base: DeTable<'t>, end: usize) {
    for (key, value) in base {
        let key = Spanned::new(end..end, key.into_inner());
        let mut value = moved(value, end);
        match own.get_mut(key.get_ref().as_ref()) {
            Some(mine) => {
                if let (DeValue::Array(theirs), DeValue::Array(mine)) = (value.get_mut(), mine.get_mut()) {
                    let added = std::mem::replace(mine, DeArray::new());
                    *mine = std::mem::replace(theirs, DeArray::new());
                    added.into_iter().for_each(|item| mine.push(item));
                }
            }
            None => {
                own.insert(key, value);
            }
        }
    }
}

/// The value with every part of it said to stand at one place.
fn moved(value: Spanned<DeValue<'_>>, at: usize) -> Spanned<DeValue<'_>> {
    let value = match value.into_inner() {
        DeValue::Array(items) => DeValue::Array(items.into_iter().map(|item| moved(item, at)).collect()),
        DeValue::Table(table) => DeValue::Table(
            table
                .into_iter()
                .map(|(key, value)| (Spanned::new(at..at, key.into_inner()), moved(value, at)))
                .collect(),
        ),
        DeValue::String(text) => DeValue::String(text),
        DeValue::Integer(number) => DeValue::Integer(number),
        DeValue::Float(number) => DeValue::Float(number),
        DeValue::Boolean(truth) => DeValue::Boolean(truth),
        DeValue::Datetime(date) => DeValue::Datetime(date),
    };
    Spanned::new(at..at, value)
}

/// Takes `[[variant]]` out of the document.
pub(super) fn take_patches<'t>(own: &mut DeTable<'t>, diagnostics: &Diagnostics<'_>) -> Vec<Patch<'t>> {
    let Some(value) = own.remove("variant") else { return Vec::new() };
    let span = value.span();
    let DeValue::Array(items) = value.into_inner() else {
        diagnostics.error(&span, "variant: expected tables headed [[variant]]");
        return Vec::new();
    };
    let mut patches = Vec::new();
    for (at, item) in (1..).zip(items) {
        let Some(table) = item.get_ref().as_table() else { continue };
        let name = table.get("name").and_then(|name| name.get_ref().as_str());
        let name = name.map_or_else(|| format!("variant {at}"), str::to_owned);
        let set = table.get("set").and_then(|set| set.get_ref().as_table());
        let changes = set.into_iter().flat_map(|set| set.iter()).map(|(path, value)| Change {
            path: path.get_ref().to_string(),
            value: value.clone(),
            span: path.span(),
        });
        patches.push(Patch { name, changes: changes.collect() });
    }
    patches
}

impl<'t> Change<'t> {
    /// Makes the change; says why when there is nothing to change.
    pub(super) fn apply(&self, table: &mut DeTable<'t>) -> Result<(), String> {
        let path: Vec<&str> = self.path.split('.').collect();
        match self.apply_to(table, &path) {
            0 => Err(format!(
                "there is nothing to change at {:?}; expected a path such as \"queue.sales.strategy\", \"group.*.count\" or \"primary_first\"",
                self.path
            )),
            _ => Ok(()),
        }
    }

    /// How many places were changed.
    fn apply_to(&self, table: &mut DeTable<'t>, path: &[&str]) -> usize {
        let Some((first, rest)) = path.split_first() else { return 0 };
        if rest.is_empty() {
            let key = Spanned::new(self.span.clone(), Cow::Owned((*first).to_owned()));
            table.remove(*first);
            table.insert(key, self.value.clone());
            return 1;
        }
        match table.get_mut(*first).map(Spanned::get_mut) {
            Some(DeValue::Table(inner)) => self.apply_to(inner, rest),
            Some(DeValue::Array(items)) => {
                let Some((wanted, rest)) = rest.split_first() else { return 0 };
                let tables = items.iter_mut().filter_map(|item| match item.get_mut() {
                    DeValue::Table(table) if *wanted == "*" || is_called(table, wanted) => Some(table),
                    _ => None,
                });
                tables.map(|table| self.apply_to(table, rest)).sum()
            }
            Some(_) | None => 0,
        }
    }
}

/// Whether a table is called so by whatever names it.
fn is_called(table: &DeTable<'_>, name: &str) -> bool {
    ["name", "dialled", "number", "queue"]
        .iter()
        .find_map(|key| table.get(*key)?.get_ref().as_str())
        .is_some_and(|own| own == name)
}

/// Takes the document apart. Groups become agents for production's readers.
pub(super) fn split(mut table: DeTable<'_>, end: usize) -> Document<'_> {
    let mut scenario = DeTable::new();
    for key in OF_SIMULATION {
        if let Some((key, value)) = table.remove_entry(key) {
            scenario.insert(key, value);
        }
    }
    let groups = scenario.get("group").and_then(|value| value.get_ref().as_array());
    let agents: Vec<_> = groups.into_iter().flat_map(|groups| groups.iter()).flat_map(agents).collect();
    if !agents.is_empty() {
        match table.get_mut("agent").map(Spanned::get_mut) {
            Some(DeValue::Array(known)) => agents.into_iter().for_each(|agent| known.push(agent)),
            Some(_) | None => {
                let key = Spanned::new(end..end, Cow::Borrowed("agent"));
                table.insert(key, Spanned::new(end..end, DeValue::Array(agents.into_iter().collect())));
            }
        }
    }
    Document { scenario: Spanned::new(0..end, scenario), production: Spanned::new(0..end, table) }
}

/// The agents of a group, as production would have them.
fn agents<'t>(group: &Spanned<DeValue<'t>>) -> Vec<Spanned<DeValue<'t>>> {
    let Some(table) = group.get_ref().as_table() else { return Vec::new() };
    let count = table.get("count").and_then(|count| float(count.get_ref())).unwrap_or(1.0);
    // What is no sensible count is said by who reads the group.
    let count = if count.is_finite() { count.clamp(0.0, 10_000.0) as usize } else { 0 };
    let name = table.get("name");
    let (name, span) = match name.and_then(|name| Some((name.get_ref().as_str()?, name.span()))) {
        Some((name, span)) => (name.to_owned(), span),
        None => ("agent".to_owned(), group.span()),
    };
    let text = |text: String| Spanned::new(span.clone(), DeValue::String(Cow::Owned(text)));
    let key = |key: &'static str| Spanned::new(span.clone(), Cow::Borrowed(key));
    let one = |number: usize| {
        let mut agent: DeTable<'t> = table
            .iter()
            .filter(|(key, _)| !OF_GROUPS.contains(&key.get_ref().as_ref()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        agent.insert(key("name"), text(format!("{name}-{number}")));
        agent.insert(key("password"), text("only-simulated".into()));
        if !agent.contains_key("login") {
            agent.insert(key("login"), text("automatic".into()));
        }
        Spanned::new(group.span(), DeValue::Table(agent))
    };
    (1..=count).map(one).collect()
}
