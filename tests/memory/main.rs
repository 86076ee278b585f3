//! Freed memory contains no secret.
//!
//! A whole Postern runs in this process, and with it everything that a secret passes: TLS, HTTP/2, protobuf, the
//! services, the driver. The allocator is the services' own, between two watchers: the outer one sees each block as its
//! owner leaves it, the inner one as the system gets it back.

#![allow(clippy::unwrap_used, reason = "a test")]

mod watch;

use postern_chassis::{
    config::{CryptoClientConfig, TlsFiles},
    memory::WipingAllocator,
    mtls::{CryptoChannel, crypto_channel},
};
use postern_devkit::ca::TRUST_DOMAIN;
use postern_rpc::crypto::{
    BatchDecryptRequest, BatchEncryptRequest, Context, DecryptItem, DecryptRequest, EncryptItem,
    EncryptRequest, crypto_service_client::CryptoServiceClient, encrypt_result::Outcome,
};
use postern_testkit::{Postern, TenantServer};
use tonic::{Request, metadata::MetadataValue};

use watch::{Watching, canary, counted};

#[global_allocator]
static ALLOCATOR: Watching<WipingAllocator<Watching>> =
    Watching::outside(WipingAllocator { 0: Watching::inside() });

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_left_in_memory_that_was_given_back() {
    let (postern, tenants) = (Postern::shared().await, TenantServer::shared().await);
    let user = postern.user("ada");
    let password = canary();
    let tenant = tenants.database(password).await;

    let counted = counted(async {
        sealed_and_opened(postern, user.token()).await;
        user.save("main", tenant.dsn(password)).await.unwrap();
        assert_eq!(user.query("main", "select 7").await.unwrap().ints(0), [7]);
    })
    .await;

    assert!(counted.left > 20, "the secret went nowhere: {counted:?}");
    assert_eq!(counted.given_back, 0, "{counted:?}");
}

/// Calls crypto-service as its callers do: secrets short and long, alone, in a batch, and refused.
async fn sealed_and_opened(postern: &Postern, token: &str) {
    let mut connections = crypto(postern, "connection-service");
    let mut proxy = crypto(postern, "proxy-service");
    for times in [1, 200, 1600] {
        let plaintext = canary().repeat(times).into_bytes();
        let message = EncryptRequest { context: Some(context()), plaintext };
        let sealed = connections.encrypt(as_user(token, message)).await.unwrap().into_inner().sealed;
        let message = DecryptRequest { context: Some(context()), sealed };
        let opened = proxy.decrypt(as_user(token, message)).await.unwrap().into_inner();
        assert_eq!(opened.plaintext, canary().repeat(times).into_bytes());
    }

    let item = |number: usize| EncryptItem {
        reference: number.to_string(),
        context: Some(context()),
        plaintext: canary().repeat(8).into_bytes(),
    };
    let batch = |items| as_user(token, BatchEncryptRequest { items });
    connections.batch_encrypt(batch(vec![item(1), item(1)])).await.unwrap_err();
    let sealed = connections.batch_encrypt(batch((0..10).map(item).collect())).await.unwrap().into_inner();
    let items = sealed.results.into_iter().map(|result| {
        let Some(Outcome::Sealed(sealed)) = result.outcome else { panic!("{}", result.reference) };
        DecryptItem { reference: result.reference, context: Some(context()), sealed }
    });
    let request = BatchDecryptRequest { items: items.collect() };
    proxy.batch_decrypt(as_user(token, request)).await.unwrap();
}

fn crypto(postern: &Postern, caller: &str) -> CryptoServiceClient<CryptoChannel> {
    let files = postern.certificate(caller);
    let tls = TlsFiles {
        certificate: files.certificate,
        key: files.key,
        ca: files.ca,
        trust_domain: TRUST_DOMAIN.to_owned(),
        namespace: None,
    };
    let config = CryptoClientConfig { url: postern.crypto_url().to_owned(), tls };
    CryptoServiceClient::new(crypto_channel(&config).unwrap())
}

fn context() -> Context {
    Context { secret_id: vec![1; 16], kind: "postgres".to_owned(), endpoint_digest: vec![7; 32] }
}

fn as_user<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}
