//! Asking other processes' operations listeners, for the command line.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::{Request, Uri, header, uri::Scheme};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::time::timeout;
use tower::Service;

/// Time for one answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// The longest answer. Metrics of a busy service have some hundred kilobytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The status and the body of a path such as `/readyz`. `listener` is `http://host:port`.
pub async fn get(listener: &str, path: &str) -> Result<(u16, String)> {
    timeout(DEADLINE, ask(listener, path)).await.context("it does not answer within 5 s")?
}

async fn ask(listener: &str, path: &str) -> Result<(u16, String)> {
    let uri = format!("{}{path}", listener.trim_end_matches('/'));
    let uri: Uri = uri.parse().context("it is not a URL")?;
    ensure!(uri.scheme() == Some(&Scheme::HTTP), "it does not begin with http://");
    let host = uri.authority().context("it names no host")?.to_string();
    let stream = HttpConnector::new().call(uri.clone()).await.context("it cannot be reached")?;
    let (mut sender, connection) = http1::handshake(stream).await.context("it does not speak HTTP")?;
    let request = Request::get(uri.path()).header(header::HOST, host).body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await.context("it does not speak HTTP")?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
        let body =
            body.map_err(|error| anyhow::anyhow!(error)).context("its answer is cut off or too long")?;
        Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    };
    let drive = async {
        // If the connection fails, so does the exchange.
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! { answer = exchange => answer, () = drive => bail!("it does not speak HTTP") }
}
