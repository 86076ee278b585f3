use proptest::prelude::*;

use super::*;

fn url() -> ProjectUrl {
    ProjectUrl::parse("https://abcdefghijklmnopqrst.supabase.co").unwrap()
}

fn asked(url: &ProjectUrl) -> Asked<'_> {
    Asked { url, key: KeySort::Publishable, with_user_token: false, method: Method::Get, schema: "public" }
}

fn hint(status: u16, code: &str, message: &str, asked: &Asked<'_>) -> String {
    let body =
        serde_json::json!({ "code": code, "message": message, "details": null, "hint": null }).to_string();
    of(status, body.as_bytes(), asked).unwrap_or_default()
}

#[test]
fn a_missing_grant_is_written_out() {
    let url = url();
    let grant = |message: &str, asked: &Asked<'_>| hint(401, "42501", message, asked);
    let base = asked(&url);
    let hint = grant("permission denied for table orders", &base);
    assert!(hint.ends_with("GRANT SELECT ON public.orders TO anon;"), "{hint}");
    let secret = Asked { key: KeySort::ServiceRole, method: Method::Patch, schema: "My Api", ..base };
    let hint = grant("permission denied for view Old \"orders", &secret);
    assert!(
        hint.ends_with("GRANT SELECT, UPDATE ON \"My Api\".\"Old \"\"orders\" TO service_role;"),
        "{hint}"
    );
    let user = Asked { with_user_token: true, ..secret };
    let hint = grant("permission denied for schema api", &user);
    assert!(hint.ends_with("GRANT USAGE ON SCHEMA api TO authenticated;"), "{hint}");
    let hint = grant("permission denied for function total", &base);
    assert!(hint.ends_with("GRANT EXECUTE ON FUNCTION public.total TO anon;"), "{hint}");
    let hint = grant("permission denied for sequence orders_id_seq", &base);
    assert!(hint.ends_with("GRANT USAGE ON SEQUENCE public.orders_id_seq TO anon;"), "{hint}");
}

#[test]
fn a_missing_policy_is_not_taken_for_a_missing_grant() {
    let message = "new row violates row-level security policy for table \"orders\"";
    let hint = hint(403, "42501", message, &asked(&url()));
    assert!(hint.contains("policy") && !hint.contains("GRANT"), "{hint}");
}

#[test]
fn a_statement_to_copy_is_never_made_of_something_else_than_a_name() {
    let url = url();
    for name in ["", "a\nb", "x; DROP TABLE y\u{0}", &"a".repeat(64)] {
        let hint = hint(401, "42501", &format!("permission denied for table {name}"), &asked(&url));
        assert!(!hint.contains("public."), "{hint}");
    }
    let hint = hint(401, "42501", "permission denied for table x; DROP TABLE y", &asked(&url));
    assert!(hint.contains("public.\"x; DROP TABLE y\" TO"), "{hint}");
}

#[test]
fn a_refused_key_is_named_with_the_page_of_new_ones() {
    let url = url();
    let gateway = br#"{"message":"Invalid API key","hint":"Double check"}"#;
    let page = "https://supabase.com/dashboard/project/abcdefghijklmnopqrst/settings/api-keys";
    let base = asked(&url);
    let found = of(401, gateway, &Asked { key: KeySort::Secret, ..base }).unwrap();
    assert!(found.contains("the connection's secret key") && found.contains(page), "{found}");
    let found = hint(401, "PGRST301", "x", &Asked { key: KeySort::Anon, ..base });
    assert!(found.contains("legacy anon key") && found.contains("disabled"), "{found}");
    let own = ProjectUrl::parse("https://api.example.com").unwrap();
    let found = of(401, b"", &asked(&own)).unwrap();
    assert!(found.contains("the project's dashboard"), "{found}");
}

#[test]
fn a_refused_token_of_a_user_is_not_blamed_on_the_key() {
    let url = url();
    let hint = hint(401, "PGRST303", "JWT expired", &Asked { with_user_token: true, ..asked(&url) });
    assert!(hint.contains("user's token") && !hint.contains("publishable"), "{hint}");
}

#[test]
fn each_known_error_has_its_hint() {
    let url = url();
    for (status, code, word) in [
        (404, "PGRST205", "table's name"),
        (404, "42P01", "table's name"),
        (404, "PGRST202", "function's name"),
        (400, "PGRST204", "column's name"),
        (406, "PGRST106", "exposed schemas"),
        (405, "25006", "read-only transaction"),
        (503, "PGRST002", "database"),
        (540, "", "paused"),
        (522, "", "does not answer"),
        (429, "", "rate"),
    ] {
        let hint = hint(status, code, "x", &asked(&url));
        assert!(hint.contains(word), "{status} {code}: {hint}");
    }
}

#[test]
fn a_success_and_an_unknown_error_have_none() {
    let url = url();
    assert_eq!(of(200, br#"{"code":"42501","message":"x"}"#, &asked(&url)), None);
    assert_eq!(of(400, br#"{"code":"22P02","message":"x"}"#, &asked(&url)), None);
    assert_eq!(of(500, b"<html>", &asked(&url)), None);
}

#[test]
fn a_code_that_is_no_text_does_not_hide_the_message() {
    let url = url();
    assert!(of(401, br#"{"code":401,"msg":"x"}"#, &asked(&url)).unwrap().contains("publishable key"));
}

proptest! {
    #[test]
    fn no_body_makes_it_panic_or_repeat_more_than_a_name(status in 400_u16..600, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let url = url();
        let hint = of(status, &body, &asked(&url)).unwrap_or_default();
        prop_assert!(hint.len() < 512);
    }
}
