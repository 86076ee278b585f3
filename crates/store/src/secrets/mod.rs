//! Rows of `postern.secrets`.

mod rewrap;

use postern_domain::{SealedSecret, SecretId, SecretName};
use sqlx::{Row, postgres::PgRow};

pub use rewrap::{Place, RewrapLock, RewrapStore, SealCount, SealRow, StoredSeal};

use crate::StoreError;

/// One of a connection's secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Which one.
    pub name: SecretName,
    /// The sealed secret, which only crypto-service opens, and only for its owner.
    pub secret: SealedSecret,
}

/// Reads the columns `name`, `secret_id` and `sealed`; `None` for a row without a secret.
pub(crate) fn read(row: &PgRow) -> Result<Option<StoredSecret>, StoreError> {
    let Some(name) = row.try_get::<Option<&str>, _>("name")? else { return Ok(None) };
    let name = SecretName::parse(name).ok_or(StoreError::Malformed)?;
    Ok(Some(StoredSecret { name, secret: sealed(row)? }))
}

fn sealed(row: &PgRow) -> Result<SealedSecret, StoreError> {
    Ok(SealedSecret { id: SecretId(row.try_get("secret_id")?), sealed: row.try_get("sealed")? })
}
