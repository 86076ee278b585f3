//! No token is let in that its issuer has not signed for us and for now, whatever it says.

use std::{
    fs,
    sync::{Arc, LazyLock},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use postern_domain::Clock;
use postern_egress::{HttpUrl, http::HttpError};
use postern_identity::{BearerToken, FetchKeys, Fetching, IssuerConfig, MAX_TOKEN_BYTES, Principal, Verifier};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use uuid::Uuid;

use crate::{Verdict, exec};

/// Seconds since 1970 at which everything happens.
pub const NOW: u32 = 1_800_000_000;
const LEEWAY: u32 = 30;
const SECRET: [u8; 32] = *b"thirty-two bytes, and no fewer!!";
const AUDIENCE: &str = "postern";
/// Subjects are any text, or a UUID.
const ISSUERS: [&str; 2] = ["https://derived.example.com", "https://uuid.example.com"];

/// Tries the bytes as a header, as a token, as signed claims, and as a signed header and claims.
pub fn check(input: &[u8]) -> Verdict {
    as_a_header(input);
    let text = String::from_utf8_lossy(input);
    assert!(verify(&text).is_err(), "a token that nobody signed is let in");
    let (header, claims) = split(input);
    let claimed = judge(br#"{"alg":"HS256","typ":"JWT"}"#, input);
    let both = judge(header, claims);
    if claimed == Verdict::Accepted { claimed } else { both }
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let claims = |issuer: usize, subject: &str, audience: Value| {
        json!({"iss": ISSUERS[issuer], "aud": audience, "sub": subject, "exp": NOW + 60, "nbf": NOW, "role": "authenticated"})
    };
    let owner = "6f1c9b1e-9d0e-4c5b-8f4e-0a1b2c3d4e5f";
    let good = [claims(0, "user-1", json!(AUDIENCE)), claims(0, "ü", json!(["x", AUDIENCE])), claims(1, owner, json!(AUDIENCE))];
    let mut seeds: Vec<_> = good.iter().map(|claims| claims.to_string().into_bytes()).collect();
    let headers = [r#"{"alg":"HS256","kid":"x"}"#, r#"{"alg":"none"}"#, r#"{"alg":"HS256","crit":["exp"]}"#, r#"{"alg":"RS256","jku":"https://x"}"#];
    seeds.extend(headers.map(|header| format!("{header}\n{}", good[0]).into_bytes()));
    seeds.push(format!("{{\"alg\":\"HS256\"}}\n{}", r#"{"iss":"https://derived.example.com","aud":"postern","sub":"a","exp":"1900000000"}"#).into_bytes());
    seeds.extend([&b"Bearer a.b.c"[..], b"bEARER  x ", b"eyJhbGciOiJub25lIn0.e30."].map(<[u8]>::to_vec));
    seeds
}

/// The first line is a header, the rest are claims.
fn split(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    (&input[..end], input.get(end + 1..).unwrap_or_default())
}

fn as_a_header(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
    let Ok(bearer) = BearerToken::from_headers(&headers) else { return };
    let token = bearer.as_str();
    assert!((1..=MAX_TOKEN_BYTES).contains(&token.len()));
    assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/=".contains(c)), "{token:?}");
    assert_eq!(bearer.to_header(), format!("Bearer {token}"));
    assert!(bearer.to_header().is_sensitive());
}

/// Signs with the right secret, and holds what is let in against the claims, read in another way.
fn judge(header: &[u8], claims: &[u8]) -> Verdict {
    let signed = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let key = EncodingKey::from_secret(&SECRET);
    let signature = crypto::sign(signed.as_bytes(), &key, Algorithm::HS256).expect("HS256 signs anything");
    let verified = verify(&format!("{signed}.{signature}"));
    if let Ok(principal) = &verified {
        is_claimed(principal, &object(header), &object(claims));
    }
    let forged = verify(&format!("{signed}.{}", BASE64.encode([7; 32])));
    assert!(forged.is_err(), "a forged signature is let in");
    Verdict::of(&verified)
}

fn object(json: &[u8]) -> Value {
    serde_json::from_slice(json).expect("what is let in is JSON")
}

fn is_claimed(principal: &Principal, header: &Value, claims: &Value) {
    assert_eq!(header["alg"], "HS256");
    assert!(["crit", "enc", "zip"].iter().all(|name| header.get(name).is_none()), "{header}");
    assert_eq!(claims["iss"].as_str(), Some(principal.issuer()));
    let audience = &claims["aud"];
    let is_ours = |audience: &Value| audience == AUDIENCE;
    assert!(is_ours(audience) || audience.as_array().is_some_and(|several| several.iter().any(is_ours)), "{claims}");
    let time = |name: &str| claims[name].as_f64();
    assert!(time("exp").is_some_and(|exp| exp + f64::from(LEEWAY) > f64::from(NOW)), "{claims}");
    let begins = claims.get("nbf").filter(|nbf| !nbf.is_null());
    assert!(begins.is_none_or(|nbf| nbf.as_f64().is_some_and(|nbf| nbf <= f64::from(NOW + LEEWAY))), "{claims}");
    assert_eq!(claims["role"], "authenticated");
    let subject = claims["sub"].as_str().expect("a subject");
    assert_eq!(subject, principal.subject());
    assert!((1..=255).contains(&subject.len()) && !subject.contains(char::is_control));
    is_the_owner(principal, subject);
}

/// Owners of the two issuers are never the same: one's are of version 5, the other's are not.
fn is_the_owner(principal: &Principal, subject: &str) {
    let owner = principal.owner().0;
    let derives = principal.issuer() == ISSUERS[0];
    assert_eq!(owner.get_version_num() == 5, derives, "{owner}");
    assert!(derives || owner.to_string() == subject, "{owner}");
    assert_ne!(owner, Uuid::nil());
}

fn verify(token: &str) -> Result<Principal, postern_identity::AuthError> {
    exec::block_on(VERIFIER.verify(token))
}

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let secret = NamedTempFile::new().expect("a temporary file");
    fs::write(secret.path(), SECRET).expect("the file was just made");
    let issuer = |name: &str, subject: &str| -> IssuerConfig {
        let config = json!({
            "issuer": name, "audience": AUDIENCE, "hs256_secret_file": secret.path(), "subject": subject,
            "required_claims": {"role": "authenticated"}, "leeway_seconds": LEEWAY,
        });
        serde_json::from_value(config).expect("a configuration as it is documented")
    };
    let issuers = vec![issuer(ISSUERS[0], "derived"), issuer(ISSUERS[1], "uuid")];
    Verifier::new(issuers, NoKeys, Arc::new(StandingClock)).expect("two issuers that fit")
});

/// Always the same time.
pub struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Duration {
        Duration::from_secs(NOW.into())
    }
}

/// Neither issuer publishes any.
struct NoKeys;

impl FetchKeys for NoKeys {
    fn fetch<'a>(&'a self, _: &str, _: &'a HttpUrl) -> Fetching<'a> {
        Box::pin(async { Err(HttpError::Timeout) })
    }
}
