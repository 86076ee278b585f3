//! What the dev overlay expects on its node: an `OpenID` provider, the control database, and a tenant's server.

use std::{collections::BTreeMap, fs};

use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use postern_devkit::{
    ca::{DevCa, ServiceFiles},
    random_hex,
};
use postern_store::roles::LOGIN_ROLES;
use postern_testkit::{Issuer, TenantDatabase, TenantServer};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// Port of the `OpenID` provider, which the overlay's configurations name.
const ISSUER_PORT: u16 = 18081;

/// The namespace of the overlay, which is in the services' identities.
const NAMESPACE: &str = "postern";

/// The services, and the account that operators use.
const ACCOUNTS: [&str; 4] = ["crypto-service", "connection-service", "proxy-service", "operator"];

pub(crate) struct Node {
    folder: TempDir,
    issuer: Issuer,
    control: Database,
    tenant: Database,
}

/// A database on a server of its own.
struct Database {
    password: String,
    inner: TenantDatabase,
    _server: TenantServer,
}

impl Node {
    pub(crate) async fn start() -> Result<Self> {
        let folder = TempDir::new()?;
        let issuer = tokio::task::spawn_blocking(|| Issuer::oidc_on(ISSUER_PORT)).await?;
        let (control, tenant) = (Database::start().await?, Database::start().await?);
        // `migrate --create-roles` needs no superuser.
        let owner = &control.inner;
        owner.as_admin(&format!("alter role {} createrole", owner.name)).await;
        Ok(Self { folder, issuer, control, tenant })
    }

    /// The DSN of the tenant's database, as a user would paste it.
    pub(crate) fn tenant_dsn(&self) -> String {
        self.tenant.inner.dsn(&self.tenant.password)
    }

    /// Where people sign in.
    pub(crate) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The Secrets that the overlay's pods mount; an operator makes them by hand.
    pub(crate) fn secrets(&self) -> Result<Vec<Value>> {
        let mut secrets = Vec::new();
        let authority = DevCa::load_or_create(&self.folder.path().join("certificates"))?;
        for account in ACCOUNTS {
            let files = certificate(&authority.service_in(NAMESPACE, account)?)?;
            secrets.push(secret(&format!("{account}-tls"), files));
        }
        let mut urls = BTreeMap::new();
        for role in LOGIN_ROLES {
            let url = format!("postgresql://{role}:{}@{}", random_hex(16)?, self.control_address());
            urls.insert(format!("{role}.url"), url);
        }
        for (service, role) in
            [("connection-service", "postern_connection"), ("proxy-service", "postern_proxy")]
        {
            let file = format!("{role}.url");
            let url = urls[&file].clone();
            secrets.push(secret(&format!("{service}-database"), BTreeMap::from([(file, url)])));
        }
        urls.insert("admin.url".into(), self.control.inner.dsn(&self.control.password));
        secrets.push(secret("operator-database", urls));
        // Any 32 bytes.
        secrets.push(secret("root-key", BTreeMap::from([("root.key".into(), random_hex(16)?)])));
        Ok(secrets)
    }

    fn control_address(&self) -> String {
        let database = &self.control.inner;
        format!("127.0.0.1:{}/{}?sslmode=disable", database.port(), database.name)
    }
}

impl Database {
    async fn start() -> Result<Self> {
        let server = TenantServer::start().await;
        let password = random_hex(16)?;
        let inner = server.database(&password).await;
        Ok(Self { password, inner, _server: server })
    }
}

fn certificate(files: &ServiceFiles) -> Result<BTreeMap<String, String>> {
    let of = [("tls.crt", &files.certificate), ("tls.key", &files.key), ("ca.crt", &files.ca)];
    of.into_iter().map(|(name, path)| Ok((name.to_owned(), fs::read_to_string(path)?))).collect()
}

fn secret(name: &str, files: BTreeMap<String, String>) -> Value {
    let data: Map<_, _> =
        files.into_iter().map(|(file, text)| (file, STANDARD.encode(text).into())).collect();
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "data": data })
}
