//! Opening: connecting, waiting for a server that is not there yet, locking the embedded file, migrating.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::Db;
use crate::config::DatabaseUrl;

/// A request is answered 503 within two seconds, so nothing waits longer than this for a connection.
const ACQUIRE: Duration = Duration::from_millis(1_800);

/// Whoever waits longer for a row gives up and begins anew.
const LOCK_TIMEOUT: &str = "5s";

/// Why a database cannot be opened; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is not understood.
    #[error("DATABASE_URL is not a PostgreSQL URL: {0}")]
    Url(#[source] sqlx::Error),
    /// Another process has the file.
    #[error(
        "another convoke process has {0}: the embedded database belongs to one process at a time. Stop the other one, choose another file with DATABASE_URL=sqlite://FILE, or use PostgreSQL"
    )]
    InUse(String),
    /// The file cannot be opened.
    #[error("{0} cannot be opened: {1}")]
    File(String, String),
    /// The server cannot be reached or refuses.
    #[error("the database cannot be reached: {0}")]
    Connect(#[source] sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error("the schema cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl Db {
    /// Takes the database for this process and brings its schema up to date, as [`Db::take`] and [`Db::prepare`] do.
    pub async fn open(url: &DatabaseUrl, connections: u32, lease: Duration) -> Result<Self, OpenError> {
        let db = Self::take(url, connections, lease).await?;
        db.prepare().await?;
        Ok(db)
    }

    /// Takes the embedded file for this process alone; PostgreSQL is not connected to yet.
    pub async fn take(url: &DatabaseUrl, connections: u32, lease: Duration) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Sqlite(path) => {
                let lock = lock(path)?;
                Self::open_sqlite(path, connections, Some(Arc::new(lock))).await
            }
            DatabaseUrl::Postgres(_) => Self::connect(url, connections, lease).await,
        }
    }

    /// Waits for a server that is not there yet, with a log line, then brings the schema up to date.
    pub async fn prepare(&self) -> Result<(), OpenError> {
        self.wait().await;
        self.migrate().await
    }

    /// Opens it beside whoever else has it, without migrating: for the command line.
    pub async fn connect(url: &DatabaseUrl, connections: u32, lease: Duration) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Sqlite(path) => Self::open_sqlite(path, connections, None).await,
            DatabaseUrl::Postgres(url) => {
                let options: PgConnectOptions = url.expose().parse().map_err(OpenError::Url)?;
                // A process that freezes in a transaction must not hold its rows for longer than its leases.
                let idle = format!("{}ms", lease.as_millis().max(1_000));
                let options = options.application_name("convoke").options([
                    ("idle_in_transaction_session_timeout", idle.as_str()),
                    ("lock_timeout", LOCK_TIMEOUT),
                ]);
                let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE);
                Ok(Self::Postgres(pool.connect_lazy_with(options)))
            }
        }
    }

    async fn open_sqlite(
        path: &Path,
        connections: u32,
        lock: Option<Arc<std::fs::File>>,
    ) -> Result<Self, OpenError> {
        let wrong = |e: sqlx::Error| OpenError::File(path.display().to_string(), e.to_string());
        // People's addresses are in it, so it is made for its owner alone; its companions take after it.
        let made =
            std::fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        made.map_err(|e| OpenError::File(path.display().to_string(), e.to_string()))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            .pragma("cache_size", "-16000");
        // One writer: a batch may hold it for a while, and whoever waits is not refused for that.
        let write = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(30));
        let write = write.connect_with(options.clone()).await.map_err(wrong)?;
        let read = SqlitePoolOptions::new().max_connections(connections.min(8)).acquire_timeout(ACQUIRE);
        let read = read.connect_lazy_with(options.read_only(true));
        Ok(Self::Sqlite { write, read, lock })
    }

    /// Waits until the server answers, saying so while it does not.
    async fn wait(&self) {
        let mut told = false;
        while let Err(error) = self.ping().await {
            if !told {
                tracing::warn!(%error, "waiting for the database");
                told = true;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        if told {
            tracing::info!("the database is there");
        }
    }

    /// Brings the schema up to date; several processes may do so at once. Tells how many steps were missing.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        match self {
            Self::Postgres(pool) => sqlx::migrate!("../migrations/postgres").run(pool).await?,
            Self::Sqlite { write, .. } => sqlx::migrate!("../migrations/sqlite").run(write).await?,
        }
        Ok(())
    }
}

/// Takes `FILE.lock`; the operating system lets go of it when the process ends, however it ends.
fn lock(path: &Path) -> Result<std::fs::File, OpenError> {
    let shown = path.display().to_string();
    let beside =
        path.with_file_name(format!("{}.lock", path.file_name().unwrap_or_default().to_string_lossy()));
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&beside);
    let file = file.map_err(|e| OpenError::File(beside.display().to_string(), e.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(shown)),
        Err(std::fs::TryLockError::Error(e)) => Err(OpenError::File(shown, e.to_string())),
    }
}
