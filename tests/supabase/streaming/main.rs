//! A large answer passes through Postern without taking memory for more than a small part of it at once.
//!
//! A whole Postern, the project's gateway and the caller share this process, and so the allocator that counts. This
//! test is alone in its binary, because others would be counted, too.

#![allow(clippy::unwrap_used, reason = "a test")]

mod counting;

use std::time::Duration;

use postern_rpc::{
    connection::{
        SupabaseEndpoint, SupabaseService, UpsertConnectionRequest, upsert_connection_request::Endpoint,
    },
    proxy::{ForwardRequest, forward_response::Part},
};
use postern_testkit::{Postern, SupabaseProject, TenantServer, User};

use counting::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const BODY: usize = 50_000_000;

/// Bytes that may be in use at once beyond what was before: the buffers of three connections, two of them with TLS or
/// HTTP/2, and of the queue between them.
const MOST: usize = 4_000_000;

/// The caller pauses whenever it has read this many bytes more.
const STRIDE: usize = 5_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_50_mb_takes_constant_memory_though_its_reader_is_slow() {
    let project = SupabaseProject::start(TenantServer::shared().await).await;
    let user = Postern::shared().await.user("streaming");
    save(&user, &project).await;
    // Opens the connections and fills the caches.
    assert_eq!(read_slowly(&user, 1000).await, 1000);

    let before = counting::begin();
    assert_eq!(read_slowly(&user, BODY).await, BODY);
    let most = counting::peak() - before;
    assert!(most < MOST, "{most} bytes were in use at once");
}

async fn save(user: &User, project: &SupabaseProject) {
    let endpoint = SupabaseEndpoint {
        url: project.url(),
        services: vec![SupabaseService::Functions.into()],
        ca_pem: project.ca_pem().to_owned(),
        ..SupabaseEndpoint::default()
    };
    let request = UpsertConnectionRequest {
        name: "project".into(),
        endpoint: Some(Endpoint::Supabase(endpoint)),
        publishable_key: Some(project.keys().publishable.clone()),
        ..UpsertConnectionRequest::default()
    };
    user.upsert(request).await.unwrap();
}

/// Reads an answer of that many bytes, and returns how many came. The pauses give whatever is not bounded the time to
/// grow; the test does not depend on their length.
async fn read_slowly(user: &User, bytes: usize) -> usize {
    let request = ForwardRequest {
        connection: "project".into(),
        service: SupabaseService::Functions.into(),
        path: vec!["large".into(), bytes.to_string()],
        ..ForwardRequest::default()
    };
    let mut parts = user.proxy().forward(request).await.unwrap().into_inner();
    let (mut read, mut pause_at) = (0, 0);
    while let Some(part) = parts.message().await.unwrap() {
        if let Some(Part::Body(chunk)) = part.part {
            read += chunk.len();
        }
        if read >= pause_at {
            tokio::time::sleep(Duration::from_millis(100)).await;
            pause_at = read + STRIDE;
        }
    }
    read
}
