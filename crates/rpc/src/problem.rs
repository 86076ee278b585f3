//! The errors that callers see.

use std::{collections::HashMap, error::Error, fmt, sync::Arc, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::proxy::SqlError;

/// `ErrorInfo.domain` of every error that Postern reports.
pub const DOMAIN: &str = "postern";

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $code:ident;)+) => {
        /// `ErrorInfo.reason`: stable words that a program may act on, each with its status code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The reason as sent in `ErrorInfo`.
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
    /// The request has no valid token.
    Unauthenticated = "UNAUTHENTICATED", Unauthenticated;
    /// The caller is identified but not allowed to call this.
    CallerNotAllowed = "CALLER_NOT_ALLOWED", PermissionDenied;
    /// An issuer's keys cannot be fetched, so its tokens cannot be verified.
    IssuerUnavailable = "ISSUER_UNAVAILABLE", Unavailable;
    /// A field is missing, malformed or out of bounds; metadata `field` names it.
    InvalidField = "INVALID_FIELD", InvalidArgument;
    /// The DSN cannot be used.
    InvalidDsn = "INVALID_DSN", InvalidArgument;
    /// The key is not one of the project's, or not of the sort that its field is for.
    InvalidKey = "INVALID_KEY", InvalidArgument;
    /// A secret is longer than 64 KiB.
    PlaintextTooLarge = "PLAINTEXT_TOO_LARGE", InvalidArgument;
    /// A seal cannot be opened. All causes share this reason.
    SealBroken = "SEAL_BROKEN", InvalidArgument;
    /// The key ring has no key with this id.
    KeyNotFound = "KEY_NOT_FOUND", NotFound;
    /// The key is not in the state that this change starts from.
    KeyState = "KEY_STATE", FailedPrecondition;
    /// A replica has not loaded the key yet.
    ReplicaNotReady = "REPLICA_NOT_READY", FailedPrecondition;
    /// Seals under the key remain, and their loss was not allowed.
    SealsRemain = "SEALS_REMAIN", FailedPrecondition;
    /// The key ring's file is missing, damaged, or of another release.
    KeyringBroken = "KEYRING_BROKEN", FailedPrecondition;
    /// The key ring's file was not made from the ring in use: it was restored, or it is another ring.
    KeyringForked = "KEYRING_FORKED", FailedPrecondition;
    /// The key ring's folder cannot be read or written.
    KeyringInaccessible = "KEYRING_INACCESSIBLE", FailedPrecondition;
    /// Another change of the key ring is in progress.
    KeyringBusy = "KEYRING_BUSY", Aborted;
    /// The key ring is not wrapped by the root that is configured.
    RootMismatch = "ROOT_MISMATCH", FailedPrecondition;
    /// The root refused access.
    RootDenied = "ROOT_DENIED", FailedPrecondition;
    /// The root is unavailable.
    RootUnavailable = "ROOT_UNAVAILABLE", Unavailable;
    /// A new connection, or a changed endpoint, needs its secret.
    SecretRequired = "SECRET_REQUIRED", FailedPrecondition;
    /// The caller has no connection of this name.
    ConnectionNotFound = "CONNECTION_NOT_FOUND", NotFound;
    /// An operator has withdrawn the caller's access.
    AccessWithdrawn = "ACCESS_WITHDRAWN", PermissionDenied;
    /// An operator has withdrawn the connection, or the host where it leads.
    ConnectionWithdrawn = "CONNECTION_WITHDRAWN", PermissionDenied;
    /// The connection has changed since the version the caller started from.
    VersionStale = "VERSION_STALE", Aborted;
    /// The owner has as many connections as allowed.
    TooManyConnections = "TOO_MANY_CONNECTIONS", ResourceExhausted;
    /// Connections to the tenant's host are not allowed.
    AddressRefused = "ADDRESS_REFUSED", FailedPrecondition;
    /// The tenant's server cannot be reached.
    TenantUnreachable = "TENANT_UNREACHABLE", Unavailable;
    /// TLS with the tenant's server failed.
    TenantTlsFailed = "TENANT_TLS_FAILED", FailedPrecondition;
    /// The tenant's server refused the sign-in.
    TenantAuthFailed = "TENANT_AUTH_FAILED", FailedPrecondition;
    /// The tenant's server violated the protocol or a limit.
    TenantProtocol = "TENANT_PROTOCOL", Unavailable;
    /// The tenant's server rejected the statement; the error is in an `SqlError` detail.
    SqlError = "SQL_ERROR", InvalidArgument;
    /// The statement is of a kind that cannot be run here.
    UnsupportedStatement = "UNSUPPORTED_STATEMENT", FailedPrecondition;
    /// The connection is read-only.
    ReadOnly = "READ_ONLY", FailedPrecondition;
    /// The connection does not allow this service of the project.
    ServiceDisabled = "SERVICE_DISABLED", FailedPrecondition;
    /// The project's answer is longer than allowed.
    ResponseTooLarge = "RESPONSE_TOO_LARGE", ResourceExhausted;
    /// The statement took longer than its timeout.
    QueryTimeout = "QUERY_TIMEOUT", DeadlineExceeded;
    /// All connections to the tenant are busy.
    PoolBusy = "POOL_BUSY", ResourceExhausted;
    /// The tenant's server has no connections left.
    TenantBusy = "TENANT_BUSY", ResourceExhausted;
    /// This user has too many calls in progress.
    TooManyRequests = "TOO_MANY_REQUESTS", ResourceExhausted;
    /// Postern itself is at a limit.
    ServerBusy = "SERVER_BUSY", ResourceExhausted;
    /// A part of Postern is unavailable.
    DependencyUnavailable = "DEPENDENCY_UNAVAILABLE", Unavailable;
    /// A bug in Postern. The cause is in its log.
    Internal = "INTERNAL", Internal;
}

