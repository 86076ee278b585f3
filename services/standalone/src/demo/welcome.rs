//! Saves the demo connection for a user who signs in for the first time, over the public API.

use std::{fs, io::ErrorKind, path::PathBuf};

use anyhow::{Context, Result};
use postern_rpc::connection::{
    UpsertConnectionRequest, connection_service_client::ConnectionServiceClient, upsert_connection_request,
};
use tonic::{
    Code, Request,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};
use uuid::Uuid;

use super::Demo;

/// Gives each user the demo connection once. A user who deletes it does not get it again.
pub(crate) struct Welcome {
    demo: Demo,
    welcomed: PathBuf,
    connections: ConnectionServiceClient<Channel>,
}

impl Welcome {
    /// `welcomed` is the folder with a file for each user who has been given the connection.
    pub(crate) fn new(demo: Demo, welcomed: PathBuf, port: u16) -> Result<Self> {
        let channel = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?.connect_lazy();
        Ok(Self { demo, welcomed, connections: ConnectionServiceClient::new(channel) })
    }

    /// Saves the connection unless this user was welcomed before.
    pub(crate) async fn once(&self, user: &str, token: &str) -> Result<()> {
        // Any fixed digest would do, since it is only a file name.
        let seen = format!("{} {user}", self.demo.server);
        let mark = self.welcomed.join(Uuid::new_v5(&Uuid::NAMESPACE_OID, seen.as_bytes()).to_string());
        if mark.exists() {
            return Ok(());
        }
        self.save_demo(token).await?;
        match fs::File::create_new(&mark) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(error).with_context(|| format!("cannot write {}", mark.display()))
            }
            _ => Ok(()),
        }
    }

    async fn save_demo(&self, token: &str) -> Result<()> {
        let mut request = Request::new(UpsertConnectionRequest {
            name: "demo".to_owned(),
            endpoint: Some(upsert_connection_request::Endpoint::PostgresDsn(self.demo.dsn.clone())),
            expected_version: Some(0),
            ..UpsertConnectionRequest::default()
        });
        let bearer =
            MetadataValue::try_from(format!("Bearer {token}")).context("the token is not a header")?;
        request.metadata_mut().insert("authorization", bearer);
        match self.connections.clone().upsert_connection(request).await {
            Ok(_) => Ok(()),
            // The user has a connection of this name already.
            Err(status) if status.code() == Code::Aborted => Ok(()),
            Err(status) => Err(status).context("the demo connection was not saved"),
        }
    }
}
