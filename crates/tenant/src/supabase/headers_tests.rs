use super::*;

fn sent(given: &[(&str, &str)]) -> Result<HeaderMap, InvalidRequest> {
    let given: Vec<_> = given.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    of_request(&given)
}

#[test]
fn only_listed_headers_are_sent_on() {
    let given = [
        ("Prefer", "count=exact"),
        ("prefer", "return=minimal"),
        ("Range", "0-9"),
        ("Authorization", "Bearer x"),
        ("apikey", "x"),
        ("Host", "evil.example.com"),
        ("User-Agent", "Mozilla/5.0"),
        ("Accept-Encoding", "gzip"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "prefer"),
        ("Cookie", "a=b"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("Expect", "100-continue"),
        ("Upgrade", "websocket"),
        ("no header\r\nat: all", "\r\n"),
    ];
    let sent = sent(&given).unwrap();
    let mut names: Vec<_> = sent.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["prefer", "range"]);
    assert_eq!(sent.get_all("prefer").iter().collect::<Vec<_>>(), ["count=exact", "return=minimal"]);
}

#[test]
fn a_value_cannot_end_its_line() {
    for value in ["a\r\nx: y", "a\nx: y", "a\r", "a\0", "\u{7f}", &"a".repeat(VALUE_BYTES + 1)] {
        assert_eq!(sent(&[("Prefer", value)]), Err(InvalidRequest::Header("prefer")), "{value:?}");
    }
    assert_eq!(sent(&[("X-Client-Info", "a\tb é")]).unwrap()["x-client-info"], "a\tb é".as_bytes());
}

#[test]
fn a_header_with_one_meaning_occurs_once() {
    for name in ["Range", "Content-Type", "Accept-Profile"] {
        assert!(matches!(sent(&[(name, "a"), (name, "b")]), Err(InvalidRequest::Header(_))), "{name}");
    }
}

#[test]
fn of_an_answer_only_listed_headers_are_passed_on() {
    let mut received = HeaderMap::new();
    for (name, value) in [
        ("content-type", &b"text/csv"[..]),
        ("content-range", b"0-9/10"),
        ("set-cookie", b"a=b"),
        ("access-control-allow-origin", b"*"),
        ("server", b"x"),
        ("etag", b"\xff"),
    ] {
        received.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
    }
    let expected = [("content-range", "0-9/10".to_owned()), ("content-type", "text/csv".to_owned())];
    assert_eq!(of_response(&received), expected);
}
