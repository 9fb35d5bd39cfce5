//! Ends whatever the harness started, however the test process itself ends.
//!
//! One small shell per test process reads pids from a pipe. When the pipe closes (normal end, panic, SIGKILL), it
//! kills those that were not reaped before and removes the folders it was told of.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex};

const SCRIPT: &str = r#"
trap '' INT TERM HUP
kill= quit=
drop() { left=; for pid in $1; do [ "$pid" = "$2" ] || left="$left $pid"; done; echo "$left"; }
while read -r verb what; do
  case $verb in
    kill) kill="$kill $what" ;;
    quit) quit="$quit $what" ;;
    forget) kill=$(drop "$kill" "$what"); quit=$(drop "$quit" "$what") ;;
    folder) set -- "$@" "$what" ;;
  esac
done
[ -z "$kill" ] || kill -KILL $kill
[ -z "$quit" ] || kill -QUIT $quit
tries=0
while [ -n "$quit" ] && kill -0 $quit && [ $tries -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
[ $# = 0 ] || rm -rf -- "$@"
"#;

/// The shell itself, which ends after us, and the pipe to it.
struct Reaper(#[expect(dead_code, reason = "nobody waits for it: it outlives us")] Child, ChildStdin);

static REAPER: LazyLock<Mutex<Reaper>> = LazyLock::new(|| {
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("`sh` is on every Unix");
    let pipe = shell.stdin.take().expect("its standard input is piped");
    Mutex::new(Reaper(shell, pipe))
});

fn tell(verb: &str, what: &str) {
    let mut reaper = REAPER.lock().expect("nobody panics while holding the pipe");
    writeln!(reaper.1, "{verb} {what}").expect("the reaper outlives the tests");
}

/// SIGKILL for this process when the tests end.
pub fn kill_at_end(pid: u32) {
    tell("kill", &pid.to_string());
}

/// SIGQUIT for this process when the tests end: for PostgreSQL, which then takes its children along.
pub fn quit_at_end(pid: u32) {
    tell("quit", &pid.to_string());
}

/// The process was reaped: its pid may belong to another one soon.
pub fn forget(pid: u32) {
    tell("forget", &pid.to_string());
}

/// Removes the folder when the tests end.
pub fn remove_at_end(folder: &Path) {
    tell("folder", &folder.display().to_string());
}

/// Sends a signal by its name (`TERM`, `KILL`, `STOP`, …).
pub fn signal(pid: u32, name: &str) {
    let status =
        Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).stderr(Stdio::null()).status();
    assert!(status.is_ok(), "`sh` is on every Unix");
}