/// An error as a caller sees it: a reason, a message that is safe to show, and what to do about it.
///
/// Messages are written by Postern. The only foreign text sent to callers is the tenant server's error for the caller's
/// own statement ([`Problem::sql`]).
#[derive(Clone, Debug)]
pub struct Problem {
    reason: Reason,
    message: String,
    hint: Option<String>,
    field: Option<&'static str>,
    sql: Option<Box<SqlError>>,
    retry_after: Option<Duration>,
    cause: Option<Arc<Cause>>,
}

/// Why a problem occurred, for the log. It is the source of the status, which is not sent to the caller.
#[derive(Debug)]
struct Cause(String);

impl Problem {
    /// A problem with a message that is safe to show.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            hint: None,
            field: None,
            sql: None,
            retry_after: None,
            cause: None,
        }
    }

    /// An invalid field: its name in the proto, and a message that says what it should be.
    pub fn field(name: &'static str, message: impl Into<String>) -> Self {
        Self { field: Some(name), ..Self::new(Reason::InvalidField, message) }
    }

    /// An operator has denied the caller: the user, the token, or everyone of its issuer.
    pub fn access_withdrawn() -> Self {
        Self::new(Reason::AccessWithdrawn, "An operator of Postern has withdrawn your access.")
            .hint("Sign in again; if that does not help, ask the operator. Your connections are kept.")
    }

    /// An operator has denied a connection, or its host.
    pub fn connection_withdrawn() -> Self {
        Self::new(
            Reason::ConnectionWithdrawn,
            "An operator of Postern has withdrawn this connection, or the host it leads to.",
        )
        .hint("Your other connections still work. Ask the operator why.")
    }

    /// The tenant server's error for a statement.
    pub fn sql(error: SqlError) -> Self {
        Self { sql: Some(Box::new(error.clone())), ..Self::new(Reason::SqlError, error.message) }
    }

    /// A bug in Postern. The cause is logged when the call ends, and not sent to the caller.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Reason::Internal, "Postern failed to handle this request; its log has the cause.")
            .because(cause)
    }

    /// Why it occurred: logged when the call ends, and not sent to the caller. It must not contain SQL, parameters,
    /// rows, tokens, secrets or a tenant's address.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(Arc::new(Cause(cause.to_string())));
        self
    }

    /// Sets how long the caller should wait before trying again.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Sets the name of the invalid field.
    #[must_use]
    pub fn in_field(mut self, name: &'static str) -> Self {
        self.field = Some(name);
        self
    }

    /// Sets what the caller can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The reason.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What the caller can do about it, if known.
    pub fn remedy(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What is wrong. Safe to show.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Why it occurred. For the log only.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_ref().map(|cause| cause.0.as_str())
    }
}

