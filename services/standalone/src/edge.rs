//! The public listener: console, gRPC and gRPC-web on one origin.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::Response,
};
use http::{HeaderValue, header};
use postern_chassis::{Gate, Lifecycle, Rpcs, TrustedProxies, config::DatabaseConfig, cors, server};
use postern_connection_service as connection_service;
use postern_devkit::issuer::DevIssuer;
use postern_domain::SystemClock;
use postern_proxy_service::{self as proxy_service, AdmissionLimits};
use tokio::{net::TcpListener, task::JoinSet};
use tonic::Status;
use tower::Layer;
use tower_http::{
    services::{ServeDir, ServeFile},
    set_header::SetResponseHeaderLayer,
};

use crate::{
    ISSUER, Options, SignIn,
    database::ControlDatabase,
    demo::Demo,
    dev_routes::{self, Development},
    dev_traces,
    internal::{self, CryptoAddress},
    require,
    state::State,
};

/// Scripts, styles and fonts come from this origin only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
    form-action 'self'";

/// Binds the port.
pub(crate) async fn bind(port: u16) -> Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("port {port} is in use; stop the program that uses it, or choose another port with --port")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

/// All routes of the origin.
pub(crate) async fn router(
    state: &State,
    options: &Options,
    database: &ControlDatabase,
    crypto: &CryptoAddress,
    demo: Demo,
    port: u16,
    life: &Lifecycle,
) -> Result<Router> {
    let index = options.console.join("index.html");
    require(index.exists(), "the console is not built; run `npm run build` in services/console")?;
    let connections = connection_service::service(&connection_service::Backends {
        database: DatabaseConfig::new(database.url_file("postern_connection")),
        crypto: crypto.for_caller("connection-service")?,
    })
    .await?;
    let backends = proxy_service::Backends {
        cancel_on_change: true,
        database: DatabaseConfig::new(database.url_file("postern_proxy")),
        crypto: crypto.for_caller("proxy-service")?,
        egress: internal::egress(),
        pools: options.pools,
        admission: AdmissionLimits::default(),
    };
    let proxy = proxy_service::service(&backends, life).await?;
    let sign_in = options.sign_in.as_ref();
    let rpcs = match sign_in.and_then(|sign_in| Some((sign_in, sign_in.audiences.as_ref()?))) {
        None => Rpcs::default().with(connections).with(proxy),
        // Both are on one port here, whose own gate accepts the audiences of both.
        Some((sign_in, audiences)) => {
            let for_audience = |audience| gate(port, Some(&sign_in.for_audience(audience)));
            let connections = for_audience(&audiences.connection)?.layer(connections);
            Rpcs::default().with(connections).with(for_audience(&audiences.proxy)?.layer(proxy))
        }
    };
    let rpcs = rpcs.edge(gate(port, sign_in)?, life).await;

    let issuer = DevIssuer::load_or_create(ISSUER, &state.file("issuer.pem"))?;
    let development = Development::new(issuer, demo, state.private_dir("welcomed")?, port, sign_in)?;
    let console = ServeDir::new(&options.console).fallback(ServeFile::new(index));
    let console = Router::new().fallback_service(console).layer(middleware::from_fn(no_such_method));
    let development = dev_routes::routes(development).merge(dev_traces::routes(options.recent.clone(), port));
    let routes = rpcs.merge(development).fallback_service(console);
    Ok(routes.layer(secure_headers(sign_in)?).layer(no_sniffing()))
}

fn gate(port: u16, sign_in: Option<&SignIn>) -> Result<Gate> {
    Gate::new(internal::issuers(port, sign_in)?, internal::egress(), Arc::new(SystemClock))
}

/// The response to an unknown gRPC method, instead of the console's page.
async fn no_such_method(request: Request, next: Next) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
        return Status::unimplemented("Unknown method.").into_http();
    }
    next.run(request).await
}

/// Pages for developers have a policy of their own.
fn secure_headers(sign_in: Option<&SignIn>) -> Result<SetResponseHeaderLayer<HeaderValue>> {
    let policy = HeaderValue::try_from(content_security_policy(sign_in))?;
    Ok(SetResponseHeaderLayer::if_not_present(header::CONTENT_SECURITY_POLICY, policy))
}

/// The console calls its identity provider, and renews sessions in a hidden frame that comes back to the console.
fn content_security_policy(sign_in: Option<&SignIn>) -> String {
    match sign_in.and_then(SignIn::origin) {
        None => format!("{CONTENT_SECURITY_POLICY}; frame-ancestors 'none'"),
        Some(provider) => format!(
            "{CONTENT_SECURITY_POLICY}; frame-ancestors 'self'; \
             connect-src 'self' {provider}; frame-src 'self' {provider}"
        ),
    }
}

fn no_sniffing() -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
}

/// Serves the origin. Cross-origin requests are not allowed.
pub(crate) fn start(
    listener: TcpListener,
    router: Router,
    tasks: &mut JoinSet<Result<()>>,
    life: Lifecycle,
) -> Result<()> {
    tasks.spawn(server::serve_edge(listener, router, cors::layer(&[])?, TrustedProxies::default(), life));
    Ok(())
}
