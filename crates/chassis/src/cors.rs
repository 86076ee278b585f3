//! What pages of other origins may do.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

/// A layer that answers preflights for exactly these origins. Credentials are not allowed: a bearer token is enough,
/// and without cookies a foreign page has no session to abuse.
pub fn layer(origins: &[String]) -> Result<CorsLayer> {
    let origins = origins.iter().map(|origin| parse(origin)).collect::<Result<Vec<_>>>()?;
    let request_headers = ["grpc-timeout", "traceparent", "x-grpc-web", "x-request-id", "x-user-agent"]
        .map(HeaderName::from_static);
    let response_headers = ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-request-id"]
        .map(HeaderName::from_static);
    Ok(CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::POST])
        .allow_headers(
            [header::AUTHORIZATION, header::CONTENT_TYPE]
                .into_iter()
                .chain(request_headers)
                .collect::<Vec<_>>(),
        )
        .expose_headers(response_headers)
        .max_age(Duration::from_hours(2)))
}

fn parse(origin: &str) -> Result<HeaderValue> {
    let (scheme, rest) = origin.split_once("://").unwrap_or_default();
    let exact = matches!(scheme, "http" | "https") && !rest.is_empty() && !rest.contains(['/', '*']);
    ensure!(exact, "cors_origins: '{origin}' is not an origin such as https://app.example.com");
    HeaderValue::from_str(origin)
        .with_context(|| format!("cors_origins: '{origin}' cannot be sent as a header"))
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::post};
    use http::{HeaderMap, Request};
    use tower::ServiceExt;

    use super::*;

    async fn preflight(from: &str) -> HeaderMap {
        let layer = layer(&["https://app.example.com".to_owned()]).unwrap();
        let router = Router::new().route("/x", post(async || "")).layer(layer);
        let request = Request::options("/x")
            .header("origin", from)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type,grpc-timeout,traceparent,x-grpc-web,x-request-id,x-user-agent",
            );
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        response.headers().clone()
    }

    #[tokio::test]
    async fn a_listed_origin_may_call_and_another_may_not() {
        let listed = preflight("https://app.example.com").await;
        assert_eq!(listed["access-control-allow-origin"], "https://app.example.com");
        assert_eq!(listed["access-control-allow-methods"], "POST");
        let allowed = listed["access-control-allow-headers"].to_str().unwrap();
        for name in ["authorization", "content-type", "grpc-timeout", "x-grpc-web", "x-user-agent"] {
            assert!(allowed.contains(name), "{name}");
        }
        assert!(allowed.contains("x-request-id") && allowed.contains("traceparent"), "{allowed}");
        assert!(!listed.contains_key("access-control-allow-credentials"));
        for other in
            ["https://evil.example.com", "https://app.example.com.evil.com", "http://app.example.com", "null"]
        {
            assert!(!preflight(other).await.contains_key("access-control-allow-origin"), "{other}");
        }
    }

    #[tokio::test]
    async fn a_page_may_read_the_outcome_and_the_request_id() {
        let layer = layer(&["https://app.example.com".to_owned()]).unwrap();
        let router = Router::new().route("/x", post(async || "")).layer(layer);
        let request = Request::post("/x").header("origin", "https://app.example.com");
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let exposed = response.headers()["access-control-expose-headers"].to_str().unwrap();
        for name in ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-request-id"] {
            assert!(exposed.contains(name), "{name}");
        }
    }

    #[test]
    fn only_exact_origins_are_accepted() {
        assert!(layer(&["https://app.example.com".into(), "http://127.0.0.1:5173".into()]).is_ok());
        for wrong in ["*", "https://*.example.com", "app.example.com", "https://app.example.com/", "null"] {
            assert!(layer(&[wrong.into()]).is_err(), "{wrong}");
        }
    }
}
