//! Reading the calendar parts of mails with a parser that shares no line with their writer: `icalendar` on `PyPI`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The environment variable that names the Python with the parser; `cargo xtask test` sets it.
pub const PYTHON: &str = "CONVOKE_TEST_PYTHON";

const SCRIPT: &str = include_str!("calendar.py");

/// What an iCalendar object with one event says: `method`, `uid`, `sequence` (a number), `dtstamp`, `dtstart` and
/// `dtend` (RFC 3339 in UTC: `2025-01-22T13:12:00Z`), `summary`, `description`, `location`, `url`, `status`,
/// `organizer` and `attendee` (objects with `name`, `address` and, where they are said, `role`, `partstat`, `rsvp`),
/// and `properties` (the names of all the event has, sorted). What is not there is null.
///
/// # Panics
/// When the object is malformed, holds anything but one event, or a property twice; when there is no parser.
#[track_caller]
#[must_use]
pub fn read(ics: &str) -> Value {
    let mut python = Command::new(python())
        .args(["-I", "-X", "utf8", "-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("the Python that {PYTHON} names does not start: {error}"));
    // Where Python ends before it has read all, its complaint says more than the broken pipe.
    let _ = python.stdin.take().expect("it is piped").write_all(ics.as_bytes());
    let output = python.wait_with_output().expect("a child can be waited for");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the calendar cannot be read:\n{complaint}\n{ics}");
    serde_json::from_slice(&output.stdout).expect("the script writes JSON")
}

/// From the environment, or from a target folder above this program, where `cargo xtask test` put it.
#[track_caller]
fn python() -> PathBuf {
    if let Some(given) = std::env::var_os(PYTHON) {
        return given.into();
    }
    let program = std::env::current_exe().expect("the system tells where a program is");
    let found =
        program.ancestors().map(|folder| folder.join("python/bin/python")).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "no Python to read calendars with: run `cargo xtask test -- calendar` once, which makes target/python, \
             or name in {PYTHON} one that has tests/requirements.txt installed"
        )
    })
}
