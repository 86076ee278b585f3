//! The tables that hold owners' data, as the database's catalogue has them: a table that a migration adds is found
//! without a change here.

use postern_domain::OwnerId;
use sqlx::{AssertSqlSafe, PgConnection, Row, postgres::PgRow};

use crate::{
    StoreError,
    database::{Database, as_owner, query},
    literal,
    turns::Turn,
};

/// A table with a column for an owner, or one that refers to such a table.
pub(super) struct OwnedTable {
    name: String,
    /// Schema and name, quoted.
    identifier: String,
    /// Whether this role sees all of an owner's rows: the owner's column may be read, and a policy shows the rows.
    countable: bool,
}

/// How many rows of an owner a table holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableCount {
    /// The table's name.
    pub table: String,
    /// Rows of the owner.
    pub rows: i64,
}

/// The tables, in the order of their names.
///
/// Not `denials`: what an operator has denied stays denied, whatever the owner does.
const TABLES: &str = "/* user_data.tables */
    with recursive owned (id) as (
        select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'postern' and c.relkind in ('r', 'p', 'm', 'f') and not c.relispartition
           and c.relname <> 'denials'
           and exists (select from pg_attribute a
                        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                          and a.attname ~ '(^|_)owner(_|$)')
        union
        select f.conrelid from pg_constraint f join owned on owned.id = f.confrelid where f.contype = 'f'
    )
    select c.relname::text as name, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as identifier,
           coalesce(has_column_privilege(c.oid, a.attnum, 'select'), false)
               and (not c.relrowsecurity
                    or exists (select from pg_policy p
                                where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('r', '*')
                                  and p.polroles && array[0, current_user::regrole::oid])) as countable
      from owned
      join pg_class c on c.oid = owned.id
      join pg_namespace n on n.oid = c.relnamespace
      left join pg_attribute a on a.attrelid = c.oid and a.attname = 'owner_id' and not a.attisdropped
     order by name";

/// How many rows of the owner each table holds.
pub(crate) async fn counts(
    database: &Database,
    turn: Turn,
    owner: OwnerId,
) -> Result<Vec<TableCount>, StoreError> {
    as_owner(database, turn, owner, move |tx| {
        Box::pin(async move {
            let tables = find(tx).await?;
            count(tx, &tables, owner).await
        })
    })
    .await
}

/// Finds the tables. Fails if this role cannot see an owner's rows in one of them: where rows may be hidden, a count of
/// 0 proves nothing.
pub(super) async fn find(tx: &mut PgConnection) -> Result<Vec<OwnedTable>, StoreError> {
    let rows = query(TABLES).fetch_all(tx).await?;
    let tables: Vec<_> = rows.iter().map(OwnedTable::read).collect::<Result<_, _>>()?;
    match tables.iter().find(|table| !table.countable) {
        Some(hidden) => Err(StoreError::Erasure(format!(
            "the rows of {} cannot be counted; run the release that made the schema",
            hidden.identifier
        ))),
        None => Ok(tables),
    }
}

/// Counts the owner's rows in each table, in one round trip.
pub(super) async fn count(
    tx: &mut PgConnection,
    tables: &[OwnedTable],
    owner: OwnerId,
) -> Result<Vec<TableCount>, StoreError> {
    let owner = literal::uuid(&owner.0);
    let count = |(number, table): (usize, &OwnedTable)| {
        let OwnedTable { identifier, .. } = table;
        format!("select {number} as number, count(*) as rows from {identifier} where owner_id = {owner}")
    };
    let counts: Vec<_> = tables.iter().enumerate().map(count).collect();
    let counts = format!("/* user_data.count */ {} order by number", counts.join(" union all "));
    let rows = sqlx::raw_sql(AssertSqlSafe(counts)).fetch_all(tx).await?;
    let named = tables
        .iter()
        .zip(&rows)
        .map(|(table, row)| Ok(TableCount { table: table.name.clone(), rows: row.try_get("rows")? }));
    named.collect()
}

impl OwnedTable {
    fn read(row: &PgRow) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.try_get("name")?,
            identifier: row.try_get("identifier")?,
            countable: row.try_get("countable")?,
        })
    }
}
