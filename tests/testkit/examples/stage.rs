//! Runs a command beside a whole Postern, a tenant's Postgres and a Supabase project, and ends with its status.
//!
//! The command finds `POSTERN_URL`, `POSTERN_TENANT_DSN` and, for the project, `POSTERN_PROJECT_URL`, `_CA` (a PEM
//! file), `_PUBLISHABLE_KEY`, `_SECRET_KEY`, `_ANON_KEY` and `_SERVICE_ROLE_KEY` in its environment. `POSTERN_CONSOLE`
//! names the folder of the built console.

use std::{
    env,
    process::{Command, ExitCode},
};

use postern_testkit::{Postern, SupabaseProject, TenantServer};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut words = env::args_os().skip(1);
    let program = words.next().ok_or_else(|| anyhow::anyhow!("usage: stage COMMAND [ARGUMENT ...]"))?;
    let postern = Postern::start(env::var_os("POSTERN_CONSOLE").map(Into::into)).await;
    let server = TenantServer::start().await;
    let password = postern_devkit::random_hex(16)?;
    let tenant = server.database(&password).await;
    let project = SupabaseProject::start(&server).await;
    let keys = project.keys();
    let mut command = Command::new(program);
    command.args(words).env("POSTERN_URL", postern.url()).env("POSTERN_TENANT_DSN", tenant.dsn(&password));
    command.env("POSTERN_PROJECT_URL", project.url()).env("POSTERN_PROJECT_CA", project.ca_file());
    command.envs([
        ("POSTERN_PROJECT_PUBLISHABLE_KEY", &keys.publishable),
        ("POSTERN_PROJECT_SECRET_KEY", &keys.secret),
        ("POSTERN_PROJECT_ANON_KEY", &keys.anon),
        ("POSTERN_PROJECT_SERVICE_ROLE_KEY", &keys.service_role),
    ]);
    let status = tokio::task::spawn_blocking(move || command.status()).await??;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
