//! `deploy/REFERENCE.md` says what the configuration types say. `cargo xtask gen` runs these tests with
//! `POSTERN_GENERATE=1`, which writes it first.

#![allow(clippy::unwrap_used, reason = "a test")]

mod render;
mod schema;

use std::{
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
};

use postern_chassis::config;
use render::Program;
use schema::{Presence, Section};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

fn programs() -> [Program; 4] {
    [
        Program {
            name: "crypto-service",
            about: "Holds the master keys; seals and opens secrets.",
            sections: sections::<postern_crypto_service::Config>(),
        },
        Program {
            name: "connection-service",
            about: "Keeps each user's connections.",
            sections: sections::<postern_connection_service::Config>(),
        },
        Program {
            name: "proxy-service",
            about: "Runs statements on users' databases. `[egress]` is for the issuers' key sets, `[backends.egress]` for users'\n\
                    databases.",
            sections: sections::<postern_proxy_service::Config>(),
        },
        Program {
            name: "postern",
            about: "The operator's command line. Without a file, the URLs come from the environment.",
            sections: sections::<postern_cli::Config>(),
        },
    ]
}

fn sections<C: JsonSchema>() -> Vec<Section> {
    let settings =
        SchemaSettings::default().for_deserialize().with(|settings| settings.inline_subschemas = true);
    schema::sections(settings.into_generator().into_root_schema_for::<C>().as_value())
}

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path)
}

#[test]
fn the_reference_is_current() {
    let fresh = render::document(&programs());
    let path = deploy("REFERENCE.md");
    if std::env::var_os("POSTERN_GENERATE").is_some() {
        fs::write(&path, &fresh).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == fresh, "run `cargo xtask gen` and commit deploy/REFERENCE.md");
}

#[test]
fn every_key_is_explained_to_somebody_who_does_not_know_the_code() {
    for program in programs() {
        for (section, key) in
            program.sections.iter().flat_map(|one| one.keys.iter().map(move |key| (one, key)))
        {
            // The only key of one form of a table is explained with the form.
            let told = if key.about.is_empty() { &section.about } else { &key.about };
            assert!(!told.is_empty(), "{} {} is not explained", program.name, key.path);
            assert!(!told.contains("crate::") && !told.contains("[`"), "{} names code: {told}", key.path);
        }
    }
}

#[test]
fn every_key_of_the_examples_is_in_the_reference() {
    for program in programs() {
        let text = example(program.name);
        let keys: Vec<_> = program.sections.iter().flat_map(|section| &section.keys).collect();
        let known = |path: &str| {
            keys.iter().any(|key| key.path == path || path.starts_with(&format!("{}.", key.path)))
        };
        let tags = |path: &str| path.rsplit('.').next() == Some("kind");
        for path in paths(&text.parse::<Table>().unwrap()) {
            assert!(known(&path) || tags(&path), "{}: {path} is not in the reference", program.name);
        }
        // Those that are commented out, by their names only.
        let words =
            keys.iter().map(|key| &*key.path).chain(program.sections.iter().map(|section| &*section.heading));
        let words: Vec<_> = words.flat_map(|path| path.split(['.', '[', ']'])).chain(["kind"]).collect();
        let commented = text.lines().filter_map(|line| line.strip_prefix('#')?.trim().parse::<Table>().ok());
        for name in commented.flat_map(|table| table.into_iter().map(|(name, _)| name)) {
            assert!(words.contains(&&*name), "{}: {name} is not in the reference", program.name);
        }
    }
}

fn example(program: &str) -> String {
    fs::read_to_string(deploy("config").join(format!("{program}.toml"))).unwrap()
}

/// The paths of all values; tables in lists have that of the list.
fn paths(table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in table {
        let tables: Vec<_> = match value {
            Value::Table(table) => vec![table],
            Value::Array(all) => all.iter().filter_map(Value::as_table).collect(),
            _ => Vec::new(),
        };
        if tables.is_empty() {
            found.push(name.clone());
        }
        found.extend(tables.into_iter().flat_map(paths).map(|path| format!("{name}.{path}")));
    }
    found
}

/// Sets every default that the reference shows, where the example has none. Nothing may change.
#[test]
fn the_defaults_are_those_of_the_code() {
    same_with_defaults::<postern_crypto_service::Config>(&programs()[0]);
    same_with_defaults::<postern_connection_service::Config>(&programs()[1]);
    same_with_defaults::<postern_proxy_service::Config>(&programs()[2]);
}

fn same_with_defaults<C: DeserializeOwned + Debug>(program: &Program) {
    let text = example(program.name);
    let mut explicit = text.parse::<Table>().unwrap();
    let mut set = 0;
    // One form of a table has other keys than the example's.
    let sections = program.sections.iter().filter(|section| !section.heading.contains(" with "));
    for key in sections.flat_map(|section| &section.keys) {
        let Presence::Default(default) = &key.presence else { continue };
        let default = Value::try_from(default).unwrap();
        set += u32::from(set_if_absent(&mut explicit, &key.path, &default));
    }
    assert!(set > 10, "{}: only {set} defaults are checked", program.name);
    let [before, after] = [text, toml::to_string(&explicit).unwrap()]
        .map(|text| format!("{:#?}", config::parse::<C>(&text).unwrap()));
    assert_eq!(before, after, "{}", program.name);
}

/// Sets a key of a table that is there, or may be there without anything else. Whether it was absent.
fn set_if_absent(table: &mut Table, path: &str, value: &Value) -> bool {
    let Some((first, rest)) = path.split_once('.') else {
        return !table.contains_key(path) && table.insert(path.to_owned(), value.clone()).is_none();
    };
    let optional = ["ops", "egress", "pools", "admission"].contains(&first);
    if !table.contains_key(first) && optional {
        table.insert(first.to_owned(), Table::new().into());
    }
    match table.get_mut(first) {
        Some(Value::Table(inner)) => set_if_absent(inner, rest, value),
        Some(Value::Array(all)) => {
            let mut set = false;
            for table in all.iter_mut().filter_map(Value::as_table_mut) {
                set |= set_if_absent(table, rest, value);
            }
            set
        }
        _ => false,
    }
}
