//! Configuration of issuers.

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
    /// URL of its key set. Exactly one of this and `hs256_secret_file` is required.
    #[serde(default)]
    pub jwks_url: Option<HttpUrl>,
    /// A file with its HS256 secret: at least 32 bytes, without trailing line ends.
    #[serde(default)]
    pub hs256_secret_file: Option<PathBuf>,
    /// How `sub` becomes an owner.
    #[serde(default)]
    pub subject: SubjectMapping,
    /// The required value of the claim `role`. For Supabase, `authenticated`, because its API keys are tokens too.
    #[serde(default)]
    pub require_role: Option<String>,
    /// How far its clock may differ from this machine's, at most 60 s.
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
    /// The `sub` itself, a UUID. At most one issuer may use this, so that two issuers cannot name the same owner.
    Uuid,
}

/// Why the configuration of the issuers was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No issuer is configured.
    #[error("no issuer is configured, so nobody could sign in")]
    NoIssuer,
    /// A required text is empty.
    #[error("issuer '{issuer}': {field} is empty")]
    Empty {
        /// The issuer's name.
        issuer: String,
        /// The field's name.
        field: &'static str,
    },
    /// Both sources of keys are set, or neither.
    #[error("issuer '{0}': set exactly one of jwks_url and hs256_secret_file")]
    KeySource(String),
    /// The leeway is too long.
    #[error("issuer '{0}': leeway_seconds is at most 60")]
    Leeway(String),
    /// Two issuers have the same name.
    #[error("issuer '{0}' is configured twice")]
    Duplicate(String),
    /// More than one issuer with `subject = "uuid"`.
    #[error(
        "only one issuer may have subject = \"uuid\", because the users of two issuers could have the same UUID"
    )]
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
