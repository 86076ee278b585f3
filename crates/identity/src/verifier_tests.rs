use std::io::Write;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use postern_egress::HttpUrl;
use serde_json::{Value, json};

use super::*;
use crate::{
    ClaimValue, SubjectMapping,
    test_support::{
        AUDIENCE, ES, ISSUER, Issuing, NOW, RS, Signer, TestClock, base64_url, claims, config, jwks, verdict,
        verifier,
    },
};

/// The same of a token with some claims changed, signed by the good key.
async fn verdict_on(changes: Value) -> Result<Principal, AuthError> {
    verdict(&ES.sign(&claims(changes))).await
}

#[tokio::test]
async fn a_good_token_names_its_principal() {
    let (ed, ps) = (Signer::eddsa("ed"), Signer::ps256("ps"));
    let (verifier, _) = verifier(config(), &[ES.jwk(), RS.jwk(), ed.jwk(), ps.jwk()]);
    for signer in [&*ES, &*RS, &ed, &ps] {
        let principal = verifier.verify(&signer.sign(&claims(json!({})))).await.unwrap();
        assert_eq!((principal.issuer(), principal.subject()), (ISSUER, "user-1"));
        assert_eq!(principal.expires_at().as_secs(), NOW + 300);
        assert_eq!(principal.owner().0.get_version_num(), 5);
        assert!(!format!("{principal:?}").contains("user-1"));
    }
}

/// Also of a token that was verified a moment ago.
#[tokio::test]
async fn a_tokens_id_is_kept_and_never_shown() {
    let (verifier, _) = verifier(config(), &[ES.jwk()]);
    let token = ES.sign(&claims(json!({"jti": "canary-7"})));
    for _ in 0..2 {
        let principal = verifier.verify(&token).await.unwrap();
        assert_eq!(principal.caller().token_id.as_deref(), Some("canary-7"));
        assert_eq!((&*principal.caller().issuer, principal.caller().owner), (ISSUER, principal.owner()));
        assert!(!format!("{principal:?} {:?}", principal.caller()).contains("canary"));
    }
    assert_eq!(verifier.cache_counts().0, 1);
    assert_eq!(verdict_on(json!({"jti": null})).await.unwrap().caller().token_id, None);
}

#[tokio::test]
async fn the_audience_may_be_one_of_several() {
    assert!(verdict_on(json!({"aud": ["other", AUDIENCE]})).await.is_ok());
    for aud in [json!("other"), json!([]), json!(["other"]), json!("postern "), json!(["post", "ern"])] {
        assert_eq!(verdict_on(json!({"aud": aud})).await, Err(AuthError::AudienceWrong), "{aud}");
    }
}

/// As in crypto-service, which gets the tokens of both edge services.
#[tokio::test]
async fn one_of_several_accepted_audiences_is_enough() {
    let accepted = vec!["postern-connections".to_owned(), "postern-queries".to_owned()];
    let (verifier, _) = verifier(IssuerConfig { audience: accepted, ..config() }, &[ES.jwk()]);
    for aud in [json!("postern-connections"), json!("postern-queries"), json!(["x", "postern-queries"])] {
        assert!(verifier.verify(&ES.sign(&claims(json!({"aud": aud})))).await.is_ok(), "{aud}");
    }
    for aud in
        [json!(AUDIENCE), json!(""), json!(null), json!(["x"]), json!("postern-connections,postern-queries")]
    {
        let refused = verifier.verify(&ES.sign(&claims(json!({"aud": aud})))).await;
        assert_eq!(refused, Err(AuthError::AudienceWrong), "{aud}");
    }
}

#[tokio::test]
async fn each_claim_is_required() {
    assert_eq!(verdict_on(json!({"exp": null})).await, Err(AuthError::ExpiryMissing));
    assert_eq!(verdict_on(json!({"aud": null})).await, Err(AuthError::AudienceWrong));
    assert_eq!(verdict_on(json!({"iss": null})).await, Err(AuthError::IssuerUnknown));
    assert_eq!(verdict_on(json!({"sub": null})).await, Err(AuthError::SubjectInvalid));
    assert_eq!(verdict_on(json!({"sub": ""})).await, Err(AuthError::SubjectInvalid));
    assert_eq!(verdict_on(json!({"sub": "x".repeat(256)})).await, Err(AuthError::SubjectInvalid));
    for iss in ["https://evil.example.com", "https://auth.example.com/", "HTTPS://auth.example.com", ""] {
        assert_eq!(verdict_on(json!({"iss": iss})).await, Err(AuthError::IssuerUnknown), "{iss}");
    }
}

