//! HTTP to a remote root: one request per connection, no redirects, no proxies, size limits, and a deadline for the
//! whole exchange.
//!
//! It does not use the dialer of `egress`, which checks hosts that users enter. This host is configured by an operator
//! and usually has a private address.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use postern_egress::{HttpUrl, tls};
use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use zeroize::Zeroizing;

use super::Trouble;

/// Time for resolving, connecting, TLS, and the whole exchange.
const DEADLINE: Duration = Duration::from_secs(5);

/// Maximum size of a response's head in bytes, including what is read of the body with it.
const HEAD_BYTES: usize = 16 * 1024;
const HEADERS: usize = 64;

/// Maximum size of a body in bytes. Each response is a small JSON document.
const BODY_BYTES: usize = 64 * 1024;

/// A client that trusts one set of certificate authorities. Cheap to clone.
#[derive(Clone)]
pub(super) struct Client(Arc<ClientConfig>);

/// A request. A body made by [`wiped`] is wiped once it is sent.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: HttpUrl,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A response of any status, except that a redirect is an error.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    #[cfg_attr(
        not(any(test, feature = "aws-kms")),
        expect(dead_code, reason = "only AWS KMS says anything there")
    )]
    pub(super) headers: HeaderMap,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// A body that is wiped when its last user drops it.
pub(super) fn wiped(body: Zeroizing<Vec<u8>>) -> Bytes {
    Bytes::from_owner(body)
}

impl Client {
    /// A client that trusts the authorities in a PEM file, or the public ones. `None` if the file cannot be used.
    pub(super) fn trusting(ca: Option<&Path>) -> Option<Self> {
        let pem = ca.map(std::fs::read_to_string).transpose().ok()?;
        // An empty file would mean the public authorities.
        if pem.as_deref().is_some_and(|pem| pem.trim().is_empty()) {
            return None;
        }
        tls::client_config(pem.as_deref()).ok().map(Self)
    }

    /// Sends one request and reads the whole response.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, Trouble> {
        timeout(DEADLINE, self.send_unbounded(call)).await.map_err(|_| Trouble::Timeout)?
    }

    async fn send_unbounded(&self, call: Call) -> Result<Answer, Trouble> {
        let stream = connect(&call.url).await?;
        if call.url.is_https() {
            let stream = tls::connect_tls(stream, Arc::clone(&self.0), call.url.host()).await?;
            exchange(stream, call).await
        } else {
            exchange(stream, call).await
        }
    }
}

/// Required by the AWS SDK.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

#[expect(clippy::disallowed_methods, reason = "configured by the operator; a cluster's search domains apply")]
async fn connect(url: &HttpUrl) -> Result<TcpStream, Trouble> {
    let stream =
        TcpStream::connect((url.host().to_string(), url.port())).await.map_err(|_| Trouble::Unreachable)?;
    stream.set_nodelay(true).map_err(|_| Trouble::Unreachable)?;
    Ok(stream)
}

/// Drives the connection and the request together, without a task that could outlive the caller.
async fn exchange<S>(stream: S, call: Call) -> Result<Answer, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES).max_headers(HEADERS);
    let (sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|_| Trouble::Protocol)?;
    let drive = async {
        // If the connection fails, so does the request; a response that has arrived by then is still used.
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = request(sender, call) => answer,
        () = drive => Err(Trouble::Protocol),
    }
}

async fn request(mut sender: http1::SendRequest<Full<Bytes>>, call: Call) -> Result<Answer, Trouble> {
    let mut request = Request::new(Full::new(call.body));
    *request.method_mut() = call.method;
    *request.uri_mut() = call.url.path_and_query().parse().map_err(|_| Trouble::Defect)?;
    *request.headers_mut() = call.headers;
    let host = HeaderValue::from_str(&call.url.authority()).map_err(|_| Trouble::Defect)?;
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    let (head, body) = sender.send_request(request).await.map_err(|_| Trouble::Protocol)?.into_parts();
    if head.status.is_redirection() {
        return Err(Trouble::Redirect);
    }
    Ok(Answer { status: head.status, headers: head.headers, body: collect(body).await? })
}

async fn collect(mut body: Incoming) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    // Allocated in full: growing would leave copies of a key behind.
    let mut collected = Zeroizing::new(Vec::with_capacity(BODY_BYTES));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Trouble::Protocol)?.into_data() else { continue };
        if data.len() > BODY_BYTES - collected.len() {
            return Err(Trouble::Protocol);
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
