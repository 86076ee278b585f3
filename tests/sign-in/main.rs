//! Tokens of real identity providers, at a whole Postern: what each issuer signs with, rotation, outages, clocks.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use postern_testkit::{Issuer, Postern, TenantServer, User, reason};
use serde_json::{Value, json};
use tonic::Code;

async fn postern(issuer: &Issuer) -> Postern {
    Postern::with_sign_in(None, issuer.sign_in()).await
}

/// Asks for the connections of the token's user.
async fn list(postern: &Postern, token: &str) -> Result<(), tonic::Status> {
    let user = User::new(postern.url(), token.to_owned());
    user.connections()
        .list_connections(postern_rpc::connection::ListConnectionsRequest::default())
        .await
        .map(drop)
}

/// Longer than a service lets pass between two fetches of a key set.
const UNTIL_REFETCHED: Duration = Duration::from_secs(90);

/// Repeats a call until a service has fetched the issuer's key set anew.
async fn list_after_refetch(postern: &Postern, token: &str) {
    let accepted = async {
        while list(postern, token).await.is_err() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(UNTIL_REFETCHED, accepted).await.expect("the key set is fetched anew");
}

#[tokio::test]
async fn tokens_of_a_real_provider_are_accepted_by_discovery_whatever_they_are_signed_with() {
    let issuer = Issuer::oidc();
    let postern = postern(&issuer).await;
    for algorithm in ["ES256", "RS256", "PS256", "EdDSA"] {
        issuer.control("set", json!({ "algorithm": algorithm })).await;
        let accepted = list(&postern, &issuer.service_token().await).await;
        assert!(accepted.is_ok(), "{algorithm}: {accepted:?}");
    }
}

#[tokio::test]
async fn keys_that_are_rotated_while_users_work_lock_nobody_out() {
    let issuer = Issuer::oidc();
    let postern = postern(&issuer).await;
    let before = issuer.service_token().await;
    list(&postern, &before).await.unwrap();
    issuer.control("rotate", Value::Null).await;
    list(&postern, &before)
        .await
        .expect("tokens from before the rotation stay good until the set is fetched");

    let after = issuer.service_token().await;
    list_after_refetch(&postern, &after).await;
    let refused = list(&postern, &before).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "the withdrawn key verifies nothing any more");
}

#[tokio::test]
async fn an_issuer_that_is_down_signs_out_nobody_whose_token_is_valid() {
    let issuer = Issuer::oidc();
    let postern = postern(&issuer).await;
    let (first, second) = (issuer.service_token().await, issuer.service_token().await);
    list(&postern, &first).await.unwrap();
    issuer.control("down", Value::Null).await;
    list(&postern, &first).await.unwrap();
    list(&postern, &second)
        .await
        .expect("a token that was never seen is verified with the keys that are held");
    issuer.control("up", Value::Null).await;
    list(&postern, &issuer.service_token().await).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_is_found_once_it_is_back() {
    let issuer = Issuer::oidc();
    let token = issuer.service_token().await;
    issuer.control("down", Value::Null).await;
    let postern = postern(&issuer).await;
    let refused = list(&postern, &token).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::Unavailable, "ISSUER_UNAVAILABLE".to_owned()));
    issuer.control("up", Value::Null).await;
    list_after_refetch(&postern, &token).await;
}

#[tokio::test]
async fn an_issuer_whose_clock_is_wrong_by_less_than_the_leeway_is_understood() {
    let issuer = Issuer::oidc();
    let postern = postern(&issuer).await;
    issuer.control("set", json!({ "lifetime": 60 })).await;
    for (skew, accepted) in [(20, true), (-20, true), (-300, false)] {
        issuer.control("skew", json!(skew)).await;
        let result = list(&postern, &issuer.service_token().await).await;
        assert_eq!(result.is_ok(), accepted, "{skew} s: {result:?}");
    }
}

#[tokio::test]
async fn tokens_of_supabase_auth_are_accepted_for_people_with_an_account_only() {
    for issuer in [Issuer::supabase(), Issuer::supabase_hs256()] {
        let postern = postern(&issuer).await;
        list(&postern, &issuer.user_token("ada@example.com").await).await.unwrap();
        let anonymous = list(&postern, &issuer.user_token("anonymous@example.com").await).await;
        assert_eq!(anonymous.unwrap_err().code(), Code::Unauthenticated);
        issuer.control("set", json!({ "role": "anon" })).await;
        let key = list(&postern, &issuer.user_token("ada@example.com").await).await;
        assert_eq!(key.unwrap_err().code(), Code::Unauthenticated);
    }
}

/// A service that was taken over has the tokens of its callers. At the other service's edge they are worth nothing.
#[tokio::test]
async fn a_token_for_one_service_is_of_no_use_at_the_other() {
    let issuer = Issuer::oidc();
    let postern = postern(&issuer).await;
    let user = async |service| User::new(postern.url(), issuer.service_token_for(service).await);
    let (saving, querying) = (user("connection-service").await, user("proxy-service").await);

    // crypto-service accepts the tokens of both: it seals for one, and opens for the other.
    let tenant = TenantServer::shared().await.database("secret").await;
    saving.save("shop", tenant.dsn("secret")).await.unwrap();
    assert_eq!(querying.query("shop", "select 7::int4").await.unwrap().ints(0), [7]);

    let replayed = saving.query("shop", "select 1").await.unwrap_err();
    let changed = querying.delete("shop").await.unwrap_err();
    for refused in [replayed, changed] {
        assert_eq!((refused.code(), reason(&refused)), (Code::Unauthenticated, "UNAUTHENTICATED".to_owned()));
        assert!(refused.message().contains("is for another service"), "{refused}");
    }
}