#[tokio::test]
async fn claims_of_a_wrong_type_make_the_token_malformed() {
    let wrong = [
        json!({"exp": (NOW + 300).to_string()}),
        json!({"exp": "never"}),
        json!({"exp": true}),
        json!({"exp": [NOW + 300]}),
        json!({"exp": -1}),
        json!({"exp": 1e300}),
        json!({"nbf": NOW.to_string()}),
        json!({"nbf": {}}),
        json!({"iss": [ISSUER]}),
        json!({"iss": 1}),
        json!({"aud": 1}),
        json!({"aud": [AUDIENCE, 1]}),
        json!({"sub": 7}),
        json!({"sub": ["user-1"]}),
        json!({"jti": 7}),
        json!({"jti": ""}),
        json!({"jti": "a\0b"}),
        json!({"jti": "x".repeat(256)}),
    ];
    for changes in wrong {
        assert_eq!(verdict_on(changes.clone()).await, Err(AuthError::TokenMalformed), "{changes}");
    }
}

#[tokio::test]
async fn times_are_judged_by_our_clock_with_the_leeway() {
    let judge = async |leeway_seconds, changes: Value| {
        let (verifier, _) = verifier(IssuerConfig { leeway_seconds, ..config() }, &[ES.jwk()]);
        verifier.verify(&ES.sign(&claims(changes))).await.map(drop)
    };
    assert_eq!(judge(30, json!({"exp": NOW - 29})).await, Ok(()));
    assert_eq!(judge(30, json!({"exp": NOW - 30})).await, Err(AuthError::TokenExpired));
    assert_eq!(judge(0, json!({"exp": NOW + 1})).await, Ok(()));
    assert_eq!(judge(0, json!({"exp": NOW})).await, Err(AuthError::TokenExpired));
    assert_eq!(judge(0, json!({"exp": 0})).await, Err(AuthError::TokenExpired));
    assert_eq!(judge(30, json!({"nbf": NOW + 30})).await, Ok(()));
    assert_eq!(judge(30, json!({"nbf": NOW + 31})).await, Err(AuthError::TokenNotYetValid));
    assert_eq!(judge(0, json!({"nbf": NOW, "exp": 1_800_000_000.5})).await, Ok(()));
}

#[tokio::test]
async fn a_cached_token_ends_when_it_expires() {
    let (verifier, clock) = verifier(IssuerConfig { leeway_seconds: 0, ..config() }, &[ES.jwk()]);
    let token = ES.sign(&claims(json!({"exp": NOW + 20})));
    assert!(verifier.verify(&token).await.is_ok());
    clock.advance(19);
    assert!(verifier.verify(&token).await.is_ok());
    clock.advance(1);
    assert_eq!(verifier.verify(&token).await, Err(AuthError::TokenExpired));
}

#[tokio::test]
async fn api_keys_and_anonymous_users_are_refused() {
    let supabase = IssuerConfig {
        required_claims: [("role".into(), ClaimValue::Text("authenticated".into()))].into(),
        forbidden_claims: [("is_anonymous".into(), ClaimValue::Bool(true))].into(),
        ..config()
    };
    let (verifier, _) = verifier(supabase, &[ES.jwk()]);
    assert!(verifier.verify(&ES.sign(&claims(json!({})))).await.is_ok());
    for role in
        [json!(null), json!("anon"), json!("service_role"), json!(["authenticated"]), json!("Authenticated")]
    {
        let token = ES.sign(&claims(json!({"role": role})));
        assert_eq!(verifier.verify(&token).await, Err(AuthError::ClaimRefused), "{role}");
    }
    let anonymous = ES.sign(&claims(json!({"is_anonymous": true})));
    assert_eq!(verifier.verify(&anonymous).await, Err(AuthError::ClaimRefused));
    let api_key = ES.sign(&claims(json!({"iat": NOW - 86_400, "exp": NOW + 315_360_000})));
    assert_eq!(verifier.verify(&api_key).await, Err(AuthError::LifetimeTooLong));
}

#[tokio::test]
async fn giant_and_absent_tokens_are_refused_unread() {
    let giant = ES.sign(&claims(json!({"pad": "x".repeat(MAX_TOKEN_BYTES)})));
    assert_eq!(verdict(&giant).await, Err(AuthError::TokenTooLarge));
    assert_eq!(verdict("").await, Err(AuthError::TokenMissing));
    assert!(verdict_on(json!({"pad": "x".repeat(5000)})).await.is_ok());
}

