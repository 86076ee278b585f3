//! One replica of a service: a process that is started, stopped by SIGTERM and started again.

use std::{
    net::Ipv4Addr,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use postern_devkit::keeper::{Keeper, Signal};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::log;

/// Far more than a start or a stop takes.
const LONG: Duration = Duration::from_mins(1);

/// A replica of a service, which keeps its configuration and its ports.
pub(crate) struct Replica {
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    pub(crate) config: PathBuf,
    /// Of its gRPC listener, on 127.0.0.1.
    pub(crate) port: u16,
    /// Of its operations listener.
    pub(crate) ops_port: u16,
    process: Option<Keeper>,
}

impl Replica {
    pub(crate) fn new(name: &'static str, program: &'static str, config: PathBuf, ports: (u16, u16)) -> Self {
        Self { name, program, config, port: ports.0, ops_port: ports.1, process: None }
    }

    /// Starts it. It is not ready yet.
    pub(crate) async fn spawn(&mut self) {
        let mut command = Command::new(self.program);
        command.env("POSTERN_CONFIG", &self.config).stdin(Stdio::null());
        // Without a line for each call that succeeds.
        command.env("POSTERN_LOG", "info,postern_call=warn").env_remove("OTEL_EXPORTER_OTLP_ENDPOINT");
        let name = self.name;
        let spawning = spawn_blocking(move || Keeper::spawn(name, command, Signal::TERM, |_| Ok(())));
        self.process = Some(spawning.await.unwrap().unwrap());
    }

    /// Starts it, and waits until it is ready.
    pub(crate) async fn start(&mut self) {
        self.spawn().await;
        self.is_ready().await;
    }

    /// Waits until it is ready.
    pub(crate) async fn is_ready(&self) {
        self.wait_until("ready", "/readyz", |answer| answer.starts_with("HTTP/1.1 200")).await;
    }

    /// Lets it answer nothing any more, with its connections open, until [`Self::resume`].
    pub(crate) fn pause(&self) {
        self.process.as_ref().unwrap().pause();
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.process.as_ref().unwrap().resume();
    }

    /// Stops it in good order, by SIGTERM.
    pub(crate) async fn stop(&mut self) {
        let process = self.process.take().unwrap();
        let exit = spawn_blocking(move || process.stop()).await.unwrap();
        assert!(
            exit.is_some_and(|exit| exit.success()),
            "{} exited with {exit:?}\n{}",
            self.name,
            log::tail()
        );
    }

    /// Waits until it exits by itself, and returns its exit code.
    pub(crate) async fn exit(&mut self) -> Option<i32> {
        let process = self.process.take().unwrap();
        spawn_blocking(move || process.wait()).await.unwrap()?.code()
    }

    /// Waits until its callers have found it: it has been ready for a while if they call it.
    pub(crate) async fn is_called(&self, rpcs: &str) {
        let calls = |answer: &str| {
            answer.lines().any(|line| line.starts_with("postern_calls_total") && line.contains(rpcs))
        };
        self.wait_until("called", "/metrics", calls).await;
    }

    async fn wait_until(&self, what: &str, path: &str, holds: impl Fn(&str) -> bool) {
        let start = Instant::now();
        loop {
            let answer = get(self.ops_port, path).await.unwrap_or_default();
            if holds(&answer) {
                return;
            }
            assert!(start.elapsed() < LONG, "{} is not {what}: {answer}\n{}", self.name, log::tail());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The answer to a request for a path, with its head; `None` while nobody listens.
#[allow(clippy::disallowed_methods, reason = "it talks to loopback")]
async fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}
