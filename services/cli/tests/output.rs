//! Results on stdout, everything else on stderr; help, exit codes, completions.

use crate::support::{Run, Stage, postern};

#[test]
fn help_documents_the_exit_codes_and_where_secrets_come_from() {
    let help = Run::of(postern().arg("--help")).succeeded();
    let documented = "\
Exit codes:
  0  done
  1  failed or partly done: stderr says what is left
  2  wrong usage or configuration
  3  refused, nothing was changed: a precondition is not met, or the certificate or role does not allow it
  4  crypto-service or the database is unavailable; try again

Results are written to stdout, everything else to stderr. Database URLs are read from the files named in the
configuration, or from the environment variables POSTERN_<ROLE>_DATABASE_URL, where <ROLE> is ADMIN, MIGRATOR,
CONNECTION, PROXY, REWRAP or OPERATOR. No secret is ever an argument. NO_COLOR is respected.
";
    assert!(help.stdout.ends_with(documented), "{}", help.stdout);
    assert_eq!(help.stderr, "");
    for command in ["keyring", "rewrap", "migrate", "deny", "user", "doctor", "completions"] {
        assert!(help.stdout.contains(&format!("\n  {command}")), "{command}");
    }
}

#[test]
fn a_wrong_command_is_explained_on_stderr() {
    for arguments in
        [&["keyring", "promote"][..], &["rewrap", "--rate", "0"], &["nonsense"], &["rewrap", "--url", "x"]]
    {
        let run = Run::of(postern().args(arguments));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains("Usage:") || run.stderr.contains("--help"), "{}", run.stderr);
    }
}

#[test]
fn completions_are_for_the_named_shell() {
    let script = Run::of(postern().args(["completions", "bash"])).succeeded().stdout;
    for word in ["keyring", "promote", "move-root", "--dry-run", "complete -F"] {
        assert!(script.contains(word), "{word}");
    }
    Run::of(postern().args(["completions", "cobol"])).refused(2, "cobol");
}

#[tokio::test]
async fn a_table_for_people_and_json_for_programs() {
    let stage = Stage::new().await;
    stage.user_with("ada", 1).await;
    let table = stage.run(&["keyring", "status"]).succeeded();
    assert_eq!(table.stderr, "");
    assert!(!table.stdout.contains('\x1b'), "no styles where there is no terminal");
    let words: Vec<Vec<&str>> = table.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0].join(" "), "Revision 1, wrapped by the root 'file'.");
    assert_eq!(words[2].join(" "), "key state since age sealed opened last use stored seals");
    assert_eq!((words[3][0], words[3][1], words[3].last()), ("1", "primary", Some(&"1")), "{}", table.stdout);
    assert_eq!(words[5].join(" "), "replica revision keys reported state");

    let json = stage.run(&["--json", "keyring", "status"]).succeeded().json();
    assert_eq!(json["keys"][0]["create_time"].as_str().unwrap().len(), "2026-01-01T00:00:00Z".len());
    assert_eq!((&json["keys"][0]["id"], &json["keys"][0]["stored_seals"]), (&1.into(), &1.into()));
    assert_eq!((&json["replicas"][0]["live"], &json["replicas"][0]["key_ids"][0]), (&true.into(), &1.into()));
}

/// An operator needs to see the ring while the database is down.
#[tokio::test]
async fn status_without_a_database_says_so_on_stderr() {
    let stage = Stage::new().await;
    let nowhere = "postgres://postern_rewrap:x@127.0.0.1:1/postern";
    let run =
        Run::of(stage.command(&["keyring", "status", "--json"]).env("POSTERN_REWRAP_DATABASE_URL", nowhere))
            .succeeded();
    assert!(run.stderr.contains("the stored seals could not be counted"), "{}", run.stderr);
    assert!(run.json()["keys"][0]["stored_seals"].is_null());
}
