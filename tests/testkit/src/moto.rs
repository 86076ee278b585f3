//! AWS KMS, as `moto` plays it.

use std::{io::BufRead, path::PathBuf, process::Stdio};

use anyhow::{Context, Result, bail, ensure};
use postern_devkit::{
    free_port,
    keeper::{Keeper, Signal},
};

use crate::python;

const VERSION: &str = "5.2.5";

/// Region of its keys.
const REGION: &str = "eu-west-1";

/// A server on loopback, with its keys in memory. It ends when dropped, or with this process.
pub struct Moto {
    packages: PathBuf,
    port: u16,
    keeper: Option<Keeper>,
}

impl Moto {
    /// Starts one; installs the packages first if they are missing.
    pub fn start() -> Self {
        Self::try_start().unwrap_or_else(|error| panic!("moto cannot be started: {error:#}"))
    }

    fn try_start() -> Result<Self> {
        // What the extra `server` brings beyond these serves other parts of AWS, at four times the size.
        let requirements = [format!("moto=={VERSION}"), "flask>=3".to_owned(), "flask-cors>=6".to_owned()];
        let requirements: Vec<&str> = requirements.iter().map(String::as_str).collect();
        let packages = python::packages(&format!("moto-{VERSION}"), &requirements)?;
        let mut server = Self { packages, port: free_port()?, keeper: None };
        server.spawn()?;
        Ok(server)
    }

    /// `http://127.0.0.1:<port>`.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its region.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// The id of a new symmetric key.
    pub fn key(&self) -> String {
        self.python("print(kms.create_key()['KeyMetadata']['KeyId'])")
    }

    /// Runs a line of Python with `kms`, a boto3 client, and returns what it printed.
    pub fn python(&self, line: &str) -> String {
        let output = python::python(&self.packages)
            .args([
                "-c",
                &format!(
                    "import boto3; kms = boto3.client('kms', endpoint_url='{}'); {line}",
                    self.address()
                ),
            ])
            .envs([
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_DEFAULT_REGION", REGION),
            ])
            .output()
            .expect("python3 has started the server");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Kills the server, and its keys with it.
    pub fn stop(&mut self) {
        self.keeper = None;
    }

    fn spawn(&mut self) -> Result<()> {
        let mut server = python::python(&self.packages);
        server
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &self.port.to_string()])
            .stdin(Stdio::null());
        self.keeper = Some(Keeper::spawn("moto", server, Signal::KILL, wait_until_ready)?);
        Ok(())
    }
}

fn wait_until_ready(log: &mut impl BufRead) -> Result<()> {
    let (mut said, mut line) = (String::new(), String::new());
    while log.read_line(&mut line).context("moto's log cannot be read")? > 0 {
        if line.contains("Running on http://") {
            return Ok(());
        }
        said.push_str(&line);
        ensure!(said.len() < 100_000, "moto says too much: {said}");
        line.clear();
    }
    bail!("moto did not start: {}", said.trim())
}
