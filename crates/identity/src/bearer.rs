//! The bearer token of a request.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::{AuthError, MAX_TOKEN_BYTES};

/// A caller's unverified token, from the only `Authorization` header. Kept for forwarding to other services. It has no
/// `Debug`, and its header is marked as sensitive. Cheap to clone.
#[derive(Clone)]
pub struct BearerToken(HeaderValue);

/// The scheme in forwarded headers. Callers may write it in any case.
const SCHEME: &str = "Bearer ";

impl BearerToken {
    /// Parses the token of a request.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, AuthError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(AuthError::TokenMissing)?;
        if values.next().is_some() {
            return Err(AuthError::TokenMalformed);
        }
        let text = str::from_utf8(value.as_bytes()).map_err(|_| AuthError::TokenMalformed)?;
        let token = token_of(text)?;
        // The usual spelling is forwarded without a copy.
        let mut header = if text.strip_prefix(SCHEME) == Some(token) {
            value.clone()
        } else {
            HeaderValue::try_from(format!("{SCHEME}{token}")).map_err(|_| AuthError::TokenMalformed)?
        };
        header.set_sensitive(true);
        Ok(Self(header))
    }

    /// The token without its scheme: ASCII, not empty, at most [`MAX_TOKEN_BYTES`].
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.0.as_bytes()).ok().and_then(|text| text.strip_prefix(SCHEME)).unwrap_or_default()
    }

    /// The `Authorization` header of a forwarded request.
    pub fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// The token in a header's value.
fn token_of(value: &str) -> Result<&str, AuthError> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case(SCHEME.trim_end()) {
        return Err(AuthError::TokenMissing);
    }
    match token.trim_matches(' ') {
        "" => Err(AuthError::TokenMissing),
        token if token.len() > MAX_TOKEN_BYTES => Err(AuthError::TokenTooLarge),
        token if !token.bytes().all(is_token_byte) => Err(AuthError::TokenMalformed),
        token => Ok(token),
    }
}

/// The characters that RFC 6750 allows in a bearer token (`b64token`).
fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|v| (AUTHORIZATION, HeaderValue::from_str(v).unwrap())).collect()
    }

    #[test]
    fn the_scheme_may_be_written_in_any_case() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "] {
            let token = BearerToken::from_headers(&headers(&[value]));
            assert_eq!(token.ok().as_ref().map(BearerToken::as_str), Some("a.b.c"), "{value}");
        }
    }

    #[test]
    fn anything_but_one_bearer_token_is_refused() {
        use AuthError::{TokenMalformed, TokenMissing, TokenTooLarge};
        let long = format!("Bearer {}", "a".repeat(MAX_TOKEN_BYTES + 1));
        let cases: &[(&[&str], AuthError)] = &[
            (&[], TokenMissing),
            (&["Bearer"], TokenMissing),
            (&["Bearer "], TokenMissing),
            (&["Basic YTpi"], TokenMissing),
            (&["Bearera.b.c"], TokenMissing),
            (&["Bearer a.b.c", "Bearer a.b.c"], TokenMalformed),
            (&["Basic YTpi", "Bearer a.b.c"], TokenMalformed),
            (&["Bearer a.b.c, Bearer d.e.f"], TokenMalformed),
            (&["Bearer a b"], TokenMalformed),
            (&[&long], TokenTooLarge),
        ];
        for (values, expected) in cases {
            let refused = BearerToken::from_headers(&headers(values)).err();
            assert_eq!(refused, Some(*expected), "{} headers", values.len());
        }
    }

    #[test]
    fn a_forwarded_token_has_one_form_and_is_sensitive() {
        for value in ["Bearer a.b.c", "bEARER  a.b.c"] {
            let token = BearerToken::from_headers(&headers(&[value])).ok().unwrap();
            assert_eq!(token.to_header(), "Bearer a.b.c");
            assert!(token.to_header().is_sensitive());
            assert_eq!(format!("{:?}", token.to_header()), "Sensitive");
        }
    }
}
