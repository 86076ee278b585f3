//! JSON over keep-alive HTTP/1.1, with one connection per caller.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// An open connection.
pub(crate) struct HttpClient {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
}

impl HttpClient {
    /// Connects to `host:port`; sends `authorization` with each request.
    pub(crate) async fn connect(address: &str, authorization: Option<HeaderValue>) -> Result<Self> {
        Self::over(Self::dial(address).await?, address, authorization).await
    }

    /// A TCP connection to `host:port`.
    pub(crate) async fn dial(address: &str) -> Result<TcpStream> {
        #[allow(
            clippy::disallowed_methods,
            reason = "the servers run on this machine and were started by this program"
        )]
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Like [`HttpClient::connect`], over an open connection to `address`.
    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: &str,
        authorization: Option<HeaderValue>,
    ) -> Result<Self> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, host: HeaderValue::from_str(address)?, authorization })
    }

    /// Posts a request and reads the response.
    pub(crate) async fn post<T: DeserializeOwned>(&mut self, path: &str, body: &Value) -> Result<T> {
        let request = self.request(path, serde_json::to_vec(body)?)?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{path} returned {status}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).with_context(|| format!("{path} returned an unexpected response"))
    }

    fn request(&self, path: &str, body: Vec<u8>) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        Ok(request.body(Full::from(body))?)
    }
}
