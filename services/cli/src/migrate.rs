//! `postern migrate`.

use postern_store::{SCHEMA_VERSION, admin};
use serde::Serialize;

use crate::{config::Config, failure::Failure, output::Output};

#[derive(Serialize)]
struct Migrated {
    schema_version: i32,
}

pub(crate) async fn run(config: &Config, output: Output) -> Result<(), Failure> {
    admin::migrate(&config.migrator_url()?).await?;
    let migrated = Migrated { schema_version: SCHEMA_VERSION };
    output.print(&migrated, || format!("The schema is at version {SCHEMA_VERSION}.\n"))
}
