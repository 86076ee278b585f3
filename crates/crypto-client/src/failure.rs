//! Maps a failed call to the error that the user sees and the log line that the operator needs.

use postern_rpc::{DOMAIN, Problem, Reason, with_sources};
use tonic::Status;
use tonic_types::StatusExt;

/// The purpose of a call, which decides the message that the user sees.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Seal,
    Open,
}

/// Logs a failed call with its causes, and returns the problem that the user sees.
pub(crate) fn problem(status: &Status, purpose: Purpose) -> Problem {
    log(status, purpose);
    match answered(status).as_deref() {
        Some(reason) => of_reason(reason, purpose),
        // Not from crypto-service: it was not reached, the connection broke, or another program responded.
        None => unavailable(purpose),
    }
}

/// Maps a reason from crypto-service, for a call or for one item of a batch.
pub(crate) fn of_reason(reason: &str, purpose: Purpose) -> Problem {
    match Reason::ALL.iter().copied().find(|known| known.as_str() == reason) {
        Some(Reason::Unauthenticated) => {
            Problem::new(Reason::Unauthenticated, "The token is no longer valid; sign in again.")
        }
        Some(Reason::SealBroken) if matches!(purpose, Purpose::Open) => {
            Problem::new(Reason::SealBroken, "The stored secret cannot be opened.")
                .hint("Save the connection again with its password or key.")
        }
        // A configuration error; the user can only wait until an operator fixes it.
        Some(
            Reason::CallerNotAllowed
            | Reason::IssuerUnavailable
            | Reason::RootUnavailable
            | Reason::DependencyUnavailable
            | Reason::KeyringBroken
            | Reason::KeyringInaccessible,
        ) => unavailable(purpose),
        _ => Problem::internal(format_args!("crypto-service refused: {reason}")),
    }
}

fn unavailable(purpose: Purpose) -> Problem {
    let message = match purpose {
        Purpose::Seal => "Secrets cannot be sealed at the moment; nothing was saved.",
        Purpose::Open => "Stored secrets cannot be opened at the moment.",
    };
    Problem::new(Reason::DependencyUnavailable, message).hint("Try again in a minute.")
}

/// The reason, if crypto-service itself returned the error.
pub(crate) fn answered(status: &Status) -> Option<String> {
    let info = status.get_details_error_info()?;
    (info.domain == DOMAIN).then_some(info.reason)
}

fn log(status: &Status, purpose: Purpose) {
    let (code, cause) = (status.code(), with_sources(status));
    let call = match purpose {
        Purpose::Seal => "seal a secret",
        Purpose::Open => "open a seal",
    };
    let refused_by_name = answered(status).as_deref() == Some(Reason::CallerNotAllowed.as_str());
    if refused_by_name || cause.contains(ALERT) {
        tracing::error!(?code, call, "crypto-service refused our certificate: {cause}");
    } else if answered(status).is_some() {
        tracing::warn!(?code, call, "crypto-service refused: {cause}");
    } else {
        tracing::error!(?code, call, "crypto-service cannot be used: {cause}");
    }
}

/// rustls' text for a TLS alert from the peer. tonic keeps only the text of what ended a connection.
const ALERT: &str = "received fatal alert";

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn a_call_without_an_answer_of_crypto_service_is_never_internal() {
        for code in (0..=16).map(Code::from).filter(|code| *code != Code::Ok) {
            for purpose in [Purpose::Seal, Purpose::Open] {
                let problem = problem(&Status::new(code, "transport error"), purpose);
                assert_eq!(problem.reason(), Reason::DependencyUnavailable, "{code:?}");
            }
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let told = |reason, purpose| problem(&Problem::new(reason, "x").into(), purpose).reason();
        for purpose in [Purpose::Seal, Purpose::Open] {
            assert_eq!(told(Reason::Unauthenticated, purpose), Reason::Unauthenticated);
            assert_eq!(told(Reason::CallerNotAllowed, purpose), Reason::DependencyUnavailable);
            assert_eq!(told(Reason::IssuerUnavailable, purpose), Reason::DependencyUnavailable);
            assert_eq!(told(Reason::InvalidField, purpose), Reason::Internal);
            assert_eq!(told(Reason::Internal, purpose), Reason::Internal);
        }
        assert_eq!(told(Reason::SealBroken, Purpose::Open), Reason::SealBroken);
        assert_eq!(told(Reason::SealBroken, Purpose::Seal), Reason::Internal);
    }
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod transport_tests;
