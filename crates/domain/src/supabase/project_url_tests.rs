use proptest::prelude::*;

use super::*;

#[test]
fn a_host_header_holds_the_port_only_where_it_is_not_the_default() {
    let authority = |text| ProjectUrl::parse(text).unwrap().authority();
    assert_eq!(authority("https://api.example.com:443/rest/v1/x"), "api.example.com");
    assert_eq!(authority("https://api.example.com:8443"), "api.example.com:8443");
    assert_eq!(authority("https://[2001:db8::7]:8443"), "[2001:db8::7]:8443");
}

proptest! {
    #[test]
    fn parsing_never_panics_and_its_normal_form_is_stable(text in "(https://)?[ -~é\\[\\]@:/?#%.]{0,60}") {
        if let Ok(url) = ProjectUrl::parse(&text) {
            prop_assert_eq!(ProjectUrl::parse(&url.to_string()).unwrap(), url);
        }
    }

    #[test]
    fn a_refusal_never_repeats_the_text(
        before in "(https://|http://|)(u:)?",
        secret in "[A-Z]{9}",
        after in "(@h\\.io|\\.supabase\\.co\\?x|/x|:x|:0|\\\\|)",
    ) {
        if let Err(refusal) = ProjectUrl::parse(&format!("{before}{secret}{after}")) {
            let shown = format!("{refusal} {refusal:?}");
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }
    }

    #[test]
    fn only_a_label_right_below_the_domain_is_a_ref(label in "[a-z]{1,20}", prefix in "([a-z]{1,5}\\.)?", suffix in "(\\.io)?") {
        let url = ProjectUrl::parse(&format!("https://{prefix}{label}.supabase.co{suffix}"));
        let expected = (prefix.is_empty() && suffix.is_empty()).then_some(label.as_str());
        match url {
            Ok(url) if label != "app" => prop_assert_eq!(url.project_ref(), expected),
            _ => {}
        }
    }
}
