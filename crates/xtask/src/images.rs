//! `cargo xtask images`: builds the container images with buildah. No container engine and no registry is needed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::{console, debian, process, root, say, tools, up::target_dir};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Tag of the images `localhost/postern/NAME`.
    #[arg(long, default_value = "dev")]
    tag: String,
}

/// Package, program, image.
const SERVICES: [(&str, &str, &str); 4] = [
    ("postern-crypto-service", "crypto-service", "crypto-service"),
    ("postern-connection-service", "connection-service", "connection-service"),
    ("postern-proxy-service", "proxy-service", "proxy-service"),
    ("postern-cli", "postern", "cli"),
];

/// More would slow down every rollout, and is most likely a mistake in a profile.
const LARGEST: u64 = 15_000_000;

const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    build_all(&arguments.tag)
}

/// Builds all images with this tag.
pub(crate) fn build_all(tag: &str) -> Result<()> {
    debian::ensure("buildah", "buildah runc")?;
    let context = context()?;
    for image in SERVICES.map(|(_, _, image)| image).into_iter().chain(["console"]) {
        build(&context, image, tag)?;
    }
    Ok(())
}

/// The folder that the Containerfile copies from.
fn context() -> Result<PathBuf> {
    let context = target_dir().join("images");
    if context.exists() {
        fs::remove_dir_all(&context)?;
    }
    for folder in ["bin", "sbom"] {
        fs::create_dir_all(context.join(folder))?;
    }
    fs::copy(AUTHORITIES, context.join("ca-certificates.crt"))
        .with_context(|| format!("{AUTHORITIES} is missing; install the package ca-certificates"))?;
    fs::copy(root().join("LICENSE"), context.join("LICENSE"))?;
    fs::write(context.join("LICENSES.txt"), licenses()?)?;
    programs(&context)?;
    console_files(&context)?;
    Ok(context)
}

/// Builds the static programs, each with the list of its dependencies inside (`cargo audit bin` reads it) and beside
/// it.
fn programs(context: &Path) -> Result<()> {
    let auditable = tools::cargo_program("cargo-auditable", "0.7.7", &[])?;
    let cyclonedx = tools::cargo_program("cargo-cyclonedx", "0.5.9", &[])?;
    say("building static programs");
    let target = tools::host()?;
    let mut build = Command::new(auditable);
    build.args(["auditable", "build", "--profile", "image", "--target", &target]).current_dir(root());
    build.args(SERVICES.iter().flat_map(|(package, ..)| ["--package", package]));
    process::run(build.env("RUSTFLAGS", tools::STATIC))?;
    for (package, program, image) in SERVICES {
        let found = program_path(&target, package, program);
        within_limit(program, &found)?;
        fs::copy(&found, context.join("bin").join(program))?;
        bill_of_materials(&cyclonedx, image, &context.join("sbom"))?;
    }
    Ok(())
}

fn within_limit(program: &str, file: &Path) -> Result<()> {
    let size = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
    say(&format!("{program}: {} kB", size / 1000));
    ensure!(size <= LARGEST, "{program} has {size} bytes; {LARGEST} are allowed");
    Ok(())
}

/// A service's program has the name of its package; the command line's has one of its own.
fn program_path(target: &str, package: &str, program: &str) -> PathBuf {
    let name = if program == "postern" { program } else { package };
    target_dir().join(target).join("image").join(name)
}

/// A `CycloneDX` document of what a program was built from.
fn bill_of_materials(cyclonedx: &Path, image: &str, folder: &Path) -> Result<()> {
    let service = root().join("services").join(image);
    let name = format!("{image}.cdx");
    let mut command = Command::new(cyclonedx);
    command.args(["cyclonedx", "--format", "json", "--override-filename", &name, "--manifest-path"]);
    process::run_quietly(command.arg(service.join("Cargo.toml")).current_dir(root()))?;
    let file = format!("{name}.json");
    let document = fs::read_to_string(service.join(&file)).context("cargo cyclonedx wrote no document")?;
    // The references to members of the workspace are paths: where this repository is on this machine says nothing.
    let here = format!("file://{}/", root().display());
    fs::write(folder.join(&file), document.replace(&here, "file:///"))?;
    // The tool writes one beside the manifest of every member of the workspace that it visits.
    for members in ["crates", "services", "tests"] {
        for member in fs::read_dir(root().join(members))? {
            let document = member?.path().join(&file);
            if document.exists() {
                fs::remove_file(document)?;
            }
        }
    }
    Ok(())
}

fn console_files(context: &Path) -> Result<()> {
    // Only files: no TLS, no listings, and nothing is compressed at run time.
    let server = tools::static_program("static-web-server", "2.44.1", &["--no-default-features"])?;
    within_limit("static-web-server", &server)?;
    fs::copy(server, context.join("bin/static-web-server"))?;
    fs::copy(root().join("deploy/console.toml"), context.join("console.toml"))?;
    console::build()?;
    let files = context.join("console");
    copy_folder(&console::dist(), &files)?;
    console::compress(&files)?;
    console::bill_of_materials(&context.join("sbom/console.cdx.json"))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Name, version and licence of every crate that a program may contain.
fn licenses() -> Result<String> {
    let format = ["tree", "--workspace", "--edges", "normal", "--prefix", "none", "--format", "{p} {l}"];
    let output = process::cargo(format).output().context("cannot run cargo tree")?;
    ensure!(output.status.success(), "cargo tree failed");
    let text = String::from_utf8_lossy(&output.stdout);
    // Crates of this workspace are shown with their paths, and those seen before with a star.
    let crates = text.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.contains("(/"));
    let crates: BTreeSet<_> = crates.filter(|line| !line.is_empty()).collect();
    Ok(crates.into_iter().collect::<Vec<_>>().join("\n") + "\n")
}

fn build(context: &Path, image: &str, tag: &str) -> Result<()> {
    let name = format!("localhost/postern/{image}:{tag}");
    say(&name);
    let revision = process::read_in_root("git", &["rev-parse", "HEAD"]).unwrap_or_else(|| "unknown".into());
    let mut buildah = debian::containers("buildah")?;
    buildah.args([
        "bud",
        "--isolation",
        "chroot",
        "--layers=false",
        "--quiet",
        "--target",
        image,
        "--tag",
        &name,
    ]);
    buildah.args(["--timestamp", "0", "--build-arg", &format!("REVISION={revision}")]);
    buildah.args(["--build-arg", &format!("VERSION={}", env!("CARGO_PKG_VERSION"))]);
    process::run_quietly(buildah.arg("--file").arg(root().join("deploy/Containerfile")).arg(context))
}
