//! An upload on its way into the ledger: spooled to disk, hashed, read back a row at a time, committed in chunks of one
//! transaction. Memory holds one chunk, however many rows there are; until the commit nothing is accepted.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use axum::body::Body;
use futures_util::StreamExt;
use serde_json::Map;
use sha2::{Digest, Sha256};
use shared::db::idempotency::{self, Scope};
use shared::db::submissions::{self, Submission};
use shared::db::{Tx, jobs};
use shared::domain::{Lane, RegisterCandidates};
use tokio::sync::mpsc;

use super::given_terms::GivenTerms;
use super::rows::{Kind, read_json, read_rows};
use crate::app::App;
use crate::auth::Principal;
use crate::frame::drain;
use crate::problem::Problem;
use crate::routes::paging::Query;
use crate::routes::register_users::{CHUNK, SMALL, chunk_job, count};
use crate::submit;

/// The largest upload: a million rows of some 500 bytes.
const LARGEST: usize = 512 * 1024 * 1024;
const MOST_ROWS: i64 = 1_000_000;

/// A body on disk, without a name there: it is gone when it is dropped.
pub(super) struct Spooled {
    file: File,
    hash: Sha256,
}

/// Takes a body whole.
pub(super) async fn spool(body: Body) -> Result<Spooled, Problem> {
    let disk = |error: std::io::Error| {
        tracing::error!(%error, "an upload could not be written to disk");
        Problem::Unavailable
    };
    let mut file = tokio::task::spawn_blocking(tempfile::tempfile)
        .await
        .map_err(|_| Problem::Internal)?
        .map_err(disk)?;
    let (mut hash, mut size) = (Sha256::new(), 0_usize);
    let mut chunks = body.into_data_stream();
    let mut pending: Vec<u8> = Vec::new();
    loop {
        let chunk = chunks.next().await.transpose();
        let chunk =
            chunk.map_err(|_| Problem::Malformed("The body ended before it was complete.".to_owned()))?;
        if let Some(chunk) = &chunk {
            size += chunk.len();
            if size > LARGEST {
                drain(chunks).await;
                return Err(Problem::TooLarge(LARGEST));
            }
            hash.update(chunk);
            pending.extend_from_slice(chunk);
        }
        if pending.len() >= 1 << 20 || chunk.is_none() {
            let bytes = std::mem::take(&mut pending);
            let written = tokio::task::spawn_blocking(move || file.write_all(&bytes).map(|()| file)).await;
            file = written.map_err(|_| Problem::Internal)?.map_err(disk)?;
        }
        if chunk.is_none() {
            return Ok(Spooled { file, hash });
        }
    }
}

impl Spooled {
    /// The terms of a JSON upload: those of the URL, then the body's own.
    pub(super) async fn terms(&self, query: Query) -> Result<GivenTerms, Problem> {
        let file = self.rewound()?;
        let members = tokio::task::spawn_blocking(move || {
            let mut members = Map::new();
            read_json(file, &mut |_| Ok(()), &mut members).map(|()| members)
        });
        GivenTerms::read(&query)?.or(&members.await.map_err(|_| Problem::Internal)??)
    }

    /// SHA-256 of the body and of the terms in the URL.
    pub(super) fn fingerprint_with(&self, query: &Query) -> [u8; 32] {
        let terms = format!("{:?}", GivenTerms::read(query).unwrap_or_default());
        self.hash.clone().chain_update(terms).finalize().into()
    }

    fn rewound(&self) -> Result<File, Problem> {
        let mut file = self.file.try_clone().map_err(|_| Problem::Internal)?;
        file.seek(SeekFrom::Start(0)).map_err(|_| Problem::Internal)?;
        Ok(file)
    }

    /// Reads the rows and commits the batch with all its chunks; `None`: the key is taken.
    pub(super) async fn commit(
        self,
        app: &App,
        principal: &Principal,
        kind: Kind,
        scope: Option<&Scope>,
        mut batch: Submission,
    ) -> Result<Option<Submission>, Problem> {
        // Once to check and count, so that a bad upload holds no lock; then again to write.
        let file = self.rewound()?;
        let total =
            tokio::task::spawn_blocking(move || check(file, kind)).await.map_err(|_| Problem::Internal)??;
        let size = if total <= count(SMALL) { SMALL } else { CHUNK };
        batch.total = total;
        batch.jobs_open = (total + count(size) - 1) / count(size);
        let file = self.rewound()?;
        let (send, mut chunks) = mpsc::channel(2);
        let reader = tokio::task::spawn_blocking(move || read_chunks(file, kind, size, &send));
        let mut tx = app.db.begin().await?;
        if let Some(scope) = scope
            && !idempotency::claim(&mut tx, scope, Some(batch.id), batch.created_at).await?
        {
            return Ok(None);
        }
        submissions::insert(&mut tx, &batch).await?;
        submit::note(app, principal, &mut tx, &batch).await?;
        let work = insert_chunks(app, &mut tx, &batch, &mut chunks).await?;
        reader.await.map_err(|_| Problem::Internal)??;
        tx.commit().await?;
        submit::push(app, work);
        Ok(Some(batch))
    }
}

async fn insert_chunks(
    app: &App,
    tx: &mut Tx,
    batch: &Submission,
    chunks: &mut mpsc::Receiver<RegisterCandidates>,
) -> Result<Vec<jobs::NewJob>, Problem> {
    let lane = if batch.total <= count(SMALL) { Lane::Intake } else { Lane::Bulk };
    let mut work = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        let mut job = chunk_job(app, lane, &chunk)?;
        jobs::insert(tx, batch.id, batch.merchant_id, &job, batch.created_at).await?;
        job.payload = String::new();
        work.push(job);
    }
    Ok(work)
}

/// Counts the rows, and finds what is wrong with the upload as a whole.
fn check(file: File, kind: Kind) -> Result<i64, Problem> {
    let mut total = 0;
    read_rows(file, kind, &mut |_| {
        total += 1;
        if total > MOST_ROWS {
            Err(Problem::invalid("", format!("has more than {MOST_ROWS} rows; send several batches")))
        } else {
            Ok(())
        }
    })?;
    if total == 0 { Err(Problem::invalid("", "has no rows; send at least one user")) } else { Ok(total) }
}

/// Reads the rows in chunks, as fast as they are taken.
fn read_chunks(
    file: File,
    kind: Kind,
    size: usize,
    send: &mpsc::Sender<RegisterCandidates>,
) -> Result<(), Problem> {
    let mut chunk = RegisterCandidates { first: 0, rows: Vec::with_capacity(size) };
    let pass = |chunk: &mut RegisterCandidates| {
        let next = chunk.first + count(chunk.rows.len());
        let full =
            std::mem::replace(chunk, RegisterCandidates { first: next, rows: Vec::with_capacity(size) });
        send.blocking_send(full).map_err(|_| Problem::Internal)
    };
    read_rows(file, kind, &mut |row| {
        chunk.rows.push(row);
        if chunk.rows.len() == size { pass(&mut chunk) } else { Ok(()) }
    })?;
    if chunk.rows.is_empty() { Ok(()) } else { pass(&mut chunk) }
}
