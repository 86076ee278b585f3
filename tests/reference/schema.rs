//! The keys of a configuration, read from its JSON schema.

use serde_json::{Map, Value};

/// A table of the TOML file, or one form of it.
pub(crate) struct Section {
    /// As the file names it: `[backends.database]`, `[[issuers]]`; empty for the keys before the first table.
    pub heading: String,
    /// Whether the file must have it, if the table that it is in is there.
    pub required: bool,
    pub about: String,
    pub keys: Vec<Key>,
}

/// A key with a value that is not a table of known keys.
pub(crate) struct Key {
    /// From the top of the file, with dots.
    pub path: String,
    pub kind: String,
    /// The unit of a number.
    pub unit: Option<String>,
    pub presence: Presence,
    pub about: String,
    /// Values with a meaning of their own, and that meaning.
    pub choices: Vec<(String, String)>,
}

/// What happens without the key.
pub(crate) enum Presence {
    Required,
    Optional,
    Default(Value),
}

/// A table to be read after the keys of the one that it is in.
struct Child<'a> {
    path: String,
    list: bool,
    required: bool,
    about: &'a str,
    schema: &'a Value,
}

/// All sections of a schema whose subschemas are inline, in the order of the file.
pub(crate) fn sections(schema: &Value) -> Vec<Section> {
    let mut found = Vec::new();
    let about = text(schema, "description");
    walk(&Child { path: String::new(), list: false, required: true, about, schema }, &mut found);
    found
}

fn walk(table: &Child<'_>, found: &mut Vec<Section>) {
    let Child { path, list, required, about, schema } = table;
    let heading = match (path.is_empty(), list) {
        (true, _) => String::new(),
        (_, true) => format!("[[{path}]]"),
        (_, false) => format!("[{path}]"),
    };
    let mut children = Vec::new();
    let forms = schema["oneOf"].as_array();
    let keys = if forms.is_none() { keys(path, schema, &mut children) } else { Vec::new() };
    found.push(Section { heading: heading.clone(), required: *required, about: (*about).to_owned(), keys });
    for form in forms.into_iter().flatten() {
        let keys = keys_of_form(path, form, &mut children);
        let heading = format!("{heading} with {}", tag(form));
        found.push(Section { heading, required: false, about: text(form, "description").to_owned(), keys });
    }
    for child in &children {
        walk(child, found);
    }
}

/// What tells this form of a table from the others: `kind = "file"`, or the only key that it may have.
fn tag(form: &Value) -> String {
    let tagged = properties(form).iter().find_map(|(name, value)| Some((name, value.get("const")?)));
    match tagged {
        Some((name, value)) => format!("{name} = {value}"),
        None => properties(form).keys().next().cloned().unwrap_or_default(),
    }
}

/// The keys of a form, without the one that only names it.
fn keys_of_form<'a>(path: &str, form: &'a Value, children: &mut Vec<Child<'a>>) -> Vec<Key> {
    let mut keys = keys(path, form, children);
    keys.retain(|key| key.kind != "the form of this table");
    keys
}

fn keys<'a>(path: &str, schema: &'a Value, children: &mut Vec<Child<'a>>) -> Vec<Key> {
    let mut keys = Vec::new();
    for (name, property) in properties(schema) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let required = schema["required"].as_array().is_some_and(|all| all.contains(&Value::from(&**name)));
        let value = without_null(property);
        let items = &value["items"];
        let about = text(property, "description");
        let table = if is_table(items) { items } else { value };
        if is_table(table) {
            children.push(Child { path, list: is_table(items), required, about, schema: table });
            continue;
        }
        let presence = match property.get("default").filter(|default| !default.is_null()) {
            _ if required => Presence::Required,
            Some(default) => Presence::Default(default.clone()),
            None => Presence::Optional,
        };
        let unit = property["x-unit"].as_str().or_else(|| unit_of(name)).map(str::to_owned);
        let (kind, choices) = (kind(value), choices(value));
        keys.push(Key { path, kind, unit, presence, about: about.to_owned(), choices });
    }
    keys
}

/// By the end of its name.
fn unit_of(name: &str) -> Option<&'static str> {
    ["seconds", "megabytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")))
}

/// Whether the value is a table whose keys are known, in one form or in one of several.
fn is_table(schema: &Value) -> bool {
    let forms = schema["oneOf"].as_array();
    schema["properties"].is_object() || forms.is_some_and(|forms| forms.iter().all(is_table))
}

/// The schema of the value, if there is one.
fn without_null(schema: &Value) -> &Value {
    let Some(all) = schema["anyOf"].as_array() else { return schema };
    match all.iter().partition::<Vec<_>, _>(|one| one["type"] == "null") {
        (nulls, values) if !nulls.is_empty() && values.len() == 1 => values[0],
        _ => schema,
    }
}

fn kind(schema: &Value) -> String {
    if schema.get("const").is_some() {
        return "the form of this table".to_owned();
    }
    if let Some(all) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let mut words: Vec<_> = all.iter().map(word).collect();
        words.dedup();
        return words.join(" or ");
    }
    word(schema)
}

fn word(schema: &Value) -> String {
    let names = match &schema["type"] {
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        name => name.as_str(),
    };
    match names.unwrap_or_default() {
        "string" => "text".to_owned(),
        "integer" if schema["minimum"] == 1 => "whole number from 1".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => format!("list of {}s", kind(&schema["items"])),
        "object" => format!("table with values of {}", kind(&schema["additionalProperties"])),
        other => panic!("a type without a word for it: {other} in {schema}"),
    }
}

/// The values of an enumeration, with their comments.
fn choices(schema: &Value) -> Vec<(String, String)> {
    let all = schema["oneOf"].as_array().into_iter().flatten();
    all.filter_map(|one| Some((one.get("const")?.to_string(), text(one, "description").to_owned()))).collect()
}

fn properties(schema: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    schema["properties"].as_object().unwrap_or(&NONE)
}

fn text<'a>(schema: &'a Value, name: &str) -> &'a str {
    schema[name].as_str().unwrap_or_default()
}
