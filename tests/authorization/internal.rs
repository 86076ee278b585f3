//! crypto-service, which only the services reach.

use std::{error::Error, path::Path};

use postern_devkit::ca::{DevCa, ServiceFiles};
use postern_rpc::access::{Caller, RULES};
use postern_testkit::Postern;
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use crate::call;

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// A channel with a client certificate, or without one. The server's own certificate is trusted in both cases.
fn channel(postern: &Postern, own: Option<&ServiceFiles>) -> Channel {
    let ca = Certificate::from_pem(read(&postern.certificate("anyone").ca));
    let mut tls = ClientTlsConfig::new().ca_certificate(ca).domain_name("crypto-service");
    if let Some(files) = own {
        tls = tls.identity(Identity::from_pem(read(&files.certificate), read(&files.key)));
    }
    Endpoint::from_shared(postern.crypto_url().to_owned()).unwrap().tls_config(tls).unwrap().connect_lazy()
}

/// The connection ended without an answer: the server's own refusals come without a source.
fn cut_off(status: &Status) -> bool {
    status.source().is_some()
}

fn internal_rules() -> impl Iterator<Item = (&'static str, &'static str)> {
    let rules: Vec<_> = RULES
        .iter()
        .filter_map(|rule| match rule.caller {
            Caller::Service(name, _) => Some((rule.path, name)),
            _ => None,
        })
        .collect();
    assert!(rules.len() >= 2, "the table names what services may call");
    rules.into_iter()
}

#[tokio::test]
async fn a_caller_without_a_certificate_does_not_get_in() {
    let postern = Postern::shared().await;
    let token = postern.user("internal-one").token().to_owned();
    for (path, _) in internal_rules() {
        let status = call(&channel(postern, None), path, Some(&token)).await.unwrap_err();
        assert!(cut_off(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn a_certificate_of_a_foreign_authority_is_refused() {
    let postern = Postern::shared().await;
    let token = postern.user("internal-two").token().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let foreign = DevCa::load_or_create(folder.path()).unwrap();
    for (path, name) in internal_rules() {
        let files = foreign.service(name).unwrap();
        let status = call(&channel(postern, Some(&files)), path, Some(&token)).await.unwrap_err();
        assert!(cut_off(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn each_rpc_is_for_one_service_and_no_other() {
    let postern = Postern::shared().await;
    let token = postern.user("internal-three").token().to_owned();
    for (path, right) in internal_rules() {
        for caller in ["connection-service", "proxy-service", "crypto-service", "operator", "console"] {
            let files = postern.certificate(caller);
            let status = call(&channel(postern, Some(&files)), path, Some(&token)).await.unwrap_err();
            // The right caller gets as far as its empty message.
            let expected = if caller == right { Code::InvalidArgument } else { Code::PermissionDenied };
            assert_eq!(status.code(), expected, "{path} as {caller}: {status}");
        }
    }
}

/// RPCs that need no user: an operator may call them, and some of them one service too.
fn operators_rules() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    RULES.iter().filter_map(|rule| match rule.caller {
        Caller::Operator => Some((rule.path, vec!["operator"])),
        Caller::ServiceOrOperator(name) => Some((rule.path, vec!["operator", name])),
        _ => None,
    })
}

#[tokio::test]
async fn what_operators_may_do_nobody_else_may_and_a_users_token_does_not_help() {
    let postern = Postern::shared().await;
    let token = postern.user("internal-five").token().to_owned();
    let mut seen = 0;
    for (path, right) in operators_rules() {
        let status = call(&channel(postern, None), path, Some(&token)).await.unwrap_err();
        assert!(cut_off(&status), "{path}: {status}");
        let callers = ["connection-service", "proxy-service", "crypto-service", "console"];
        for caller in callers.into_iter().filter(|caller| !right.contains(caller)) {
            let files = postern.certificate(caller);
            for token in [None, Some(token.as_str())] {
                let status = call(&channel(postern, Some(&files)), path, token).await.unwrap_err();
                assert_eq!(status.code(), Code::PermissionDenied, "{path} as {caller}: {status}");
            }
        }
        seen += 1;
    }
    assert!(seen >= 8, "{seen}");
}

/// The messages are empty, so that most of these calls fail, but not for who calls. Nothing is staged: that call would
/// succeed.
#[tokio::test]
async fn operators_need_no_user() {
    let postern = Postern::shared().await;
    for (path, right) in operators_rules().filter(|(path, _)| !path.ends_with("/StageKey")) {
        for caller in right {
            let files = postern.certificate(caller);
            if let Err(status) = call(&channel(postern, Some(&files)), path, None).await {
                let met = [Code::InvalidArgument, Code::NotFound];
                assert!(met.contains(&status.code()), "{path} as {caller}: {status}");
            }
        }
    }
}

#[tokio::test]
async fn the_right_service_still_needs_a_users_token() {
    let postern = Postern::shared().await;
    for (path, name) in internal_rules() {
        let files = postern.certificate(name);
        for token in [None, Some("nonsense")] {
            let status = call(&channel(postern, Some(&files)), path, token).await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated, "{path}");
        }
    }
}

#[tokio::test]
async fn rpcs_of_users_are_not_inside() {
    let postern = Postern::shared().await;
    let token = postern.user("internal-four").token().to_owned();
    let files = postern.certificate("connection-service");
    for rule in RULES.iter().filter(|rule| matches!(rule.caller, Caller::User(_))) {
        let status = call(&channel(postern, Some(&files)), rule.path, Some(&token)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{}", rule.path);
    }
}
