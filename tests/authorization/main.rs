//! Every RPC refuses strangers and wrong callers. The lists come from the table of callers, so that new RPCs
//! are tested automatically.

#![allow(clippy::unwrap_used, reason = "a test")]

mod edge;
mod internal;

use http::uri::PathAndQuery;
use tonic::{Request, Status, metadata::MetadataValue, transport::Channel};
use tonic_prost::ProstCodec;

/// Calls any method with an empty message.
async fn call(channel: &Channel, path: &'static str, token: Option<&str>) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
    let mut request = Request::new(());
    if let Some(token) = token {
        let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let path = PathAndQuery::from_static(path);
    client.unary(request, path, ProstCodec::<(), ()>::default()).await.map(drop)
}
