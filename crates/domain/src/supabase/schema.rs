//! The default schema of requests.

/// The name of a Postgres schema that fits into a header: 1 to 63 of `A-Z`, `a-z`, `0-9`, `_`, `$` and `-`, starting
/// with a letter or `_`. Postgres allows more, but only in names that have to be quoted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SchemaName(String);

/// The text is not a name of this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a schema name has 1 to 63 letters, digits, '_', '$' and '-', and starts with a letter or '_'")]
pub struct InvalidSchema;

impl SchemaName {
    /// Longest name, in bytes: where Postgres truncates identifiers.
    pub const MAX: usize = 63;

    /// Parses a name; see the type for the form.
    pub fn parse(text: &str) -> Result<Self, InvalidSchema> {
        let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'-');
        let bytes = text.as_bytes();
        let well_formed = bytes.len() <= Self::MAX
            && bytes.first().is_some_and(|&b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.iter().copied().all(inner);
        if well_formed { Ok(Self(text.to_owned())) } else { Err(InvalidSchema) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for SchemaName {
    /// The schema that every project exposes.
    fn default() -> Self {
        Self("public".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_into_a_header_is_accepted() {
        for name in ["public", "_x", "My-Schema$2", &"x".repeat(63)] {
            assert_eq!(SchemaName::parse(name).unwrap().as_str(), name);
        }
        assert_eq!(SchemaName::parse("public"), Ok(SchemaName::default()));
    }

    #[test]
    fn what_could_end_or_split_a_header_is_refused() {
        for name in ["", "1a", "a b", "a,b", "a\r\nx: y", "a\0", "schéma", "\"a\"", &"x".repeat(64)] {
            assert_eq!(SchemaName::parse(name), Err(InvalidSchema), "{name:?}");
        }
    }
}
