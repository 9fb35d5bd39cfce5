//! One run of the real binary: started with an environment of its own in a folder of its own, ended with the test.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::{reaper, until};

/// The environment of a run: nothing is inherited but `PATH`.
pub type Settings = BTreeMap<String, String>;

/// The binary under test: `CONVOKE_BIN`, else `convoke` beside the test executable's folder.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn binary() -> PathBuf {
    let path = std::env::var_os("CONVOKE_BIN").map_or_else(beside_the_tests, PathBuf::from);
    assert!(
        path.is_file(),
        "no binary at {}: build it with `cargo build`, or set CONVOKE_BIN",
        path.display()
    );
    path
}

/// `target/debug/deps/it-…` → `target/debug/convoke`.
fn beside_the_tests() -> PathBuf {
    let tests = std::env::current_exe().expect("the system knows the running executable");
    tests.ancestors().skip(1).find(|p| !p.ends_with("deps")).unwrap_or(&tests).join("convoke")
}

/// A command that runs the binary in `folder` with `settings` and nothing else.
fn command(folder: &Path, settings: &Settings, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(args).current_dir(folder).env_clear().envs(settings).stdin(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder);
    command
}

/// Runs the binary to its end and gives status and output.
///
/// # Panics
/// When it does not end within two minutes.
pub async fn run(folder: &Path, settings: &Settings, args: &[&str]) -> Output {
    let mut command = tokio::process::Command::from(command(folder, settings, args));
    let output = command.kill_on_drop(true).output();
    let ended = tokio::time::timeout(Duration::from_mins(2), output).await;
    let ended =
        ended.unwrap_or_else(|_| panic!("`convoke {}` did not end within two minutes", args.join(" ")));
    ended.expect("the binary runs")
}

/// A program that goes on until it is ended.
pub struct Program {
    name: String,
    folder: PathBuf,
    settings: Settings,
    args: Vec<String>,
    child: Mutex<Child>,
}

impl Program {
    /// Starts `convoke <args>`; its output goes to `<name>.log` in the folder.
    #[must_use]
    pub fn start(name: &str, folder: &Path, settings: Settings, args: &[&str]) -> Self {
        let child = spawn(name, folder, &settings, args);
        let args = args.iter().map(ToString::to_string).collect();
        Self { name: name.to_owned(), folder: folder.to_owned(), settings, args, child: Mutex::new(child) }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The environment it was started with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The folder it works in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill9(&self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
        reaper::forget(child.id());
    }

    /// SIGTERM; [`Program::ended`] waits for what follows.
    pub fn sigterm(&self) {
        self.signal("TERM");
    }

    /// Any signal by its name.
    pub fn signal(&self, name: &str) {
        reaper::signal(self.child().id(), name);
    }

    /// Its exit status, where it has ended.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        let mut child = self.child();
        let status = child.try_wait().expect("a child of ours can be asked");
        if status.is_some() {
            reaper::forget(child.id());
        }
        status
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it has not ended in time.
    pub async fn ended(&self, within: Duration) -> ExitStatus {
        until(&format!("{} ends", self.name), within, async || self.status()).await
    }

    /// Starts it again with the same environment; its log goes on.
    pub fn start_again(&self) {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        *self.child() = spawn(&self.name, &self.folder, &self.settings, &args);
    }

    /// Resident memory in KiB; 0 when it is gone.
    #[must_use]
    pub fn rss_kb(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child().id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kb| kb.parse().ok()).unwrap_or(0)
    }

    /// All that it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read(log_path(&self.folder, &self.name))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The last lines of its log, for messages.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.split_at(lines.len().saturating_sub(40)).1.join("\n");
        format!("--- last lines of {} ({} in all)\n{tail}\n---", self.name, lines.len())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.log_tail());
        }
        self.kill9();
    }
}

fn log_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

fn spawn(name: &str, folder: &Path, settings: &Settings, args: &[&str]) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log_path(folder, name))
        .expect("the folder is writable");
    let errors = log.try_clone().expect("a file can be shared");
    let child =
        command(folder, settings, args).stdout(log).stderr(errors).spawn().expect("the binary starts");
    reaper::kill_at_end(child.id());
    child
}
