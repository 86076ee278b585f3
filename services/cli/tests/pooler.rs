//! `postern migrate` through a pooler in transaction mode, which gives a session to another client once a transaction
//! is over.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    select, spawn,
};
use url::Url;

use crate::support::{Run, Stage};

/// Message types: <https://www.postgresql.org/docs/current/protocol-message-formats.html>
const TERMINATE: u8 = b'X';
const QUERY: u8 = b'Q';

/// `ReadyForQuery`, outside a transaction.
const READY: [u8; 6] = *b"Z\0\0\0\x05I";

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_leaves_no_lock_and_no_setting_in_the_session() {
    let stage = Stage::new().await;
    migrate_through_pooler(&stage, |run| drop(run.succeeded())).await;
    stage
        .as_superuser(
            "insert into postern._sqlx_migrations values (999, 'of a newer release', now(), true, '', 0)",
        )
        .await;
    migrate_through_pooler(&stage, |run| drop(run.refused(3, "999"))).await;
}

/// Migrates, and inspects the session that is left open.
async fn migrate_through_pooler(stage: &Stage, check: impl FnOnce(Run)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut url = Url::parse(&stage.postern.database_url("postern_migrator")).unwrap();
    let server = url.port().unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let serving = spawn(serve_one_client(listener, server));
    check(Run::of(stage.command(&["migrate"]).env("POSTERN_MIGRATOR_DATABASE_URL", url.as_str())));

    let mut session = serving.await.unwrap();
    assert_eq!(stage.advisory_locks().await, 0);
    let role = ask(&mut session, "show role").await;
    assert!(role.contains("none"), "{role}");
    let path = ask(&mut session, "show search_path").await;
    assert!(path.contains("public"), "{path}");
    let statements = ask(&mut session, "select 'statements: ' || count(*) from pg_prepared_statements").await;
    assert!(statements.contains("statements: 0"), "{statements}");
}

/// Forwards all but the client's goodbye, and returns the session with the server.
#[expect(clippy::disallowed_methods, reason = "a test, on loopback")]
async fn serve_one_client(listener: TcpListener, server: u16) -> TcpStream {
    let (client, _) = listener.accept().await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
    let (mut from_server, mut to_server) = server.into_split();
    select! {
        _ = copy(&mut from_server, &mut to_client) => panic!("the server closed the session"),
        () = forward(&mut from_client, &mut to_server) => {}
    }
    from_server.reunite(to_server).unwrap()
}

async fn forward(client: &mut OwnedReadHalf, server: &mut OwnedWriteHalf) {
    // The first message has no type.
    let length = client.read_u32().await.unwrap();
    forward_body(client, server, length).await;
    while let Ok(kind) = client.read_u8().await
        && kind != TERMINATE
    {
        let length = client.read_u32().await.unwrap();
        server.write_u8(kind).await.unwrap();
        forward_body(client, server, length).await;
    }
}

/// `length` counts itself.
async fn forward_body(client: &mut OwnedReadHalf, server: &mut OwnedWriteHalf, length: u32) {
    let mut body = vec![0; length as usize - 4];
    client.read_exact(&mut body).await.unwrap();
    server.write_u32(length).await.unwrap();
    server.write_all(&body).await.unwrap();
}

/// The server's response to a statement, in the protocol's bytes.
async fn ask(session: &mut TcpStream, sql: &str) -> String {
    session.write_u8(QUERY).await.unwrap();
    session.write_u32(u32::try_from(sql.len() + 5).unwrap()).await.unwrap();
    session.write_all(format!("{sql}\0").as_bytes()).await.unwrap();
    let mut response = Vec::new();
    while !response.ends_with(&READY) {
        assert!(session.read_buf(&mut response).await.unwrap() > 0, "the server closed the session");
    }
    String::from_utf8_lossy(&response).into_owned()
}
