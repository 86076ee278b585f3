//! The parts of a token, with strict types. A claim of the wrong type, or given twice, makes the whole
//! token malformed: nothing is skipped because it could not be read.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, IgnoredAny},
};

use crate::AuthError;

/// The parts of an unverified token that are needed to find its key.
pub(crate) struct Unverified {
    pub(crate) algorithm: String,
    pub(crate) key_id: Option<String>,
    pub(crate) issuer: Option<String>,
}

impl Unverified {
    pub(crate) fn parse(token: &str) -> Result<Self, AuthError> {
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(AuthError::TokenMalformed);
        };
        let header: Header = decode(header)?;
        let claims: IssuerClaim = decode(claims)?;
        if header.critical || header.encrypted || header.compressed {
            return Err(AuthError::TokenMalformed);
        }
        Ok(Self { algorithm: header.alg, key_id: header.kid, issuer: claims.iss })
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

#[derive(Deserialize)]
struct IssuerClaim {
    iss: Option<String>,
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// The claims of a token whose signature is verified.
#[derive(Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: Option<String>,
    pub(crate) aud: Option<Audience>,
    pub(crate) sub: Option<String>,
    pub(crate) exp: Option<NumericDate>,
    pub(crate) nbf: Option<NumericDate>,
    /// Of any type, because issuers for which no role is required may use the name for something else.
    pub(crate) role: Option<serde_json::Value>,
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