#[tokio::test]
async fn a_secret_file_verifies_only_hs256() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let secret = "a secret of at least thirty-two bytes";
    writeln!(file, "{secret}").unwrap();
    let shared = IssuerConfig { jwks_url: None, hs256_secret_file: Some(file.path().into()), ..config() };
    let (verifier, _) = verifier(shared, &[]);
    let sign = |algorithm, secret: &str| {
        let header = Header { kid: Some("any".into()), ..Header::new(algorithm) };
        jsonwebtoken::encode(&header, &claims(json!({})), &EncodingKey::from_secret(secret.as_bytes()))
            .unwrap()
    };
    assert!(verifier.verify(&sign(Algorithm::HS256, secret)).await.is_ok());
    assert_eq!(verifier.verify(&sign(Algorithm::HS256, "another")).await, Err(AuthError::SignatureInvalid));
    assert_eq!(verifier.verify(&sign(Algorithm::HS256, "")).await, Err(AuthError::SignatureInvalid));
    assert_eq!(verifier.verify(&sign(Algorithm::HS512, secret)).await, Err(AuthError::AlgorithmRefused));
    assert_eq!(verifier.verify(&ES.sign(&claims(json!({})))).await, Err(AuthError::AlgorithmRefused));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_withdrawn_takes_its_cached_tokens_along() {
    let answers = [Some(jwks(&[ES.jwk(), RS.jwk()])), Some(jwks(&[RS.jwk()]))];
    let issuing = Issuing::new(answers);
    let verifier = Verifier::new(vec![config()], issuing.clone(), TestClock::new()).unwrap();
    let (cached, other) = (ES.sign(&claims(json!({}))), RS.sign(&claims(json!({}))));
    assert!(verifier.verify(&cached).await.is_ok());
    tokio::time::advance(Duration::from_secs(30)).await;
    assert!(verifier.verify(&cached).await.is_ok());
    // An unknown key brings the new set in.
    let unknown = Signer::es256("new").sign(&claims(json!({})));
    assert_eq!(verifier.verify(&unknown).await, Err(AuthError::KeyUnknown));
    assert_eq!(verifier.verify(&cached).await, Err(AuthError::KeyUnknown));
    assert!(verifier.verify(&other).await.is_ok());
    assert_eq!(issuing.fetches(), 2);
}

#[tokio::test]
async fn issuers_do_not_vouch_for_each_other() {
    let second = "https://second.example.com";
    let uuid = IssuerConfig { issuer: second.into(), subject: SubjectMapping::Uuid, ..config() };
    // Both answer with the key `es`, and the second with its own key under the same id.
    let own = Signer::es256("es");
    let issuing = Issuing::new([Some(jwks(&[ES.jwk()])), Some(jwks(&[own.jwk()]))]);
    let verifier = Verifier::new(vec![config(), uuid], issuing, TestClock::new()).unwrap();
    let victim = "6f1d6c2e-4a55-4f0e-9d3a-0a4f3c2b1a00";

    let derived = verifier.verify(&ES.sign(&claims(json!({"sub": victim})))).await.unwrap();
    let exact = verifier.verify(&own.sign(&claims(json!({"iss": second, "sub": victim})))).await.unwrap();
    assert_eq!(exact.owner().to_string(), victim);
    assert_ne!(derived.owner(), exact.owner());

    let posing = ES.sign(&claims(json!({"iss": second, "sub": victim})));
    assert_eq!(verifier.verify(&posing).await, Err(AuthError::SignatureInvalid));
    let back = own.sign(&claims(json!({"iss": second, "sub": derived.owner().to_string()})));
    assert_eq!(verifier.verify(&back).await, Err(AuthError::SubjectInvalid));
}

#[tokio::test]
async fn a_service_starts_while_its_issuer_is_down() {
    let verifier = Verifier::new(vec![config()], Issuing::new([None]), TestClock::new()).unwrap();
    let refusal = verifier.verify(&ES.sign(&claims(json!({})))).await.unwrap_err();
    assert!(refusal.is_unavailable());
}

