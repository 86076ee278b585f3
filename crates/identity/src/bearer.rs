//! The token in a request's headers.

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use crate::{AuthError, MAX_TOKEN_BYTES};

/// The token of the one `Authorization` header. The scheme may be written in any case.
pub fn bearer(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthError::TokenMissing)?;
    if values.next().is_some() {
        return Err(AuthError::TokenMalformed);
    }
    let text = value.to_str().map_err(|_| AuthError::TokenMalformed)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthError::TokenMissing);
    }
    match token.trim_matches(' ') {
        "" => Err(AuthError::TokenMissing),
        token if token.len() > MAX_TOKEN_BYTES => Err(AuthError::TokenTooLarge),
        token if !token.bytes().all(is_token_byte) => Err(AuthError::TokenMalformed),
        token => Ok(token),
    }
}

/// What RFC 6750 allows in a bearer token (`b64token`).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// A caller's token, kept to forward it to the next service. It has no `Debug`, and its header is marked
/// as sensitive.
#[derive(Clone)]
pub struct BearerToken(HeaderValue);

impl BearerToken {
    /// Takes the token of a request; see [`bearer`].
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, AuthError> {
        let token = bearer(headers)?;
        let mut header =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| AuthError::TokenMalformed)?;
        header.set_sensitive(true);
        Ok(Self(header))
    }

    /// The `Authorization` header of a forwarded request.
    pub fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }
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
            assert_eq!(bearer(&headers(&[value])), Ok("a.b.c"), "{value}");
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
            assert_eq!(bearer(&headers(values)), Err(*expected), "{} headers", values.len());
        }
    }

    #[test]
    fn a_forwarded_token_has_one_form_and_is_sensitive() {
        let token = BearerToken::from_headers(&headers(&["bEARER  a.b.c"])).ok().unwrap();
        assert_eq!(token.to_header(), "Bearer a.b.c");
        assert!(token.to_header().is_sensitive());
        assert_eq!(format!("{:?}", token.to_header()), "Sensitive");
    }
}
