use proptest::prelude::*;

use super::*;

const NOW: Duration = Duration::from_hours(500_000);

fn url() -> ProjectUrl {
    ProjectUrl::parse("https://abcdefghijklmnopqrst.supabase.co").unwrap()
}

fn jwt(claims: &str) -> Secret {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    Secret::from_text(format!("{header}.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(claims)))
}

fn refusal(field: ServingKey, secret: &Secret) -> String {
    let refused = SupabaseKey::parse_for(field, secret, &url(), NOW);
    refused.err().expect("it is refused").to_string()
}

#[test]
fn a_key_in_the_wrong_field_is_called_by_its_name_and_sent_to_the_right_one() {
    let secret = Secret::from_text("sb_secret_0123456789abcdefghijkl_76543f2a".into());
    assert_eq!(
        refusal(ServingKey::Publishable, &secret),
        "this is a secret key, which bypasses row level security; it belongs in the secret key's field"
    );
    assert_eq!(
        refusal(ServingKey::Secret, &jwt(r#"{"role":"anon"}"#)),
        "this is a legacy anon key; it belongs in the publishable key's field"
    );
}

#[test]
fn a_key_of_another_project_names_both_projects() {
    let message = refusal(ServingKey::Publishable, &jwt(r#"{"role":"anon","ref":"zzzz"}"#));
    assert!(message.contains("zzzz") && message.contains("abcdefghijklmnopqrst"), "{message}");
}

#[test]
fn only_jwts_are_sent_as_bearer_tokens() {
    for sort in KeySort::ALL {
        let secret = match sort {
            KeySort::Publishable => Secret::from_text("sb_publishable_0123456789abcdefghijkl".into()),
            KeySort::Secret => Secret::from_text("sb_secret_0123456789abcdefghijkl".into()),
            KeySort::Anon => jwt(r#"{"role":"anon"}"#),
            KeySort::ServiceRole => jwt(r#"{"role":"service_role"}"#),
        };
        let key = SupabaseKey::parse(&secret).unwrap_or_else(|_| panic!("{} is refused", sort.label()));
        assert_eq!(key.sort(), sort);
        assert_eq!(key.is_bearer(), matches!(sort, KeySort::Anon | KeySort::ServiceRole));
        assert_eq!(key.is_secret(), matches!(sort, KeySort::Secret | KeySort::ServiceRole));
        assert_eq!(KeySort::parse(sort.as_str()), Some(sort));
    }
}

#[test]
fn a_key_may_be_used_until_the_second_it_expires() {
    let key = SupabaseKey::parse(&jwt(r#"{"role":"anon","exp":100}"#)).unwrap_or_else(|_| panic!("refused"));
    assert!(!key.is_expired(Duration::from_secs(99)));
    assert!(key.is_expired(Duration::from_secs(100)));
}

proptest! {
    #[test]
    fn what_is_accepted_fits_into_a_header(bytes in prop::collection::vec(any::<u8>(), 0..80), opaque in any::<bool>()) {
        let prefix: &[u8] = if opaque { b"sb_secret_0123456789" } else { b"" };
        if let Ok(key) = SupabaseKey::parse(&Secret::new([prefix, &bytes].concat())) {
            prop_assert!(key.secret().expose().iter().all(u8::is_ascii_graphic));
        }
    }

    #[test]
    fn any_claims_are_read_without_a_panic(role in "[a-z_\"\\\\]{0,12}", value in "[0-9a-z.\"-]{0,12}") {
        let _ = SupabaseKey::parse(&jwt(&format!(r#"{{"role":"{role}","exp":{value}}}"#)));
    }

    #[test]
    fn a_refusal_never_repeats_the_key(before in "(sb_|sb_secret_|sbp_|e\\.)?", secret in "[A-Z]{9}", after in "[.* ]{0,3}") {
        let secret_text = Secret::from_text(format!("{before}{secret}{after}"));
        if let Err(refused) = SupabaseKey::parse_for(ServingKey::Secret, &secret_text, &url(), NOW) {
            let shown = format!("{refused} {refused:?}");
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }
    }
}
