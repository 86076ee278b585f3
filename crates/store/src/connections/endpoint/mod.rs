//! Endpoints as rows hold them: `kind`, one JSON document, and `read_only`. A module for each kind.

mod postgres;
mod supabase;

use postern_domain::{AccessMode, Endpoint, TenantKind};
use serde::de::DeserializeOwned;
use sqlx::{Row, postgres::PgRow};

use crate::StoreError;

/// The JSON document of an endpoint.
pub(crate) fn document(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Postgres(endpoint) => postgres::document(endpoint),
        Endpoint::Supabase(endpoint) => supabase::document(endpoint),
    }
}

/// Reads the columns `kind`, `endpoint` (as text) and `read_only`.
pub(crate) fn read(row: &PgRow) -> Result<Endpoint, StoreError> {
    let access_mode = if row.try_get("read_only")? { AccessMode::ReadOnly } else { AccessMode::ReadWrite };
    parse(row.try_get("kind")?, row.try_get("endpoint")?, access_mode)
}

/// Refuses an unknown kind, and an unknown, missing or malformed field.
fn parse(kind: &str, document: &str, access_mode: AccessMode) -> Result<Endpoint, StoreError> {
    match TenantKind::parse(kind).ok_or(StoreError::Malformed)? {
        TenantKind::Postgres => postgres::parse(document, access_mode).map(Endpoint::Postgres),
        TenantKind::Supabase => supabase::parse(document, access_mode).map(Endpoint::Supabase),
    }
}

/// serde's error may repeat the document, so it is dropped.
fn fields<T: DeserializeOwned>(document: &str) -> Result<T, StoreError> {
    serde_json::from_str(document).map_err(|_| StoreError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_an_unknown_kind_is_refused() {
        for kind in ["", "mysql", "Postgres", "Supabase"] {
            let read = parse(kind, "{}", AccessMode::ReadOnly);
            assert!(matches!(read, Err(StoreError::Malformed)), "{kind}");
        }
    }
}
