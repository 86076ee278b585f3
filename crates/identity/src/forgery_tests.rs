use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::test_support::{
    AUDIENCE, ES, ISSUER, NOW, RS, Signer, base64_url, claims, config, raw_token, verdict, verifier,
};

#[tokio::test]
async fn unsigned_tokens_are_refused() {
    let body = claims(json!({})).to_string();
    for alg in ["none", "None", "NONE", "nOnE", "", "HS1"] {
        let header = json!({"alg": alg, "kid": "es"}).to_string();
        assert_eq!(verdict(&raw_token(&header, &body, b"")).await, Err(AuthError::AlgorithmRefused), "{alg}");
    }
    let good = ES.sign(&claims(json!({})));
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert_eq!(verdict(&format!("{signed}.")).await, Err(AuthError::SignatureInvalid));
    assert_eq!(verdict(signed).await, Err(AuthError::TokenMalformed));
    assert_eq!(verdict(&format!("{good}.")).await, Err(AuthError::TokenMalformed));
}

#[tokio::test]
async fn a_public_key_is_no_hs256_secret() {
    let body = claims(json!({}));
    for signer in [&*RS, &*ES] {
        let kid = signer.header().kid;
        let pem = signer.pair.public_key_pem();
        let jwk = signer.jwk().to_string();
        for secret in
            [pem.as_bytes(), pem.trim_end().as_bytes(), signer.pair.public_key_raw(), jwk.as_bytes()]
        {
            let header = Header { kid: kid.clone(), ..Header::new(Algorithm::HS256) };
            let token = jsonwebtoken::encode(&header, &body, &EncodingKey::from_secret(secret)).unwrap();
            assert_eq!(verdict(&token).await, Err(AuthError::AlgorithmRefused));
        }
    }
}

#[tokio::test]
async fn a_key_verifies_its_own_algorithm_only() {
    let body = claims(json!({}));
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let header = Header { kid: Some("rs".into()), ..Header::new(algorithm) };
        assert_eq!(verdict(&RS.sign_with(&header, &body)).await, Err(AuthError::AlgorithmRefused));
    }
    let crossed = Header { kid: Some("rs".into()), ..ES.header() };
    assert_eq!(verdict(&ES.sign_with(&crossed, &body)).await, Err(AuthError::AlgorithmRefused));
}

#[tokio::test]
async fn another_key_of_the_same_id_does_not_sign() {
    let forged = Signer::es256("es").sign(&claims(json!({})));
    assert_eq!(verdict(&forged).await, Err(AuthError::SignatureInvalid));
    let good = ES.sign(&claims(json!({})));
    let parts: Vec<_> = good.split('.').collect();
    let swapped =
        format!("{}.{}.{}", parts[0], base64_url(claims(json!({"sub": "admin"})).to_string()), parts[2]);
    assert_eq!(verdict(&swapped).await, Err(AuthError::SignatureInvalid));
}

#[tokio::test]
async fn keys_that_a_token_brings_along_are_ignored() {
    let own = Signer::es256("own");
    let jwk = serde_json::from_value(own.jwk()).unwrap();
    let url = Some("https://evil.example.com/jwks".to_owned());
    let embedded = Header { jwk: Some(jwk), jku: url.clone(), x5u: url, ..own.header() };
    let token = own.sign_with(&embedded, &claims(json!({})));
    assert_eq!(verdict(&token).await, Err(AuthError::KeyUnknown));
    let posing = Header { kid: Some("es".into()), ..embedded };
    let token = own.sign_with(&posing, &claims(json!({})));
    assert_eq!(verdict(&token).await, Err(AuthError::SignatureInvalid));
}

#[tokio::test]
async fn a_key_id_is_a_name_and_nothing_else() {
    for kid in ["", "ES", "es ", "../es", "/dev/null", "es' UNION SELECT 'x", "es\0"] {
        let header = Header { kid: Some(kid.into()), ..ES.header() };
        let token = ES.sign_with(&header, &claims(json!({})));
        assert_eq!(verdict(&token).await, Err(AuthError::KeyUnknown), "{kid:?}");
    }
    let nameless = Header { kid: None, ..ES.header() };
    let token = ES.sign_with(&nameless, &claims(json!({})));
    assert_eq!(verdict(&token).await, Err(AuthError::KeyUnknown));
    assert!(verifier(config(), &[ES.jwk()]).0.verify(&token).await.is_ok());
}

#[tokio::test]
async fn headers_that_change_a_tokens_meaning_are_refused() {
    let body = claims(json!({})).to_string();
    for header in [
        r#"{"alg":"ES256","kid":"es","crit":["exp"],"exp":1}"#,
        r#"{"alg":"ES256","kid":"es","crit":null}"#,
        r#"{"alg":"ES256","kid":"es","b64":false,"crit":["b64"]}"#,
        r#"{"alg":"ES256","kid":"es","zip":"DEF"}"#,
        r#"{"alg":"ES256","kid":"es","enc":"A256GCM"}"#,
        r#"{"alg":"ES256","alg":"none","kid":"es"}"#,
        r#"{"alg":["ES256"],"kid":"es"}"#,
        r#"{"alg":"ES256","kid":["es"]}"#,
        r#"{"kid":"es"}"#,
        "[]",
        "",
    ] {
        let message = format!("{}.{}", base64_url(header), base64_url(&body));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &ES.encoding_key(), Algorithm::ES256).unwrap();
        let token = format!("{message}.{signature}");
        assert_eq!(verdict(&token).await, Err(AuthError::TokenMalformed), "{header}");
    }
}

