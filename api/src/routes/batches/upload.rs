//! An upload on its way into the ledger: spooled to disk, hashed, read back a row at a time, committed in chunks of one
//! transaction. Memory holds one chunk, however many rows there are; until the commit nothing is accepted.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};

use axum::body::Body;
use futures_util::StreamExt;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use shared::db::idempotency::{self, Scope};
use shared::db::submissions::{self, Submission};
use shared::db::{Tx, jobs};
use shared::domain::{Lane, RegisterCandidates, Row};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::app::App;
use crate::body::{Fields, Strict};
use crate::frame::drain;
use crate::problem::Problem;
use crate::routes::paging::Query;
use crate::routes::register_users::{CHUNK, SMALL, Terms, chunk_job, count, row};
use crate::submit;

/// The largest upload: a million rows of some 500 bytes.
const LARGEST: usize = 512 * 1024 * 1024;
const MOST_ROWS: i64 = 1_000_000;

/// What the rows are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Csv,
    Ndjson,
    Json,
}

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

/// What a batch asks for beside its rows, as far as it was given.
#[derive(Clone, Debug, Default)]
pub(super) struct QueryTerms {
    pub(super) merchant_id: Option<Uuid>,
    interview_id: Option<Uuid>,
    send_email: bool,
    hide_menu: bool,
    hide_iframe: bool,
    is_test: bool,
}

impl QueryTerms {
    /// From the URL.
    pub(super) fn read(query: &Query) -> Result<Self, Problem> {
        let flag = |name: &str| query.parsed::<bool>(name, "true or false").map(Option::unwrap_or_default);
        Ok(Self {
            merchant_id: query.merchant_id()?,
            interview_id: query.uuid("interview_id")?,
            send_email: flag("send_email")?,
            hide_menu: flag("hide_menu")?,
            hide_iframe: flag("hide_iframe")?,
            is_test: flag("is_test")?,
        })
    }

    /// From a JSON body's members, where the URL is silent.
    fn or(mut self, members: &Map<String, Value>) -> Result<Self, Problem> {
        let mut fields = Fields::new(members, "");
        self.merchant_id = self.merchant_id.or(fields.uuid("merchant_id"));
        self.interview_id = self.interview_id.or(fields.uuid("interview_id"));
        self.send_email |= fields.boolean("send_email").unwrap_or_default();
        self.hide_menu |= fields.flag("hide_menu");
        self.hide_iframe |= fields.flag("hide_iframe");
        self.is_test |= fields.flag("is_test");
        fields.finish()?;
        Ok(self)
    }

    pub(super) fn into_terms(self) -> Result<Terms, Problem> {
        let interview_id =
            self.interview_id.ok_or_else(|| Problem::invalid("?interview_id", "is required"))?;
        let Self { send_email, hide_menu, hide_iframe, is_test, .. } = self;
        Ok(Terms { interview_id, send_email, hide_menu, hide_iframe, is_test })
    }
}

impl Spooled {
    /// The terms of a JSON upload: those of the URL, then the body's own.
    pub(super) async fn terms(&self, query: Query) -> Result<QueryTerms, Problem> {
        let file = self.rewound()?;
        let members = tokio::task::spawn_blocking(move || {
            let mut members = Map::new();
            read_json(file, &mut |_| Ok(()), &mut members).map(|()| members)
        });
        QueryTerms::read(&query)?.or(&members.await.map_err(|_| Problem::Internal)??)
    }

