//! The errors that callers see.

use std::{collections::HashMap, fmt};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::proxy::SqlError;

/// `ErrorInfo.domain` of every error of ours.
pub const DOMAIN: &str = "postern";

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $code:ident;)+) => {
        /// `ErrorInfo.reason`: stable words that a program may act on, each with its status code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// Every reason, for documents and tests.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The status code that goes with it.
            pub const fn code(self) -> Code {
                match self { $(Self::$name => Code::$code,)+ }
            }
        }
    };
}

reasons! {
    /// No valid token came with the request.
    Unauthenticated = "UNAUTHENTICATED", Unauthenticated;
    /// The caller is known and may not call this.
    CallerNotAllowed = "CALLER_NOT_ALLOWED", PermissionDenied;
    /// An issuer's keys cannot be fetched, so that no token of it can be verified.
    IssuerUnavailable = "ISSUER_UNAVAILABLE", Unavailable;
    /// A field is missing, malformed or out of bounds; metadata `field` names it.
    InvalidField = "INVALID_FIELD", InvalidArgument;
    /// The DSN cannot be used.
    InvalidDsn = "INVALID_DSN", InvalidArgument;
    /// A secret is longer than 64 KiB.
    PlaintextTooLarge = "PLAINTEXT_TOO_LARGE", InvalidArgument;
    /// A seal does not open: one reason for every cause.
    SealBroken = "SEAL_BROKEN", InvalidArgument;
    /// The key ring has no key of this id.
    KeyNotFound = "KEY_NOT_FOUND", NotFound;
    /// The key is not in the state that this change starts from.
    KeyState = "KEY_STATE", FailedPrecondition;
    /// A replica has not loaded the key yet.
    ReplicaNotReady = "REPLICA_NOT_READY", FailedPrecondition;
    /// Seals under the key remain, and their loss was not allowed.
    SealsRemain = "SEALS_REMAIN", FailedPrecondition;
    /// The key ring's file is missing, damaged, or of another release.
    KeyringBroken = "KEYRING_BROKEN", FailedPrecondition;
    /// The key ring's file does not follow from the ring in use.
    KeyringForked = "KEYRING_FORKED", FailedPrecondition;
    /// The key ring's folder cannot be read or written.
    KeyringInaccessible = "KEYRING_INACCESSIBLE", FailedPrecondition;
    /// Another change of the key ring is under way.
    KeyringBusy = "KEYRING_BUSY", Aborted;
    /// The key ring is not wrapped by the root that is configured.
    RootMismatch = "ROOT_MISMATCH", FailedPrecondition;
    /// The root refuses crypto-service.
    RootDenied = "ROOT_DENIED", FailedPrecondition;
    /// The root does not answer.
    RootUnavailable = "ROOT_UNAVAILABLE", Unavailable;
    /// A new connection, or a changed endpoint, needs its secret.
    SecretRequired = "SECRET_REQUIRED", FailedPrecondition;
    /// The caller has no connection of this name.
    ConnectionNotFound = "CONNECTION_NOT_FOUND", NotFound;
    /// The connection has changed since the version the caller started from.
    VersionStale = "VERSION_STALE", Aborted;
    /// The owner has as many connections as allowed.
    TooManyConnections = "TOO_MANY_CONNECTIONS", ResourceExhausted;
    /// The tenant's host is not one that may be dialled.
    AddressRefused = "ADDRESS_REFUSED", FailedPrecondition;
    /// The tenant's server cannot be reached.
    TenantUnreachable = "TENANT_UNREACHABLE", Unavailable;
    /// TLS with the tenant's server failed.
    TenantTlsFailed = "TENANT_TLS_FAILED", FailedPrecondition;
    /// The tenant's server refused the sign-in.
    TenantAuthFailed = "TENANT_AUTH_FAILED", FailedPrecondition;
    /// The tenant's server broke its protocol or a bound.
    TenantProtocol = "TENANT_PROTOCOL", Unavailable;
    /// The tenant's server answered the statement with an error; an `SqlError` detail carries it.
    SqlError = "SQL_ERROR", InvalidArgument;
    /// The statement is of a kind that cannot be run here.
    UnsupportedStatement = "UNSUPPORTED_STATEMENT", FailedPrecondition;
    /// The statement took longer than its timeout.
    QueryTimeout = "QUERY_TIMEOUT", DeadlineExceeded;
    /// All connections to the tenant are busy.
    PoolBusy = "POOL_BUSY", ResourceExhausted;
    /// A part of Postern does not answer.
    DependencyUnavailable = "DEPENDENCY_UNAVAILABLE", Unavailable;
    /// A defect of ours; the log has more.
    Internal = "INTERNAL", Internal;
}

