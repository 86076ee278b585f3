//! Errors of verification.

use std::sync::Arc;

/// Why a token was refused. The messages are safe to show and contain no part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No `Authorization` header.
    #[error("no token was sent; sign in, and send 'Authorization: Bearer <token>'")]
    TokenMissing,
    /// The token is longer than [`crate::MAX_TOKEN_BYTES`].
    #[error("the token is longer than 8 KiB; configure the issuer to set fewer claims")]
    TokenTooLarge,
    /// Not a signed JWT, a claim of the wrong type, or a header parameter that changes the meaning of a token.
    #[error("the token is not a well-formed signed JWT; sign in again")]
    TokenMalformed,
    /// No configured issuer has the token's `iss`.
    #[error("this service does not trust the token's issuer; sign in with a configured issuer")]
    IssuerUnknown,
    /// The issuer's key set has no key with the token's `kid`.
    #[error("the token is signed with a key that its issuer does not publish; sign in again")]
    KeyUnknown,
    /// The token's `alg` is not the algorithm of its key.
    #[error("the token's algorithm is not the one of its issuer's key; sign in again")]
    AlgorithmRefused,
    /// The signature does not verify.
    #[error("the token's signature is not valid; sign in again")]
    SignatureInvalid,
    /// No `exp`.
    #[error("the token has no expiry; configure the issuer to set 'exp'")]
    ExpiryMissing,
    /// After `exp` plus the leeway.
    #[error("the token has expired; sign in again or refresh it")]
    TokenExpired,
    /// Before `nbf` minus the leeway.
    #[error("the token is not valid yet; check the clock of this machine and of the issuer")]
    TokenNotYetValid,
    /// `aud` does not contain the configured audience.
    #[error("the token is for another service; request one with this service's audience")]
    AudienceWrong,
    /// `sub` is missing, empty, too long, or not of the configured form.
    #[error("the token's subject is missing or not of the configured form; sign in as a user")]
    SubjectInvalid,
    /// Its lifetime is longer than the configuration allows, as with API keys.
    #[error(
        "the token is valid for longer than this service accepts; sign in to get one that expires sooner"
    )]
    LifetimeTooLong,
    /// A claim is not as the configuration requires, as with API keys and anonymous users.
    #[error(
        "the token's claims do not meet this service's rules; sign in with an account of your own (API keys and \
         anonymous sessions are not accepted)"
    )]
    ClaimRefused,
    /// Too many tokens with wrong signatures came from the caller's address.
    #[error("too many invalid tokens came from this address; try again in a few seconds")]
    TooManyFailures,
    /// The issuer's key set could not be fetched yet.
    #[error("the issuer's keys cannot be fetched at the moment; try again in a few seconds")]
    KeysUnavailable,
}

impl AuthError {
    /// A stable identifier for programs, metrics and tests.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TokenMissing => "TOKEN_MISSING",
            Self::TokenTooLarge => "TOKEN_TOO_LARGE",
            Self::TokenMalformed => "TOKEN_MALFORMED",
            Self::IssuerUnknown => "ISSUER_UNKNOWN",
            Self::KeyUnknown => "KEY_UNKNOWN",
            Self::AlgorithmRefused => "ALGORITHM_REFUSED",
            Self::SignatureInvalid => "SIGNATURE_INVALID",
            Self::ExpiryMissing => "EXPIRY_MISSING",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::TokenNotYetValid => "TOKEN_NOT_YET_VALID",
            Self::AudienceWrong => "AUDIENCE_WRONG",
            Self::SubjectInvalid => "SUBJECT_INVALID",
            Self::LifetimeTooLong => "LIFETIME_TOO_LONG",
            Self::ClaimRefused => "CLAIM_REFUSED",
            Self::TooManyFailures => "TOO_MANY_FAILURES",
            Self::KeysUnavailable => "KEYS_UNAVAILABLE",
        }
    }

    /// Whether the token itself may be fine, so that trying again may help.
    pub const fn is_unavailable(self) -> bool {
        matches!(self, Self::KeysUnavailable)
    }
}

/// A refused token, with what was verified about it before the refusal. For the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub error: AuthError,
    /// The token's issuer, if its signature is valid.
    pub issuer: Option<Arc<str>>,
}

impl From<AuthError> for Refused {
    fn from(error: AuthError) -> Self {
        Self { error, issuer: None }
    }
}
