//! The configuration of an issuer.

use std::{collections::BTreeMap, path::PathBuf};

use postern_egress::HttpUrl;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::key_source::discovery_url;

/// One issuer whose tokens are accepted. The rules between fields and between issuers are checked by
/// [`crate::Verifier::new`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// The exact `iss` of its tokens. Written in any other way, also with another slash at the end, no token is
    /// accepted.
    pub issuer: String,
    /// `aud` must be or contain one of these. With an audience for each edge service, a token that has passed through
    /// one of them is of no use at the other; crypto-service then has the audiences of both, which send it their
    /// users' tokens.
    #[serde(deserialize_with = "one_or_several")]
    #[schemars(with = "OneOrSeveral")]
    pub audience: Vec<String>,
    /// Where its key set is fetched from. Exactly one of this, `discovery` and `hs256_secret_file`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub jwks_url: Option<HttpUrl>,
    /// Whether the key set is found by `OpenID` discovery: its URL is read from
    /// `<issuer>/.well-known/openid-configuration`, whose `issuer` must be exactly this one.
    #[serde(default)]
    pub discovery: bool,
    /// A PEM file with the CA that the issuer's server is verified by, in place of the public ones: for an issuer whose
    /// certificate comes from a private CA.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// A file with the secret that it signs with by HS256: at least 32 bytes, without the line ends at the end.
    #[serde(default)]
    pub hs256_secret_file: Option<PathBuf>,
    /// How a token's `sub` becomes the owner of connections. Don't change it once users have saved connections: they
    /// would no longer find them.
    #[serde(default)]
    pub subject: SubjectMapping,
    /// Claims that a token must have, with exactly these values. Supabase: `role = "authenticated"`, since its API keys
    /// are tokens too. Others: `email_verified = true`.
    #[serde(default)]
    pub required_claims: BTreeMap<String, ClaimValue>,
    /// Claims that a token must not have with these values, alone or in a list. Supabase: `is_anonymous = true`, since
    /// anyone can become an anonymous user without an account. A value of another type is refused too.
    #[serde(default)]
    pub forbidden_claims: BTreeMap<String, ClaimValue>,
    /// Longest lifetime of a token, from `iat` (or from now, where it has none) to `exp`. A token that was leaked works
    /// for as long; too low a number refuses every token of an issuer with longer ones.
    #[serde(default = "default_max_token_lifetime_seconds")]
    pub max_token_lifetime_seconds: u64,
    /// How long a key set goes on being used while it can't be fetched anew. A key that was withdrawn in the meantime
    /// still verifies tokens; with too low a number, an outage of the issuer signs out users whose tokens are still
    /// valid. At least 900: a key set is fetched anew every ten minutes.
    #[serde(default = "default_max_key_set_age_seconds")]
    pub max_key_set_age_seconds: u64,
    /// How far its clock and ours may differ, at most 60 s.
    #[serde(default = "default_leeway_seconds")]
    pub leeway_seconds: u64,
}

impl IssuerConfig {
    /// What is fetched first: the key set or the discovery document. `None` for an issuer with a secret file.
    pub fn fetched_url(&self) -> Option<HttpUrl> {
        if self.discovery { discovery_url(&self.issuer) } else { self.jwks_url.clone() }
    }
}

/// A value that a claim is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClaimValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
}

/// How an issuer's `sub` becomes an owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectMapping {
    /// A UUID made of the issuer's name and the `sub`, so that the users of two issuers are never mistaken for each
    /// other.
    #[default]
    Derived,
    /// The `sub` itself, a UUID. At most one issuer may use this, so that two issuers cannot name the same owner.
    Uuid,
}

/// Why the issuers' configuration was rejected.
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
    /// Not exactly one source of keys.
    #[error("issuer '{0}': set exactly one of jwks_url, discovery and hs256_secret_file")]
    KeySource(String),
    /// The issuer's name is not a URL below which there could be a discovery document.
    #[error(
        "issuer '{0}': discovery needs an issuer that is an https URL without a query; set jwks_url instead"
    )]
    Discovery(String),
    /// A rule for a claim that is always checked.
    #[error(
        "issuer '{issuer}': the claim {claim} is always checked; remove it from required_claims and forbidden_claims"
    )]
    ReservedClaim {
        /// The issuer's name.
        issuer: String,
        /// The claim's name.
        claim: String,
    },
    /// The lifetime would refuse every token.
    #[error("issuer '{0}': max_token_lifetime_seconds is at least 60")]
    TokenLifetime(String),
    /// The key set would be too old before it is fetched anew.
    #[error(
        "issuer '{0}': max_key_set_age_seconds is at least 900, since a key set is fetched every ten minutes"
    )]
    KeySetAge(String),
    /// A CA without anything to verify by it.
    #[error("issuer '{0}': ca is for jwks_url and discovery, and neither is set")]
    UnusedCa(String),
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
pub(crate) const MIN_TOKEN_LIFETIME_SECONDS: u64 = 60;
pub(crate) const MIN_KEY_SET_AGE_SECONDS: u64 = 900;

/// A text, or a list of texts.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
}

fn one_or_several<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrSeveral::deserialize(value)? {
        OneOrSeveral::One(text) => vec![text],
        OneOrSeveral::Several(texts) => texts,
    })
}

/// A day: longer than the tokens of sessions that can be renewed, shorter than those of API keys.
fn default_max_token_lifetime_seconds() -> u64 {
    86_400
}

/// Four hours: long enough to mend an issuer.
fn default_max_key_set_age_seconds() -> u64 {
    4 * 3600
}

fn default_leeway_seconds() -> u64 {
    30
}