#[tokio::test]
async fn a_claim_given_twice_makes_the_token_malformed() {
    let body = claims(json!({})).to_string().replacen('{', r#"{"sub":"admin","#, 1);
    let message = format!("{}.{}", base64_url(r#"{"alg":"ES256","kid":"es"}"#), base64_url(&body));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &ES.encoding_key(), Algorithm::ES256).unwrap();
    assert_eq!(verdict(&format!("{message}.{signature}")).await, Err(AuthError::TokenMalformed));
}

/// RFC 7517, 4.2 and 4.3: a key whose issuer meant it for something else.
#[tokio::test]
async fn a_key_that_is_not_for_signatures_signs_no_token() {
    let token = ES.sign(&claims(json!({})));
    for (member, value, expected) in [
        ("key_ops", json!(["encrypt"]), Err(AuthError::KeyUnknown)),
        ("key_ops", json!(["sign"]), Err(AuthError::KeyUnknown)),
        ("use", json!("enc"), Err(AuthError::KeyUnknown)),
        ("key_ops", json!(["verify"]), Ok(())),
    ] {
        let mut jwk = ES.jwk();
        jwk[member] = value.clone();
        let verdict = verifier(config(), &[jwk, RS.jwk()]).0.verify(&token).await;
        assert_eq!(verdict.map(drop), expected, "{member}: {value}");
    }
}

/// RFC 8725, 3.2: the signature is valid, but keys of 1024 bits can be broken.
#[tokio::test]
async fn an_rsa_key_that_is_too_short_verifies_nothing() {
    const MODULUS: &str = "7K1ER-IbTzfn-GM_yxHwV4IcpvsHYbnqedklxWyVujHub4Zoo1glWEQLp5plU9sVTgiSC4Mz3pwslQQybpSXCaDMfDMC\
        49uE2SmXzuhbhvYeaq2JtiwLbUD1lRH4w081znjAilTdh-1SRX0GuUjS9Bjg5OEL6lCBJDf0gPaHg0M";
    const SIGNATURE: &str = "RkVr2_5ywp2ARcFaVTZ9txWw6BiYnaEVhZmhsYO7zPVHx8CaZVED5P3YqQVlbWdAE0pz_bb5wN6Y8lB9wDbb_IC2l6DF\
        TBjtdfCxXZHMstdcYHB_yR7f-fAdahBTQ65Bqe4oa3kvC22RcJVleOUnXsKkJMiQpUL7LziNMSe7Tl4";
    const CLAIMS: &str =
        r#"{"iss":"https://auth.example.com","aud":"postern","sub":"user-1","exp":1800000300}"#;
    let header = r#"{"alg":"RS256","kid":"weak"}"#;
    let token = format!("{}.{}.{SIGNATURE}", base64_url(header), base64_url(CLAIMS));
    let jwk = json!({"kty": "RSA", "kid": "weak", "alg": "RS256", "e": "AQAB", "n": MODULUS});
    let verdict = verifier(config(), &[jwk, ES.jwk()]).0.verify(&token).await;
    assert_eq!(verdict, Err(AuthError::SignatureInvalid));
}

/// RFC 8725, 3.4: inputs that break careless implementations of ECDSA.
#[tokio::test]
async fn degenerate_points_and_signatures_verify_nothing() {
    let (header, body) = (r#"{"alg":"ES256","kid":"es"}"#, claims(json!({})).to_string());
    let good = ES.sign(&claims(json!({})));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    // CVE-2022-21449: with r and s zero, "s⁻¹ times anything" equals r.
    assert_eq!(verdict(&raw_token(header, &body, &[0; 64])).await, Err(AuthError::SignatureInvalid));
    for changed in
        [der(&raw), raw[..63].to_vec(), [&raw[..], &[0]].concat(), [&raw[32..], &raw[..32]].concat()]
    {
        let token = format!("{message}.{}", base64_url(changed));
        assert_eq!(verdict(&token).await, Err(AuthError::SignatureInvalid));
    }
    for (x, y) in [([0; 32], [0; 32]), ([1; 32], [1; 32]), ([255; 32], [255; 32])] {
        let mut jwk = ES.jwk();
        jwk["x"] = json!(base64_url(x));
        jwk["y"] = json!(base64_url(y));
        let verdict = verifier(config(), &[jwk, RS.jwk()]).0.verify(&good).await;
        assert!(matches!(verdict, Err(AuthError::SignatureInvalid | AuthError::KeyUnknown)), "{verdict:?}");
    }
}

/// The ASN.1 form of a signature, which JWS does not use.
fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| [&[2, 33, 0], bytes].concat();
    let both = [integer(&raw[..32]), integer(&raw[32..])].concat();
    [&[0x30, u8::try_from(both.len()).unwrap()], both.as_slice()].concat()
}

/// RFC 8725, 3.7 and 3.12: other encodings and other kinds of tokens of the same issuer, with the same key.
#[tokio::test]
async fn other_kinds_of_tokens_are_refused() {
    let good = ES.sign(&claims(json!({})));
    let parts: Vec<_> = good.split('.').collect();
    let json = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string();
    let encrypted = format!("{good}.{}.{}", parts[1], parts[2]);
    let padded = format!("{}=.{}.{}", parts[0], parts[1], parts[2]);
    let spaced = format!("{}. {}.{}", parts[0], parts[1], parts[2]);
    for other in [&json, &encrypted, &padded, &spaced] {
        assert_eq!(verdict(other).await, Err(AuthError::TokenMalformed), "{other}");
    }
    let mut not_utf8 = claims(json!({})).to_string().into_bytes();
    let subject = not_utf8.windows(6).position(|bytes| bytes == b"user-1").unwrap();
    not_utf8[subject] = 0xFF;
    let not_utf8 = signed_bytes(r#"{"alg":"ES256","kid":"es"}"#, &not_utf8);
    assert_eq!(verdict(&not_utf8).await, Err(AuthError::TokenMalformed));
    // An ID token is for the application that the user signed in to.
    let id_token = ES.sign(&claims(json!({"aud": "console", "nonce": "n", "auth_time": NOW})));
    assert_eq!(verdict(&id_token).await, Err(AuthError::AudienceWrong));
}

fn signed_bytes(header: &str, claims: &[u8]) -> String {
    let message = format!("{}.{}", base64_url(header), base64_url(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &ES.encoding_key(), Algorithm::ES256);
    format!("{message}.{}", signature.unwrap())
}

/// Verifies outside of a test's own runtime, for properties.
fn verdict_now(token: &str) -> Result<Principal, AuthError> {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> =
        LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());
    static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| verifier(config(), &[ES.jwk(), RS.jwk()]).0);
    RUNTIME.block_on(VERIFIER.verify(token))
}

proptest! {
    #[test]
    fn no_text_verifies_or_panics(text in "([ -~é\\.]{0,40}|[A-Za-z0-9_-]{0,30}\\.[A-Za-z0-9_-]{0,30}\\.[A-Za-z0-9_-]{0,30})") {
        prop_assert!(verdict_now(&text).is_err());
    }

    #[test]
    fn no_header_or_claims_verify_without_a_signature(
        alg in "(none|ES256|RS256|HS256|EdDSA)", kid in "(es|rs|[a-z]{1,4})", signature: [u8; 32], twice: bool,
    ) {
        let header = json!({"alg": alg, "kid": kid}).to_string();
        let signature = signature.repeat(1 + usize::from(twice));
        let token = raw_token(&header, &claims(json!({})).to_string(), &signature);
        prop_assert!(verdict_now(&token).is_err());
    }

    #[test]
    fn no_changed_byte_of_a_good_token_verifies(at: prop::sample::Index, with in "[A-Za-z0-9_.-]") {
        static GOOD: LazyLock<String> = LazyLock::new(|| ES.sign(&claims(json!({}))));
        let mut changed = GOOD.clone();
        let at = at.index(changed.len());
        changed.replace_range(at..=at, &with);
        prop_assert_eq!(verdict_now(&changed).is_ok(), changed == *GOOD);
    }
}

/// The lifetime of a token of these tests.
const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// A JSON value of any type that a claim might have.
fn claim_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        any::<f64>().prop_map(|value| json!(value)),
        "[ -~]{0,20}".prop_map(|value| json!(value)),
        Just(json!(NOW + 300)),
        Just(json!(ISSUER)),
        Just(json!(AUDIENCE)),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(|list| json!(list)))
}

proptest! {
    /// Whatever the issuer signs: only a token whose claims are all as they must be gets a principal.
    #[test]
    fn only_claims_of_the_right_type_and_value_pass(
        name in "(iss|aud|sub|exp|nbf|iat)", value in claim_value(),
    ) {
        let mut changed = claims(json!({}));
        changed[name.as_str()] = value.clone();
        let time = |value: &serde_json::Value| Duration::try_from_secs_f64(value.as_f64()?).ok();
        let (now, leeway, day) = (Duration::from_secs(NOW), Duration::from_secs(30), Duration::from_hours(24));
        let audiences = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let good = match name.as_str() {
            "iss" => value == json!(ISSUER),
            "aud" => audiences.iter().all(serde_json::Value::is_string) && audiences.contains(&json!(AUDIENCE)),
            "sub" => value.as_str().is_some_and(|sub| !sub.is_empty()),
            "exp" => time(&value).is_some_and(|exp| exp.saturating_add(leeway) > now && exp <= now + day),
            "nbf" => value.is_null() || time(&value).is_some_and(|nbf| nbf <= now + leeway),
            _ => value.is_null() || time(&value).is_some_and(|iat| iat.min(now) + day >= now + FIVE_MINUTES),
        };
        prop_assert_eq!(verdict_now(&ES.sign(&changed)).is_ok(), good, "{} = {}", name, value);
    }
}
