//! Runs a command beside a whole Postern, a tenant's Postgres and a Supabase project, and ends with its status.
//!
//! The command finds `POSTERN_URL`, `POSTERN_TENANT_DSN` and, for the project, `POSTERN_PROJECT_URL`, `_CA` (a PEM
//! file), `_PUBLISHABLE_KEY`, `_SECRET_KEY`, `_ANON_KEY` and `_SERVICE_ROLE_KEY` in its environment. For two more
//! Posterns, whose users sign in at an identity provider, it finds `POSTERN_OIDC_URL`, `POSTERN_OIDC_CONTROL`,
//! `POSTERN_SUPABASE_URL` and `POSTERN_SUPABASE_CONTROL`, and for their operator `POSTERN_COMMAND`, the built program,
//! `POSTERN_OIDC_CONFIG` and `POSTERN_SUPABASE_CONFIG`. `POSTERN_CONSOLE` names the folder of the built console.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use postern_testkit::{Issuer, Postern, SupabaseProject, TenantServer};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut words = env::args_os().skip(1);
    let program = words.next().ok_or_else(|| anyhow::anyhow!("usage: stage COMMAND [ARGUMENT ...]"))?;
    let console: Option<PathBuf> = env::var_os("POSTERN_CONSOLE").map(Into::into);
    let postern = Postern::start(console.clone()).await;
    let (oidc, supabase) = (Issuer::oidc(), Issuer::supabase());
    let by_oidc = Postern::with_sign_in(console.clone(), oidc.sign_in()).await;
    let by_supabase = Postern::with_sign_in(console, supabase.sign_in()).await;
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
    command.env("POSTERN_OIDC_URL", by_oidc.url()).env("POSTERN_OIDC_CONTROL", oidc.control_url());
    command
        .env("POSTERN_SUPABASE_URL", by_supabase.url())
        .env("POSTERN_SUPABASE_CONTROL", supabase.control_url());
    // Beside the folder of this example.
    let program = env::current_exe()?;
    let built = program.parent().and_then(Path::parent).ok_or_else(|| anyhow::anyhow!("no target folder"))?;
    command.env("POSTERN_COMMAND", built.join("postern"));
    command.env("POSTERN_OIDC_CONFIG", by_oidc.state().join("postern.toml"));
    command.env("POSTERN_SUPABASE_CONFIG", by_supabase.state().join("postern.toml"));
    let status = tokio::task::spawn_blocking(move || command.status()).await??;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
