use proptest::prelude::*;

use super::*;

fn target(segments: &[&str], query: &[(&str, &str)]) -> Result<String, InvalidRequest> {
    let segments: Vec<_> = segments.iter().map(|&text| text.to_owned()).collect();
    let query: Vec<_> = query.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    build(Service::Rest, &segments, &query)
}

#[test]
fn what_is_not_plain_is_encoded() {
    assert_eq!(target(&[], &[]).unwrap(), "/rest/v1/");
    assert_eq!(target(&["rpc", "total"], &[]).unwrap(), "/rest/v1/rpc/total");
    assert_eq!(
        target(&["my orders;é?#%"], &[("select", "id,a(*)&b=c"), ("or", "(a.eq.1 ,b.eq.%2F)")]).unwrap(),
        "/rest/v1/my%20orders%3B%C3%A9%3F%23%25?select=id%2Ca%28%2A%29%26b%3Dc&or=%28a.eq.1%20%2Cb.eq.%252F%29"
    );
}

#[test]
fn a_segment_that_could_become_another_path_is_refused() {
    for segment in [
        "",
        ".",
        "..",
        "/",
        "a/b",
        "\\",
        "..\\",
        "%2f",
        "a%2Fb",
        "%5c",
        "%2e",
        "%2e%2E",
        ".%2e",
        "%252f",
        "%25252e%25252E",
        "%00",
        "a\0",
        "a\nb",
        "a%0d%0ab",
        "\u{7f}",
        "%7F",
        "\u{85}",
        "%C2%85",
        "%252%66",
    ] {
        assert_eq!(target(&["orders", segment], &[]), Err(InvalidRequest::Segment), "{segment:?}");
    }
}

#[test]
fn dots_and_percent_signs_in_names_are_kept() {
    for segment in ["...", ".env", "a..b", "100%", "50%off", "%zz", "%ff", "a:b", "@", "http:"] {
        assert!(target(&[segment], &[]).is_ok(), "{segment:?}");
    }
}

#[test]
fn lengths_are_bounded() {
    assert!(target(&[&"a".repeat(SEGMENT_BYTES)], &[]).is_ok());
    assert_eq!(target(&[&"a".repeat(SEGMENT_BYTES + 1)], &[]), Err(InvalidRequest::TooLong));
    assert_eq!(target(&vec!["a"; PARTS + 1], &[]), Err(InvalidRequest::TooLong));
    assert_eq!(target(&["a"], &vec![("a", "b"); PARTS + 1]), Err(InvalidRequest::TooLong));
    let room = MAX - "/rest/v1/a?b=".len();
    assert_eq!(target(&["a"], &[("b", &"c".repeat(room))]).unwrap().len(), MAX);
    assert_eq!(target(&["a"], &[("b", &"c".repeat(room + 1))]), Err(InvalidRequest::TooLong));
    assert_eq!(target(&["a"], &[("b", &",".repeat(room / 3 + 1))]), Err(InvalidRequest::TooLong));
    assert_eq!(target(&["a"], &[("b", &"c".repeat(MAX)), ("d", "e")]), Err(InvalidRequest::TooLong));
}

#[test]
fn the_query_brings_no_key_of_its_own() {
    for name in ["apikey", "APIKey", " apikey "] {
        assert_eq!(target(&["a"], &[(name, "x")]), Err(InvalidRequest::KeyInQuery), "{name:?}");
    }
    assert_eq!(target(&["a"], &[("a", "\0")]), Err(InvalidRequest::Query));
    assert_eq!(target(&["a"], &[("\0", "a")]), Err(InvalidRequest::Query));
}

proptest! {
    #[test]
    fn segments_and_pairs_are_read_back_as_they_were(
        segments in prop::collection::vec("[^\\p{C}]{1,9}", 0..4),
        query in prop::collection::vec((".{0,9}", ".{0,9}"), 0..4),
    ) {
        let Ok(built) = build(Service::Storage, &segments, &query) else { return Ok(()) };
        prop_assert!(built.bytes().all(|b| b.is_ascii_graphic()));
        let (path, search) = built.split_once('?').map_or((built.as_str(), None), |(p, s)| (p, Some(s)));
        let below = path.strip_prefix("/storage/v1/").unwrap();
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        let read: Vec<_> = below.split('/').filter(|_| !below.is_empty()).map(decoded).collect();
        prop_assert_eq!(read, segments);
        let pairs = search.into_iter().flat_map(|search| search.split('&'));
        let read: Vec<_> = pairs.map(|p| p.split_once('=').unwrap()).map(|(n, v)| (decoded(n), decoded(v))).collect();
        prop_assert_eq!(read, query);
    }
}
