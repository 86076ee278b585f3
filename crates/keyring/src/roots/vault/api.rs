//! The vault's HTTP API: requests with a token, and the meaning of statuses.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use postern_domain::Secret;
use postern_egress::HttpUrl;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{VaultConfig, VaultPath};
use crate::roots::{
    Address, Trouble,
    client::{Answer, Call, Client, wiped},
};

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Vault agents and proxies can be configured to require this header, as a protection against request forgery.
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");

/// Where the API is.
pub(super) struct Api {
    client: Client,
    address: Address,
    namespace: Option<VaultPath>,
}

impl Api {
    pub(super) fn new(client: Client, config: &VaultConfig) -> Self {
        Self { client, address: config.address.clone(), namespace: config.namespace.clone() }
    }

    /// Reads what is at a path.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, token: &Secret) -> Result<T, Trouble> {
        parse(&self.send(Method::GET, path, Some(token), Bytes::new(), Trouble::Refused).await?)
    }

    /// Posts JSON to a path. `bad` is the error for status 400.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&Secret>,
        body: Bytes,
        bad: Trouble,
    ) -> Result<T, Trouble> {
        parse(&self.send(Method::POST, path, token, body, bad).await?)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&Secret>,
        body: Bytes,
        bad: Trouble,
    ) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let url = HttpUrl::parse(&format!("{}/v1/{path}", self.address)).map_err(|_| Trouble::Defect)?;
        let headers = self.headers(token)?;
        let Answer { status, body, .. } = self.client.send(Call { method, url, headers, body }).await?;
        match status {
            StatusCode::OK => Ok(body),
            StatusCode::BAD_REQUEST if says_no_key(&body) => Err(Trouble::NoKey),
            StatusCode::BAD_REQUEST => Err(bad),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Err(Trouble::Refused),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Err(Trouble::NoKey),
            StatusCode::SERVICE_UNAVAILABLE if says(&body, "sealed") => Err(Trouble::Sealed),
            other => Err(Trouble::Status(other.as_u16())),
        }
    }

    fn headers(&self, token: Option<&Secret>) -> Result<HeaderMap, Trouble> {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST, HeaderValue::from_static("true"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(namespace) = &self.namespace {
            let value = HeaderValue::from_str(&namespace.to_string()).map_err(|_| Trouble::Defect)?;
            headers.insert(NAMESPACE, value);
        }
        if let Some(token) = token {
            let copy = Zeroizing::new(token.expose().to_vec());
            // The file contains something other than a token.
            let mut value = HeaderValue::from_maybe_shared(wiped(copy)).map_err(|_| Trouble::Refused)?;
            value.set_sensitive(true);
            headers.insert(TOKEN, value);
        }
        Ok(headers)
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|_| Trouble::Protocol)
}

/// Only the text of the response distinguishes these.
fn says_no_key(body: &[u8]) -> bool {
    says(body, "encryption key not found") || says(body, "disallowed by policy")
}

fn says(body: &[u8], words: &str) -> bool {
    body.windows(words.len()).any(|window| window == words.as_bytes())
}
