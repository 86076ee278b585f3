//! The schema of the control database.

use sqlx::{
    Connection, PgConnection, SqlStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::{StoreError, connect, roles};

/// The newest migration. Services need this schema or a newer one.
pub const SCHEMA_VERSION: i32 = 8;

/// Descriptions and texts, by version. Without sqlx's macro, for which all of sqlx would be compiled a second time.
const MIGRATIONS: [(&str, &str); SCHEMA_VERSION as usize] = [
    ("connections", include_str!("../migrations/0001_connections.sql")),
    ("rewrap", include_str!("../migrations/0002_rewrap.sql")),
    ("seal length", include_str!("../migrations/0003_seal_length.sql")),
    ("secrets", include_str!("../migrations/0004_secrets.sql")),
    ("secret labels", include_str!("../migrations/0005_secret_labels.sql")),
    ("round trips", include_str!("../migrations/0006_round_trips.sql")),
    ("denials", include_str!("../migrations/0007_denials.sql")),
    ("user data", include_str!("../migrations/0008_user_data.sql")),
];

/// The migrations up to this version: [`SCHEMA_VERSION`], or an older one for tests of an upgrade.
pub fn migrations(newest: i32) -> Migrator {
    let all = (1..=newest).zip(MIGRATIONS);
    let migrations = all.map(|(version, (description, sql))| {
        let (kind, sql) = (MigrationType::Simple, SqlStr::from_static(sql));
        Migration::new(version.into(), description.into(), kind, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Brings the schema up to date, as `postern_migrator`. Waits for another migration that is running. Refuses while a
/// role is missing: the migrator cannot create roles.
///
/// Runs in one transaction, and all it sets is local to that transaction: a pooler in transaction mode gives the
/// session to others afterwards, who must not inherit a lock, the role or the search path.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let mut connection = connect::operator(url).await?;
    // The isolation level is set explicitly, so that what a migration in progress writes is seen after the wait for it.
    let mut transaction = connection.begin_with("begin isolation level read committed").await?;
    let applied = apply(&mut transaction).await;
    transaction.clear_cached_statements().await?;
    match applied {
        Ok(()) => transaction.commit().await?,
        Err(error) => {
            transaction.rollback().await?;
            return Err(error);
        }
    }
    Ok(connection.close().await?)
}

async fn apply(transaction: &mut PgConnection) -> Result<(), StoreError> {
    roles::refuse_missing(transaction).await?;
    // Everything belongs to a role that nobody can sign in as, the table of migrations too.
    let prepare = "/* migrate.lock */ select pg_advisory_xact_lock(hashtextextended('postern.migrate', 0));
        set local role postern_owner; create schema if not exists postern; set local search_path = postern";
    sqlx::raw_sql(prepare).execute(&mut *transaction).await?;
    let mut migrations = migrations(SCHEMA_VERSION);
    // sqlx's own lock belongs to the session.
    migrations.set_locking(false);
    migrations.run_direct(None, transaction, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StoreError::Unfit(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn every_file_is_a_migration_and_has_its_number_and_its_name() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
        files.sort();
        let migrations = migrations(SCHEMA_VERSION);
        let named = migrations.iter().map(|migration| {
            let name = migration.description.replace(' ', "_");
            (format!("{:04}_{name}.sql", migration.version), migration.sql.as_str())
        });
        for ((name, sql), file) in named.zip(&files) {
            assert_eq!(file, name.as_str());
            assert_eq!(sql, fs::read_to_string(folder.join(&name)).unwrap(), "{name}");
        }
        assert_eq!(files.len(), migrations.iter().count());
    }
}