/// The cause of the problem that this status was made from, for the log only.
pub fn cause_of(status: &Status) -> Option<&str> {
    status.source()?.downcast_ref::<Cause>().map(|cause| cause.0.as_str())
}

/// Describes the failure of a call to another service: code, message and underlying errors, such as a refused
/// connection. For the log only.
pub fn describe(status: &Status) -> String {
    format!("{:?}: {}", status.code(), with_sources(status))
}

/// The message of a status and the chain of its sources, which ends with why a connection failed. For the log, and for
/// operators.
pub fn with_sources(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = status.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Errors often repeat the text of their source.
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
        source = error.source();
    }
    text
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Cause {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.message)
    }
}

impl Error for Problem {}

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
        if let Some(delay) = problem.retry_after {
            details.set_retry_info(Some(delay));
        }
        let mut status = Self::with_error_details(problem.reason.code(), &problem.message, details);
        if let Some(sql) = problem.sql {
            status = with_sql_detail(&status, &sql);
        }
        if let Some(cause) = problem.cause {
            status.set_source(cause);
        }
        status
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

    /// The console's tests have the same list, to see that each reason has a title.
    #[test]
    fn reasons_are_those_of_the_vectors() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/reasons.json");
        let listed: Vec<String> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(Reason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>(), listed);
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
    fn a_cause_reaches_the_log_and_not_the_wire() {
        let problem = Problem::internal("canary one");
        assert_eq!(cause_of(&problem.clone().into()), Some("canary one"));
        let unavailable = Problem::new(Reason::DependencyUnavailable, "Try later.").because("canary two");
        let sql = Problem::sql(SqlError::default()).because("canary three");
        for problem in [problem, unavailable, sql] {
            let response = Status::from(problem).into_http::<()>();
            assert!(
                cause_of(response.extensions().get().unwrap()).is_some_and(|cause| cause.contains("canary"))
            );
            let received = Status::from_header_map(response.headers()).unwrap();
            let details = String::from_utf8_lossy(received.details()).into_owned();
            let wire = format!("{:?} {} {details}", response.headers(), received.message());
            assert!(!wire.contains("canary"), "{wire}");
            assert_eq!(cause_of(&received), None);
        }
    }

    #[test]
    fn a_delay_before_the_next_try_is_a_detail() {
        let status =
            Status::from(Problem::new(Reason::ServerBusy, "busy").retry_after(Duration::from_secs(2)));
        assert_eq!(status.code(), Code::ResourceExhausted);
        let retry = status.get_details_retry_info().unwrap();
        assert_eq!(retry.retry_delay, Some(Duration::from_secs(2)));
        assert_eq!(status.get_details_error_info().unwrap().reason, "SERVER_BUSY");
    }

    #[test]
    fn a_failed_call_is_described_down_to_the_error_beneath_it() {
        let mut status = Status::unavailable("tcp connect error");
        status.set_source(Arc::new(std::io::Error::other("connection refused")));
        assert_eq!(describe(&status), "Unavailable: tcp connect error: connection refused");
    }

    /// As tonic makes it of a failure of the connector.
    #[test]
    fn a_failed_call_is_described_without_repetition() {
        #[derive(Debug)]
        struct Transport(std::io::Error);
        impl fmt::Display for Transport {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("transport error")
            }
        }
        impl Error for Transport {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let mut status = Status::unavailable("connection refused");
        status.set_source(Arc::new(Transport(std::io::Error::other("connection refused"))));
        assert_eq!(describe(&status), "Unavailable: connection refused: transport error");
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
