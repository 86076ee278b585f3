//! The proxy's one question: the caller's own connection, with its seal.

use postern_domain::{ConnectionName, OwnerId, SecretId};
use sqlx::{AssertSqlSafe, PgPool, Row};

use crate::{Role, SavedConnection, StoreError, role, row};

/// Reads the caller's connections. Writes nothing.
#[derive(Clone)]
pub struct ProxyStore(PgPool);

/// A saved connection and its seal.
pub struct Resolved {
    /// The connection.
    pub connection: SavedConnection,
    /// Part of the seal's context.
    pub secret_id: SecretId,
    /// The sealed secret, which only crypto-service opens, and only for its owner.
    pub sealed: Vec<u8>,
}

const RESOLVE: &str =
    concat!("select secret_id, sealed, ", row::columns!(), " from postern.resolve_connection");

impl ProxyStore {
    /// Signs in as `postern_proxy`.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        role::connect(url, Role::Proxy).await.map(Self)
    }

    /// The owner's connection of this name as it is now, in one round trip; `None` if there is none.
    pub async fn resolve(
        &self,
        owner: OwnerId,
        name: &ConnectionName,
    ) -> Result<Option<Resolved>, StoreError> {
        // One message without a prepared statement: nothing is left on the server, so that it holds behind a
        // transaction-mode pooler. A UUID and a name have no character that would need escaping.
        let resolve = format!("{RESOLVE}('{owner}', '{name}')");
        let row = sqlx::raw_sql(AssertSqlSafe(resolve)).fetch_optional(&self.0).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Resolved {
            connection: SavedConnection::read(&row)?,
            secret_id: SecretId(row.try_get("secret_id")?),
            sealed: row.try_get("sealed")?,
        }))
    }
}
