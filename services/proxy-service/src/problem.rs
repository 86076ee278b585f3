//! The one mapping from failures of a call to the errors that users see, with hints on what to do.

use std::time::Duration;

use postern_domain::{ConnectionName, TenantKind};
use postern_egress::{EgressError, tls::TlsError};
use postern_rpc::{Problem, Reason, proxy};
use postern_tenant::{
    Busy, SqlError, TenantError,
    supabase::{InvalidRequest, SupabaseError},
};

use crate::execution::{Failure, Refusal};

/// When a caller whose call was refused or ended for a while should try again.
const RETRY: Duration = Duration::from_secs(1);

/// The problem that a failure is to a user.
pub(crate) fn of(failure: &Failure) -> Problem {
    match failure {
        Failure::NotAdmitted(refusal) => not_admitted(*refusal),
        Failure::NotFound(name) => not_found(name),
        Failure::OtherKind(kind) => other_kind(*kind),
        Failure::Superseded => Problem::new(
            Reason::VersionStale,
            "The connection was changed while it was being used; try again.",
        ),
        Failure::AccessWithdrawn => Problem::access_withdrawn(),
        Failure::ConnectionWithdrawn => Problem::connection_withdrawn(),
        Failure::Deleted => Problem::new(
            Reason::ConnectionNotFound,
            "The connection was deleted while this ran, so it was cancelled.",
        ),
        Failure::Changed => Problem::new(
            Reason::VersionStale,
            "The connection was changed while this ran, so it was cancelled.",
        )
        .hint("Run it again to use the connection as it is now."),
        Failure::Lookup(cause) => lookup_failed().because(cause),
        Failure::LookupBusy => lookup_failed().because("the control database did not answer in time"),
        Failure::NoSecret => Problem::new(Reason::SealBroken, "The connection has no stored secret.")
            .hint("Save the connection again with its password or key."),
        Failure::Seal(problem) => problem.clone(),
        Failure::Busy(busy) => busy_problem(*busy),
        Failure::Tenant(error) => tenant(error),
        Failure::Project(error) => project(error),
        Failure::Timeout => tenant(&TenantError::Timeout),
        Failure::Stopping => {
            Problem::new(Reason::DependencyUnavailable, "Postern is restarting and has ended this call.")
                .hint("Try again.")
                .because("the call was still running at the end of the drain")
                .retry_after(RETRY)
        }
        Failure::Defect(cause) => Problem::internal(cause),
    }
}

fn not_admitted(refusal: Refusal) -> Problem {
    let problem = match refusal {
        Refusal::Owner => {
            Problem::new(Reason::TooManyRequests, "You have as many calls in progress as one user may have.")
                .hint("Wait for some of them to end, or cancel those that are not needed.")
        }
        Refusal::Total => {
            Problem::new(Reason::ServerBusy, "Postern is at capacity.").hint("Try again in a moment.")
        }
    };
    problem.retry_after(RETRY)
}

fn not_found(name: &ConnectionName) -> Problem {
    Problem::new(Reason::ConnectionNotFound, format!("You have no connection named '{name}'."))
        .hint("Save it first, or check its name.")
}

fn other_kind(kind: TenantKind) -> Problem {
    let kind = kind.as_str();
    Problem::field(
        "connection",
        format!("This connection is of kind '{kind}', which takes no calls of this sort."),
    )
}

