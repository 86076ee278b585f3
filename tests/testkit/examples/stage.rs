//! Runs a command beside a whole Postern and a tenant's Postgres, and ends with its status.
//!
//! The command finds `POSTERN_URL` and `POSTERN_TENANT_DSN` in its environment, and for two more Posterns that people
//! enter through an identity provider `POSTERN_OIDC_URL`, `POSTERN_OIDC_CONTROL`, `POSTERN_SUPABASE_URL` and
//! `POSTERN_SUPABASE_CONTROL`. `POSTERN_CONSOLE` names the folder of the built console.

use std::{
    env,
    path::PathBuf,
    process::{Command, ExitCode},
};

use postern_testkit::{Issuer, Postern, TenantServer};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut words = env::args_os().skip(1);
    let program = words.next().ok_or_else(|| anyhow::anyhow!("usage: stage COMMAND [ARGUMENT ...]"))?;
    let console: Option<PathBuf> = env::var_os("POSTERN_CONSOLE").map(Into::into);
    let postern = Postern::start(console.clone()).await;
    let (oidc, supabase) = (Issuer::oidc(), Issuer::supabase());
    let by_oidc = Postern::start_with(console.clone(), Some(oidc.sign_in())).await;
    let by_supabase = Postern::start_with(console, Some(supabase.sign_in())).await;
    let server = TenantServer::start().await;
    let password = postern_devkit::random_hex(16)?;
    let tenant = server.database(&password).await;
    let mut command = Command::new(program);
    command.args(words).env("POSTERN_URL", postern.url()).env("POSTERN_TENANT_DSN", tenant.dsn(&password));
    command.env("POSTERN_OIDC_URL", by_oidc.url()).env("POSTERN_OIDC_CONTROL", oidc.control_url());
    command
        .env("POSTERN_SUPABASE_URL", by_supabase.url())
        .env("POSTERN_SUPABASE_CONTROL", supabase.control_url());
    let status = tokio::task::spawn_blocking(move || command.status()).await??;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
