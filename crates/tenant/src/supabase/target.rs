//! Path and query of a request, built from their parts.
//!
//! A gateway, a proxy and a service may each decode the path. A segment that would not stay one segment however often
//! it is decoded is refused. Everything but unreserved characters (RFC 3986, section 2.3) is encoded.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{InvalidRequest, Service};

/// Longest path and query, in bytes. Gateways in front of Supabase accept no longer ones.
pub(super) const MAX: usize = 16 * 1024;

/// Most segments, and most pairs in the query.
const PARTS: usize = 256;

/// Longest segment, in bytes before encoding: that of a storage object's name.
const SEGMENT_BYTES: usize = 1024;

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `/rest/v1/orders?select=id`. Without segments, the service's root: `/rest/v1/`.
pub(super) fn build(
    service: Service,
    segments: &[String],
    query: &[(String, String)],
) -> Result<String, InvalidRequest> {
    if segments.len() > PARTS || query.len() > PARTS {
        return Err(InvalidRequest::TooLong);
    }
    let mut target = service.prefix().to_owned();
    for segment in segments {
        check_segment(segment)?;
        target.push('/');
        push(&mut target, segment)?;
    }
    if segments.is_empty() {
        target.push('/');
    }
    for (number, (name, value)) in query.iter().enumerate() {
        check_pair(name, value)?;
        target.push(if number == 0 { '?' } else { '&' });
        push(&mut target, name)?;
        target.push('=');
        push(&mut target, value)?;
    }
    if target.len() <= MAX { Ok(target) } else { Err(InvalidRequest::TooLong) }
}

/// Encodes a part, and stops once it is too long.
fn push(target: &mut String, part: &str) -> Result<(), InvalidRequest> {
    if part.len() > MAX - target.len().min(MAX) {
        return Err(InvalidRequest::TooLong);
    }
    target.extend(utf8_percent_encode(part, RESERVED));
    Ok(())
}

/// Checks a segment, and what it becomes with each further decoding. Each decoding makes it shorter, so their number is
/// at most half its length in bytes.
fn check_segment(segment: &str) -> Result<(), InvalidRequest> {
    if segment.len() > SEGMENT_BYTES {
        return Err(InvalidRequest::TooLong);
    }
    let mut text = Cow::Borrowed(segment);
    loop {
        if matches!(&*text, "" | "." | "..") || text.contains(is_forbidden) {
            return Err(InvalidRequest::Segment);
        }
        let decoded = percent_decode_str(&text).decode_utf8_lossy();
        if decoded == text {
            return Ok(());
        }
        text = Cow::Owned(decoded.into_owned());
    }
}

fn is_forbidden(c: char) -> bool {
    matches!(c, '/' | '\\') || c.is_control()
}

fn check_pair(name: &str, value: &str) -> Result<(), InvalidRequest> {
    if name.contains('\0') || value.contains('\0') {
        return Err(InvalidRequest::Query);
    }
    if name.trim().eq_ignore_ascii_case("apikey") {
        return Err(InvalidRequest::KeyInQuery);
    }
    Ok(())
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
