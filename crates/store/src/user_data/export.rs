//! The document that an owner's data is exported as.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Row, postgres::PgRow};

use crate::{
    StoreError,
    database::{Database, Scope, as_owner, query},
    turns::Turn,
};

/// Everything stored about one owner, without secrets and without seals.
///
/// Its JSON is a stable format, described in `deploy/README.md`. A field that is removed or changes its meaning takes a
/// new [`UserData::VERSION`]; fields may be added under the same one.
#[derive(Clone, Debug, Serialize)]
pub struct UserData {
    format: &'static str,
    version: u32,
    /// RFC 3339, in UTC.
    exported_at: String,
    /// A UUID.
    owner: String,
    /// In the order of their names.
    pub connections: Vec<StoredConnection>,
}

/// A connection as it is stored. A row of a kind that this release does not know is exported too.
#[derive(Clone, Debug, Serialize)]
pub struct StoredConnection {
    name: String,
    version: i64,
    kind: String,
    read_only: bool,
    /// What the kind needs.
    endpoint: Value,
    /// RFC 3339, in UTC.
    created_at: String,
    /// RFC 3339, in UTC.
    updated_at: String,
    /// In the order of their names.
    secrets: Vec<StoredSecretLabel>,
}

/// What is stored about a secret besides its seal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredSecretLabel {
    name: String,
    sort: Option<String>,
    last_characters: Option<String>,
    /// The master key that it is sealed under; 0 if what is stored is not a seal.
    key_id: u32,
}

impl UserData {
    /// The `format` of the document.
    pub const FORMAT: &str = "postern.user-data";
    /// The `version` of the format.
    pub const VERSION: u32 = 1;

    /// The document, indented.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("text, numbers and JSON are JSON");
        format!("{json}\n")
    }
}

/// An RFC 3339 time of a `timestamptz`, in UTC.
macro_rules! rfc3339 {
    ($time:literal) => {
        concat!("to_char(", $time, r#" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#)
    };
}

pub(crate) async fn export(database: &Database, turn: Turn, scope: Scope) -> Result<UserData, StoreError> {
    const NOW: &str = concat!("/* user_data.now */ select ", rfc3339!("now()"), " as now");
    // One statement, so that each connection is exported with the secrets of the same version.
    const CONNECTIONS: &str = concat!(
        "/* user_data.export */ select name, version, kind, read_only, endpoint::text as endpoint, ",
        rfc3339!("created_at"),
        " as created_at, ",
        rfc3339!("updated_at"),
        r#" as updated_at,
            (select coalesce(json_agg(json_build_object('name', s.name, 'sort', s.sort,
                                                        'last_characters', s.last_characters, 'key_id', s.key_id)
                                      order by s.name collate "C"), '[]')::text
               from postern.secrets s where s.owner_id = c.owner_id and s.connection_id = c.id) as secrets
           from postern.connections c where owner_id = $1 order by name collate "C""#
    );
    let owner = scope.owner();
    as_owner(database, turn, scope, move |tx| {
        Box::pin(async move {
            let exported_at = query(NOW).fetch_one(&mut *tx).await?.try_get("now")?;
            let rows = query(CONNECTIONS).bind(owner.0).fetch_all(tx).await?;
            Ok(UserData {
                format: UserData::FORMAT,
                version: UserData::VERSION,
                exported_at,
                owner: owner.to_string(),
                connections: rows.iter().map(StoredConnection::read).collect::<Result<_, _>>()?,
            })
        })
    })
    .await
}

impl StoredConnection {
    fn read(row: &PgRow) -> Result<Self, StoreError> {
        // serde's errors may repeat the document, so they are dropped.
        let json = |column| row.try_get::<&str, _>(column);
        Ok(Self {
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            kind: row.try_get("kind")?,
            read_only: row.try_get("read_only")?,
            endpoint: serde_json::from_str(json("endpoint")?).map_err(|_| StoreError::Malformed)?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            secrets: serde_json::from_str(json("secrets")?).map_err(|_| StoreError::Malformed)?,
        })
    }
}
