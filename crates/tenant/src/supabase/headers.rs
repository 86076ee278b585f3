//! Which headers are passed on, in either direction.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::InvalidRequest;

/// Headers of a caller's request that are sent on: what supabase-js 2 sends to REST, storage, functions and auth,
/// except for the key.
const REQUEST: [&str; 18] = [
    "accept",
    "accept-profile",
    "cache-control",
    "content-profile",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "prefer",
    "range",
    "range-unit",
    "x-client-info",
    "x-metadata",
    "x-region",
    "x-supabase-api-version",
    "x-upsert",
    "x-retry-count",
];

/// Headers of an answer that are passed on. `x-relay-error` and `x-supabase-api-version` are what supabase-js reads of
/// functions and auth, `proxy-status` is where PostgREST puts its error's code when there is no body.
const RESPONSE: [&str; 17] = [
    "accept-ranges",
    "cache-control",
    "content-disposition",
    "content-location",
    "content-profile",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
    "location",
    "preference-applied",
    "proxy-status",
    "range-unit",
    "retry-after",
    "x-relay-error",
    "x-sb-error-code",
    "x-supabase-api-version",
];

/// Longest value of a caller's header, in bytes.
const VALUE_BYTES: usize = 4096;

/// The caller's headers that are sent on. All others are dropped without an error: browsers and libraries add headers
/// of their own to each request, and the key's headers are set by us.
pub(super) fn of_request(given: &[(String, String)]) -> Result<HeaderMap, InvalidRequest> {
    let mut sent = HeaderMap::new();
    for (name, value) in given {
        let known = REQUEST.iter().find(|known| name.eq_ignore_ascii_case(known));
        let Some(&known) = known else { continue };
        let value = parse_value(value).ok_or(InvalidRequest::Header(known))?;
        let name = HeaderName::from_static(known);
        if sent.contains_key(&name) && !is_list(known) {
            return Err(InvalidRequest::Header(known));
        }
        sent.append(name, value);
    }
    Ok(sent)
}

/// Whether several lines of this header are equivalent to one with commas.
fn is_list(name: &str) -> bool {
    matches!(name, "accept" | "prefer" | "cache-control")
}

/// Visible characters, spaces and tabs (RFC 9110, section 5.5). Characters that are not ASCII are sent as UTF-8.
fn parse_value(text: &str) -> Option<HeaderValue> {
    let fits = text.len() <= VALUE_BYTES;
    HeaderValue::from_str(text)
        .ok()
        .or_else(|| HeaderValue::from_bytes(text.as_bytes()).ok())
        .filter(|_| fits)
}

/// The headers of an answer that are passed on, each once. Values that are not text are left out.
pub(super) fn of_response(received: &HeaderMap) -> Vec<(&'static str, String)> {
    let texts_of = |name: &&'static str| {
        let name = *name;
        // PostgREST sends the content type of some errors twice.
        let values = received.get_all(name).iter();
        values.filter_map(move |value| Some((name, str::from_utf8(value.as_bytes()).ok()?.to_owned())))
    };
    RESPONSE.iter().flat_map(texts_of).collect()
}

/// Whether the body is as it is, without compression.
pub(super) fn is_identity(received: &HeaderMap) -> bool {
    let plain = |value: &HeaderValue| value.is_empty() || value.as_bytes().eq_ignore_ascii_case(b"identity");
    received.get_all(header::CONTENT_ENCODING).iter().all(plain)
}

/// The length that an answer announces.
pub(super) fn announced_length(received: &HeaderMap) -> Option<u64> {
    received.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
