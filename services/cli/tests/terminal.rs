//! What an operator sees and types at a terminal.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    process::{Command, Stdio},
};

use rustix::{
    fs::OFlags,
    pty::{self, OpenptFlags},
    termios::{Winsize, tcsetwinsize},
};

use crate::support::{Stage, use_all};

/// The result of a run at a terminal. Only stdin and stderr are the terminal; stdout is a pipe.
pub(crate) struct Session {
    pub code: i32,
    pub stdout: String,
    /// Everything shown on the terminal, including what was typed.
    pub screen: String,
}

/// Runs the program at a terminal with this input.
pub(crate) fn at_terminal(mut command: Command, typed: &str) -> Session {
    let near = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    pty::unlockpt(&near).unwrap();
    tcsetwinsize(&near, Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let far = pty::ptsname(&near, Vec::new()).unwrap().into_string().unwrap();
    let no_controlling = OFlags::NOCTTY.bits().cast_signed();
    let far = || OpenOptions::new().read(true).write(true).custom_flags(no_controlling).open(&far).unwrap();
    command.env("TERM", "xterm").stdin(far()).stderr(far()).stdout(Stdio::piped());
    let mut near = File::from(near);
    near.write_all(typed.as_bytes()).unwrap();

    let child = command.spawn().unwrap();
    // The command holds the terminal open too. Once it is dropped, reading ends when the program does.
    drop(command);
    let mut screen = Vec::new();
    let _ = near.read_to_end(&mut screen);
    let output = child.wait_with_output().unwrap();
    Session {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        screen: String::from_utf8(screen).unwrap(),
    }
}

#[tokio::test]
async fn without_a_typed_yes_nothing_is_destroyed() {
    let stage = Stage::new().await;
    stage.rotate();
    stage.run(&["keyring", "disable", "1"]).succeeded();
    // The last one ends the input without an answer.
    for typed in ["no\n", "y\n", "\n", "yes, please\n", "\x04"] {
        let destroy = at_terminal(stage.command(&["keyring", "destroy", "1"]), typed);
        assert_eq!((destroy.code, destroy.stdout.as_str()), (3, ""), "{typed:?}: {}", destroy.screen);
        for said in [
            "No stored seal uses key 1. Database backups from before 2",
            "Z, when it was disabled, may not open without it. Key 1 cannot be brought back. Type yes to continue: ",
        ] {
            assert!(destroy.screen.contains(said), "{}", destroy.screen);
        }
        assert!(destroy.screen.contains("nothing was changed"), "{}", destroy.screen);
    }
    let first_key =
        || stage.run(&["keyring", "status", "--json"]).succeeded().json()["keys"][0]["state"].clone();
    assert_eq!(first_key(), "disabled");

    let destroy = at_terminal(stage.command(&["keyring", "destroy", "1"]), "yes\n");
    assert_eq!((destroy.code, destroy.stdout.as_str()), (0, "Key 1 is destroyed.\n"), "{}", destroy.screen);
    assert_eq!(first_key(), "destroyed");
}

#[tokio::test]
async fn a_key_with_seals_is_disabled_only_after_a_yes() {
    let stage = Stage::new().await;
    let ada = stage.user_with("ada", 1).await;
    stage.rotate();
    let disable = |typed| at_terminal(stage.command(&["keyring", "disable", "1"]), typed);
    assert_eq!(disable("no\n").code, 3);
    use_all(&ada, 1).await;
    let disabled = disable("yes\n");
    assert_eq!(disabled.code, 0, "{}", disabled.screen);
    assert!(disabled.screen.contains("1 seal under key 1 would no longer open."), "{}", disabled.screen);
}

#[tokio::test]
async fn progress_is_shown_on_the_terminal_only() {
    let stage = Stage::new().await;
    stage.user_with("bob", 12).await;
    stage.rotate();
    let rewrap = at_terminal(stage.command(&["rewrap", "--rate", "4", "--json"]), "");
    assert_eq!(rewrap.code, 0, "{}", rewrap.screen);
    for shown in ["rewrapping", " 4/12 ", " 8/12 "] {
        assert!(rewrap.screen.contains(shown), "{shown:?}: {}", rewrap.screen);
    }
    let done: serde_json::Value = serde_json::from_str(&rewrap.stdout).unwrap();
    assert_eq!(done["rewrapped"], 12);
}

/// Without a terminal, stderr usually goes to a log.
#[tokio::test]
async fn without_a_terminal_there_is_no_bar() {
    let stage = Stage::new().await;
    stage.user_with("carol", 2).await;
    stage.rotate();
    assert_eq!(stage.run(&["rewrap"]).succeeded().stderr, "");
}
