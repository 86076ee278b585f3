//! What an `ErrorResponse` during the sign-in means.

use super::message;
use crate::{AuthError, TenantError};

/// Reads an `ErrorResponse` that came before the session was ready.
///
/// SQLSTATE class 28 is about the user and the password. The server's own limit on connections is 53300; poolers report
/// theirs with other codes (Supavisor: XX000 `MaxClientsInSessionMode`; `PgBouncer`: 08P01 "no more connections
/// allowed"), so their texts are recognized too.
pub(crate) fn refusal(body: &[u8]) -> TenantError {
    match message::sql_error(body) {
        Ok(error) if error.sqlstate == "53300" || names_a_limit(&error.message) => {
            TenantError::TooManyConnections
        }
        Ok(error) if error.sqlstate.starts_with("28") => AuthError::Refused.into(),
        Ok(error) => TenantError::SignIn(error.into()),
        Err(error) => error,
    }
}

fn names_a_limit(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["too many connections", "too many clients", "no more connections allowed", "max client", "maxclients"]
        .iter()
        .any(|limit| message.contains(limit))
}
