//! What is accepted or mailed is not forgotten because the ledger, or the process, is away just then.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::postgres::Postgres;
use convoke_tests::{Convoke, Stack, until};
use serde_json::json;

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_whose_outcome_cannot_be_recorded_for_a_while_is_sent_once() {
    let server = Postgres::shared().await;
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_LEASE", "10").start_without_worker().await;
    let _registrar = t.worker_with("registrar", &["--lanes", "intake,bulk"], &[]);
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    let body = merchant.registration(&definition, &users("m", 60), &json!({"send_email": true}));
    let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
    answer.expect(202);
    let id = answer.text_at("/batch/id");
    t.completed_batch(id, MINUTE).await;

    let hold =
        format!("BEGIN; SELECT 1 FROM submissions WHERE id = '{id}' FOR UPDATE; SELECT pg_sleep(16); COMMIT");
    let hold = server.query(&stack.database_url, &hold);
    let mailing = async {
        let database = stack.database_url.rsplit('/').next().unwrap();
        let asleep =
            format!("SELECT 1 FROM pg_stat_activity WHERE datname = '{database}' AND wait_event = 'PgSleep'");
        until("the batch's row is held", MINUTE, async || {
            (server.query("postgres", &asleep).await == "1").then_some(())
        })
        .await;
        let mailer = t.worker_with("mailer", &["--lanes", "mail"], &[]);
        stack.smtp.wait_for(1, MINUTE).await.unwrap();
        assert_eq!(server.query("postgres", &asleep).await, "1", "the row is still held when mail arrives");
        mailer
    };
    let (_, _mailer) = tokio::join!(hold, mailing);
    until("all are recorded as sent", MINUTE, async || {
        (t.get(&format!("/api/v1/batches/{id}")).send().await.json["batch"]["emails"]["sent"] == 60)
            .then_some(())
    })
    .await;
    let people: BTreeSet<String> = stack.smtp.mails().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!((people.len(), stack.smtp.count()), (60, 60), "exactly one mail each");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_outlives_a_restart_of_the_database() {
    let server = Postgres::start_private().await;
    let mut stack = Stack::start().await;
    stack.database_url = server.database().await;
    let t = Convoke::on(&stack).set("CONVOKE_LEASE", "5").start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    let body = merchant.registration(&definition, &users("a", 3), &json!({}));
    let call = t.post(REGISTER, &body).prefer("wait=6");
    let (answer, ()) = tokio::join!(call.send(), async {
        until("it is committed", MINUTE, async || {
            (server.query(&stack.database_url, "SELECT count(*) FROM submissions").await == "1").then_some(())
        })
        .await;
        server.kill9();
        server.start_again().await;
    });
    answer.expect(202);
    let id = answer.text_at("/batch/id").to_owned();
    assert!(answer.header("location").ends_with(&format!("/api/v1/batches/{id}")), "{:?}", answer.headers);
    let _worker = t.worker("worker");
    assert_eq!(t.completed_batch(&id, MINUTE).await["succeeded"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_waits_is_answered_when_the_service_is_told_to_stop() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let body = merchant.registration(&merchant.definition().await, &users("a", 3), &json!({}));
    let call = t.post(REGISTER, &body).prefer("wait=60");
    let stopping = async {
        let batches = format!("/api/v1/batches?merchant_id={}", merchant.id);
        until("it is committed", MINUTE, async || {
            (t.get(&batches).send().await.rows("/batches").len() == 1).then_some(())
        })
        .await;
        t.program.sigterm();
        Instant::now()
    };
    let (answer, told) = tokio::join!(call.send(), stopping);
    let answered_after = told.elapsed();
    answer.expect(202);
    assert!(answer.header("location").ends_with(answer.text_at("/batch/id")), "{:?}", answer.headers);
    assert!(answered_after < Duration::from_secs(10), "answered {answered_after:?} after SIGTERM");
    let status = t.program.ended(Duration::from_secs(30)).await;
    assert_eq!(status.code(), Some(0), "{}", t.program.log_tail());
}
