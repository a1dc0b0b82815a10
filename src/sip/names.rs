//! Names of headers and parameters. A message has dozens of them and is copied now and then, but there are few that are
//! not usual: so the usual ones take no memory of their own.

use std::borrow::Cow;

/// A name as it is kept. `usual` is looked through from its beginning; a name in other letters is none of them, for names are
/// printed as they were written.
pub(super) fn kept(usual: &[&'static str], name: &str) -> Cow<'static, str> {
    match usual.iter().find(|usual| **usual == name) {
        Some(usual) => Cow::Borrowed(usual),
        None => Cow::Owned(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_they_are_written() {
        let usual = ["branch", "rport"];
        for (name, is_usual) in [("rport", true), ("RPORT", false), ("x", false), ("", false)] {
            let kept = kept(&usual, name);
            assert_eq!((kept.as_ref(), matches!(kept, Cow::Borrowed(_))), (name, is_usual));
        }
    }
}
