//! Checks the Kubernetes manifests: they render, are valid, and pass two linters. Every accepted finding is explained
//! in a file of `deploy/kubernetes/checks`, and an explanation that is no longer needed fails too.

mod accepted;
#[cfg(test)]
mod arrows;
#[cfg(test)]
mod pods;
mod render;
#[cfg(test)]
mod rendered;

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use self::accepted::Accepted;
pub(crate) use self::render::resources;
use crate::{process, python, say};

const KUBERNETES_VALIDATE: &str = "1.37.0";
const CHECKOV: &str = "3.3.30";
const KUBE_NETPOL: &str = "1.0.0";

/// What is rendered and checked: both overlays, and `prod` with each component that it leaves out.
const RENDERED: [&str; 5] =
    ["overlays/dev", "overlays/prod", "checks/aws-kms", "checks/openbao", "checks/tracing"];

pub(crate) fn lint() -> Result<()> {
    say("the manifests: kustomize, kubernetes-validate, checkov, kube-netpol");
    let files = RENDERED.map(render::to_file).into_iter().collect::<Result<Vec<_>>>()?;
    validate(&files)?;
    checkov(&files)?;
    kube_netpol(&files)
}

/// Every resource has the shape that Kubernetes expects, without unknown members.
fn validate(files: &[PathBuf]) -> Result<()> {
    let packages = python::package("kubernetes-validate", KUBERNETES_VALIDATE)?;
    let mut command = python::script(&packages, "kubernetes-validate");
    let output = command.args(["--strict", "--quiet"]).args(files).output()?;
    let printed = text(&output.stdout) + &text(&output.stderr);
    ensure!(output.status.success(), "kubernetes-validate:\n{printed}");
    let mut accepted = Accepted::read("kinds-without-schema.txt")?;
    for line in printed.lines().filter(|line| !line.trim().is_empty()) {
        let kind = between(line, "schema for kind ", " with").zip(between(line, "api version ", " for"));
        let (kind, version) = kind.with_context(|| format!("kubernetes-validate: {line}"))?;
        ensure!(accepted.admits(&[kind, version]), "kubernetes-validate: {line}");
    }
    accepted.all_needed()
}

fn checkov(files: &[PathBuf]) -> Result<()> {
    let packages = python::package("checkov", CHECKOV)?;
    let mut command = python::python(&packages);
    command.args(["-m", "checkov.main", "--framework", "kubernetes", "--quiet", "--skip-download"]);
    command.args(["--output", "json", "--soft-fail"]);
    for file in files {
        command.arg("--file").arg(file);
    }
    let report = json(&mut command)?;
    ensure!(report["summary"]["passed"].as_u64().unwrap_or(0) > 0, "checkov found nothing to check");
    let mut accepted = Accepted::read("accepted-checkov.txt")?;
    for finding in list(&report["results"]["failed_checks"])? {
        let (id, name) = (word(finding, "check_id"), word(finding, "check_name"));
        ensure!(accepted.admits(&[id]), "checkov: {id} {name}: {}", word(finding, "resource"));
    }
    accepted.all_needed()
}

fn kube_netpol(files: &[PathBuf]) -> Result<()> {
    let packages = python::package("kube-netpol", KUBE_NETPOL)?;
    let mut accepted = Accepted::read("accepted-kube-netpol.txt")?;
    for file in files {
        let report = file.with_extension("netpol.json");
        let mut scan = python::script(&packages, "kube-netpol");
        process::run_quietly(scan.arg("scan").arg(file).args(["--format", "json", "--output"]).arg(&report))?;
        let report: Value = serde_json::from_str(&fs::read_to_string(&report)?)?;
        ensure!(!list(&report["policies"])?.is_empty(), "kube-netpol found no policy in {}", file.display());
        for finding in list(&report["issues"])? {
            let (id, policy) = (word(finding, "rule_id"), word(finding, "policy_name"));
            ensure!(accepted.admits(&[id, policy]), "kube-netpol: {id} {}", word(finding, "message"));
        }
    }
    accepted.all_needed()
}

fn json(command: &mut Command) -> Result<Value> {
    let output = command.output()?;
    let printed = text(&output.stdout);
    serde_json::from_str(&printed).with_context(|| format!("no report:\n{printed}{}", text(&output.stderr)))
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().context("the report has another form")
}

fn word<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    line.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}
