//! The ledger. All SQL of the project is in this folder, one file per table family, written once for both engines.
//!
//! A function takes a [`Conn`]; a [`Tx`] is one that commits. Statements are `const`s above the function that runs
//! them; where an engine needs its own word, a [`Pair`] stands there.

mod conn;
mod error;
mod open;

pub mod api_keys;
pub mod audit;
pub mod batch_rows;
pub mod captured_mails;
pub mod definitions;
pub mod deliveries;
pub mod idempotency;
pub mod interviewees;
pub mod interviews;
pub mod jobs;
pub mod lanes;
pub mod merchants;
pub mod messages;
pub mod notices;
pub mod people;
pub mod positions;
pub mod registrations;
pub mod revoked_tokens;
pub mod submissions;
pub mod suppressions;
pub mod users;
pub mod workers;

pub use conn::{Conn, Db, Tx};
pub use error::DbError;
pub use open::OpenError;

/// A statement that needs each engine's own words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}

/// Runs one expression on whichever engine a [`Conn`] is of. The first form names the connection; the second also
/// chooses a statement from a [`Pair`].
macro_rules! on_db {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn {
            $crate::db::Conn::Postgres(pooled) => {
                let $c = &mut **pooled;
                $body
            }
            $crate::db::Conn::Sqlite(pooled) => {
                let $c = &mut **pooled;
                $body
            }
        }
    };
    ($conn:expr, $c:ident, $sql:ident = $pair:expr => $body:expr) => {
        match $conn {
            $crate::db::Conn::Postgres(pooled) => {
                let ($c, $sql) = (&mut **pooled, $pair.postgres);
                $body
            }
            $crate::db::Conn::Sqlite(pooled) => {
                let ($c, $sql) = (&mut **pooled, $pair.sqlite);
                $body
            }
        }
    };
}
pub(crate) use on_db;

/// An instant within JSON, as SQLite's own columns have it: the two are compared as texts.
pub(crate) fn sqlite_instant(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)
}

/// How many rows a statement changed: the answer of a compare-and-set.
macro_rules! changed {
    ($conn:expr, $c:ident => $query:expr) => {
        $crate::db::on_db!($conn, $c => $query.execute($c).await?.rows_affected())
    };
}
pub(crate) use changed;
