//! Erasing everything that is stored about an owner.

use postern_domain::OwnerId;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use super::tables::{self, TableCount};
use crate::{
    StoreError,
    database::{Database, Scope, as_owner, query},
    literal,
    turns::Turn,
};

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Every table that can hold an owner's data, in the order of their names.
    pub tables: Vec<ErasedTable>,
    /// The names of the connections, in their order.
    pub connections: Vec<String>,
}

/// The owner's rows in one table, counted in the transaction that erased them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedTable {
    /// The table's name.
    pub table: String,
    /// Rows before.
    pub before: i64,
    /// Rows afterwards. Always 0: otherwise nothing is erased.
    pub after: i64,
}

pub(crate) async fn erase(database: &Database, turn: Turn, scope: Scope) -> Result<Erased, StoreError> {
    let owner = scope.owner();
    as_owner(database, turn, scope, move |tx| {
        Box::pin(async move {
            keep_saves_out(tx, owner).await?;
            let tables = tables::find(tx).await?;
            let before = tables::count(tx, &tables, owner).await?;
            let connections = delete_connections(tx, owner).await?;
            let after = tables::count(tx, &tables, owner).await?;
            let tables = compare(before, &after)?;
            Ok(Erased { tables, connections })
        })
    })
    .await
}

/// Until the end of the transaction, a save of this owner waits, and one that was under way has ended: its rows are
/// seen by the statements that follow.
async fn keep_saves_out(tx: &mut PgConnection, owner: OwnerId) -> Result<(), StoreError> {
    // The lock is the one that save_connection takes before an insert.
    let lock = format!(
        "/* user_data.lock */ select pg_advisory_xact_lock(hashtextextended('postern.owner {owner}', 0));
         select from postern.connections where owner_id = {} for update",
        literal::uuid(&owner.0)
    );
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(tx).await?;
    Ok(())
}

/// Deletes the connections, and with them their secrets. Returns their names.
async fn delete_connections(tx: &mut PgConnection, owner: OwnerId) -> Result<Vec<String>, StoreError> {
    const DELETE: &str = r#"/* user_data.erase */ with deleted as (
            delete from postern.connections where owner_id = $1 returning name)
        select name from deleted order by name collate "C""#;
    let rows = query(DELETE).bind(owner.0).fetch_all(tx).await?;
    Ok(rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?)
}

/// Fails if a table still has rows of the owner, which rolls back what was deleted: a table that a newer release has
/// added, for example.
fn compare(before: Vec<TableCount>, after: &[TableCount]) -> Result<Vec<ErasedTable>, StoreError> {
    if let Some(TableCount { table, rows }) = after.iter().find(|count| count.rows != 0) {
        let left = format!("rows would be left in {table} ({rows}); run the release that made the schema");
        return Err(StoreError::Erasure(left));
    }
    let pairs = before.into_iter().zip(after);
    Ok(pairs
        .map(|(before, after)| ErasedTable { table: before.table, before: before.rows, after: after.rows })
        .collect())
}
