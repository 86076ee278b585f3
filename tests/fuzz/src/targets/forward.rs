//! Whatever the parts of a request hold, its path stays below its service and means the same to everyone who reads it.

use http::uri::PathAndQuery;
use postern_tenant::supabase::{Method, Request, Service};

use crate::Verdict;

/// Splits the input at line feeds: the first byte chooses the service, lines with a `=` are pairs of the query, all
/// others are segments.
pub fn check(input: &[u8]) -> Verdict {
    let Some((first, rest)) = input.split_first() else { return Verdict::Refused };
    let Ok(text) = str::from_utf8(rest) else { return Verdict::Refused };
    let service = Service::ALL[usize::from(*first) % Service::ALL.len()];
    let mut request = Request::new(Method::Get, service, [""; 0]);
    for line in text.split('\n') {
        match line.split_once('=') {
            Some((name, value)) => request.query.push((name.into(), value.into())),
            None => request.segments.push(line.into()),
        }
    }
    let built = request.target();
    if let Ok(target) = &built {
        is_plain(target);
        stays_where_it_is(&request, target);
        keeps_its_query(&request, target);
    }
    Verdict::of(&built)
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "\0orders\nselect=id,total\nid=eq.1", "\0rpc\ntotal", "\x01object\npublic\nmy file (1).png", "\x02..\nadmin", "\x03%2e%2e\nx",
        "\0a%252fb", "\0a/b", "\0a\\b", "\x00100%\n%zz", "\0orders\napikey=x", "\0a\nb=\0", "\0a;b?c#d", "\0\n", "\0é\n=\n&=&",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn is_plain(target: &str) {
    assert!(target.len() <= 16 * 1024 && target.starts_with('/') && !target.starts_with("//"), "{target:?}");
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~/%?&=".contains(&b);
    assert!(target.bytes().all(allowed), "{target:?}");
    let parsed: PathAndQuery = target.parse().unwrap_or_else(|_| panic!("{target:?} cannot be asked for"));
    assert_eq!(parsed.as_str(), target);
}

/// However often the path is decoded, it has the same segments, and none of them leads elsewhere.
fn stays_where_it_is(request: &Request, target: &str) {
    let path = target.split('?').next().unwrap_or_default();
    let below = path.strip_prefix(request.service.prefix()).and_then(|path| path.strip_prefix('/'));
    let below = below.unwrap_or_else(|| panic!("{target:?} left its service"));
    let expected = request.segments.len().max(1);
    let mut path = below.as_bytes().to_vec();
    loop {
        let segments: Vec<_> = path.split(|&b| b == b'/').collect();
        assert_eq!(segments.len(), expected, "{target:?}");
        for segment in segments {
            assert!(!matches!(segment, b"." | b".."), "{target:?}");
            assert!(!segment.contains(&b'\\') && !segment.contains(&0), "{target:?}");
            assert!(!segment.is_empty() || request.segments.is_empty(), "{target:?}");
        }
        let decoded = decoded(&path);
        if decoded == path {
            return;
        }
        path = decoded;
    }
}

fn keeps_its_query(request: &Request, target: &str) {
    let query = target.split_once('?').map(|(_, query)| query);
    let pairs: Vec<_> = query.into_iter().flat_map(|query| query.split('&')).collect();
    assert_eq!(pairs.len(), request.query.len(), "{target:?}");
    for (pair, (name, value)) in pairs.iter().zip(&request.query) {
        let (read_name, read_value) = pair.split_once('=').unwrap_or_else(|| panic!("{target:?} lost a '='"));
        assert_eq!(decoded(read_name.as_bytes()), name.as_bytes());
        assert_eq!(decoded(read_value.as_bytes()), value.as_bytes());
        assert!(!name.eq_ignore_ascii_case("apikey"), "{target:?}");
    }
}

/// One decoding: `%XX` is the byte of this number, everything else is itself.
fn decoded(bytes: &[u8]) -> Vec<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, digit(at + 1), digit(at + 2)) {
            found.push(high << 4 | low);
            at += 3;
        } else {
            found.push(byte);
            at += 1;
        }
    }
    found
}
