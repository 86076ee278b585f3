use std::io::Write;

use postern_egress::HttpUrl;

use super::*;
use serde_json::{Value, json};

use crate::{
    ClaimValue,
    test_support::{ISSUER, Issuing, NOW, claims, config},
};

fn error(configs: Vec<IssuerConfig>) -> Option<ConfigError> {
    let fetcher: Arc<dyn FetchKeys> = Issuing::new([None]);
    configure(configs, &fetcher, &Arc::default()).err()
}

fn name() -> String {
    config().issuer
}

fn secret_file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn hs256(file: &tempfile::NamedTempFile) -> IssuerConfig {
    IssuerConfig { jwks_url: None, hs256_secret_file: Some(file.path().to_owned()), ..config() }
}

#[test]
fn a_good_configuration_is_taken() {
    let other = IssuerConfig { issuer: "https://other".into(), subject: SubjectMapping::Uuid, ..config() };
    assert_eq!(error(vec![config(), other]), None);
}

#[test]
fn rules_between_fields_and_issuers_are_checked() {
    let uuid =
        |issuer: &str| IssuerConfig { issuer: issuer.into(), subject: SubjectMapping::Uuid, ..config() };
    let cases = [
        (vec![], ConfigError::NoIssuer),
        (vec![config(), config()], ConfigError::Duplicate(name())),
        (vec![uuid("a"), uuid("b")], ConfigError::SeveralUuidIssuers),
        (vec![IssuerConfig { jwks_url: None, ..config() }], ConfigError::KeySource(name())),
        (
            vec![IssuerConfig { hs256_secret_file: Some("x".into()), ..config() }],
            ConfigError::KeySource(name()),
        ),
        (vec![IssuerConfig { leeway_seconds: 61, ..config() }], ConfigError::Leeway(name())),
        (
            vec![IssuerConfig { audience: vec![], ..config() }],
            ConfigError::Empty { issuer: name(), field: "audience" },
        ),
        (
            vec![IssuerConfig { audience: vec!["a".into(), String::new()], ..config() }],
            ConfigError::Empty { issuer: name(), field: "audience" },
        ),
        (vec![IssuerConfig { discovery: true, ..config() }], ConfigError::KeySource(name())),
        (
            vec![IssuerConfig { issuer: "accounts".into(), discovery: true, jwks_url: None, ..config() }],
            ConfigError::Discovery("accounts".into()),
        ),
        (
            vec![IssuerConfig { max_token_lifetime_seconds: 59, ..config() }],
            ConfigError::TokenLifetime(name()),
        ),
        (vec![IssuerConfig { max_key_set_age_seconds: 899, ..config() }], ConfigError::KeySetAge(name())),
        (
            vec![IssuerConfig {
                required_claims: [("exp".into(), ClaimValue::Integer(1))].into(),
                ..config()
            }],
            ConfigError::ReservedClaim { issuer: name(), claim: "exp".into() },
        ),
        (
            vec![IssuerConfig { issuer: String::new(), ..config() }],
            ConfigError::Empty { issuer: String::new(), field: "issuer" },
        ),
    ];
    for (configs, expected) in cases {
        assert_eq!(error(configs), Some(expected));
    }
}

#[test]
fn a_secret_file_must_be_there_and_hold_32_bytes_before_its_line_end() {
    assert_eq!(error(vec![hs256(&secret_file(&[b's'; 32]))]), None);
    let padded = secret_file(&[&[b's'; 31][..], b"\r\n\n"].concat());
    assert_eq!(error(vec![hs256(&padded)]), Some(ConfigError::SecretTooShort(name())));
    assert_eq!(error(vec![hs256(&secret_file(b""))]), Some(ConfigError::SecretTooShort(name())));
    let gone = IssuerConfig { jwks_url: None, hs256_secret_file: Some("/nowhere".into()), ..config() };
    assert_eq!(error(vec![gone]), Some(ConfigError::SecretUnreadable(name())));
}

