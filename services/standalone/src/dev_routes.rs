//! Routes for development only: tokens without a password, the key set, and the console's configuration.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use postern_devkit::issuer::DevIssuer;
use postern_domain::SystemClock;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    SignIn,
    demo::{Demo, Welcome},
};

/// The development issuer, and the demo connection for new users.
pub(crate) struct Development {
    issuer: DevIssuer,
    welcome: Welcome,
    port: u16,
    /// The console's `/config.json`.
    config: Value,
}

impl Development {
    pub(crate) fn new(
        issuer: DevIssuer,
        demo: Demo,
        welcomed: PathBuf,
        port: u16,
        sign_in: Option<&SignIn>,
    ) -> Result<Self> {
        let development = || json!({ "signIn": { "kind": "development" } });
        let config = sign_in.map_or_else(development, |sign_in| sign_in.config.clone());
        Ok(Self { issuer, welcome: Welcome::new(demo, welcomed, port)?, port, config })
    }
}

type Shared = Arc<Development>;

/// `POST /dev/token`, `GET /dev/jwks.json` and `GET /config.json`.
pub(crate) fn routes(development: Development) -> Router {
    let token = post(token).layer(middleware::from_fn_with_state(development.port, from_this_machine));
    let shared = Arc::new(development);
    Router::new()
        .route("/dev/token", token)
        .route(
            "/dev/jwks.json",
            get(async |State(development): State<Shared>| Json(development.issuer.jwks())),
        )
        .route(
            "/config.json",
            get(async |State(development): State<Shared>| Json(development.config.clone())),
        )
        .with_state(shared)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    user: String,
}

/// Returns a token for any user name. At the first sign-in, the user gets the demo connection.
async fn token(
    State(development): State<Shared>,
    Json(request): Json<TokenRequest>,
) -> Result<Json<Value>, (StatusCode, &'static str)> {
    let well_formed = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    if !(1..=64).contains(&request.user.len()) || !request.user.chars().all(well_formed) {
        return Err((StatusCode::BAD_REQUEST, "user has 1 to 64 letters, digits, '.', '_', '@' or '-'\n"));
    }
    let failed = |error: anyhow::Error| {
        tracing::error!("cannot sign in a development user: {error:#}");
        (StatusCode::INTERNAL_SERVER_ERROR, "the token could not be created; the cause is in the log\n")
    };
    let token = development.issuer.mint(&request.user, &SystemClock).map_err(failed)?;
    development.welcome.once(&request.user, &token).await.map_err(failed)?;
    Ok(Json(
        json!({ "access_token": token, "token_type": "Bearer", "expires_in": postern_devkit::issuer::LIFETIME }),
    ))
}

/// Refuses requests for other host names than this machine's with `port`. Otherwise, a web page could get tokens and
/// read traces by making its own name resolve to 127.0.0.1 (DNS rebinding).
pub(crate) async fn from_this_machine(State(port): State<u16>, request: Request, next: Next) -> Response {
    let ours = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}"));
    let host = host(request.headers()).or_else(|| request.uri().authority().map(ToString::to_string));
    if host.is_some_and(|host| ours.contains(&host)) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "development routes are only available on this machine\n").into_response()
    }
}

fn host(headers: &HeaderMap) -> Option<String> {
    headers.get(header::HOST)?.to_str().ok().map(str::to_owned)
}
