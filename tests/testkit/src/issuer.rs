//! Identity providers: npm's oidc-provider, and a server with the endpoints of Supabase Auth.

use std::{
    fs,
    io::BufRead,
    os::unix::fs::symlink,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result, bail};
use postern_devkit::keeper::{Keeper, Signal};
use postern_identity::IssuerConfig;
use postern_standalone::{EdgeAudiences, SignIn};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::node::NodePackages;

const MANIFEST: &str = include_str!("../issuers/package.json");
const LOCK: &str = include_str!("../issuers/package-lock.json");

const SCRIPTS: [(&str, &str); 4] = [
    ("control.mjs", include_str!("../issuers/control.mjs")),
    ("provider.mjs", include_str!("../issuers/provider.mjs")),
    ("storage.mjs", include_str!("../issuers/storage.mjs")),
    ("supabase.mjs", include_str!("../issuers/supabase.mjs")),
];

/// Secret of the Supabase-shaped issuer that signs by HS256.
const HS256_SECRET: &str = "a secret of at least thirty-two bytes";

/// How the development overlay for Kubernetes signs in at this provider: the console's file, and the services' own.
/// Tests use the same, so that they show that it works.
mod overlay {
    pub(super) const CONSOLE: &str =
        include_str!("../../../deploy/kubernetes/overlays/dev/config/config.json");
    pub(super) const CONNECTION: &str =
        include_str!("../../../deploy/kubernetes/overlays/dev/config/connection-service.toml");
    pub(super) const PROXY: &str =
        include_str!("../../../deploy/kubernetes/overlays/dev/config/proxy-service.toml");
    pub(super) const CRYPTO: &str =
        include_str!("../../../deploy/kubernetes/overlays/dev/config/crypto-service.toml");
    /// The provider's origin in these files.
    pub(super) const ORIGIN: &str = "http://127.0.0.1:18081";
}

/// A running identity provider. It ends when dropped, or with this process.
pub struct Issuer {
    kind: Kind,
    port: u16,
    control: u16,
    folder: TempDir,
    _keeper: Keeper,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Oidc,
    Supabase,
    SupabaseHs256,
}

impl Issuer {
    /// oidc-provider: a real provider with sign-in pages, found by discovery.
    pub fn oidc() -> Self {
        Self::start(Kind::Oidc, 0)
    }

    /// The same on a port of 127.0.0.1: that of the development overlay for Kubernetes, 18081.
    pub fn oidc_on(port: u16) -> Self {
        Self::start(Kind::Oidc, port)
    }

    /// Supabase Auth's endpoints and tokens, ES256.
    pub fn supabase() -> Self {
        Self::start(Kind::Supabase, 0)
    }

    /// The same with a shared secret, as older projects have.
    pub fn supabase_hs256() -> Self {
        Self::start(Kind::SupabaseHs256, 0)
    }

    fn start(kind: Kind, port: u16) -> Self {
        Self::try_start(kind, port)
            .unwrap_or_else(|error| panic!("the identity provider did not start: {error:#}"))
    }

    fn try_start(kind: Kind, port: u16) -> Result<Self> {
        let packages = NodePackages::install("issuers", MANIFEST, LOCK)?;
        let folder = crate::folder();
        for (name, script) in SCRIPTS {
            fs::write(folder.path().join(name), script)?;
        }
        // Node.js looks for packages beside the script.
        symlink(packages.modules(), folder.path().join("node_modules"))?;
        fs::write(folder.path().join("hs256.secret"), HS256_SECRET)?;

        let script = if kind == Kind::Oidc { "provider.mjs" } else { "supabase.mjs" };
        let mut node = Command::new(packages.node());
        node.arg(folder.path().join(script)).stdin(Stdio::null()).env("PORT", port.to_string());
        if kind == Kind::SupabaseHs256 {
            node.env("HS256_SECRET", HS256_SECRET);
        }
        let ports = Arc::new(Mutex::new((0, 0)));
        let found = Arc::clone(&ports);
        let keeper = Keeper::spawn("issuer", node, Signal::KILL, move |log| {
            *found.lock().expect("nothing panics with it") = wait_until_ready(log)?;
            Ok(())
        })?;
        let (port, control) = *ports.lock().expect("nothing panics with it");
        Ok(Self { kind, port, control, folder, _keeper: keeper })
    }

