//! The set of gRPC services behind one port, with health and reflection.

use std::convert::Infallible;

use axum::Router;
use http::Request;
use tokio::sync::watch;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
};
use tonic_health::{ServingStatus, server::HealthReporter};
use tonic_web::GrpcWebLayer;
use tower::{Layer, Service};

use crate::{
    Gate, Lifecycle,
    call::{CallLayer, CallService},
    gate::Gated,
};

/// Services that share a port. Health and reflection cover exactly what was added.
#[derive(Default)]
pub struct Rpcs {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    healthy: Option<watch::Receiver<bool>>,
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

    /// Health is good only while this is true.
    #[must_use]
    pub fn healthy_while(mut self, healthy: watch::Receiver<bool>) -> Self {
        self.healthy = Some(healthy);
        self
    }

    /// The services for internal callers: gRPC, behind the gate. Refusals are calls too, and are logged as such.
    pub async fn inside(self, gate: Gate, life: &Lifecycle) -> CallService<Gated<Routes>> {
        (CallLayer, gate).layer(self.routes(life).await)
    }

    /// The services for the edge: gRPC-web is translated before the gate, so that a refusal reaches a browser too.
    pub async fn edge(self, gate: Gate, life: &Lifecycle) -> Router {
        let layers = (GrpcWebLayer::new(), CallLayer, gate);
        self.routes(life).await.into_axum_router().layer(layers)
    }

    /// Adds health and reflection. When the lifecycle ends, health says so, and load balancers send new calls
    /// elsewhere.
    async fn routes(self, life: &Lifecycle) -> Routes {
        let (health, health_server) = tonic_health::server::health_reporter();
        let mut reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(postern_rpc::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
        for name in &self.names {
            reflection = reflection.with_service_name(*name);
        }
        let reflection =
            reflection.build_v1().expect("the committed descriptors are whole; a test serves them");
        let mut healthy = self.healthy.unwrap_or_else(|| watch::Sender::new(true).subscribe());
        let serves = *healthy.borrow_and_update();
        say(&health, &self.names, serves).await;
        tokio::spawn(follow_health(health, self.names, healthy, life.clone()));
        let mut routes = self.routes;
        routes.add_service(health_server).add_service(reflection);
        routes.routes()
    }
}

/// Keeps what health says as it is, and says at the end that nothing is served any more.
async fn follow_health(
    health: HealthReporter,
    names: Vec<&'static str>,
    mut healthy: watch::Receiver<bool>,
    life: Lifecycle,
) {
    loop {
        tokio::select! {
            () = life.stopping() => break,
            changed = healthy.changed() => if changed.is_err() { break },
        }
        let serves = *healthy.borrow_and_update();
        say(&health, &names, serves).await;
    }
    life.stopping().await;
    say(&health, &names, false).await;
}

/// Of all services, and of the process as a whole, whose name is empty.
async fn say(health: &HealthReporter, names: &[&'static str], serves: bool) {
    let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
    for name in names.iter().copied().chain([""]) {
        health.set_service_status(name, status).await;
    }
}
