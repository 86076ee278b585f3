//! One user's calls leave room for everyone else's.

use postern_rpc::proxy::QueryRequest;
use postern_testkit::{Postern, TenantServer, User, reason};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

/// Calls that one user may have in progress, by default.
const CALLS_PER_OWNER: usize = 128;

#[tokio::test]
async fn one_user_with_too_many_calls_is_refused_and_another_is_not() {
    let tenant = TenantServer::shared().await.database("secret").await;
    let postern = Postern::shared().await;
    let (greedy, other) = (postern.user("admission-one"), postern.user("admission-two"));
    other.save("main", tenant.dsn("secret")).await.unwrap();
    // Two connections, since the line in front of one is shorter than that.
    for connection in ["first", "second"] {
        greedy.save(connection, tenant.dsn("secret")).await.unwrap();
    }
    let mut running = Vec::new();
    for number in 0..CALLS_PER_OWNER {
        let connection = if number % 2 == 0 { "first" } else { "second" };
        running.push(tokio::spawn(sleeping(greedy.clone(), connection)));
    }
    let refused = loop {
        // Until all of them have arrived, one more is admitted, or waits for a session.
        match tokio::time::timeout(std::time::Duration::from_millis(200), sleeping(greedy.clone(), "first"))
            .await
        {
            Ok(Err(status)) if reason(&status) == "TOO_MANY_REQUESTS" => break status,
            _ => {}
        }
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.get_details_retry_info().is_some(), "it says when to try again");
    other.query("main", "select 1").await.unwrap();

    // A call counts until its caller lets go of it.
    for call in running {
        call.abort();
        let _ = call.await;
    }
    while let Err(status) = greedy.query("first", "select 1").await {
        assert_eq!(reason(&status), "TOO_MANY_REQUESTS", "{status}");
    }
}

#[tokio::test]
async fn sessions_of_a_deleted_connection_end_with_the_next_call() {
    let tenant = TenantServer::shared().await.database("secret").await;
    let user = Postern::shared().await.user("admission-three");
    user.save("main", tenant.dsn("secret")).await.unwrap();
    user.query("main", "select 1").await.unwrap();
    let sessions = format!("select count(*) from pg_stat_activity where usename = '{}'", tenant.name);
    assert_eq!(tenant.ask(&sessions).await, 1);
    user.delete("main").await.unwrap();
    user.query("main", "select 1").await.unwrap_err();
    // They would end by themselves too, a minute later: this test would be seen waiting for that.
    let evicted = async {
        while tenant.ask(&sessions).await > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), evicted).await.expect("the session is closed");
}

async fn sleeping(
    user: User,
    connection: &'static str,
) -> Result<Streaming<postern_rpc::proxy::QueryResponse>, Status> {
    let (connection, sql) = (connection.into(), "select pg_sleep(120)".into());
    let request = QueryRequest { connection, sql, ..QueryRequest::default() };
    let mut parts = user.proxy().query(request).await?.into_inner();
    parts.message().await?;
    Ok(parts)
}