    /// SHA-256 of the body and of the terms in the URL.
    pub(super) fn fingerprint_with(&self, query: &Query) -> [u8; 32] {
        let terms = format!("{:?}", QueryTerms::read(query).unwrap_or_default());
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

type Take<'a> = &'a mut dyn FnMut(Row) -> Result<(), Problem>;

fn read_rows(file: File, kind: Kind, take: Take<'_>) -> Result<(), Problem> {
    match kind {
        Kind::Csv => read_csv(file, take),
        Kind::Ndjson => read_ndjson(file, take),
        Kind::Json => read_json(file, take, &mut Map::new()),
    }
}

fn read_csv(file: File, take: Take<'_>) -> Result<(), Problem> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(BufReader::new(file));
    let malformed = |e: csv::Error| Problem::Malformed(format!("The body is not valid CSV: {e}."));
    let head = reader.byte_headers().map_err(malformed)?.clone();
    let named = |name: &str| {
        head.iter().position(|h| {
            let h = String::from_utf8_lossy(h);
            h.trim_start_matches('\u{feff}').trim().eq_ignore_ascii_case(name)
        })
    };
    let (name, email, external_id) = (named("name"), named("email"), named("external_id"));
    if email.is_none() {
        return Err(Problem::invalid(
            "",
            "needs a header row with at least the column email (and name, external_id)",
        ));
    }
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(malformed)? {
        let mut fault = None;
        let mut cell = |at: Option<usize>| {
            let bytes = record.get(at?)?;
            match std::str::from_utf8(bytes) {
                Ok(text) => Some(text.to_owned()).filter(|text| !text.is_empty()),
                Err(_) => {
                    fault = Some("a cell is not UTF-8".to_owned());
                    None
                }
            }
        };
        let (name, email, external_id) = (cell(name), cell(email), cell(external_id));
        take(Row { name, email, external_id, fault }.settled())?;
    }
    Ok(())
}

fn read_ndjson(file: File, take: Take<'_>) -> Result<(), Problem> {
    let broken = |_| Problem::Malformed("The body cannot be read.".to_owned());
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        // A line longer than any row is cut, and so is no JSON.
        let read = (&mut reader).take(1 << 20).read_until(b'\n', &mut line).map_err(broken)?;
        if read == 0 {
            return Ok(());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let mut json = serde_json::Deserializer::from_slice(&line);
        let value = Strict.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
        take(match value {
            Ok(value) => row(&value),
            Err(_) => Row { fault: Some("the line is not valid JSON".to_owned()), ..Row::default() },
        })?;
    }
}

/// Reads `users` (or a bare list) one by one and keeps the other members.
fn read_json(file: File, take: Take<'_>, members: &mut Map<String, Value>) -> Result<(), Problem> {
    let mut refused = None;
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::new(file));
    let result = Upload { take, members, refused: &mut refused }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    match (result, refused) {
        (_, Some(problem)) => Err(problem),
        (Err(e), None) if e.is_data() && !e.to_string().contains("twice") => {
            Err(Problem::invalid("/users", "must be a list of users in a JSON object"))
        }
        (Err(e), None) => Err(Problem::Malformed(format!("The body is not valid JSON: {e}."))),
        (Ok(()), None) => Ok(()),
    }
}

struct Upload<'a, 'b> {
    take: &'a mut (dyn FnMut(Row) -> Result<(), Problem> + 'b),
    members: &'a mut Map<String, Value>,
    refused: &'a mut Option<Problem>,
}

impl<'de> DeserializeSeed<'de> for Upload<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Upload<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with users, or a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        Users { take: self.take, refused: self.refused }.visit_seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if self.members.contains_key(&key) {
                return Err(serde::de::Error::custom(format_args!("the key {key:?} appears twice")));
            }
            let value = if key == "users" {
                map.next_value_seed(Users { take: self.take, refused: self.refused })?;
                Value::Null
            } else {
                map.next_value_seed(Strict)?
            };
            self.members.insert(key, value);
        }
        Ok(())
    }
}

struct Users<'a, 'b> {
    take: &'a mut (dyn FnMut(Row) -> Result<(), Problem> + 'b),
    refused: &'a mut Option<Problem>,
}

impl<'de> DeserializeSeed<'de> for Users<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Users<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(user) = seq.next_element_seed(Strict)? {
            if let Err(problem) = (self.take)(row(&user)) {
                *self.refused = Some(problem);
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(());
            }
        }
        Ok(())
    }
}
