//! Checks the control database: its roles, its schema, and TLS.

use postern_store::{
    ConnectionStore, DenialStore, PoolOptions, ProxyStore, RewrapStore, SCHEMA_VERSION, SealCount,
    StoreError, Transport,
    roles::{self, Survey},
    transport,
};

use super::finding::{Finding, Findings};
use crate::config::{Config, Login};

/// Signs in with each configured URL. Returns the seals under each key if `postern_rewrap` can sign in.
pub(super) async fn look(config: &Config, findings: &mut Findings) -> Option<Vec<SealCount>> {
    let mut seals = None;
    for login in Login::ROLES {
        let url = match config.url(login) {
            Ok(Some(url)) => url,
            Ok(None) => {
                let message = format!("{}: no URL is configured; set {}", login.role(), login.sources());
                findings.push(Finding::skipped("database", message));
                continue;
            }
            Err(failure) => {
                findings.push(Finding::failed("database", format!("{}: {failure}", login.role())));
                continue;
            }
        };
        let signed_in = match login {
            Login::Migrator => roles::survey(&url).await.map(|survey| judge(&survey, findings)),
            Login::Connection => ConnectionStore::connect(&url, PoolOptions::default()).await.map(drop),
            Login::Proxy => ProxyStore::connect(&url, PoolOptions::default()).await.map(drop),
            Login::Rewrap => counts(&url).await.map(|counts| seals = Some(counts)),
            Login::Operator => DenialStore::connect(&url, PoolOptions::default()).await.map(drop),
            Login::Admin => continue,
        };
        findings.push(match signed_in {
            Ok(()) => {
                Finding::ok("database", format!("{} can sign in and has the rights it needs", login.role()))
            }
            Err(error) => {
                let (message, _) = config.locate(login, error.into()).into_parts();
                Finding::failed("database", format!("{}: {message}", login.role()))
            }
        });
        findings.push(protection(login, transport(&url)));
    }
    seals
}

async fn counts(url: &str) -> Result<Vec<SealCount>, StoreError> {
    RewrapStore::connect(url, PoolOptions::default()).await?.counts().await
}

fn judge(survey: &Survey, findings: &mut Findings) {
    const MIGRATE: &str = "Run `postern migrate`.";
    let Survey { schema_version, missing_roles, unbound_roles, untimed_roles } = survey;
    findings.push(match schema_version {
        Some(version) if *version >= SCHEMA_VERSION => Finding::ok("schema", format!("version {version}")),
        Some(version) => {
            let message = format!("version {version}; this release needs {SCHEMA_VERSION}");
            Finding::failed("schema", message).advice(MIGRATE)
        }
        None => Finding::failed("schema", "the database has no schema yet").advice(MIGRATE),
    });
    findings.push(if missing_roles.is_empty() {
        Finding::ok("roles", "all roles exist")
    } else {
        Finding::failed("roles", format!("missing: {}", missing_roles.join(", ")))
            .advice("Run `postern migrate --create-roles`.")
    });
    for role in unbound_roles {
        findings.push(
            Finding::failed("roles", format!("{role} could bypass row level security"))
                .advice(format!("As a superuser: alter role {role} nosuperuser nobypassrls")),
        );
    }
    for role in untimed_roles {
        findings.push(without_timeouts(role));
    }
}

fn without_timeouts(role: &str) -> Finding {
    let message = format!("{role} has no timeouts, so a statement that hangs is never ended by the server");
    let advice =
        "Run `postern migrate --create-roles`, or the SQL that `postern migrate --print-roles` prints.";
    Finding::warning("roles", message).advice(advice)
}

fn protection(login: Login, transport: Result<Transport, StoreError>) -> Finding {
    const ADVICE: &str = "Add sslmode=verify-full to its URL.";
    let role = login.role();
    match transport {
        Ok(Transport::Safe) => {
            Finding::ok("database TLS", format!("{role}: the server is verified or on this machine"))
        }
        Ok(Transport::Unverified) => {
            Finding::warning("database TLS", format!("{role}: the server's name is not verified"))
                .advice(ADVICE)
        }
        Ok(Transport::Clear) => {
            Finding::warning("database TLS", format!("{role}: the connection is not encrypted"))
                .advice(ADVICE)
        }
        Err(error) => Finding::failed("database TLS", format!("{role}: {error}")),
    }
}
