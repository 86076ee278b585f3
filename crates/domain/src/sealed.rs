//! The secrets of a connection: their names, and their seals.

use crate::SecretId;

/// Which of a connection's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretName {
    /// The password of a database role.
    Password,
}

impl SecretName {
    /// Every name.
    pub const ALL: &[Self] = &[Self::Password];

    /// The name used in the database and in references on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
        }
    }

    /// The reverse of [`SecretName::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.as_str() == text)
    }
}

/// A secret that connections of some kind may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretRule {
    /// The secret's name.
    pub name: SecretName,
    /// Whether a connection cannot be saved without it.
    pub required: bool,
}

/// A secret as crypto-service sealed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// Minted for this sealing; part of the seal's context.
    pub id: SecretId,
    /// The seal: prefix, key id, salt, commitment, chunks.
    pub sealed: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TenantKind;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        for name in SecretName::ALL {
            assert_eq!(SecretName::parse(name.as_str()), Some(*name));
        }
        assert_eq!(SecretName::parse("Password"), None);
    }

    #[test]
    fn every_kind_requires_a_secret() {
        for kind in TenantKind::ALL {
            assert!(kind.secrets().iter().any(|rule| rule.required), "{kind:?}");
        }
    }
}
