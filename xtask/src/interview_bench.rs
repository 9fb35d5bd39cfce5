//! What a create interview costs in the waiting form, and what that is made of: 1,000 requests one after the other on
//! PostgreSQL and Redis, each beside the same insert done directly through a pool.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use convoke_tests::{Client, Convoke, Stack};
use serde_json::{Value, json};
use shared::config::DatabaseUrl;
use shared::db::Db;
use shared::db::interviews::{self, NewInterview};
use shared::domain::Secret;
use uuid::Uuid;

/// Requests that are made before anything is counted.
const WARM_UP: usize = 100;

/// The times of one way, sorted when they are shown.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn show(&mut self, name: &str) {
        self.0.sort_unstable();
        let at = |share: f64| {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an index among a few thousand"
            )]
            let index = ((self.0.len() as f64 - 1.0) * share).round() as usize;
            self.0[index].as_secs_f64() * 1_000.0
        };
        println!("{name:<58}{:>10.2}{:>10.2}", at(0.5), at(0.99));
    }
}

/// Who meets whom.
struct People {
    merchant: Uuid,
    interviewee: i64,
    interviewer: i64,
}

/// Runs the measurement with `count` requests of each kind, in turn.
pub(crate) async fn run(count: usize) -> Result<()> {
    let stack = Stack::start().await;
    let convoke = Convoke::on(&stack).set("CONVOKE_LOG", "warn").start().await;
    let db = Db::connect(
        &DatabaseUrl::Postgres(Secret::new(stack.database_url.clone())),
        5,
        Duration::from_mins(1),
    )
    .await?;
    let people = people(&convoke).await?;
    let (mut created, mut accepted, mut shown, mut inserted) =
        (Times::default(), Times::default(), Times::default(), Times::default());
    for round in 0..WARM_UP + count {
        let start = DateTime::UNIX_EPOCH + TimeDelta::days(25_000) + TimeDelta::hours(i64::try_from(round)?);
        let body = proposal(&people, start);
        let one = timed(async || {
            let made = convoke.post("/api/v1/interviews", &body).send().await;
            ensure!(made.status == 200, "{}", made.text);
            Ok(made.json["interview"]["id"].clone())
        })
        .await?;
        let two = timed(async || {
            let made = convoke.post("/api/v1/interviews", &body).prefer("respond-async").send().await;
            ensure!(made.status == 202, "{}", made.text);
            Ok(())
        })
        .await?;
        let three = timed(async || {
            let found = convoke.get(&format!("/api/v1/interviews/{}", one.0)).send().await;
            ensure!(found.status == 200, "{}", found.text);
            Ok(())
        })
        .await?;
        let four = timed(async || insert(&db, &people, start).await).await?;
        if round >= WARM_UP {
            created.0.push(one.1);
            accepted.0.push(two.1);
            shown.0.push(three.1);
            inserted.0.push(four.1);
        }
    }
    println!("{count} of each, one after the other, in turn; PostgreSQL and Redis on this machine");
    println!("{:<58}{:>10}{:>10}", "milliseconds", "median", "p99");
    created.show("create an interview, waiting for the answer");
    accepted.show("create an interview, respond-async: accepted, not waited for");
    shown.show("show the interview: HTTP, credential, one read");
    inserted.show("the same row inserted directly: begin, insert, commit");
    Ok(())
}

async fn timed<T>(work: impl AsyncFnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let began = Instant::now();
    let done = work().await?;
    Ok((done, began.elapsed()))
}

async fn people(service: &Client) -> Result<People> {
    let merchant = service.merchant("Acme").await.id;
    let id = |value: &Value| value.as_i64().context("an id");
    let user = json!({"user": {"merchant_id": merchant, "title": "Glen Dibbert"}});
    let interviewer = id(&service.post("/api/v1/users", &user).send().await.expect(201)["user"]["id"])?;
    let driver = id(&service.post("/api/v1/users", &user).send().await.expect(201)["user"]["id"])?;
    let body = json!({"interviewee": {"merchant_id": merchant, "user_id": driver}});
    let made = service.post("/api/v1/interviewees", &body).send().await;
    let people = id(&made.expect(201)["interviewee"]["id"])?;
    Ok(People { merchant: merchant.parse()?, interviewee: people, interviewer })
}

fn proposal(people: &People, start: DateTime<Utc>) -> Value {
    json!({"interview": {
        "merchant_id": people.merchant, "interviewee_id": people.interviewee, "interviewer_id": people.interviewer,
        "kind": "video_call", "location": "https://zoom.com",
        "start_at": start, "end_at": start + TimeDelta::minutes(30),
    }})
}

async fn insert(db: &Db, people: &People, start: DateTime<Utc>) -> Result<()> {
    let new = NewInterview {
        merchant_id: people.merchant,
        interviewee_id: people.interviewee,
        interviewer_id: people.interviewer,
        kind: "video_call",
        location: Some("https://zoom.com"),
        start_at: start,
        end_at: start + TimeDelta::minutes(30),
    };
    let mut tx = db.begin().await?;
    interviews::insert(&mut tx, &new, start).await?;
    tx.commit().await?;
    Ok(())
}
