//! The table of callers and the protos say the same.

#![allow(clippy::unwrap_used, reason = "a test")]

use postern_rpc::{DESCRIPTORS, access};
use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

/// Path in a file descriptor: field 6 is `service`, field 2 of a service is `method`.
const SERVICE: i32 = 6;
const METHOD: i32 = 2;

#[test]
fn every_rpc_has_a_rule_and_its_comment_ends_with_it() {
    let mut seen = 0;
    for (path, comment) in rpcs() {
        let rule = access::rule_of(&path).unwrap_or_else(|| panic!("{path} has no rule in access.rs"));
        let words = format!("Who may call: {}", rule.caller.words());
        let flat = comment.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.ends_with(&words), "{path}: the comment must end with {words:?}");
        seen += 1;
    }
    let ours = access::RULES.iter().filter(|rule| rule.path.starts_with("/postern.")).count();
    assert_eq!(seen, ours, "a rule names an RPC that no proto has");
}

fn rpcs() -> Vec<(String, String)> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    set.file.iter().filter(|file| file.package().starts_with("postern.")).flat_map(rpcs_of).collect()
}

fn rpcs_of(file: &FileDescriptorProto) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (s, service) in file.service.iter().enumerate() {
        for (m, method) in service.method.iter().enumerate() {
            let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
            let at = [SERVICE, i32::try_from(s).unwrap(), METHOD, i32::try_from(m).unwrap()];
            found.push((path, comment(file, &at)));
        }
    }
    found
}

fn comment(file: &FileDescriptorProto, at: &[i32]) -> String {
    let info = file.source_code_info.as_ref().unwrap();
    info.location.iter().find(|l| l.path == at).map(|l| l.leading_comments().to_owned()).unwrap_or_default()
}
