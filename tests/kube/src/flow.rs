//! What is done through the gateway: by an application, with native gRPC, and by the console, in a browser.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use postern_testkit::{User, reason};
use serde_json::json;

use crate::{gateway::Gateway, node::Node, say};

pub(crate) async fn run(node: &Node, gateway: &Gateway) -> Result<()> {
    say("native gRPC through the gateway");
    native(node, gateway).await?;
    say("the console through the gateway, in a browser");
    let origin = gateway.console_origin();
    node.issuer().control("set", json!({ "origin": origin })).await;
    let mut tests = Command::new("npm");
    tests.args(["run", "--silent", "test:deployed"]).current_dir(browser_tests());
    tests.env("POSTERN_URL", origin).env("POSTERN_TENANT_DSN", node.tenant_dsn());
    let status = tests.status().context("cannot run npm")?;
    ensure!(status.success(), "the browser tests failed");
    Ok(())
}

async fn native(node: &Node, gateway: &Gateway) -> Result<()> {
    let with_token_for = async |service| {
        let token = node.issuer().service_token_for(service).await;
        User::through(&Gateway::address(), &gateway.grpc_origin(), token)
    };
    let saving = with_token_for("connection-service").await;
    let querying = with_token_for("proxy-service").await;
    saving.save("main", node.tenant_dsn()).await.context("save")?;
    let rows = querying.query("main", "select 40 + 2 as answer").await.context("query")?;
    ensure!(rows.ints(0) == [42], "the query answers {rows:?}");
    let replayed = saving.query("main", "select 1").await.err().context("a replayed token is accepted")?;
    ensure!(reason(&replayed) == "UNAUTHENTICATED", "a replayed token: {replayed}");
    saving.delete("main").await.context("delete")?;
    let refused = querying.query("main", "select 1").await.err().context("a deleted connection answers")?;
    ensure!(reason(&refused) == "CONNECTION_NOT_FOUND", "a deleted connection: {refused}");
    Ok(())
}

fn browser_tests() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../browser")
}
