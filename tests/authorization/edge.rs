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
    assert_eq!(seen, 8);
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

/// What needs nobody's leave may only shrink.
#[test]
fn the_methods_that_anyone_may_call_are_these() {
    let open: Vec<_> =
        RULES.iter().filter(|rule| rule.caller == Caller::Anyone).map(|rule| rule.path).collect();
    assert_eq!(
        open,
        ["/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"]
    );
}

/// What reflection lists is what is served: no more, which would help an attacker, and no less.
#[tokio::test]
async fn reflection_lists_the_public_services() {
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let postern = Postern::shared().await;
    let channel = Endpoint::from_shared(postern.url().to_owned()).unwrap().connect_lazy();
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let question = ServerReflectionRequest { host: String::new(), message_request };
    let answers =
        ServerReflectionClient::new(channel).server_reflection_info(tokio_stream::once(question)).await;
    let answer = answers.unwrap().into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("not a list")
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    let ours = ["postern.connection.v1.ConnectionService", "postern.proxy.v1.ProxyService"];
    assert_eq!(names, ours);
}

#[tokio::test]
async fn health_is_open() {
    let postern = Postern::shared().await;
    let channel = Endpoint::from_shared(postern.url().to_owned()).unwrap().connect_lazy();
    call(&channel, "/grpc.health.v1.Health/Check", None).await.unwrap();
}
