//! How long requests may be.

use postern_rpc::crypto::{
    BatchDecryptRequest, BatchEncryptRequest, Context, DecryptItem, DecryptRequest, EncryptItem,
    EncryptRequest, decrypt_result, encrypt_result,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::fleet::{Fleet, as_user};

/// The longest secret.
const LONGEST: usize = 64 * 1024;

fn context() -> Context {
    Context { secret_id: vec![1; 16], kind: "postgres".to_owned(), endpoint_digest: vec![7; 32] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_of_the_longest_secrets_fit_a_batch_and_no_more_than_one_a_call() {
    let fleet = Fleet::new().await;
    let one = fleet.start("one").await;
    let token = fleet.token(Uuid::new_v4());
    let mut connections = fleet.crypto(&one, "connection-service");

    let item = |number: usize| EncryptItem {
        reference: format!("{number:064}"),
        context: Some(context()),
        plaintext: vec![u8::try_from(number).unwrap(); LONGEST],
    };
    let batch = |count| BatchEncryptRequest { items: (0..count).map(item).collect() };
    let seals = connections.batch_encrypt(as_user(&token, batch(100))).await.unwrap().into_inner();
    let items = seals.results.into_iter().map(|result| {
        let Some(encrypt_result::Outcome::Sealed(sealed)) = result.outcome else { panic!("{result:?}") };
        DecryptItem { reference: result.reference, context: Some(context()), sealed }
    });
    let request = BatchDecryptRequest { items: items.collect() };
    let mut proxy = fleet.crypto(&one, "proxy-service");
    let opened = proxy.batch_decrypt(as_user(&token, request)).await.unwrap().into_inner();
    for (number, result) in opened.results.into_iter().enumerate() {
        let plaintext = vec![u8::try_from(number).unwrap(); LONGEST];
        assert_eq!(result.outcome, Some(decrypt_result::Outcome::Plaintext(plaintext)));
    }

    for count in [101, 110] {
        let refused = connections.batch_encrypt(as_user(&token, batch(count))).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
    }
    for length in [LONGEST + 1, 2 * LONGEST] {
        let message = EncryptRequest { context: Some(context()), plaintext: vec![1; length] };
        let refused = connections.encrypt(as_user(&token, message)).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused)),
            (Code::InvalidArgument, "PLAINTEXT_TOO_LARGE".to_owned())
        );
        assert!(refused.message().contains("65536"), "{refused}");
    }
    let message = DecryptRequest { context: Some(context()), sealed: vec![1; 2 * LONGEST] };
    let refused = proxy.decrypt(as_user(&token, message)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
}

fn reason(refused: &Status) -> String {
    refused.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}
