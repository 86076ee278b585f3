//! The operations listener: liveness, readiness and metrics over plain HTTP, for kubelets and Prometheus.
//!
//! Nothing it answers is sensitive, and it takes no input but the path. Only the pod network should reach it.

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;
use tokio::net::TcpListener;

use crate::{Health, Metrics};

/// Serves until the process ends, so that a probe is answered during the drain too.
pub(crate) async fn serve(listener: TcpListener, health: Health, metrics: Metrics) {
    if let Err(error) = axum::serve(listener, router(health, metrics)).await {
        tracing::error!(%error, "the operations listener failed");
    }
}

fn router(health: Health, metrics: Metrics) -> Router {
    let scrape = move || async move { ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.render()) };
    Router::new()
        .route(
            "/livez",
            get(async || {
                "ok
"
            }),
        )
        .route("/readyz", get(ready))
        .route("/metrics", get(scrape))
        .with_state(health)
}

/// 200 or 503, with the states of dependencies for a person to read.
async fn ready(State(health): State<Health>) -> Response {
    let report = health.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt;

    use super::*;
    use crate::Lifecycle;

    async fn get(health: &Health, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(health.clone(), Metrics::default()).oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_replica_is_alive_before_it_is_ready_and_shows_what_it_waits_for() {
        let health = Health::new("a-service", &Lifecycle::default());
        let database = health.dependency("control database");
        health.serving(([127, 0, 0, 1], 1).into());
        assert_eq!(get(&health, "/livez").await.0, StatusCode::OK);
        let (status, body) = get(&health, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains(r#"{"name":"control database","state":"awaited"}"#), "{body}");

        database.reached();
        let (status, body) = get(&health, "/readyz").await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert!(body.starts_with(r#"{"ready":true,"faults":[],"stopping":false"#), "{body}");
        assert!(get(&health, "/metrics").await.1.contains("# TYPE postern_calls_total counter"));
        assert_eq!(get(&health, "/").await.0, StatusCode::NOT_FOUND);
    }
}
