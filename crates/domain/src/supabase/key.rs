//! The keys of a Supabase project.
//!
//! Four sorts exist: `sb_publishable_…` and `sb_secret_…`, which are opaque, and the legacy `anon` and `service_role`
//! keys, which are JWTs. Only the project can verify a JWT. Its claims are only used to detect wrong keys before they
//! are saved.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::ProjectUrl;
use crate::{Secret, SecretName};

/// A key of a project: recognised, but not verified. Holds a [`Secret`], so it cannot be printed either.
pub struct SupabaseKey {
    secret: Secret,
    sort: KeySort,
    project_ref: Option<String>,
    expires_at: Option<Duration>,
}

/// The sorts of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeySort {
    /// `sb_publishable_…`: row level security applies.
    Publishable,
    /// `sb_secret_…`: bypasses row level security.
    Secret,
    /// A legacy JWT with the role `anon`: row level security applies.
    Anon,
    /// A legacy JWT with the role `service_role`: bypasses row level security.
    ServiceRole,
}

/// One of a connection's two keys: the field that a key is entered in, and the key that requests are made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ServingKey {
    /// The `anon` or publishable key: the project's row level security applies.
    #[default]
    Publishable,
    /// The `service_role` or secret key, which bypasses the project's row level security.
    Secret,
}

/// Why a text is not a valid key for its field. The messages never repeat the text. They may name project refs, which
/// are not secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// No text.
    #[error("the key is empty; copy it from the project's API keys page")]
    Empty,
    /// The key as the dashboard shows it, with its middle hidden.
    #[error("this key is masked; use the dashboard's copy button, or reveal the key first")]
    Masked,
    /// `sbp_…`, which belongs to a person.
    #[error("this is a personal access token, not a key of the project; copy one from its API keys page")]
    AccessToken,
    /// A JWT with a role other than `anon` and `service_role`, such as a user's session.
    #[error(
        "this token is not a key of the project; copy the anon or service_role key from its API keys page"
    )]
    Role,
    /// None of the four sorts.
    #[error(
        "this is not a Supabase key; a key starts with sb_publishable_ or sb_secret_, or is a legacy anon or \
         service_role key"
    )]
    Unrecognised,
    /// A key that bypasses row level security, entered as the publishable key.
    #[error("this is a {0}, which bypasses row level security; it belongs in the secret key's field")]
    SecretAsPublishable(KeySort),
    /// A key that is subject to row level security, entered as the secret key.
    #[error("this is a {0}; it belongs in the publishable key's field")]
    PublishableAsSecret(KeySort),
    /// The key is for another project than the URL.
    #[error("this key belongs to the project {key}, but the URL to {url}; copy both from the same project")]
    OtherProject {
        /// The ref in the key.
        key: String,
        /// The ref in the URL.
        url: String,
    },
    /// The key's `exp` has passed.
    #[error("this key has expired; copy a new one from the project's API keys page")]
    Expired,
}

impl ServingKey {
    /// The name under which the key is stored.
    pub const fn secret_name(self) -> SecretName {
        match self {
            Self::Publishable => SecretName::PublishableKey,
            Self::Secret => SecretName::SecretKey,
        }
    }
}

impl SupabaseKey {
    /// Longest key, in bytes.
    pub const MAX: usize = 4096;

    /// Recognises a key of any sort and project. White space around it is ignored.
    pub fn parse(secret: &Secret) -> Result<Self, InvalidKey> {
        let text = str::from_utf8(secret.expose()).map_err(|_| InvalidKey::Unrecognised)?.trim();
        let (sort, claims) = recognise(text)?;
        Ok(Self {
            secret: Secret::from_text(text.to_owned()),
            sort,
            project_ref: claims.project_ref,
            expires_at: claims.expires_at,
        })
    }