#[test]
fn the_file_has_defaults_and_no_unknown_keys() {
    let text = "issuer = 'i'\naudience = 'a'\njwks_url = 'https://i.example.com/jwks'\n";
    let config: IssuerConfig = toml::from_str(text).unwrap();
    assert_eq!(config.jwks_url, HttpUrl::parse("https://i.example.com/jwks").ok());
    assert_eq!((config.subject, config.leeway_seconds), (SubjectMapping::Derived, 30));
    assert_eq!(config.audience, ["a"]);
    let several: IssuerConfig = toml::from_str(&text.replace("'a'", "['a', 'b']")).unwrap();
    assert_eq!(several.audience, ["a", "b"]);
    for audience in ["7", "[7]", "{ a = 'b' }"] {
        let refused = toml::from_str::<IssuerConfig>(&text.replace("'a'", audience)).unwrap_err().to_string();
        assert!(refused.contains("expected a"), "{audience}: {refused}");
    }
    let rules =
        format!("{text}[required_claims]\nrole = 'authenticated'\n[forbidden_claims]\nis_anonymous = true\n");
    let config: IssuerConfig = toml::from_str(&rules).unwrap();
    assert_eq!(config.required_claims["role"], ClaimValue::Text("authenticated".into()));
    assert_eq!(config.forbidden_claims["is_anonymous"], ClaimValue::Bool(true));
    for line in [
        "jwks_uri = 'x'",
        "subject = 'UUID'",
        "leeway_seconds = -1",
        "required_claims = { role = ['a'] }",
        "forbidden_claims = 'is_anonymous'",
    ] {
        assert!(toml::from_str::<IssuerConfig>(&format!("{text}{line}\n")).is_err(), "{line}");
    }
    assert!(
        toml::from_str::<IssuerConfig>("issuer = 'i'\naudience = 'a'\njwks_url = 'file:///etc/x'").is_err()
    );
}

#[test]
fn every_rule_on_claims_is_checked() {
    let fetcher: Arc<dyn FetchKeys> = Issuing::new([None]);
    let strict = IssuerConfig {
        required_claims: [("role".into(), ClaimValue::Text("authenticated".into()))].into(),
        forbidden_claims: [("is_anonymous".into(), ClaimValue::Bool(true))].into(),
        max_token_lifetime_seconds: 3600,
        ..config()
    };
    let issuers = configure(vec![strict], &fetcher, &Arc::default()).unwrap();
    let admit = |changes: Value| {
        let Value::Object(claims) = claims(changes) else { panic!("claims are an object") };
        issuers[ISSUER].admit(&Claims::of(claims).ok().unwrap(), Duration::from_secs(NOW)).err()
    };
    assert_eq!(admit(json!({})), None);
    assert_eq!(admit(json!({"exp": NOW + 3600})), None);
    assert_eq!(admit(json!({"exp": NOW + 100, "iat": NOW - 3500, "is_anonymous": false})), None);
    let cases = [
        (json!({"iss": null}), AuthError::IssuerUnknown),
        (json!({"iss": "https://other"}), AuthError::IssuerUnknown),
        (json!({"aud": null}), AuthError::AudienceWrong),
        (json!({"aud": ["other"]}), AuthError::AudienceWrong),
        (json!({"exp": null}), AuthError::ExpiryMissing),
        (json!({"exp": NOW - 30}), AuthError::TokenExpired),
        (json!({"nbf": NOW + 31}), AuthError::TokenNotYetValid),
        (json!({"role": null}), AuthError::ClaimRefused),
        (json!({"is_anonymous": true}), AuthError::ClaimRefused),
        (json!({"exp": NOW + 3601}), AuthError::LifetimeTooLong),
        (json!({"exp": NOW + 100, "iat": NOW - 3501}), AuthError::LifetimeTooLong),
        (json!({"exp": NOW + 3601, "iat": NOW + 3600}), AuthError::LifetimeTooLong),
        (json!({"sub": null}), AuthError::SubjectInvalid),
    ];
    for (changes, expected) in cases {
        assert_eq!(admit(changes.clone()), Some(expected), "{changes}");
    }
}
