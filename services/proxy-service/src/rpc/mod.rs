//! The RPCs, one a file. They translate between the wire and the execution core, and do nothing else.

pub(crate) mod convert;
pub(crate) mod forward;
pub(crate) mod query;

use std::{sync::Arc, time::Duration};

use postern_rpc::{
    Problem,
    proxy::{ForwardRequest, QueryRequest, proxy_service_server::ProxyService},
};
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

    type ForwardStream = forward::Responses;

    async fn forward(
        &self,
        request: Request<ForwardRequest>,
    ) -> Result<Response<forward::Responses>, Status> {
        Ok(Response::new(forward::forward(&self.core, request).await?))
    }
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_TIMEOUT: Duration = Duration::from_mins(5);

/// The time that a call is given.
fn timeout(asked: Option<prost_types::Duration>) -> Result<Duration, Problem> {
    let Some(asked) = asked else { return Ok(DEFAULT_TIMEOUT) };
    match Duration::try_from(asked) {
        Ok(timeout) if !timeout.is_zero() && timeout <= LONGEST_TIMEOUT => Ok(timeout),
        _ => Err(Problem::field("timeout", "timeout is more than 0 and at most 300 s")),
    }
}
