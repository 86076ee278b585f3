//! The edge function: what people would build without Postern. See `edge-function/README.md`.

use std::path::Path;

use anyhow::{Context, Result};
use http::HeaderValue;
use jsonwebtoken::{EncodingKey, Header, encode};
use postern_devkit::{free_port, postgres::Cluster, random_hex};
use postern_domain::{Clock, SystemClock};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{as_superuser, deno::Deno, http::HttpClient, process::Process, start_postgres};

const SCHEMA: &str = include_str!("../../edge-function/schema.sql");

/// A running edge function with its metadata database and one user's token.
pub(crate) struct EdgeFunction {
    address: String,
    bearer: HeaderValue,
    _process: Process,
    _metadata: Cluster,
}

impl EdgeFunction {
    pub(super) async fn start(folder: &Path) -> Result<Self> {
        let deno = tokio::task::spawn_blocking(Deno::install).await??;
        let metadata = start_postgres(folder.join("metadata")).await?;
        as_superuser(&metadata, "postgres", "create database meta").await?;
        as_superuser(&metadata, "meta", SCHEMA).await.context("schema.sql")?;

        let (secret, port) = (random_hex(32)?, free_port()?);
        let mut command = deno.run("server.ts");
        command
            .env("PORT", port.to_string())
            .env("METADATA_URL", format!("postgres://edge:edge@127.0.0.1:{}/meta", metadata.port()))
            .env("JWT_SECRET", &secret)
            .env("MASTER_KEY", random_hex(32)?);
        let (process, _) = Process::start(command, "ready", folder).await?;
        let (address, bearer) = (format!("127.0.0.1:{port}"), bearer(&secret)?);
        Ok(Self { address, bearer, _process: process, _metadata: metadata })
    }

    /// Opens a new connection that sends the user's token.
    pub(crate) async fn client(&self) -> Result<HttpClient> {
        HttpClient::connect(&self.address, Some(self.bearer.clone())).await
    }

    /// Saves a connection for the user.
    pub(crate) async fn save(&self, name: &str, url: &str) -> Result<()> {
        let request = json!({ "name": name, "url": url });
        let _: Value = self.client().await?.post("/api/save-connection", &request).await?;
        Ok(())
    }
}

fn bearer(secret: &str) -> Result<HeaderValue> {
    let expires = SystemClock.now().as_secs() + 24 * 3600;
    let claims = json!({ "sub": Uuid::new_v4(), "aud": "authenticated", "exp": expires });
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(secret.as_bytes()))?;
    Ok(HeaderValue::from_str(&format!("Bearer {token}"))?)
}
