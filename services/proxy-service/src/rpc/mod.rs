//! The RPCs, one a file.

pub(crate) mod query;

use std::sync::Arc;

use postern_chassis::signed_in;
use postern_rpc::proxy::{QueryRequest, proxy_service_server::ProxyService};
use tonic::{Request, Response, Status};

use crate::tenants::Tenants;

/// `postern.proxy.v1.ProxyService` over the control database, crypto-service and the tenants.
pub struct Proxy {
    tenants: Arc<Tenants>,
}

impl Proxy {
    pub(crate) fn new(tenants: Tenants) -> Self {
        Self { tenants: Arc::new(tenants) }
    }
}

#[tonic::async_trait]
impl ProxyService for Proxy {
    type QueryStream = query::Parts;

    async fn query(&self, request: Request<QueryRequest>) -> Result<Response<query::Parts>, Status> {
        let caller = signed_in(&request)?.clone();
        Ok(Response::new(query::query(Arc::clone(&self.tenants), caller, request.into_inner())?))
    }
}
