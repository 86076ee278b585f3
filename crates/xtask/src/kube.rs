//! `cargo xtask kube`: runs the dev overlay's pods with podman, behind Envoy, and uses them as an application and as a
//! browser would. No cluster and no container engine is needed.

use std::{fs, io::Write, os::unix::process::CommandExt};

use anyhow::{Context, Result, ensure};

use crate::{chromium, console, debian, images, manifests, process, root, say, up::target_dir};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Use the images `localhost/postern/NAME:dev` of an earlier run.
    #[arg(long)]
    keep_images: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Err(error) = debian::ensure("podman", "podman runc catatonit") {
        say(&format!("{error:#}; no pod is run"));
        return Ok(writeln!(std::io::stdout(), "kube: 0 passed, 0 failed, 1 skipped")?);
    }
    let root_user = process::read("id", "-u").as_deref() == Some("0");
    ensure!(root_user, "run it as root: Secrets are given to the pods' group in podman's volumes");
    if !arguments.keep_images {
        images::build_all(TAG)?;
    }
    let chromium = chromium::ensure()?;
    // The embedded Postgres comes with the console's packages.
    console::install()?;
    console::install_in(&root().join("tests/browser"))?;
    say("building what runs beside the pods");
    process::run(&mut process::cargo(["build", "--quiet", "--package", "postern-kube-tests"]))?;
    let folder = target_dir().join("manifests");
    fs::create_dir_all(&folder)?;
    let rendered = folder.join("overlays-dev.json");
    fs::write(&rendered, serde_json::to_vec(&manifests::resources("overlays/dev")?)?)?;
    let mut kube = debian::containers(target_dir().join("debug/postern-kube-tests"))?;
    kube.env("POSTERN_MANIFESTS", rendered).env("POSTERN_CHROMIUM", chromium);
    // Replaces this process, so that signals reach the one that stops the pods.
    Err(kube.exec()).context("cannot run the pods")
}

/// The tag that the overlay names.
const TAG: &str = "dev";