    /// Recognises a key that was entered for a project, in the field `serving`. `now` is the time since
    /// 1970-01-01T00:00:00Z.
    pub fn parse_for(
        field: ServingKey,
        secret: &Secret,
        url: &ProjectUrl,
        now: Duration,
    ) -> Result<Self, InvalidKey> {
        let key = Self::parse(secret)?;
        key.check_field(field)?;
        key.check_project(url)?;
        key.check_expiry(now)?;
        Ok(key)
    }

    /// The sort.
    pub fn sort(&self) -> KeySort {
        self.sort
    }

    /// Whether the key bypasses the project's row level security.
    pub fn is_secret(&self) -> bool {
        self.sort.is_secret()
    }

    /// Whether the key is sent as `Authorization: Bearer` beside `apikey`. Supabase refuses opaque keys there.
    pub fn is_bearer(&self) -> bool {
        self.sort.is_jwt()
    }

    /// The project ref in a legacy key. Opaque keys and keys of self-hosted projects have none.
    pub fn project_ref(&self) -> Option<&str> {
        self.project_ref.as_deref()
    }

    /// The last four characters, to tell keys apart. `None` if the key is too short to show a part of it.
    pub fn last_characters(&self) -> Option<&str> {
        let text = str::from_utf8(self.secret.expose()).ok()?;
        // A JWT ends with its signature, of at least 43 characters (HS256); short ones are made by hand.
        let tail = if self.sort.is_jwt() { text.rsplit('.').next()? } else { text };
        let (_, last) = text.split_at_checked(text.len().checked_sub(4)?)?;
        (tail.len() >= HIGH_ENTROPY).then_some(last)
    }

    /// Whether the key has expired. Opaque keys never do.
    pub fn is_expired(&self, now: Duration) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// The key itself, for code that must send it.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The key itself, for sealing.
    pub fn into_secret(self) -> Secret {
        self.secret
    }

    fn check_field(&self, field: ServingKey) -> Result<(), InvalidKey> {
        match (field, self.is_secret()) {
            (ServingKey::Publishable, true) => Err(InvalidKey::SecretAsPublishable(self.sort)),
            (ServingKey::Secret, false) => Err(InvalidKey::PublishableAsSecret(self.sort)),
            _ => Ok(()),
        }
    }

    fn check_project(&self, url: &ProjectUrl) -> Result<(), InvalidKey> {
        match (self.project_ref(), url.project_ref()) {
            (Some(key), Some(url)) if key != url => {
                Err(InvalidKey::OtherProject { key: key.to_owned(), url: url.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn check_expiry(&self, now: Duration) -> Result<(), InvalidKey> {
        if self.is_expired(now) { Err(InvalidKey::Expired) } else { Ok(()) }
    }
}

impl fmt::Display for KeySort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl KeySort {
    /// All sorts.
    pub const ALL: [Self; 4] = [Self::Publishable, Self::Secret, Self::Anon, Self::ServiceRole];

    /// The name used in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publishable => "publishable",
            Self::Secret => "secret",
            Self::Anon => "anon",
            Self::ServiceRole => "service_role",
        }
    }

    /// The reverse of [`KeySort::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == text)
    }

    /// The name in Supabase's dashboard.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Publishable => "publishable key",
            Self::Secret => "secret key",
            Self::Anon => "legacy anon key",
            Self::ServiceRole => "legacy service_role key",
        }
    }

    /// Whether keys of this sort bypass the project's row level security.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::ServiceRole)
    }

    /// Whether keys of this sort are JWTs.
    pub const fn is_jwt(self) -> bool {
        matches!(self, Self::Anon | Self::ServiceRole)
    }
}

impl ServingKey {
    /// The name used in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publishable => "publishable",
            Self::Secret => "secret",
        }
    }

    /// The reverse of [`ServingKey::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Publishable, Self::Secret].into_iter().find(|key| key.as_str() == text)
    }
}