fn project(error: &SupabaseError) -> Problem {
    let text = error.to_string();
    let problem = match error {
        SupabaseError::Egress(egress) => egress_problem(egress, text),
        SupabaseError::Tls(tls) => with_tls_hint(Problem::new(Reason::TenantTlsFailed, text), *tls),
        SupabaseError::Request(request) => refused_request(*request, text),
        SupabaseError::Unanswered | SupabaseError::Unsent => Problem::new(Reason::TenantUnreachable, text),
        SupabaseError::Timeout => Problem::new(Reason::QueryTimeout, text),
        SupabaseError::BodyTooLarge => Problem::new(Reason::ResponseTooLarge, text),
        SupabaseError::Redirected
        | SupabaseError::Encoded
        | SupabaseError::HeadTooLarge
        | SupabaseError::Protocol
        | SupabaseError::Closed => Problem::new(Reason::TenantProtocol, text),
    };
    match error.hint() {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

fn refused_request(error: InvalidRequest, text: String) -> Problem {
    match error {
        InvalidRequest::ReadOnly { .. } => Problem::new(Reason::ReadOnly, text),
        InvalidRequest::ServiceOff(_) => Problem::new(Reason::ServiceDisabled, text),
        InvalidRequest::Segment | InvalidRequest::TooLong => Problem::field("path", text),
        InvalidRequest::Query | InvalidRequest::KeyInQuery => Problem::field("query", text),
        InvalidRequest::Header(_) => Problem::field("headers", text),
        InvalidRequest::BodyNotAllowed | InvalidRequest::BodyTooLarge => Problem::field("body", text),
        InvalidRequest::UserTokenMissing | InvalidRequest::UserToken => Problem::field("user_token", text),
    }
}

fn lookup_failed() -> Problem {
    Problem::new(Reason::DependencyUnavailable, "Saved connections cannot be read at the moment.")
        .hint("Try again in a minute.")
}

fn busy_problem(busy: Busy) -> Problem {
    let problem = match busy {
        Busy::Pool => Problem::new(Reason::PoolBusy, "All sessions of this connection are in use.")
            .hint("Wait for running calls to end, or make fewer at once."),
        Busy::Owner => {
            Problem::new(Reason::PoolBusy, "All the database sessions that one user may have are in use.")
                .hint("Wait for running queries on your other connections to end, or run fewer at once.")
        }
        Busy::Total => {
            Problem::new(Reason::ServerBusy, "Postern is at capacity: all its database sessions are in use.")
                .hint("Try again in a moment.")
        }
    };
    problem.retry_after(RETRY)
}

fn tenant(error: &TenantError) -> Problem {
    let text = error.to_string();
    match error {
        TenantError::Egress(egress) => egress_problem(egress, text),
        TenantError::Tls(tls) => with_tls_hint(Problem::new(Reason::TenantTlsFailed, text), *tls),
        TenantError::TlsNotOffered => Problem::new(Reason::TenantTlsFailed, text),
        TenantError::Auth(_) => Problem::new(Reason::TenantAuthFailed, text),
        TenantError::SignIn(sql) => {
            with_sign_in_hint(Problem::new(Reason::TenantAuthFailed, text), &sql.sqlstate)
        }
        TenantError::TooManyConnections => Problem::new(Reason::TenantBusy, text)
            .hint("Use the provider's pooler, raise the server's limit, or close other connections.")
            .retry_after(RETRY),
        TenantError::Sql(sql) => with_sql_hint(Problem::sql(wire(sql)), &sql.sqlstate),
        TenantError::UnsupportedStatement | TenantError::ResultTooLarge => {
            Problem::new(Reason::UnsupportedStatement, text)
        }
        TenantError::InvalidStatement(_) => Problem::field("sql", text),
        TenantError::NoRandomness => {
            Problem::new(Reason::DependencyUnavailable, "Postern cannot open sessions at the moment.")
                .because(text)
        }
        TenantError::Protocol(_) | TenantError::Closed => Problem::new(Reason::TenantProtocol, text),
        TenantError::Unanswered => Problem::new(Reason::TenantUnreachable, text),
        TenantError::Timeout => Problem::new(Reason::QueryTimeout, text),
    }
}
fn egress_problem(error: &EgressError, text: String) -> Problem {
    match error {
        EgressError::OutOfDescriptors => Problem::new(Reason::DependencyUnavailable, text)
            .hint("Try again in a minute.")
            .because("no file descriptors are left for connections to tenants"),
        refusal if refusal.is_refusal() => Problem::new(Reason::AddressRefused, text),
        _ => Problem::new(Reason::TenantUnreachable, text),
    }
}

fn with_tls_hint(problem: Problem, error: TlsError) -> Problem {
    match error {
        TlsError::UnknownIssuer => problem.hint(
            "Its provider offers the CA certificate for download; paste it into the connection's CA field.",
        ),
        _ => problem,
    }
}

fn with_sign_in_hint(problem: Problem, sqlstate: &str) -> Problem {
    match sqlstate {
        "3D000" => problem.hint("Check the name of the database."),
        _ => problem,
    }
}

fn with_sql_hint(problem: Problem, sqlstate: &str) -> Problem {
    match sqlstate {
        "42501" => problem.hint("The connection's role lacks the right; its owner can GRANT it."),
        "25006" => problem.hint("This connection is read-only; switch that off in its settings to write."),
        "42P01" => problem.hint("Check the table's spelling, or name its schema: schema.table."),
        _ => problem,
    }
}

fn wire(error: &SqlError) -> proxy::SqlError {
    proxy::SqlError {
        sqlstate: error.sqlstate.clone(),
        message: error.message.clone(),
        detail: error.detail.clone(),
        hint: error.hint.clone(),
        position: error.position,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_address_is_told_from_an_unreachable_one() {
        let reason = |error| tenant(&TenantError::Egress(error)).reason();
        assert_eq!(reason(EgressError::NameRefused), Reason::AddressRefused);
        assert_eq!(reason(EgressError::Timeout), Reason::TenantUnreachable);
    }

    #[test]
    fn a_problem_with_a_seal_is_passed_on_unchanged() {
        let problem = Problem::new(Reason::SealBroken, "no");
        assert_eq!(of(&Failure::Seal(problem)).reason(), Reason::SealBroken);
    }

    #[test]
    fn what_is_busy_is_named() {
        assert_eq!(of(&Failure::Busy(Busy::Pool)).reason(), Reason::PoolBusy);
        assert_eq!(of(&Failure::Busy(Busy::Total)).reason(), Reason::ServerBusy);
    }
}
