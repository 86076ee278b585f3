//! The targets, one a file.

use crate::Target;

macro_rules! targets {
    ($($module:ident: $name:literal),+ $(,)?) => {
        $(pub mod $module;)+

        /// All of them.
        pub const ALL: &[Target] =
            &[$(Target { name: $name, check: $module::check, seeds: $module::seeds }),+];
    };
}

targets! {
    address: "address",
    answers: "answers",
    cells: "cells",
    dsn: "dsn",
    forward: "forward",
    host: "host",
    key_ring: "key-ring",
    key_set: "key-set",
    query: "query",
    rows: "rows",
    seal: "seal",
    sealed: "sealed",
    sign_in: "sign-in",
    statement: "statement",
    token: "token",
    upsert: "upsert",
    url: "url",
}

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    ALL.iter().find(|target| target.name == name)
}
