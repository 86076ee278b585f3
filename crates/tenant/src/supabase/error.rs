//! What can go wrong between us and a project.

use postern_egress::{EgressError, tls::TlsError};

use super::{Method, Service, request::REQUEST_BODY_BYTES, target};

/// Why a project gave no answer, or why none was asked for. The messages are fixed and safe to show.
///
/// An error that the project reports is not one of these: it is a response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SupabaseError {
    /// The host was not dialled, or did not answer.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// TLS could not be set up, or the certificate is not valid.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The request cannot be sent as it is.
    #[error(transparent)]
    Request(#[from] InvalidRequest),
    /// The host accepted the connection but did not finish TLS in time.
    #[error(
        "the host accepted the connection but did not finish TLS in time; check that the URL is a project's"
    )]
    Unanswered,
    /// A deadline passed.
    #[error("the project did not answer in time; make the request cheaper, or allow it more time")]
    Timeout,
    /// A redirect other than 304.
    #[error("the project answered with a redirect, which is not followed; check the connection's URL")]
    Redirected,
    /// `Content-Encoding`, although only `identity` was accepted.
    #[error(
        "the project sent a compressed answer although none was asked for; turn compression off in front of it"
    )]
    Encoded,
    /// More headers, or longer ones, than are read.
    #[error("the headers of the project's answer are longer than allowed")]
    HeadTooLarge,
    /// The body is longer than allowed.
    #[error("the answer is longer than allowed; select fewer columns, or set a limit or a range")]
    BodyTooLarge,
    /// The answer is not HTTP/1.1.
    #[error("the answer is not valid HTTP; check that the connection's URL is that of a Supabase project")]
    Protocol,
    /// The connection ended before any byte of the request was sent.
    #[error("the connection to the project had ended; try again")]
    Unsent,
    /// The connection ended in the middle of the request or of its answer.
    #[error("the project closed the connection before its answer was complete; try again")]
    Closed,
}

/// Why a request is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// A segment that is empty, `.` or `..`, or that contains a separator or a control character, even if encoded.
    #[error(
        "a path segment is empty, '.' or '..', or holds a '/', '\\', control character, or an encoding of one"
    )]
    Segment,
    /// The path and the query are too long, or have too many parts.
    #[error(
        "the path and query are longer than {} bytes; filter by fewer values, or call a function",
        target::MAX
    )]
    TooLong,
    /// A NUL in the query, which no database takes.
    #[error("a query parameter holds a NUL character")]
    Query,
    /// `apikey` as a query parameter, which some gateways take for the key.
    #[error("the key is set by the server; leave out the query parameter 'apikey'")]
    KeyInQuery,
    /// A header that could end its line, or that occurs twice.
    #[error("the header '{0}' holds a control character, is too long or occurs twice")]
    Header(&'static str),
    /// A GET or HEAD request with a body.
    #[error("GET and HEAD requests have no body")]
    BodyNotAllowed,
    /// The body is too long.
    #[error("the request's body is longer than {REQUEST_BODY_BYTES} bytes; send it in several requests")]
    BodyTooLarge,
    /// A method other than GET and HEAD on a read-only connection.
    #[error("this connection is read-only: only GET and HEAD are sent")]
    ReadOnly {
        /// Whether it is a call of a function, which may be one that only reads.
        rpc: bool,
    },
    /// The service is not switched on in the connection.
    #[error("this connection does not use {}; switch it on in the connection's settings", .0.prefix())]
    ServiceOff(Service),
    /// The secret key would take the place of the missing user.
    #[error(
        "this connection passes the user's own token on, and the request has none; without it, the secret key would \
         bypass the project's row level security"
    )]
    UserTokenMissing,
    /// The user's token is not a JWT.
    #[error("the user's token is not a JWT; pass the access token of the project's session")]
    UserToken,
}

impl SupabaseError {
    /// What a person can do, if the message does not say so.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Request(InvalidRequest::ReadOnly { rpc: true }) => Some(
                "a function that only reads can be called with GET: rpc(name, args, { get: true }); otherwise, turn \
                 read-only off in the connection's settings",
            ),
            Self::Request(InvalidRequest::ReadOnly { rpc: false }) => {
                Some("turn read-only off in the connection's settings to send it")
            }
            Self::Egress(EgressError::NameNotFound) => Some(
                "the project may be paused or deleted: restore it in the Supabase dashboard, or correct the project URL",
            ),
            _ => None,
        }
    }

    /// Whether the request may be sent again over a new connection. This is so only if no byte of it was sent, so that
    /// a write never runs twice.
    pub fn may_retry(&self, method: Method) -> bool {
        match self {
            Self::Unsent => true,
            Self::Closed => method.is_read(),
            _ => false,
        }
    }

    /// Whether all callers that wait for the same connection would fail the same way. Each has a deadline of its own.
    pub fn is_shared(&self) -> bool {
        !matches!(self, Self::Timeout | Self::Request(_))
    }
}
