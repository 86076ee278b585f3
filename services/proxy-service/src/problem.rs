//! What a user is told when a tenant's database gives no result, and what to do about it.

use postern_egress::{EgressError, tls::TlsError};
use postern_rpc::{Problem, Reason, proxy};
use postern_tenant::{SqlError, TenantError};

/// The one mapping from tenant errors.
pub(crate) fn of(error: &TenantError) -> Problem {
    let text = error.to_string();
    match error {
        TenantError::Egress(egress) => Problem::new(egress_reason(egress), text),
        TenantError::Tls(tls) => with_tls_hint(Problem::new(Reason::TenantTlsFailed, text), *tls),
        TenantError::TlsNotOffered => Problem::new(Reason::TenantTlsFailed, text),
        TenantError::Auth(_) => Problem::new(Reason::TenantAuthFailed, text),
        TenantError::SignIn(sql) => {
            with_sign_in_hint(Problem::new(Reason::TenantAuthFailed, text), &sql.sqlstate)
        }
        TenantError::Sql(sql) => with_sql_hint(Problem::sql(wire(sql)), &sql.sqlstate),
        TenantError::UnsupportedStatement => Problem::new(Reason::UnsupportedStatement, text),
        TenantError::InvalidStatement(_) => Problem::field("sql", text),
        TenantError::Protocol(_) | TenantError::Closed => Problem::new(Reason::TenantProtocol, text),
        TenantError::Unanswered => Problem::new(Reason::TenantUnreachable, text),
        TenantError::Timeout => Problem::new(Reason::QueryTimeout, text),
        TenantError::PoolBusy => Problem::new(Reason::PoolBusy, text),
        TenantError::Superseded => Problem::new(Reason::VersionStale, text),
        TenantError::Open(inner) => {
            inner.downcast_ref::<Problem>().cloned().unwrap_or_else(|| Problem::internal(inner))
        }
    }
}

fn egress_reason(error: &EgressError) -> Reason {
    if error.is_refusal() { Reason::AddressRefused } else { Reason::TenantUnreachable }
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
        "53300" => {
            problem.hint("The server has no connection left; use the provider's pooler, or close others.")
        }
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
        let reason = |error| of(&TenantError::Egress(error)).reason();
        assert_eq!(reason(EgressError::NameRefused), Reason::AddressRefused);
        assert_eq!(reason(EgressError::Timeout), Reason::TenantUnreachable);
    }

    #[test]
    fn a_problem_of_ours_passes_through_the_pool_unchanged() {
        let ours = Problem::new(Reason::SealBroken, "no");
        assert_eq!(of(&TenantError::Open(std::sync::Arc::new(ours))).reason(), Reason::SealBroken);
    }
}
