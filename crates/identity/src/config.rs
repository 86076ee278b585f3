//! What the operator says of an issuer.

use std::path::PathBuf;

use postern_egress::HttpUrl;
use serde::Deserialize;

/// One issuer whose tokens are accepted. The rules between fields and between issuers are checked by
/// [`crate::Verifier::new`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// The exact `iss` of its tokens.
    pub issuer: String,
    /// What `aud` must be or contain.
    pub audience: String,
    /// Where its key set is fetched from. Exactly one of this and `hs256_secret_file`.
    #[serde(default)]
    pub jwks_url: Option<HttpUrl>,
    /// A PEM file with the CA that `jwks_url` is verified by, in place of the public ones: for an issuer whose
    /// certificate comes from a private CA.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// A file with the secret that it signs with by HS256: at least 32 bytes, without the line ends at the end.
    #[serde(default)]
    pub hs256_secret_file: Option<PathBuf>,
    /// How `sub` becomes an owner.
    #[serde(default)]
    pub subject: SubjectMapping,
    /// What the claim `role` must be. Supabase: `authenticated`, since its API keys are tokens too.
    #[serde(default)]
    pub require_role: Option<String>,
    /// How far its clock and ours may differ, at most 60 s.
    #[serde(default = "default_leeway_seconds")]
    pub leeway_seconds: u64,
}

/// How an issuer's `sub` becomes an owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectMapping {
    /// `UUIDv5` of issuer and `sub`; see [`crate::DERIVED_OWNERS`].
    #[default]
    Derived,
    /// The `sub` itself, a UUID. For one issuer at most, so that two cannot name one owner.
    Uuid,
}

/// Why the issuers' configuration is refused at start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No issuer at all.
    #[error("no issuer is configured; nobody could sign in")]
    NoIssuer,
    /// A required text is empty.
    #[error("issuer '{issuer}': {field} is empty")]
    Empty {
        /// The issuer's name.
        issuer: String,
        /// The field's name.
        field: &'static str,
    },
    /// Not exactly one source of keys.
    #[error("issuer '{0}': set exactly one of jwks_url and hs256_secret_file")]
    KeySource(String),
    /// A CA without anything to verify by it.
    #[error("issuer '{0}': ca is for jwks_url, which is not set")]
    UnusedCa(String),
    /// The leeway is too long.
    #[error("issuer '{0}': leeway_seconds is at most 60")]
    Leeway(String),
    /// Two issuers of one name.
    #[error("issuer '{0}' is configured twice")]
    Duplicate(String),
    /// More than one issuer with `subject = "uuid"`.
    #[error("only one issuer may have subject = \"uuid\": the users of two could not be told apart")]
    SeveralUuidIssuers,
    /// The secret file cannot be read.
    #[error("issuer '{0}': hs256_secret_file cannot be read")]
    SecretUnreadable(String),
    /// The secret is too short for HS256.
    #[error("issuer '{0}': the secret in hs256_secret_file has fewer than 32 bytes")]
    SecretTooShort(String),
}

pub(crate) const MAX_LEEWAY_SECONDS: u64 = 60;

fn default_leeway_seconds() -> u64 {
    30
}