impl InvalidKey {
    /// A stable identifier for programs and for the test vectors.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "EMPTY",
            Self::Masked => "MASKED",
            Self::AccessToken => "ACCESS_TOKEN",
            Self::Role => "ROLE",
            Self::Unrecognised => "UNRECOGNISED",
            Self::SecretAsPublishable(_) => "SECRET_AS_PUBLISHABLE",
            Self::PublishableAsSecret(_) => "PUBLISHABLE_AS_SECRET",
            Self::OtherProject { .. } => "OTHER_PROJECT",
            Self::Expired => "EXPIRED",
        }
    }
}

/// Minimum number of characters after the prefix of an opaque key. Supabase uses 31 (22 random ones, `_`, and a
/// checksum of 8). A lower limit still detects keys that were cut off.
const OPAQUE_MIN: usize = 16;

/// Minimum length of a key's random part, in characters, for showing the last four of them.
const HIGH_ENTROPY: usize = 32;

fn recognise(text: &str) -> Result<(KeySort, Claims), InvalidKey> {
    if text.is_empty() {
        return Err(InvalidKey::Empty);
    }
    if text.contains(['•', '·', '●', '…', '*']) || text.contains("...") {
        return Err(InvalidKey::Masked);
    }
    if text.len() > SupabaseKey::MAX {
        return Err(InvalidKey::Unrecognised);
    }
    if text.starts_with("sbp_") {
        return Err(InvalidKey::AccessToken);
    }
    for (prefix, sort) in [("sb_publishable_", KeySort::Publishable), ("sb_secret_", KeySort::Secret)] {
        if let Some(rest) = text.strip_prefix(prefix) {
            let whole = rest.len() >= OPAQUE_MIN && rest.bytes().all(is_base64url);
            return if whole { Ok((sort, Claims::default())) } else { Err(InvalidKey::Unrecognised) };
        }
    }
    let claims = claims_of(text).ok_or(InvalidKey::Unrecognised)?;
    match claims.role.as_str() {
        "anon" => Ok((KeySort::Anon, claims)),
        "service_role" => Ok((KeySort::ServiceRole, claims)),
        _ => Err(InvalidKey::Role),
    }
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The claims used from a legacy key. Types are strict: `"exp": "1"` is an error, not a missing `exp`.
#[derive(Default, Deserialize)]
struct Claims {
    role: String,
    #[serde(rename = "ref", default, deserialize_with = "present")]
    project_ref: Option<String>,
    /// Time since 1970.
    #[serde(rename = "exp", default, deserialize_with = "seconds")]
    expires_at: Option<Duration>,
}

/// A member that is present must not be null.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A whole number of seconds, however JSON writes it: `2e9` is 2000000000, as it is to JavaScript.
fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    if seconds < 0.0 || seconds.fract() != 0.0 {
        return Err(serde::de::Error::custom("exp is not a whole number of seconds"));
    }
    Ok(Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)))
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "alg")]
    _algorithm: String,
}

/// The claims of a JWT in compact form (RFC 7515, section 7.1). The signature is not verified: only the project has the
/// key for that.
fn claims_of(text: &str) -> Option<Claims> {
    let mut segments = text.split('.');
    let (header, payload, signature) = (segments.next()?, segments.next()?, segments.next()?);
    if segments.next().is_some() || signature.is_empty() || !signature.bytes().all(is_base64url) {
        return None;
    }
    let _: Header = from_segment(header)?;
    let claims: Claims = from_segment(payload)?;
    let plausible = claims.project_ref.as_ref().is_none_or(|text| is_project_ref(text));
    plausible.then_some(claims)
}

/// Accepts only objects: serde would also parse an array as a struct.
fn from_segment<T: for<'de> Deserialize<'de>>(segment: &str) -> Option<T> {
    let json = URL_SAFE_NO_PAD.decode(segment).ok()?;
    if json.trim_ascii_start().starts_with(b"{") { serde_json::from_slice(&json).ok() } else { None }
}

/// Strict, because refs are shown in messages.
fn is_project_ref(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
