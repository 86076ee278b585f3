//! HTTP GET for key sets: no redirects, no proxies, a size limit, and a deadline for the whole exchange.

use std::{sync::Arc, time::Duration};

use ::http::{Request, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use crate::{
    Dialer, EgressError, HttpUrl,
    tls::{self, TlsError},
};

/// Why a GET failed. The messages are safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The host could not be reached.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The URL is `http`, and its host is not a loopback address in development.
    #[error("plain http is only allowed for loopback in development; use an https URL")]
    PlainHttp,
    /// The status is not 200. Redirects are not followed.
    #[error("the server responded with status {0} instead of 200; redirects are not followed")]
    Status(u16),
    /// The body is longer than the limit.
    #[error("the server's response is longer than allowed; check the URL")]
    TooLarge,
    /// The deadline passed.
    #[error("the server did not respond in time; check that it is running and reachable")]
    Timeout,
    /// The response is not HTTP/1.1, or ended early.
    #[error("the server's response is not valid HTTP; check the URL")]
    Protocol,
}

/// A client over a [`Dialer`]. Each request has a connection of its own.
#[derive(Clone)]
pub struct HttpClient {
    dialer: Dialer,
    tls: Arc<ClientConfig>,
}

/// Maximum size of a response's head in bytes, including what is read of the body with it.
const HEAD_BYTES: usize = 16 * 1024;
const HEADERS: usize = 64;

impl HttpClient {
    /// A client with this TLS configuration.
    pub fn new(dialer: Dialer, tls: Arc<ClientConfig>) -> Self {
        Self { dialer, tls }
    }

    /// Fetches the body of a URL. The deadline covers resolving, connecting, TLS and the whole body.
    pub async fn get(&self, url: &HttpUrl, max_bytes: usize, deadline: Duration) -> Result<Bytes, HttpError> {
        timeout(deadline, self.get_unbounded(url, max_bytes)).await.map_err(|_| HttpError::Timeout)?
    }

    async fn get_unbounded(&self, url: &HttpUrl, max_bytes: usize) -> Result<Bytes, HttpError> {
        let addresses = self.dialer.resolve_and_judge(url.host(), url.port()).await?;
        // Only a development policy allows loopback.
        if !url.is_https() && !addresses.iter().all(|a| a.is_loopback()) {
            return Err(HttpError::PlainHttp);
        }
        let stream = self.dialer.connect(&addresses).await?;
        if url.is_https() {
            let stream = tls::connect_tls(stream, Arc::clone(&self.tls), url.host()).await?;
            exchange(stream, url, max_bytes).await
        } else {
            exchange(stream, url, max_bytes).await
        }
    }
}

/// Drives the connection and the request together, without a task that could outlive the caller.
async fn exchange<S>(stream: S, url: &HttpUrl, max_bytes: usize) -> Result<Bytes, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES).max_headers(HEADERS);
    let (sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|_| HttpError::Protocol)?;
    let drive = async {
        // If the connection fails, so does the request; a response that has arrived by then is still used.
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = request(sender, url, max_bytes) => answer,
        () = drive => Err(HttpError::Protocol),
    }
}

async fn request(
    mut sender: http1::SendRequest<Empty<Bytes>>,
    url: &HttpUrl,
    max_bytes: usize,
) -> Result<Bytes, HttpError> {
    let request = Request::get(url.path_and_query())
        .header(header::HOST, url.authority())
        .header(header::ACCEPT, "application/json")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|_| HttpError::Protocol)?;
    let answer = sender.send_request(request).await.map_err(|_| HttpError::Protocol)?;
    if answer.status() != StatusCode::OK {
        return Err(HttpError::Status(answer.status().as_u16()));
    }
    collect(answer.into_body(), max_bytes).await
}

async fn collect(mut body: Incoming, max_bytes: usize) -> Result<Bytes, HttpError> {
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| HttpError::Protocol)?.into_data() else { continue };
        if data.len() > max_bytes.saturating_sub(collected.len()) {
            return Err(HttpError::TooLarge);
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.freeze())
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
