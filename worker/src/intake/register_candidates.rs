//! Registers up to 500 users of one submission: records, links, mails and results in one transaction, with one
//! statement per table.

use std::collections::{BTreeMap, HashMap};

use chrono::TimeDelta;
use shared::db::batch_rows::{self, RowResult};
use shared::db::jobs::{self, ClaimedJob};
use shared::db::registrations::{self, ChunkTerms, Upserted};
use shared::db::submissions::{self, Progress, Submission};
use shared::db::{Tx, definitions, messages};
use shared::domain::{Candidate, Priority, RegisterCandidates, Row, RowError};

use super::{Done, JobError, payload};
use crate::context::Context;

/// Does the job. Its effects and its end are one transaction.
pub(super) async fn perform(ctx: &Context, job: &ClaimedJob) -> Result<Done, JobError> {
    let chunk: RegisterCandidates = payload(job)?;
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin().await?;
    if !jobs::finish(&mut tx, job.id, job.attempts, now).await? {
        return Err(JobError::Lost);
    }
    let batch = submissions::find(&mut tx, job.submission_id).await?;
    let batch = batch.ok_or_else(|| JobError::Unreadable("its submission is gone".to_owned()))?;
    let parsed: Vec<Result<Candidate, RowError>> = chunk.rows.iter().map(Row::candidate).collect();
    let candidates = distinct(&parsed);
    let links = link(ctx, &mut tx, &batch, candidates).await?;
    let queued = if batch.send_email && !links.is_empty() {
        let priority = if batch.jobs_open == 1 && batch.total == count(&chunk.rows) {
            Priority::Single
        } else {
            Priority::Batch
        };
        messages::insert_invitations(&mut tx, batch.merchant_id, batch.id, priority, &links, now).await?
    } else {
        messages::Queued::default()
    };
    let results = results(chunk, parsed, &links);
    let failed = results.iter().filter(|row| row.result.is_err()).count();
    batch_rows::insert_chunk(&mut tx, batch.id, &results).await?;
    let progress = Progress {
        processed: count(&results),
        failed: i64::try_from(failed).unwrap_or(i64::MAX),
        mails_queued: queued.queued,
        mails_suppressed: queued.suppressed,
    };
    let is_completed = submissions::advance(&mut tx, batch.id, progress, now).await?;
    tx.commit().await?;
    Ok(Done { completed: is_completed.then_some(batch.id), mails: queued.queued })
}

/// One candidate per address, in the order of the addresses; what a later row says of a person goes over what an
/// earlier one said.
fn distinct(parsed: &[Result<Candidate, RowError>]) -> BTreeMap<String, Candidate> {
    let mut distinct: BTreeMap<String, Candidate> = BTreeMap::new();
    for candidate in parsed.iter().flatten() {
        match distinct.entry(candidate.email.key()) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(candidate.clone());
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.name = candidate.name.clone().or(known.name.take());
                known.external_id = candidate.external_id.clone().or(known.external_id.take());
            }
        }
    }
    distinct
}

async fn link(
    ctx: &Context,
    tx: &mut Tx,
    batch: &Submission,
    candidates: BTreeMap<String, Candidate>,
) -> Result<Vec<Upserted>, JobError> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let gone = || JobError::Unreadable("its interview definition is gone".to_owned());
    let definition = batch.definition_id.ok_or_else(gone)?;
    let definition = definitions::find(tx, definition, batch.merchant_id).await?.ok_or_else(gone)?;
    let now = ctx.clock.now();
    let terms = ChunkTerms {
        merchant: batch.merchant_id,
        definition: definition.id,
        submission: batch.id,
        is_test: batch.is_test,
        flags: batch.view_flags(),
        key_id: i64::from(ctx.config.token_keys.newest()),
        known_keys: ctx.config.token_keys.ids(),
        expires_at: now + TimeDelta::seconds(definition.link_ttl_seconds),
        now,
    };
    let candidates: Vec<_> =
        candidates.into_iter().map(|(key, candidate)| (key, candidate, ctx.entropy.bytes())).collect();
    Ok(registrations::upsert_chunk(tx, &terms, &candidates).await?)
}

/// Each row with its link or its error, in the order of the request.
fn results(
    chunk: RegisterCandidates,
    parsed: Vec<Result<Candidate, RowError>>,
    links: &[Upserted],
) -> Vec<RowResult> {
    let by_key: HashMap<&str, &Upserted> = links.iter().map(|link| (link.email_key.as_str(), link)).collect();
    let rows = chunk.rows.into_iter().zip(parsed).zip(chunk.first..);
    rows.map(|((row, candidate), idx)| {
        let result = match candidate {
            Ok(candidate) => match by_key.get(candidate.email.key().as_str()) {
                Some(link) => Ok((link.id, link.generation, link.key_id)),
                None => Err("the registration was not stored; send this row again".to_owned()),
            },
            Err(error) => Err(error.to_string()),
        };
        RowResult { idx, row, result }
    })
    .collect()
}

fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: Option<&str>, email: &str) -> Row {
        Row { name: name.map(str::to_owned), email: Some(email.to_owned()), ..Row::default() }
    }

    #[test]
    fn an_address_that_comes_twice_is_one_person_with_the_later_name() {
        let rows = [
            row(Some("Ann"), "Ann@x.example"),
            row(Some("Anna"), "ann@X.example"),
            row(None, "ann@x.example"),
        ];
        let parsed: Vec<_> = rows.iter().map(Row::candidate).collect();
        let distinct = distinct(&parsed);
        assert_eq!(distinct.len(), 1);
        assert_eq!(distinct["ann@x.example"].name.as_deref(), Some("Anna"));
    }

    #[test]
    fn rows_keep_their_order_and_a_bad_one_harms_no_other() {
        let rows = vec![
            row(None, "b@x.example"),
            row(None, "nonsense"),
            row(None, "a@x.example"),
            row(None, "B@x.example"),
        ];
        let parsed = rows.iter().map(Row::candidate).collect();
        let link = |id, key: &str| Upserted { id, email_key: key.to_owned(), generation: 1, key_id: 1 };
        let results = results(
            RegisterCandidates { first: 500, rows },
            parsed,
            &[link(7, "a@x.example"), link(9, "b@x.example")],
        );
        let ids: Vec<_> = results.iter().map(|r| (r.idx, r.result.as_ref().ok().map(|l| l.0))).collect();
        assert_eq!(ids, [(500, Some(9)), (501, None), (502, Some(7)), (503, Some(9))]);
    }
}
