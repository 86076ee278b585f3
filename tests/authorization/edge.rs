//! What users reach.

use postern_devkit::issuer::DevIssuer;
use postern_rpc::access::{Caller, RULES};
use postern_testkit::Postern;
use tonic::{Code, transport::Endpoint};

use crate::call;

#[tokio::test]
async fn every_rpc_of_users_is_closed_to_strangers() {
    let postern = Postern::shared().await;
    let channel = Endpoint::from_shared(postern.url().to_owned()).unwrap().connect_lazy();
    let folder = tempfile::tempdir().unwrap();
    // The right name and the right claims, with another key.
    let impostor =
        DevIssuer::load_or_create(postern_testkit::ISSUER, &folder.path().join("key.pem")).unwrap();
    let forged = impostor.mint("alice", &postern_testkit::SystemClock).unwrap();
    let mut seen = 0;
    for rule in RULES.iter().filter(|rule| matches!(rule.caller, Caller::User(_))) {
        for token in [None, Some("nonsense"), Some(forged.as_str())] {
            let status = call(&channel, rule.path, token).await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated, "{} with {token:?}", rule.path);
        }
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[tokio::test]
async fn rpcs_between_services_are_not_on_the_edge() {
    let postern = Postern::shared().await;
    let channel = Endpoint::from_shared(postern.url().to_owned()).unwrap().connect_lazy();
    let user = postern.user("edge-user");
    let inside =
        |caller| matches!(caller, Caller::Service(..) | Caller::ServiceOrOperator(_) | Caller::Operator);
    for rule in RULES.iter().filter(|rule| inside(rule.caller)) {
        let status = call(&channel, rule.path, Some(user.token())).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{}", rule.path);
    }
}

#[tokio::test]
async fn health_is_open() {
    let postern = Postern::shared().await;
    let channel = Endpoint::from_shared(postern.url().to_owned()).unwrap().connect_lazy();
    call(&channel, "/grpc.health.v1.Health/Check", None).await.unwrap();
}
