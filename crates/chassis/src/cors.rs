//! What a page of another origin may do.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::CorsLayer;

/// A layer that answers preflights for exactly these origins. No credentials: a bearer token is enough, and without
/// cookies there is nothing for a foreign page to ride on.
pub fn layer(origins: &[String]) -> Result<CorsLayer> {
    let origins = origins.iter().map(|origin| parse(origin)).collect::<Result<Vec<_>>>()?;
    let request_headers = ["grpc-timeout", "x-grpc-web", "x-user-agent"].map(HeaderName::from_static);
    let response_headers =
        ["grpc-status", "grpc-message", "grpc-status-details-bin"].map(HeaderName::from_static);
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
    use super::*;

    #[test]
    fn only_exact_origins_are_taken() {
        assert!(layer(&["https://app.example.com".into(), "http://127.0.0.1:5173".into()]).is_ok());
        for wrong in ["*", "https://*.example.com", "app.example.com", "https://app.example.com/", "null"] {
            assert!(layer(&[wrong.into()]).is_err(), "{wrong}");
        }
    }
}
