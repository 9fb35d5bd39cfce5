//! A private PostgreSQL: its own folder, port and user, `fsync` on, gone when the tests end.
//!
//! One server is shared by all tests of a process; each gets a fresh database, copied from one that
//! `convoke migrate` made. A test that kills the server takes [`Postgres::start_private`].

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::program::{self, Settings};
use crate::{ports, reaper, until};

/// The database that the others are copied from.
const TEMPLATE: &str = "convoke_template";

/// A running server.
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    child: Mutex<Child>,
    /// The folder goes when this is dropped, not only when the tests end.
    owned: bool,
}

impl Postgres {
    /// The one that all tests of this process share.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED
            .get_or_init(|| async {
                let server = Self::start(false).await;
                server.make_template().await;
                server
            })
            .await
    }

    /// One that belongs to the caller alone, and ends with the value.
    pub async fn start_private() -> Self {
        let server = Self::start(true).await;
        server.make_template().await;
        server
    }

    async fn start(owned: bool) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("convoke-postgres-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        reaper::remove_at_end(&folder);
        if let Some((user, group)) = ordinary_user() {
            chown(&folder, Some(user), Some(group)).expect("root may give a folder away");
        }
        let data = folder.join("data");
        let made = as_ordinary_user(&folder, &tool("initdb"))
            .arg("--pgdata")
            .arg(&data)
            .args(["--username=convoke", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"])
            .output();
        succeeded("initdb", &made.expect("initdb runs"));
        let port = ports::free();
        let child = Mutex::new(spawn(&folder, port));
        let server = Self { folder, port, child, owned };
        server.answers().await;
        server
    }

    /// Creates a fresh, migrated database and gives its URL.
    pub async fn database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // Two copies of one template at a time would be in each other's way.
        static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let _turn = ONE_AT_A_TIME.lock().await;
        self.query("postgres", &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await;
        self.url(&name)
    }

    /// Creates a database without a table in it.
    pub async fn empty_database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("empty_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.query("postgres", &format!("CREATE DATABASE {name}")).await;
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://convoke@127.0.0.1:{}/{database}", self.port)
    }

    async fn make_template(&self) {
        self.query("postgres", &format!("CREATE DATABASE {TEMPLATE}")).await;
        let settings = Settings::from([("DATABASE_URL".to_owned(), self.url(TEMPLATE))]);
        let settings = crate::convoke::with_secrets(settings);
        let folder = tempfile::tempdir().expect("a temporary folder");
        succeeded("convoke migrate", &program::run(folder.path(), &settings, &["migrate"]).await);
    }

    /// Runs one statement through `psql` and gives its rows, a line each, columns parted by `|`.
    ///
    /// # Panics
    /// When the statement fails.
    pub async fn query(&self, database: &str, sql: &str) -> String {
        let output =
            tokio::process::Command::from(self.psql(database, sql)).output().await.expect("psql runs");
        succeeded(sql, &output);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn psql(&self, database: &str, sql: &str) -> Command {
        let database = database.rsplit('/').next().unwrap_or(database);
        let mut psql = Command::new(tool("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "convoke"])
            .args(["-p", &self.port.to_string(), "-d", database, "-c", sql])
            .stdin(Stdio::null());
        psql
    }

    async fn answers(&self) {
        until("PostgreSQL answers", Duration::from_mins(1), async || {
            let output = self.psql("postgres", "SELECT 1").output().ok()?;
            output.status.success().then_some(())
        })
        .await;
    }

    /// SIGKILL to the postmaster; its children notice and end.
    pub fn kill9(&self) {
        let mut child = self.child.lock().expect("no test panics while holding the server");
        let _ = child.kill();
        let _ = child.wait();
        reaper::forget(child.id());
    }

    /// Starts it again on the same port and data, after [`Postgres::kill9`].
    pub async fn start_again(&self) {
        // The killed postmaster's children hold the shared memory for a moment; PostgreSQL refuses until then.
        until("PostgreSQL starts again", Duration::from_mins(1), async || {
            let mut child = self.child.lock().expect("no test panics while holding the server");
            if !matches!(child.try_wait(), Ok(None)) {
                *child = spawn(&self.folder, self.port);
            }
            drop(child);
            self.psql("postgres", "SELECT 1").output().ok()?.status.success().then_some(())
        })
        .await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        reaper::signal(child.id(), "QUIT");
        let _ = child.wait();
        reaper::forget(child.id());
        if self.owned {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn spawn(folder: &Path, port: u16) -> Child {
    let log =
        std::fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log file");
    let errors = log.try_clone().expect("a file can be shared");
    let child = as_ordinary_user(folder, &tool("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "max_connections=400"])
        .args(["-c", "fsync=on", "-c", "shared_buffers=64MB", "-c", "log_min_messages=warning"])
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .expect("postgres starts");
    reaper::quit_at_end(child.id());
    child
}

/// A program of PostgreSQL's: Debian keeps `initdb` and `postgres` off the `PATH`. The newest version wins.
///
/// # Panics
/// When it is not installed.
#[must_use]
pub fn tool(name: &str) -> PathBuf {
    find_tool(name).unwrap_or_else(|| panic!("{name} is not here: install PostgreSQL (Debian: `postgresql`)"))
}

/// As [`tool`], for those who can do without.
#[must_use]
pub fn find_tool(name: &str) -> Option<PathBuf> {
    let version = |bin: &Path| -> Option<u32> { bin.parent()?.file_name()?.to_str()?.parse().ok() };
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join(name).is_file())
        .collect();
    found.sort_by_key(|bin| version(bin));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    found.extend(
        std::env::split_paths(&on_path)
            .filter(|bin| bin.join(name).is_file())
            .take(usize::from(found.is_empty())),
    );
    found.pop().map(|bin| bin.join(name))
}

/// PostgreSQL refuses to run as root: then it runs as `postgres`, or as `nobody`. Else as who we are.
fn ordinary_user() -> Option<(u32, u32)> {
    let we_are_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    if we_are_root { ids("postgres").or_else(|| ids("nobody")) } else { None }
}

fn as_ordinary_user(folder: &Path, program: &Path) -> Command {
    let mut command = match ordinary_user() {
        Some((user, group)) => {
            // `setpriv` replaces itself with the program, so that our child is the postmaster.
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid",
                &user.to_string(),
                "--regid",
                &group.to_string(),
                "--clear-groups",
                "--",
            ]);
            command.arg(program);
            command
        }
        None => Command::new(program),
    };
    command.current_dir(folder);
    command
}

#[track_caller]
fn succeeded(what: &str, output: &Output) {
    assert!(
        output.status.success(),
        "{what}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
