//! `postern user`: everything that is stored about one user.

use std::io::{self, Write};

use postern_domain::OwnerId;
use postern_store::{ConnectionStore, Erased, PoolOptions, TableCount};
use serde::Serialize;

use crate::{
    arguments::UserCommand,
    ask,
    config::{Config, Login},
    failure::Failure,
    output::{self, Output, count},
    owner,
};

/// What deletion does not reach, for the operator who is about to delete.
const BACKUPS: &str = "Backups of the database keep it until they expire.";

pub(crate) async fn run(command: &UserCommand, config: &Config, output: Output) -> Result<(), Failure> {
    match command {
        UserCommand::Export { owner } => export(&store(config).await?, owner::named(owner)?).await,
        UserCommand::Erase { owner, yes } => {
            erase(&store(config).await?, owner::named(owner)?, *yes, output).await
        }
    }
}

/// Signs in as `postern_connection`.
async fn store(config: &Config) -> Result<ConnectionStore, Failure> {
    let store =
        ConnectionStore::connect(&config.require_url(Login::Connection)?, PoolOptions::default()).await;
    store.map_err(|error| config.locate(Login::Connection, error.into()))
}

/// Prints the document, whether `--json` is set or not.
async fn export(store: &ConnectionStore, owner: OwnerId) -> Result<(), Failure> {
    let data = store.export(owner).await?;
    if data.connections.is_empty() {
        writeln!(io::stderr(), "postern: nothing is stored about owner {owner}")?;
    }
    output::write(&data.to_json())
}

/// The result with `--json`.
#[derive(Serialize)]
struct Report<'a> {
    owner: String,
    /// Every table that can hold an owner's data.
    tables: Vec<Counts<'a>>,
    /// The names of the connections.
    connections: &'a [String],
}

/// The owner's rows in one table, counted in the transaction that deleted them.
#[derive(Serialize)]
struct Counts<'a> {
    table: &'a str,
    rows_before: i64,
    rows_after: i64,
}

async fn erase(store: &ConnectionStore, owner: OwnerId, yes: bool, output: Output) -> Result<(), Failure> {
    let counts = store.counts(owner).await?;
    if counts.iter().any(|count| count.rows > 0) {
        ask::confirm(yes, &format!("{} {BACKUPS}", loss(owner, &counts)))?;
    }
    let erased = store.erase(owner).await?;
    let tables = erased.tables.iter().map(|table| Counts {
        table: &table.table,
        rows_before: table.before,
        rows_after: table.after,
    });
    let report =
        Report { owner: owner.to_string(), tables: tables.collect(), connections: &erased.connections };
    output.print(&report, || text(owner, &erased))
}

fn loss(owner: OwnerId, counts: &[TableCount]) -> String {
    let held: Vec<_> = counts.iter().map(|held| format!("{} in {}", rows(held.rows), held.table)).collect();
    format!("Owner {owner} has {}. They would be deleted.", held.join(", "))
}

fn text(owner: OwnerId, erased: &Erased) -> String {
    if erased.tables.iter().all(|table| table.before == 0) {
        return format!("Nothing is stored about owner {owner}.\n");
    }
    let rows = erased
        .tables
        .iter()
        .map(|erased| [erased.table.clone(), erased.before.to_string(), erased.after.to_string()]);
    let table = output::table(["table", "rows before", "rows after"], &rows.collect::<Vec<_>>());
    let connections = erased.connections.join(", ");
    format!("Everything about owner {owner} is erased. {BACKUPS}\n\n{table}\nconnections: {connections}\n")
}

fn rows(number: i64) -> String {
    count(number.unsigned_abs(), "row")
}