/// An error as a caller sees it: a reason, a message that is safe to show, and what to do about it.
///
/// Messages are ours or fixed. The one text of others that crosses the wire is the answer of a tenant's server to
/// the caller's own statement ([`Problem::sql`]).
#[derive(Clone, Debug)]
pub struct Problem {
    reason: Reason,
    message: String,
    hint: Option<String>,
    field: Option<&'static str>,
    sql: Option<Box<SqlError>>,
}

impl Problem {
    /// A problem with a message that is safe to show.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), hint: None, field: None, sql: None }
    }

    /// A field that cannot be used: its name in the proto, and what it should be.
    pub fn field(name: &'static str, message: impl Into<String>) -> Self {
        Self { field: Some(name), ..Self::new(Reason::InvalidField, message) }
    }

    /// The tenant server's own answer to a statement.
    pub fn sql(error: SqlError) -> Self {
        Self { sql: Some(Box::new(error.clone())), ..Self::new(Reason::SqlError, error.message) }
    }

    /// A defect of ours. What happened belongs in the log, not here.
    pub fn internal() -> Self {
        Self::new(Reason::Internal, "Postern failed to handle this request; its log has the cause.")
    }

    /// Says what the caller can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The reason.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What is wrong, safe to show.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.message)
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let mut metadata = HashMap::new();
        if let Some(hint) = &problem.hint {
            metadata.insert("hint".to_owned(), hint.clone());
        }
        if let Some(field) = problem.field {
            metadata.insert("field".to_owned(), field.to_owned());
        }
        let mut details = ErrorDetails::new();
        details.set_error_info(problem.reason.as_str(), DOMAIN, metadata);
        if let Some(field) = problem.field {
            details.add_bad_request_violation(field, problem.message.clone());
        }
        let status = Self::with_error_details(problem.reason.code(), &problem.message, details);
        match problem.sql {
            Some(sql) => with_sql_detail(&status, &sql),
            None => status,
        }
    }
}

/// Appends an `SqlError` to the details: `tonic_types` only knows the details that google.rpc defines.
fn with_sql_detail(status: &Status, sql: &SqlError) -> Status {
    use prost::Message;

    let any = prost_types::Any {
        type_url: "type.googleapis.com/postern.proxy.v1.SqlError".to_owned(),
        value: sql.encode_to_vec(),
    };
    // google.rpc.Status keeps its details in repeated field 3, so that one more may be appended to the bytes.
    let mut details = status.details().to_vec();
    prost::encoding::message::encode(3, &any, &mut details);
    Status::with_details(status.code(), status.message().to_owned(), details.into())
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn reasons_are_distinct_words() {
        let mut words: Vec<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
    }

    #[test]
    fn a_problem_carries_reason_hint_and_field() {
        let status = Status::from(Problem::field("name", "too long").hint("shorten it"));
        let info = status.get_details_error_info().unwrap();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("INVALID_FIELD", "postern"));
        assert_eq!(info.metadata["hint"], "shorten it");
        assert_eq!(info.metadata["field"], "name");
    }

    #[test]
    fn a_tenants_sql_error_is_a_detail_beside_the_reason() {
        let error =
            SqlError { sqlstate: "42P01".into(), message: "no such table".into(), ..SqlError::default() };
        let status = Status::from(Problem::sql(error.clone()));
        let details = tonic_types::pb::Status::decode(status.details()).unwrap().details;
        assert_eq!(status.get_details_error_info().unwrap().reason, "SQL_ERROR");
        let sql = details.iter().find(|any| any.type_url.ends_with("/postern.proxy.v1.SqlError")).unwrap();
        assert_eq!(SqlError::decode(sql.value.as_slice()).unwrap(), error);
    }
}