    /// `iss` of its tokens.
    pub fn name(&self) -> String {
        let origin = self.origin();
        if self.kind == Kind::Oidc { origin } else { format!("{origin}/auth/v1") }
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where a test changes its settings: `POST /set`, `/rotate`, `/skew`, `/down`, `/up`.
    pub fn control_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.control)
    }

    /// What a Postern needs to know of it: the console's `/config.json` and the services' issuer.
    pub fn sign_in(&self) -> SignIn {
        if self.kind == Kind::Oidc { self.oidc_sign_in() } else { self.supabase_sign_in() }
    }

    fn oidc_sign_in(&self) -> SignIn {
        let config = overlay::CONSOLE.replace(overlay::ORIGIN, &self.origin());
        let config = serde_json::from_str(&config).expect("the overlay's config.json is JSON");
        let audience = |file| {
            let [one] =
                self.overlay_issuer(file).audience.try_into().expect("an edge service has one audience");
            one
        };
        let audiences =
            EdgeAudiences { connection: audience(overlay::CONNECTION), proxy: audience(overlay::PROXY) };
        SignIn { config, issuer: self.overlay_issuer(overlay::CRYPTO), audiences: Some(audiences) }
    }

    /// The issuer in the configuration of a service.
    fn overlay_issuer(&self, file: &str) -> IssuerConfig {
        let file: toml::Table =
            file.replace(overlay::ORIGIN, &self.origin()).parse().expect("the overlay's files are TOML");
        file["issuers"][0].clone().try_into().expect("an issuer's configuration")
    }

    fn supabase_sign_in(&self) -> SignIn {
        let method = json!({
            "kind": "supabase",
            "url": self.origin(),
            "publishableKey": "sb_publishable_of_a_test",
            "providers": ["github"],
            "magicLink": true,
        });
        let mut issuer = json!({
            "issuer": self.name(),
            "audience": "authenticated",
            "subject": "uuid",
            "required_claims": { "role": "authenticated" },
            "forbidden_claims": { "is_anonymous": true },
        });
        if self.kind == Kind::Supabase {
            issuer["jwks_url"] = format!("{}/.well-known/jwks.json", self.name()).into();
        } else {
            let secret = self.folder.path().join("hs256.secret");
            issuer["hs256_secret_file"] = secret.to_str().expect("a plain path").into();
        }
        let issuer = serde_json::from_value(issuer).expect("an issuer's configuration");
        SignIn { config: json!({ "signIn": method }), issuer, audiences: None }
    }

    /// Changes a setting, as [`Issuer::control_url`] says.
    pub async fn control(&self, command: &str, argument: Value) {
        let body = argument.to_string();
        let (status, _) = post(self.control, &format!("/{command}"), "application/json", &body).await;
        assert_eq!(status, 200, "{command} {argument}");
    }

    /// A token of the provider's own client (`sub` is `service`) for connection-service.
    pub async fn service_token(&self) -> String {
        self.service_token_for("connection-service").await
    }

    /// The same for one of the services that users call.
    pub async fn service_token_for(&self, service: &str) -> String {
        let client = "grant_type=client_credentials&client_id=service&client_secret=of-a-test";
        let form = format!("{client}&resource=urn:postern:{service}");
        self.token("/token", "application/x-www-form-urlencoded", &form).await
    }

    /// A token of a user of the Supabase-shaped issuer.
    pub async fn user_token(&self, email: &str) -> String {
        let body = json!({ "email": email, "password": "correct horse" }).to_string();
        self.token("/auth/v1/token?grant_type=password", "application/json", &body).await
    }

    async fn token(&self, path: &str, content_type: &str, body: &str) -> String {
        let (status, answer) = post(self.port, path, content_type, body).await;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{status} {answer}"));
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

/// `ready PUBLIC CONTROL`: the two ports.
fn wait_until_ready(log: &mut impl BufRead) -> Result<(u16, u16)> {
    let (mut said, mut line) = (String::new(), String::new());
    while log.read_line(&mut line).context("its log cannot be read")? > 0 {
        if let Some(ports) = line.trim().strip_prefix("ready ") {
            let (public, control) = ports.split_once(' ').context("it names two ports")?;
            return Ok((public.parse()?, control.parse()?));
        }
        said.push_str(&line);
        line.clear();
    }
    bail!("it ended: {}", said.trim())
}

/// HTTP/1.0, which ends an answer by closing the connection.
#[allow(clippy::disallowed_methods, reason = "it talks to loopback")]
async fn post(port: u16, path: &str, content_type: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the issuer listens");
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {content_type}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("the issuer reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the issuer answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    (status, body.to_owned())
}
