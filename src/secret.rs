//! A password or token that cannot be printed by accident.

use std::fmt;

/// The password that the shipped configurations carry; refused outside loopback.
pub const PLACEHOLDER: &str = "change-me";

/// A secret text. `Debug` hides it, `Display` does not exist, and it is never serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: for computing a digest, never for showing it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is the placeholder of the shipped configuration.
    pub fn is_placeholder(&self) -> bool {
        self.0 == PLACEHOLDER
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_never_shows_a_secret() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some([redacted])");
    }
}
