//! The RPCs, one a file.

mod delete;
mod erase;
mod export;
mod get;
mod list;
mod upsert;

use postern_chassis::signed_in;
use postern_crypto_client::Sealer;
use postern_rpc::connection::{
    DeleteConnectionRequest, DeleteConnectionResponse, EraseDataRequest, EraseDataResponse,
    ExportDataRequest, GetConnectionRequest, GetConnectionResponse, ListConnectionsRequest,
    ListConnectionsResponse, UpsertConnectionRequest, UpsertConnectionResponse,
    connection_service_server::ConnectionService,
};
use postern_store::ConnectionStore;
use tonic::{Request, Response, Status};

/// `postern.connection.v1.ConnectionService` over the control database and crypto-service.
pub struct Connections {
    store: ConnectionStore,
    sealer: Sealer,
}

impl Connections {
    /// The RPCs, with the store and the client that they use.
    pub fn new(store: ConnectionStore, sealer: Sealer) -> Self {
        Self { store, sealer }
    }
}

#[tonic::async_trait]
impl ConnectionService for Connections {
    async fn upsert_connection(
        &self,
        request: Request<UpsertConnectionRequest>,
    ) -> Result<Response<UpsertConnectionResponse>, Status> {
        let caller = signed_in(&request)?.clone();
        Ok(Response::new(upsert::upsert(&self.store, &self.sealer, &caller, request.into_inner()).await?))
    }

    async fn get_connection(
        &self,
        request: Request<GetConnectionRequest>,
    ) -> Result<Response<GetConnectionResponse>, Status> {
        let caller = signed_in(&request)?.principal.caller().clone();
        Ok(Response::new(get::get(&self.store, caller, &request.into_inner()).await?))
    }

    async fn list_connections(
        &self,
        request: Request<ListConnectionsRequest>,
    ) -> Result<Response<ListConnectionsResponse>, Status> {
        let caller = signed_in(&request)?.principal.caller().clone();
        Ok(Response::new(list::list(&self.store, caller, request.into_inner()).await?))
    }

    async fn delete_connection(
        &self,
        request: Request<DeleteConnectionRequest>,
    ) -> Result<Response<DeleteConnectionResponse>, Status> {
        let caller = signed_in(&request)?.principal.caller().clone();
        Ok(Response::new(delete::delete(&self.store, caller, &request.into_inner()).await?))
    }

    type ExportDataStream = export::Parts;

    async fn export_data(
        &self,
        request: Request<ExportDataRequest>,
    ) -> Result<Response<Self::ExportDataStream>, Status> {
        let caller = signed_in(&request)?.principal.caller().clone();
        Ok(Response::new(export::export(&self.store, caller).await?))
    }

    async fn erase_data(
        &self,
        request: Request<EraseDataRequest>,
    ) -> Result<Response<EraseDataResponse>, Status> {
        let caller = signed_in(&request)?.principal.caller().clone();
        Ok(Response::new(erase::erase(&self.store, caller, &request.into_inner()).await?))
    }
}
