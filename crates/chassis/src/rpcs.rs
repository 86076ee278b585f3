//! The set of gRPC services behind one port, with health and reflection.

use std::convert::Infallible;

use axum::Router;
use http::Request;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
};
use tonic_web::GrpcWebLayer;
use tower::{Layer, Service};

use crate::{Gate, Lifecycle, gate::Gated};

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

    /// The services for the inside: gRPC, behind the gate.
    pub async fn inside(self, gate: Gate, life: &Lifecycle) -> Gated<Routes> {
        gate.layer(self.routes(life).await)
    }

    /// The services for the edge: gRPC-web is translated before the gate, so that a refusal reaches a browser too.
    pub async fn edge(self, gate: Gate, life: &Lifecycle) -> Router {
        self.routes(life).await.into_axum_router().layer(gate).layer(GrpcWebLayer::new())
    }

    /// Adds health and reflection. When the lifecycle ends, health says so, and load balancers send new calls elsewhere.
    async fn routes(self, life: &Lifecycle) -> Routes {
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
        routes.routes()
    }
}
