//! The service under test: the real binary with known secrets, on a port and in a folder of its own.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::{Client, Credential};
use crate::postgres::Postgres;
use crate::program::{Program, Settings};
use crate::redis::Redis;
use crate::smtp::SmtpSink;
use crate::{ports, reaper};

/// The service credential of every service that the tests start.
pub const SERVICE_KEY: &str = "service-key-of-the-tests-0123456789abcdef0123456789";
/// Signs the tokens of users, in every service that the tests start.
pub const JWT_SECRET: &str = "jwt-secret-of-the-tests-0123456789abcdef0123456789abcdef";
const TOKEN_KEYS: &str = "1:3f0a5f1e2b4c6d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9f00112233445566";

/// What a service in production stands on, each private to one test.
pub struct Stack {
    /// A fresh, migrated database on the shared server.
    pub database_url: String,
    /// A Redis of this test's own.
    pub redis: Redis,
    /// A mail server that keeps all it gets, and says what it is told to.
    pub smtp: SmtpSink,
}

impl Stack {
    /// A fresh database, Redis and mail server.
    pub async fn start() -> Self {
        let database_url = Postgres::shared().await.database().await;
        let smtp = SmtpSink::start().await.expect("a loopback port can be listened on");
        Self { database_url, redis: Redis::start().await, smtp }
    }

    fn settings(&self) -> Settings {
        Settings::from([
            ("DATABASE_URL".to_owned(), self.database_url.clone()),
            ("REDIS_URL".to_owned(), self.redis.url.clone()),
            ("SMTP_URL".to_owned(), self.smtp.url()),
        ])
    }
}

/// Adds the secrets that the tests know.
#[must_use]
pub fn with_secrets(mut settings: Settings) -> Settings {
    for (name, value) in [
        ("CONVOKE_SERVICE_KEY", SERVICE_KEY),
        ("CONVOKE_JWT_SECRET", JWT_SECRET),
        ("CONVOKE_TOKEN_KEYS", TOKEN_KEYS),
    ] {
        settings.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    settings
}

/// What is to be started.
pub struct Plan {
    folder: Arc<TempDir>,
    settings: Settings,
}

impl Plan {
    fn new(settings: Settings) -> Self {
        let folder = tempfile::Builder::new().prefix("convoke-test-").tempdir().expect("a temporary folder");
        reaper::remove_at_end(folder.path());
        let mut plan = Self { folder: Arc::new(folder), settings: with_secrets(settings) };
        // Rates have tests of their own; everywhere else they would only make the suite slower.
        for (name, value) in [
            ("CONVOKE_RATE_LIMIT", "off"),
            ("CONVOKE_MAIL_RATE", "100000"),
            ("CONVOKE_MAIL_DOMAIN_RATE", "100000"),
            ("CONVOKE_LOG", "info"),
            ("RUST_BACKTRACE", "1"),
        ] {
            plan = plan.set(name, value);
        }
        plan
    }

    /// Sets a variable.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Works in the same folder as another service: with the embedded default, on the same database file.
    #[must_use]
    pub fn in_folder_of(mut self, other: &Convoke) -> Self {
        self.folder = Arc::clone(&other.folder);
        self
    }

    /// `convoke serve`, ready to answer.
    pub async fn start(self) -> Convoke {
        self.start_with(&["serve"], "/readyz").await
    }

    /// `convoke serve --no-worker`, alive; it may not be called ready while no worker runs.
    pub async fn start_without_worker(self) -> Convoke {
        self.start_with(&["serve", "--no-worker"], "/healthz").await
    }

    /// `convoke <args>` on a free port; waits until `probe` answers 200.
    pub async fn start_with(mut self, args: &[&str], probe: &str) -> Convoke {
        let bind = format!("127.0.0.1:{}", ports::free());
        self.settings.insert("CONVOKE_BIND".to_owned(), bind.clone());
        let program = Program::start(args[0], self.folder.path(), self.settings, args);
        let client = Client::new(&format!("http://{bind}"), Credential::Bearer(SERVICE_KEY.to_owned()));
        let convoke = Convoke { program, client, folder: self.folder };
        convoke.answers(probe).await;
        convoke
    }
}

/// A running service, and a client with its service credential.
pub struct Convoke {
    /// The process.
    pub program: Program,
    client: Client,
    folder: Arc<TempDir>,
}

impl Convoke {
    /// The embedded default: one process, one file, captured mail.
    #[must_use]
    pub fn embedded() -> Plan {
        Plan::new(Settings::new())
    }

    /// On PostgreSQL, Redis and SMTP.
    #[must_use]
    pub fn on(stack: &Stack) -> Plan {
        Plan::new(stack.settings())
    }

    /// The folder it works in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Another process on the same database and queue: `convoke worker`.
    #[must_use]
    pub fn worker(&self, name: &str) -> Program {
        self.worker_with(name, &[], &[])
    }

    /// As [`Convoke::worker`], with arguments and variables of its own.
    #[must_use]
    pub fn worker_with(&self, name: &str, args: &[&str], variables: &[(&str, &str)]) -> Program {
        let mut settings = self.program.settings().clone();
        settings.entry("CONVOKE_PUBLIC_URL".to_owned()).or_insert_with(|| self.client.base().to_owned());
        settings.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Program::start(name, self.folder.path(), settings, &[&["worker"], args].concat())
    }

    /// SIGKILL, then the same again on the same data; returns when it is ready.
    pub async fn kill_and_start_again(&self) {
        self.program.kill9();
        self.program.start_again();
        self.answers("/readyz").await;
    }

    /// Waits until a probe answers 200.
    ///
    /// # Panics
    /// After a minute, or when the process has ended, with the end of its log.
    pub async fn answers(&self, probe: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut last = String::new();
        loop {
            match self.client.anonymous().get(probe).try_send().await {
                Ok(answer) if answer.status == 200 => return,
                Ok(answer) => last = format!("{} {}", answer.status, answer.text),
                Err(_) => {}
            }
            if let Some(status) = self.program.status() {
                panic!("the service ended: {status}");
            }
            assert!(Instant::now() < deadline, "{probe} did not answer 200; its last answer: {last}");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

impl Deref for Convoke {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
