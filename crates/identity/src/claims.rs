//! The parts of a token, with strict types. A claim of the wrong type, or given twice, makes the whole token malformed:
//! nothing is skipped because it could not be read.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::{AuthError, key_set::VerifyingKey};

/// A token before its signature is verified: enough to find the key, and nothing to act on.
pub(crate) struct Unverified<'t> {
    /// The header's `alg`.
    pub(crate) algorithm: String,
    /// The header's `kid`.
    pub(crate) key_id: Option<String>,
    /// The claim `iss`.
    pub(crate) issuer: Option<String>,
    /// The claim `exp`, since 1970-01-01T00:00:00Z.
    pub(crate) expires_at: Option<Duration>,
    /// Header and claims as they were signed, with the dot between them.
    message: &'t str,
    claims: &'t str,
    signature: &'t str,
}

impl<'t> Unverified<'t> {
    pub(crate) fn parse(token: &'t str) -> Result<Self, AuthError> {
        let (message, signature) = token.rsplit_once('.').ok_or(AuthError::TokenMalformed)?;
        let (header, claims) = message.split_once('.').ok_or(AuthError::TokenMalformed)?;
        if claims.contains('.') {
            return Err(AuthError::TokenMalformed);
        }
        let Header { alg, kid, critical, encrypted, compressed } = decode(header)?;
        let Hints { iss, exp } = decode(claims)?;
        if critical || encrypted || compressed {
            return Err(AuthError::TokenMalformed);
        }
        let expires_at = exp.map(|exp| exp.0);
        Ok(Self { algorithm: alg, key_id: kid, issuer: iss, expires_at, message, claims, signature })
    }

    /// The claims, if the key signed them.
    pub(crate) fn verify(&self, key: &VerifyingKey) -> Result<Claims, AuthError> {
        let signed =
            jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), &key.key, key.algorithm);
        if matches!(signed, Ok(true)) { Claims::parse(self.claims) } else { Err(AuthError::SignatureInvalid) }
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, AuthError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthError::TokenMalformed)?;
    serde_json::from_slice(&json).map_err(|_| AuthError::TokenMalformed)
}

/// Without `jku`, `jwk`, `x5u` and `x5c`: a token must not choose its key. Critical extensions (`crit`) are not
/// supported.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    #[serde(rename = "crit", default, deserialize_with = "present")]
    critical: bool,
    #[serde(rename = "enc", default, deserialize_with = "present")]
    encrypted: bool,
    #[serde(rename = "zip", default, deserialize_with = "present")]
    compressed: bool,
}

/// Claims that are read before they are verified.
#[derive(Deserialize)]
struct Hints {
    iss: Option<String>,
    exp: Option<NumericDate>,
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// The claims of a token whose signature is verified.
pub(crate) struct Claims {
    pub(crate) registered: Registered,
    /// All claims, for the operator's rules.
    pub(crate) all: Map<String, Value>,
}

impl Claims {
    fn parse(part: &str) -> Result<Self, AuthError> {
        let UniqueNames(all) = decode(part)?;
        Self::of(all)
    }

    pub(crate) fn of(all: Map<String, Value>) -> Result<Self, AuthError> {
        let registered = Registered::deserialize(&all).map_err(|_| AuthError::TokenMalformed)?;
        Ok(Self { registered, all })
    }
}

/// The claims that every token is judged by.
#[derive(Deserialize)]
pub(crate) struct Registered {
    pub(crate) iss: Option<String>,
    pub(crate) aud: Option<Audience>,
    pub(crate) sub: Option<String>,
    pub(crate) exp: Option<NumericDate>,
    pub(crate) nbf: Option<NumericDate>,
    pub(crate) iat: Option<NumericDate>,
    pub(crate) jti: Option<TokenId>,
}

/// A JSON object in which no name stands twice.
struct UniqueNames(Map<String, Value>);

impl<'de> Deserialize<'de> for UniqueNames {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Map<String, Value>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if map.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                }
                Ok(map)
            }
        }

        value.deserialize_map(Names).map(Self)
    }
}

/// A token's `jti`: 1 to 255 bytes without control characters, so that an operator can name it and a database take it.
pub(crate) struct TokenId(pub(crate) Arc<str>);

/// Maximum length of a token's id in bytes.
const MAX_TOKEN_ID_BYTES: usize = 255;

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        let id = String::deserialize(value)?;
        let well_formed = (1..=MAX_TOKEN_ID_BYTES).contains(&id.len()) && !id.contains(char::is_control);
        if well_formed { Ok(Self(id.into())) } else { Err(D::Error::custom("not a token's id")) }
    }
}

/// One audience or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(crate) fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(several) => several.iter().any(|one| one == audience),
        }
    }
}

/// Time since 1970-01-01T00:00:00Z: a JSON number of seconds, not negative, possibly with a fraction.
pub(crate) struct NumericDate(pub(crate) Duration);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(value)?;
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| D::Error::custom("not a time"))
    }
}