#[tokio::test(start_paused = true)]
async fn a_new_configuration_keeps_the_key_sets_of_issuers_that_stay_and_fetches_them_anew() {
    let token = ES.sign(&claims(json!({})));
    let (before, _) = verifier(config(), &[ES.jwk()]);
    assert!(before.verify(&token).await.is_ok());

    let down = Issuing::new([None]);
    let same = before.reconfigured(vec![config()], down.clone()).unwrap();
    assert!(same.verify(&token).await.is_ok(), "a key set was dropped while its issuer is down");
    tokio::task::yield_now().await;
    assert_eq!(down.fetches(), 1);

    let withdrawn = Issuing::new([Some(jwks(&[RS.jwk()]))]);
    let same = before.reconfigured(vec![config()], withdrawn).unwrap();
    assert!(same.verify(&token).await.is_ok());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(same.verify(&token).await, Err(AuthError::KeyUnknown));

    let elsewhere =
        IssuerConfig { jwks_url: HttpUrl::parse("https://auth.example.com/other").ok(), ..config() };
    let moved = before.reconfigured(vec![elsewhere], down.clone()).unwrap();
    assert!(moved.verify(&token).await.unwrap_err().is_unavailable(), "the set is another URL's");
    let renamed = IssuerConfig { issuer: "https://other.example.com".into(), ..config() };
    let renamed = before.reconfigured(vec![renamed], down).unwrap();
    assert_eq!(renamed.verify(&token).await, Err(AuthError::IssuerUnknown));
}

/// RFC 9864: the name says the curve. The library knows only `EdDSA`.
#[tokio::test]
async fn ed25519_is_another_name_for_eddsa() {
    let ed = Signer::eddsa("ed");
    let mut published = ed.jwk();
    published["alg"] = json!("Ed25519");
    let (verifier, _) = verifier(config(), &[published]);
    let sign = |alg: &str| {
        let header = base64_url(json!({"alg": alg, "kid": "ed"}).to_string());
        let message = format!("{header}.{}", base64_url(claims(json!({})).to_string()));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &ed.encoding_key(), Algorithm::EdDSA).unwrap();
        format!("{message}.{signature}")
    };
    for alg in ["Ed25519", "EdDSA"] {
        assert!(verifier.verify(&sign(alg)).await.is_ok(), "{alg}");
    }
    for alg in ["ed25519", "Ed448", "ES256"] {
        assert_eq!(verifier.verify(&sign(alg)).await, Err(AuthError::AlgorithmRefused), "{alg}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_sends_wrong_signatures_has_no_further_token_verified_for_a_while() {
    let (verifier, _) = verifier(config(), &[ES.jwk()]);
    let (attacker, other) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
    let (good, late) = (ES.sign(&claims(json!({}))), ES.sign(&claims(json!({"sub": "late"}))));
    assert!(verifier.identify(&good, attacker).await.is_ok());
    let stranger = Signer::es256("es");
    let refusals = async |count: u32| {
        let mut errors = Vec::new();
        for number in 0..count {
            let forged = stranger.sign(&claims(json!({"sub": number.to_string()})));
            errors.push(verifier.identify(&forged, attacker).await.unwrap_err().error);
        }
        errors
    };
    assert!(refusals(30).await.iter().all(|error| *error == AuthError::SignatureInvalid));
    assert!(refusals(5).await.iter().all(|error| *error == AuthError::TooManyFailures));
    assert!(verifier.identify(&good, attacker).await.is_ok(), "it was verified before");
    assert_eq!(verifier.identify(&late, attacker).await.unwrap_err().error, AuthError::TooManyFailures);
    assert!(verifier.identify(&late, other).await.is_ok());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(refusals(1).await, [AuthError::SignatureInvalid]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_on_with_an_expired_token_does_not_lock_its_address_out() {
    let (verifier, _) = verifier(config(), &[ES.jwk()]);
    let from = "192.0.2.1".parse().ok();
    let expired = ES.sign(&claims(json!({"exp": NOW - 300})));
    for _ in 0..100 {
        assert_eq!(verifier.identify(&expired, from).await.unwrap_err().error, AuthError::TokenExpired);
    }
    assert!(verifier.identify(&ES.sign(&claims(json!({}))), from).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn key_sets_can_be_fetched_before_the_first_token_and_tell_their_age() {
    let issuing = Issuing::new([None, Some(jwks(&[ES.jwk()]))]);
    let verifier = Verifier::new(vec![config()], issuing.clone(), TestClock::new()).unwrap();
    let age = || verifier.key_sets()[0].age;
    verifier.load_key_sets().await;
    assert_eq!(age(), None, "the first attempt failed");
    tokio::time::advance(Duration::from_secs(2)).await;
    verifier.load_key_sets().await;
    tokio::time::advance(Duration::from_secs(7)).await;
    verifier.load_key_sets().await;
    assert_eq!((age(), issuing.fetches()), (Some(Duration::from_secs(7)), 2));
}
