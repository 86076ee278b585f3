//! Runs a command beside a whole Postern and a tenant's Postgres, and ends with its status.
//!
//! The command finds `POSTERN_URL` and `POSTERN_TENANT_DSN` in its environment. `POSTERN_CONSOLE` names the folder of
//! the built console.

use std::{
    env,
    process::{Command, ExitCode},
};

use postern_testkit::{Postern, TenantServer};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut words = env::args_os().skip(1);
    let program = words.next().ok_or_else(|| anyhow::anyhow!("usage: stage COMMAND [ARGUMENT ...]"))?;
    let postern = Postern::start(env::var_os("POSTERN_CONSOLE").map(Into::into)).await;
    let server = TenantServer::start().await;
    let password = postern_devkit::random_hex(16)?;
    let tenant = server.database(&password).await;
    let mut command = Command::new(program);
    command.args(words).env("POSTERN_URL", postern.url()).env("POSTERN_TENANT_DSN", tenant.dsn(&password));
    let status = tokio::task::spawn_blocking(move || command.status()).await??;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
