//! The secrets of a connection: their names, and their seals.

use crate::{SecretId, supabase::KeySort};

/// The name of one of a connection's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretName {
    /// The password of a database role.
    Password,
    /// The publishable or anon key of a Supabase project.
    PublishableKey,
    /// The secret or `service_role` key of a Supabase project.
    SecretKey,
}

impl SecretName {
    /// Every name.
    pub const ALL: &[Self] = &[Self::Password, Self::PublishableKey, Self::SecretKey];

    /// The name used in the database and in references on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PublishableKey => "publishable_key",
            Self::SecretKey => "secret_key",
        }
    }

    /// The reverse of [`SecretName::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.as_str() == text)
    }
}

/// What the owner may see of a stored secret, to tell it from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretLabel {
    /// The sort of a Supabase key; `None` for a password.
    pub sort: Option<KeySort>,
    /// The last four characters of a key that is long enough to show them.
    pub last_characters: Option<String>,
}

/// A secret as crypto-service sealed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// Generated for this sealing; part of the seal's context.
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
    fn every_kind_holds_a_secret() {
        for kind in TenantKind::ALL {
            assert!(!kind.secrets().is_empty(), "{kind:?}");
        }
    }
}
