//! The reference as a Markdown document.

use std::fmt::Write;

use crate::schema::{Key, Presence, Section};

/// A program, its configuration's sections, and what to say before them.
pub(crate) struct Program {
    pub name: &'static str,
    pub about: &'static str,
    pub sections: Vec<Section>,
}

const INTRODUCTION: &str = "\
<!-- Written by `cargo xtask gen` from the comments of the configuration types. Change those, and run it. -->

# Configuration reference

Every key of every program's TOML file. [config](config) has an example for each program. An unknown key stops the start;
`--check-config` finds it without starting the service. All settings take effect at the next start, except the issuers,
which SIGHUP rereads, and the contents of certificate and key files, which are noticed within seconds.

These variables of the environment are read, too:

- `POSTERN_CONFIG`: the file, like `--config`.
- `POSTERN_LOG`: what is logged, as a list of targets and levels: `info` by default; `info,postern_call=warn` leaves out
  calls that succeed.
- `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER` and the others of OpenTelemetry: where traces go, and how many.
  See [Traces](README.md#traces).

A file that holds a URL of the control database has one line, such as
`postgresql://postern_proxy:PASSWORD@HOST:5432/postern?sslmode=verify-full&sslrootcert=/path/to/ca.crt`.
";

pub(crate) fn document(programs: &[Program]) -> String {
    let mut out = INTRODUCTION.to_owned();
    for Program { name, about, sections } in programs {
        let _ = write!(out, "\n## {name}\n\n{about}\n");
        for section in sections {
            self::section(&mut out, section);
        }
    }
    out
}

fn section(out: &mut String, section: &Section) {
    if !section.heading.is_empty() {
        let (heading, form) = section.heading.split_once(" with ").unwrap_or((&section.heading, ""));
        let presence = if section.required || !form.is_empty() { "" } else { " (optional)" };
        let form = if form.is_empty() { String::new() } else { format!(" with `{form}`") };
        let _ = write!(out, "\n### `{heading}`{form}{presence}\n");
        if !section.about.is_empty() {
            let _ = write!(out, "\n{}\n", section.about.trim());
        }
    }
    if !section.keys.is_empty() {
        out.push('\n');
    }
    for key in &section.keys {
        entry(out, key);
    }
}

fn entry(out: &mut String, key: &Key) {
    let name = key.path.rsplit('.').next().unwrap_or_default();
    let unit = key.unit.as_ref().map(|unit| format!(" of {unit}")).unwrap_or_default();
    let presence = match &key.presence {
        Presence::Required => "required".to_owned(),
        Presence::Optional => "optional".to_owned(),
        Presence::Default(value) => format!("default `{value}`"),
    };
    let _ = write!(out, "- **`{name}`** ({}{unit}, {presence})\n{}", key.kind, indented(&key.about, "  "));
    for (value, about) in &key.choices {
        let about = indented(about, "    ");
        let _ = write!(out, "  - `{value}`: {}", about.trim_start());
    }
}

/// Indents each line. The lines of comments are short enough to have room for it.
fn indented(text: &str, by: &str) -> String {
    text.trim().lines().fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{by}{}", line.trim());
        all
    })
}
