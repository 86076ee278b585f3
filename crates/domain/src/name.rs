//! The name that a user gives to a connection.

use std::fmt;

/// 1 to 63 characters of `a-z`, `0-9` and `-`, starting with a letter and not ending with `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionName(String);

/// The text is not a connection name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 63 characters of a-z, 0-9 and '-', starts with a letter and does not end with '-'")]
pub struct InvalidName;

impl ConnectionName {
    /// Longest name, in bytes.
    pub const MAX: usize = 63;

    /// Parses a name; see the type for the form.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let bytes = text.as_bytes();
        let well_formed = bytes.len() <= Self::MAX
            && bytes.first().is_some_and(u8::is_ascii_lowercase)
            && bytes.last().is_some_and(|&b| b != b'-')
            && bytes.iter().copied().all(inner);
        if well_formed { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_documented_form() {
        for name in ["a", "demo", "my-db-2", &"x".repeat(63)] {
            assert_eq!(ConnectionName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_everything_else() {
        for name in ["", "-a", "a-", "2db", "Demo", "my db", "naïve", "a\0b", &"x".repeat(64)] {
            assert_eq!(ConnectionName::parse(name), Err(InvalidName), "{name:?}");
        }
    }
}
