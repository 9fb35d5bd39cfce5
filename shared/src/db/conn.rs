//! Connections and transactions of either engine.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{Database, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use super::DbError;

/// The database: a pool of connections to whichever engine is configured. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Db {
    /// Production.
    Postgres(PgPool),
    /// The embedded default: one connection writes, several read.
    Sqlite {
        /// The one writer.
        write: SqlitePool,
        /// The readers.
        read: SqlitePool,
        /// Held while this process owns the file.
        lock: Option<Arc<std::fs::File>>,
    },
}

/// One connection, for reads; a [`Tx`] lends its own.
#[derive(Debug)]
pub enum Conn {
    /// Of PostgreSQL.
    Postgres(Handle<Postgres>),
    /// Of SQLite.
    Sqlite(Handle<Sqlite>),
}

/// A connection of one engine, with or without an open transaction.
#[derive(Debug)]
pub enum Handle<E: Database> {
    /// Outside of any transaction.
    Pooled(PoolConnection<E>),
    /// In a transaction, which is undone when it is dropped.
    Open(Transaction<'static, E>),
}

/// A transaction: what is done through it counts from [`Tx::commit`] on, and is undone when it is dropped before.
#[derive(Debug)]
pub struct Tx(Conn);

impl Db {
    /// A connection to read with. Waits at most two seconds for one.
    pub async fn read(&self) -> Result<Conn, DbError> {
        Ok(match self {
            Self::Postgres(pool) => Conn::Postgres(Handle::Pooled(pool.acquire().await?)),
            Self::Sqlite { read, .. } => Conn::Sqlite(Handle::Pooled(read.acquire().await?)),
        })
    }

    /// A transaction to write with. On SQLite it takes the write lock at once, so that it cannot fail half way.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        Ok(Tx(match self {
            Self::Postgres(pool) => Conn::Postgres(Handle::Open(pool.begin().await?)),
            Self::Sqlite { write, .. } => {
                Conn::Sqlite(Handle::Open(write.begin_with("BEGIN IMMEDIATE").await?))
            }
        }))
    }

    /// A transaction whose commit does not wait for the disk: for what may be forgotten when the machine dies.
    pub async fn begin_unsynced(&self) -> Result<Tx, DbError> {
        match self {
            Self::Postgres(pool) => {
                let begin = "BEGIN; SET LOCAL synchronous_commit TO off";
                Ok(Tx(Conn::Postgres(Handle::Open(pool.begin_with(begin).await?))))
            }
            Self::Sqlite { .. } => self.begin().await,
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        let mut conn = self.read().await?;
        super::on_db!(&mut conn, c => { sqlx::query("SELECT 1").execute(c).await?; });
        Ok(())
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
        }
    }

    /// Whether this is the embedded engine.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }
}

impl Tx {
    /// Makes it count. Only after this returns may anything be told to anyone.
    pub async fn commit(self) -> Result<(), DbError> {
        match self.0 {
            Conn::Postgres(Handle::Open(tx)) => tx.commit().await?,
            Conn::Sqlite(Handle::Open(tx)) => tx.commit().await?,
            Conn::Postgres(Handle::Pooled(_)) | Conn::Sqlite(Handle::Pooled(_)) => {}
        }
        Ok(())
    }
}

impl<E: Database> Deref for Handle<E> {
    type Target = E::Connection;

    fn deref(&self) -> &E::Connection {
        match self {
            Self::Pooled(conn) => conn,
            Self::Open(tx) => tx,
        }
    }
}

impl<E: Database> DerefMut for Handle<E> {
    fn deref_mut(&mut self) -> &mut E::Connection {
        match self {
            Self::Pooled(conn) => conn,
            Self::Open(tx) => tx,
        }
    }
}

impl Deref for Tx {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.0
    }
}
