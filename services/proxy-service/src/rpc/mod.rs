//! The RPCs, one a file. They translate between the wire and the execution core, and do nothing else.

pub(crate) mod convert;
pub(crate) mod query;

use std::sync::Arc;

use postern_rpc::proxy::{QueryRequest, proxy_service_server::ProxyService};
use tonic::{Request, Response, Status};

use crate::execution::Core;

/// `postern.proxy.v1.ProxyService` over the execution core.
pub struct Proxy {
    core: Arc<Core>,
}

impl Proxy {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[tonic::async_trait]
impl ProxyService for Proxy {
    type QueryStream = query::Responses;

    async fn query(&self, request: Request<QueryRequest>) -> Result<Response<query::Responses>, Status> {
        Ok(Response::new(query::query(&self.core, request).await?))
    }
}
