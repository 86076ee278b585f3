//! What stands for `/storage/v1`, `/functions/v1` and `/auth/v1`: plain servers with endpoints of the same shape.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, RawQuery, State},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use super::keys::Keys;

/// Stored objects, by `<bucket>/<path>`: content type and bytes.
#[derive(Clone, Default)]
pub(super) struct Objects(Arc<Mutex<BTreeMap<String, (String, Bytes)>>>);

pub(super) fn router(objects: &Objects, keys: &Keys) -> Router {
    Router::new().merge(storage(objects)).merge(functions()).merge(auth(keys))
}

impl Objects {
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn put(&self, path: String, headers: &HeaderMap, body: Bytes) -> Response {
        let answer = Json(json!({ "Id": "1", "Key": path }));
        self.lock().insert(path, (content_type(headers), body));
        answer.into_response()
    }

    fn add(&self, path: String, headers: &HeaderMap, body: Bytes) -> Response {
        let may_replace = headers.get("x-upsert").is_some_and(|value| value == "true");
        if !may_replace && self.lock().contains_key(&path) {
            return storage_error("409", "Duplicate", "The resource already exists");
        }
        self.put(path, headers, body)
    }

    fn get(&self, path: &str) -> Response {
        match self.lock().get(path) {
            Some((kind, bytes)) => ([(header::CONTENT_TYPE, kind.clone())], bytes.clone()).into_response(),
            None => storage_error("404", "not_found", "Object not found"),
        }
    }

    fn list(&self, bucket: &str, prefix: &str) -> Json<Value> {
        let prefix = format!("{bucket}/{prefix}");
        let objects = self.lock();
        let under = objects.iter().filter_map(|(path, stored)| Some((path.strip_prefix(&prefix)?, stored)));
        let shown = under.map(|(name, (kind, bytes))| {
            json!({
                "name": name.trim_start_matches('/'),
                "metadata": { "size": bytes.len(), "mimetype": kind },
            })
        });
        Json(shown.collect())
    }

