//! What a caller decides by when the database refuses.

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// It is away, full, or has no connection left: the same may work later. Nothing was done.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Another transaction was in the way (deadlock, serialization, lock timeout): the same may work at once.
    #[error("another transaction was in the way: {0}")]
    Contended(#[source] sqlx::Error),
    /// A row with this key exists.
    #[error("a row with this key exists: {0}")]
    Duplicate(#[source] sqlx::Error),
    /// A defect.
    #[error("the database refused: {0}")]
    Other(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Duplicate(error),
            sqlx::Error::Database(e) => match e.code().as_deref() {
                Some(code) if is_contention(code) => Self::Contended(error),
                Some(code) if is_absence(code) => Self::Unavailable(error),
                _ => Self::Other(error),
            },
            _ => Self::Other(error),
        }
    }
}

/// PostgreSQL: serialization failure, deadlock, lock not available. SQLite: busy, locked.
fn is_contention(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "55P03" | "5" | "6" | "261" | "517")
}

/// PostgreSQL: connection exceptions, insufficient resources, shutdown, read-only. SQLite: I/O error, full, read-only.
fn is_absence(code: &str) -> bool {
    code.starts_with("08")
        || (code.len() == 5 && code.starts_with("53"))
        || matches!(
            code,
            "57P01" | "57P02" | "57P03" | "58030" | "25006" | "3D000" | "10" | "13" | "8" | "778" | "14"
        )
}
