//! Why a command failed, and the exit code that says so.

use std::{fmt, io, process::ExitCode};

use postern_rewrap::{RewrapError, RewrapFailed};
use postern_rpc::{DOMAIN, with_sources};
use postern_store::{Remedy, StoreError};
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

/// A message for the operator, and the exit code of the process.
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

    /// Adds what the operator can do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Changes the message.
    pub(crate) fn with_message(self, change: impl FnOnce(String) -> String) -> Self {
        Self { message: change(self.message), ..self }
    }

    /// The message and the hint.
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

/// The outcome of a call that crypto-service refused, or that did not reach it.
impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        if let Some(info) = status.get_details_error_info().filter(|info| info.domain == DOMAIN) {
            return Self::answered(&status, &info);
        }
        match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
                let message = format!("crypto-service does not answer: {}", with_sources(&status));
                Self::new(Exit::Unavailable, message).hint("Check crypto.url and the certificates.")
            }
            Code::Unimplemented => Self::new(
                Exit::Failed,
                "crypto-service does not know this call; run the same release of both",
            ),
            _ => Self::new(Exit::Failed, format!("crypto-service failed: {}", status.message())),
        }
    }
}

impl Failure {
    /// An error that crypto-service itself returned: its message and its hint.
    fn answered(status: &Status, info: &ErrorInfo) -> Self {
        let exit = match status.code() {
            Code::Unavailable | Code::DeadlineExceeded => Exit::Unavailable,
            Code::Internal => Exit::Failed,
            _ => Exit::Refused,
        };
        let failure = Self::new(exit, status.message());
        match info.metadata.get("hint") {
            Some(hint) => failure.hint(hint),
            None if status.code() == Code::PermissionDenied => {
                failure.hint("The certificate must name spiffe://<trust domain>/operator.")
            }
            None => failure,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error.remedy() {
            Remedy::Configure => Exit::Usage,
            Remedy::Retry => Exit::Unavailable,
            Remedy::Prepare => Exit::Refused,
            Remedy::Unknown => Exit::Failed,
        };
        Self::new(exit, error.to_string())
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
    fn a_services_hint_is_passed_on() {
        let status = Status::from(Problem::new(Reason::KeyState, "It is active.").hint("Disable it first."));
        assert_eq!(Failure::from(status).to_string(), "It is active.\nDisable it first.");
    }
}
