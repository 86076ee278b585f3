//! Why a command failed, and the exit code that says so.

use std::{error::Error, fmt, io, process::ExitCode};

use postern_rewrap::{RewrapError, RewrapFailed};
use postern_rpc::DOMAIN;
use postern_store::StoreError;
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt};

/// Exit codes, as `--help` documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Failed = 1,
    Usage = 2,
    Refused = 3,
    Unavailable = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A message for the operator, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// Says what the operator can do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The message, and what the operator can do.
    pub(crate) fn into_parts(self) -> (String, Option<String>) {
        (self.message, self.hint)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n{hint}"))
    }
}

/// An answer of crypto-service, or the lack of one.
impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        if let Some(info) = status.get_details_error_info().filter(|info| info.domain == DOMAIN) {
            return Self::told(&status, &info);
        }
        match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
                let message = format!("crypto-service does not answer: {}", with_sources(&status));
                Self::new(Exit::Unavailable, message).hint("Check crypto.url and the certificates.")
            }
            Code::Unimplemented => {
                Self::new(Exit::Failed, "crypto-service does not know this call; run one release of both")
            }
            _ => Self::new(Exit::Failed, format!("crypto-service failed: {}", status.message())),
        }
    }
}

impl Failure {
    /// What crypto-service says itself, in its words.
    fn told(status: &Status, info: &ErrorInfo) -> Self {
        let exit = match status.code() {
            Code::Unavailable | Code::DeadlineExceeded => Exit::Unavailable,
            Code::Internal => Exit::Failed,
            _ => Exit::Refused,
        };
        let said = Self::new(exit, status.message());
        match info.metadata.get("hint") {
            Some(hint) => said.hint(hint),
            None if status.code() == Code::PermissionDenied => {
                said.hint("The certificate must name spiffe://<trust domain>/operator.")
            }
            None => said,
        }
    }
}

/// What stopped a connection is at the end of its chain: a refused port, a refused certificate.
fn with_sources(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = status.source();
    while let Some(error) = source {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = error.source();
    }
    text
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Database(cause) => exit_of(cause),
            StoreError::Unreachable(_) | StoreError::Silent | StoreError::Busy => Exit::Unavailable,
            StoreError::Unfit(_) => Exit::Refused,
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

/// Whether trying again may help, or the configuration has to change first.
fn exit_of(error: &sqlx::Error) -> Exit {
    if let Some(error) = error.as_database_error() {
        return exit_of_code(&error.code().unwrap_or_default());
    }
    match error {
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => Exit::Usage,
        // Such as the file of sslrootcert.
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => Exit::Usage,
        _ => Exit::Unavailable,
    }
}

/// By SQLSTATE. Starting, stopping or out of connections: all of that passes.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn exit_of_code(code: &str) -> Exit {
    match code {
        "53300" | "57P01" | "57P02" | "57P03" => Exit::Unavailable,
        _ => Exit::Failed,
    }
}

impl From<RewrapError> for Failure {
    fn from(error: RewrapError) -> Self {
        match error {
            RewrapError::Crypto(RewrapFailed::Unavailable(status) | RewrapFailed::Refused(status)) => {
                Self::from(*status)
            }
            RewrapError::Crypto(RewrapFailed::Answer) => Self::new(Exit::Failed, error.to_string()),
            RewrapError::Store(error) => Self::from(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failed, format!("{error:#}"))
    }
}

#[cfg(test)]
mod tests {
    use postern_rpc::{Problem, Reason};

    use super::*;

    #[test]
    fn each_answer_has_its_exit_code() {
        let cases = [
            (Status::unavailable("down"), Exit::Unavailable),
            (Problem::new(Reason::CallerNotAllowed, "no").into(), Exit::Refused),
            (Problem::new(Reason::KeyNotFound, "no").into(), Exit::Refused),
            (Problem::new(Reason::VersionStale, "no").into(), Exit::Refused),
            (Problem::new(Reason::ReplicaNotReady, "no").into(), Exit::Refused),
            (Problem::new(Reason::KeyringBroken, "no").into(), Exit::Refused),
            (Problem::new(Reason::RootUnavailable, "down").into(), Exit::Unavailable),
            (Problem::internal("a test").into(), Exit::Failed),
            (Status::unimplemented(""), Exit::Failed),
        ];
        for (status, exit) in cases {
            assert_eq!(Failure::from(status.clone()).exit, exit, "{status}");
        }
    }

    #[test]
    fn what_a_service_advises_is_passed_on() {
        let status = Status::from(Problem::new(Reason::KeyState, "It is active.").hint("Disable it first."));
        assert_eq!(Failure::from(status).to_string(), "It is active.\nDisable it first.");
    }

    #[test]
    fn a_database_error_that_passes_is_told_from_a_wrong_configuration() {
        for code in ["53300", "57P01", "57P02", "57P03"] {
            assert_eq!(exit_of_code(code), Exit::Unavailable, "{code}");
        }
        assert_eq!(exit_of_code("28P01"), Exit::Failed);
        assert_eq!(exit_of(&sqlx::Error::Configuration("x".into())), Exit::Usage);
        assert_eq!(exit_of(&sqlx::Error::Tls("x".into())), Exit::Usage);
        for (kind, exit) in
            [(io::ErrorKind::NotFound, Exit::Usage), (io::ErrorKind::ConnectionRefused, Exit::Unavailable)]
        {
            assert_eq!(exit_of(&sqlx::Error::Io(kind.into())), exit);
        }
        assert_eq!(exit_of(&sqlx::Error::PoolTimedOut), Exit::Unavailable);
    }
}