    fn remove(&self, bucket: &str, names: &[Value]) -> Json<Value> {
        let mut objects = self.lock();
        let names = names.iter().filter_map(Value::as_str);
        let removed = names.filter(|name| objects.remove(&format!("{bucket}/{name}")).is_some());
        Json(removed.map(|name| json!({ "name": name, "bucket_id": bucket })).collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (String, Bytes)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn storage(objects: &Objects) -> Router {
    Router::new()
        .route("/storage/v1/bucket", get(buckets))
        .route("/storage/v1/object/list/{bucket}", post(list))
        .route("/storage/v1/object/sign/{*path}", post(sign))
        .route("/storage/v1/object/{*path}", get(download).post(upload).put(replace).delete(remove))
        .with_state(objects.clone())
}

async fn buckets() -> Json<Value> {
    Json(json!([{ "id": "files", "name": "files", "public": false }]))
}

async fn list(
    State(objects): State<Objects>,
    Path(bucket): Path<String>,
    Json(query): Json<Value>,
) -> Json<Value> {
    objects.list(&bucket, query["prefix"].as_str().unwrap_or_default())
}

async fn sign(Path(path): Path<String>) -> Json<Value> {
    Json(json!({ "signedURL": format!("/object/sign/{path}?token=signed") }))
}

async fn download(State(objects): State<Objects>, Path(path): Path<String>) -> Response {
    objects.get(&path)
}

async fn upload(
    State(objects): State<Objects>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    objects.add(path, &headers, body)
}

async fn replace(
    State(objects): State<Objects>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    objects.put(path, &headers, body)
}

/// Here the path is a bucket alone, and the body names the objects.
async fn remove(
    State(objects): State<Objects>,
    Path(bucket): Path<String>,
    Json(query): Json<Value>,
) -> Json<Value> {
    objects.remove(&bucket, query["prefixes"].as_array().map_or(&[][..], Vec::as_slice))
}

/// Storage answers every error with status 400, and the real one in the body.
fn storage_error(status: &str, error: &str, message: &str) -> Response {
    let body = json!({ "statusCode": status, "error": error, "message": message });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn functions() -> Router {
    Router::new()
        .route("/functions/v1/echo", any(echo))
        .route("/functions/v1/status/{code}", any(status))
        .route("/functions/v1/large/{bytes}", any(large))
        .route("/functions/v1/announced/{bytes}", any(announced))
        .route("/functions/v1/deflated/{bytes}", any(deflated))
        .route("/functions/v1/redirect", any(redirect))
        .route("/functions/v1/hang", any(async || std::future::pending::<()>().await))
        .route("/functions/v1/stall", any(stall))
}

/// What arrived, without what differs between clients.
async fn echo(method: Method, RawQuery(query): RawQuery, headers: HeaderMap, body: Bytes) -> Json<Value> {
    // The boundary of a multipart body is random.
    let kind = content_type(&headers).split(';').next().unwrap_or_default().to_owned();
    let text = if kind.starts_with("multipart/") { None } else { Some(String::from_utf8_lossy(&body)) };
    Json(json!({
        "method": method.as_str(), "query": query, "content_type": kind, "body": text, "bytes": body.len(),
    }))
}

async fn status(Path(code): Path<u16>) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    (status, [(header::RETRY_AFTER, "2")], Json(json!({ "error": "as asked" }))).into_response()
}

/// A body of that many bytes, without a length given beforehand.
async fn large(Path(bytes): Path<u64>) -> Response {
    const CHUNK: u64 = 64 * 1024;
    static BYTES: [u8; 64 * 1024] = [b'x'; 64 * 1024];
    let chunks = (0..bytes.div_ceil(CHUNK)).map(move |at| {
        let length = usize::try_from(CHUNK.min(bytes - at * CHUNK)).expect("a chunk fits");
        Ok::<_, std::convert::Infallible>(Bytes::from_static(&BYTES[..length]))
    });
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    (kind, Body::from_stream(stream::iter(chunks))).into_response()
}

/// The head of an answer of that many bytes, which then do not come.
async fn announced(Path(bytes): Path<u64>) -> Response {
    let never = stream::pending::<Result<Bytes, std::convert::Infallible>>();
    ([(header::CONTENT_LENGTH, bytes)], Body::from_stream(never)).into_response()
}

/// That many zeros, compressed although nobody asked for it.
async fn deflated(Path(bytes): Path<usize>) -> Response {
    let body = miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; bytes], 1);
    ([(header::CONTENT_ENCODING, "deflate"), (header::CONTENT_TYPE, "text/plain")], body).into_response()
}

async fn redirect() -> Response {
    (StatusCode::FOUND, [(header::LOCATION, "https://localhost/elsewhere")]).into_response()
}

/// A first chunk, and then nothing, for longer than any test lasts.
async fn stall() -> Response {
    let first = stream::once(async { Ok::<_, std::convert::Infallible>(Bytes::from_static(b"first")) });
    let never = stream::once(async {
        tokio::time::sleep(Duration::from_hours(1)).await;
        Ok(Bytes::new())
    });
    Body::from_stream(first.chain(never)).into_response()
}

/// A single user, whose password nobody asks for.
fn auth(keys: &Keys) -> Router {
    let user = json!({ "id": "user-1", "aud": "authenticated", "role": "authenticated", "email": "ada@example.com" });
    let session = json!({
        "access_token": keys.user_token("user-1"), "token_type": "bearer", "expires_in": 3600,
        "refresh_token": "refresh", "user": user,
    });
    Router::new()
        .route("/auth/v1/settings", get(async || Json(json!({ "disable_signup": false }))))
        .route("/auth/v1/token", post(async move || Json(session)))
}

fn content_type(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.unwrap_or_default().to_owned()
}
