//! The values of a table: texts, durations, numbers, choices, each within its bounds. It knows no key by name.

use super::{Section, Text, cut};
use crate::config::problem::unknown;
use crate::config::scalar;
use crate::secret::Secret;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;
use toml::de::DeValue;

impl<'a> Section<'a> {
    /// A text, if there is one.
    pub(in crate::config) fn text(&self, key: &'static str) -> Option<Text<'a>> {
        let value = self.value(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(key, "a text in quotes", value);
        }
        Some(Text { value: text?, span: value.span() })
    }

    /// A text without which the table makes no sense.
    pub(in crate::config) fn required_text(&self, key: &'static str) -> Option<Text<'a>> {
        self.require(key);
        self.text(key)
    }

    /// A text that means something; `read` says whether it does, `wanted` what it should look like.
    pub(in crate::config) fn parsed<T>(
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
    pub(in crate::config) fn texts(&self, key: &'static str) -> Option<Vec<Text<'a>>> {
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
    pub(in crate::config) fn choice<T: Copy>(&self, key: &'static str, table: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = table.iter().find(|(name, _)| *name == text.value).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<_> = table.iter().map(|(name, _)| *name).collect();
            self.error(&text.span, unknown(key, cut(text.value).as_str(), &known));
        }
        found
    }

    /// A duration within bounds.
    pub(in crate::config) fn duration(
        &self,
        key: &'static str,
        bounds: RangeInclusive<Duration>,
    ) -> Option<Duration> {
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
    pub(in crate::config) fn count(&self, key: &'static str, bounds: RangeInclusive<usize>) -> Option<usize> {
        let value = self.value(key)?;
        let number = integer(value.get_ref()).and_then(|number| usize::try_from(number).ok());
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            self.wrong(key, &format!("a whole number from {} to {}", bounds.start(), bounds.end()), value);
        }
        number
    }

    /// A share from 0 to 1.
    pub(in crate::config) fn share(&self, key: &'static str) -> Option<f64> {
        let value = self.value(key)?;
        match number(value.get_ref()) {
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

    /// A number within bounds.
    pub(in crate::config) fn number(&self, key: &'static str, bounds: RangeInclusive<f64>) -> Option<f64> {
        let value = self.value(key)?;
        let number = number(value.get_ref()).filter(|number| bounds.contains(number));
        if number.is_none() {
            self.wrong(key, &format!("a number from {} to {}", bounds.start(), bounds.end()), value);
        }
        number
    }

    /// Yes or no.
    pub(in crate::config) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(key, "true or false", value);
        }
        flag
    }

    /// A table from names to lists of texts: every key counts as known. A text alone is a list of one.
    pub(in crate::config) fn lists(
        &self,
        key: &'static str,
        example: &str,
    ) -> Vec<(Text<'a>, Vec<Text<'a>>)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(key, &format!("a table such as {{ {example} }}"), value);
            return Vec::new();
        };
        let mut lists = Vec::new();
        for (name, listed) in table.iter() {
            let mut texts = Vec::new();
            let items = listed.get_ref().as_array().map(|items| items.iter().collect::<Vec<_>>());
            for item in items.unwrap_or_else(|| vec![listed]) {
                match item.get_ref().as_str() {
                    Some(text) => texts.push(Text { value: text, span: item.span() }),
                    None => self.wrong(&format!("{key}.{}", name.get_ref()), "a text in quotes", item),
                }
            }
            lists.push((Text { value: name.get_ref(), span: name.span() }, texts));
        }
        lists
    }

    /// A table from names to texts: every key counts as known.
    pub(in crate::config) fn pairs(&self, key: &'static str, example: &str) -> Vec<(Text<'a>, Text<'a>)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(key, &format!("a table such as {{ {example} }}"), value);
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, item) in table.iter() {
            let name = Text { value: name.get_ref(), span: name.span() };
            match item.get_ref().as_str() {
                Some(value) => pairs.push((name, Text { value, span: item.span() })),
                None => self.wrong(&format!("{key}.{}", name.value), "a text in quotes", item),
            }
        }
        pairs
    }

    /// A secret: never quoted in an error.
    pub(in crate::config) fn secret(&self, key: &'static str) -> Option<(Secret, Range<usize>)> {
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
    pub(in crate::config) fn levels(
        &self,
        key: &'static str,
        bounds: RangeInclusive<i64>,
    ) -> Vec<(Text<'a>, i64)> {
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
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(float) => float.as_str().parse().ok(),
        other => integer(other).and_then(|whole| i32::try_from(whole).ok()).map(f64::from),
    }
}
