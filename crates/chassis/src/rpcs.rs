//! The set of gRPC services behind one port, with health and reflection.

use std::convert::Infallible;

use axum::Router;
use http::Request;
use tonic::{body::Body, server::NamedService, service::RoutesBuilder};
use tonic_web::GrpcWebLayer;
use tower::Service;

use crate::{Gate, Lifecycle};

/// Services that share a port. Health and reflection cover exactly what was added.
#[derive(Default)]
pub struct Rpcs {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
}

impl Rpcs {
    /// Adds a generated server.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.names.push(S::NAME);
        self.routes.add_service(service);
        self
    }

    /// Adds health and reflection, puts the gate before all of it, and translates gRPC-web before the gate, so that a
    /// refusal reaches a browser too.
    /// When the lifecycle ends, health says so, and load balancers send new calls elsewhere.
    pub async fn into_router(self, gate: Gate, life: &Lifecycle) -> Router {
        let (health, health_server) = tonic_health::server::health_reporter();
        let mut reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(postern_rpc::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        for name in &self.names {
            health.set_service_status(*name, tonic_health::ServingStatus::Serving).await;
            reflection = reflection.with_service_name(*name);
        }
        let reflection =
            reflection.build_v1().expect("the committed descriptors are whole; a test serves them");
        let (names, stopping) = (self.names, life.clone().into_stopping());
        tokio::spawn(async move {
            stopping.await;
            for name in names {
                health.set_service_status(name, tonic_health::ServingStatus::NotServing).await;
            }
        });
        let mut routes = self.routes;
        routes.add_service(health_server).add_service(reflection);
        gate.guard(routes.routes().into_axum_router()).layer(GrpcWebLayer::new())
    }
}
