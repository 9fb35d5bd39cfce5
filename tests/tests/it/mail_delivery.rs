//! Mail that arrives: once each, with the right link, from any number of workers, through any end of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::smtp::{At, Rule, Script, SmtpSink};
use convoke_tests::{Client, Convoke, Env, Stack, both, mailbox, until};
use serde_json::json;

const MINUTE: Duration = Duration::from_mins(1);

/// Submits `count` users with mail; gives the batch's id, and each address with its link.
async fn invite(t: &Client, count: usize) -> (String, BTreeMap<String, String>) {
    let merchant = t.merchant("Acme").await;
    let body =
        merchant.registration(&merchant.definition().await, &users("m", count), &json!({"send_email": true}));
    let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
    answer.expect(202);
    let id = answer.text_at("/batch/id");
    t.completed_batch(id, 2 * MINUTE).await;
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let links = t
        .results(id, "")
        .await
        .iter()
        .map(|row| (text(&row["email"]), text(&row["interview_url"])))
        .collect();
    (id.to_owned(), links)
}

/// Everybody has mail with the right link; whoever has it twice has one and the same.
fn delivered(sink: &SmtpSink, links: &BTreeMap<String, String>) -> usize {
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mails = mailbox::received(sink);
    for mail in &mails {
        assert_eq!(Some(&mail.link()), links.get(&mail.to), "{}", mail.to);
        ids.entry(mail.to.clone()).or_default().insert(mail.message_id.clone());
    }
    assert_eq!(ids.len(), links.len(), "everybody has mail");
    assert!(ids.values().all(|ids| ids.len() == 1), "a second copy has the first one's Message-ID");
    let distinct: BTreeSet<&String> = ids.values().flatten().collect();
    assert_eq!(distinct.len(), links.len(), "no two people share a Message-ID");
    mails.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_mails_from_two_worker_processes_are_sent_once_each() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start_without_worker().await;
    let _workers = [t.worker("worker-1"), t.worker("worker-2")];
    let (id, links) = invite(&t, 2_000).await;
    stack.smtp.wait_for(2_000, 2 * MINUTE).await.unwrap();
    until("all are recorded as sent", MINUTE, async || {
        (t.get(&format!("/api/v1/batches/{id}")).send().await.json["batch"]["emails"]["sent"] == 2_000)
            .then_some(())
    })
    .await;
    assert_eq!(delivered(&stack.smtp, &links), 2_000, "exactly one mail each");
    let connections = stack.smtp.connections();
    assert!(connections.total <= 200, "connections are used again: {connections:?}");
    assert!(connections.most <= 64, "and bounded: {connections:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_told_to_stop_with_slow_mail_in_flight_sends_nothing_twice() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start_without_worker().await;
    let first = t.worker("first");
    stack.smtp.script(Script { delay: Duration::from_millis(700), ..Script::default() });
    let (_, links) = invite(&t, 120).await;
    until("mail is in flight", MINUTE, async || (stack.smtp.connections().open > 0).then_some(())).await;
    first.sigterm();
    let status = first.ended(Duration::from_secs(30)).await;
    assert_eq!(status.code(), Some(0), "{}", first.log_tail());
    let before = stack.smtp.count();
    assert!(before < 120, "the first worker had work left");
    stack.smtp.script(Script::default());
    let _second = t.worker("second");
    stack.smtp.wait_for(120, 2 * MINUTE).await.unwrap();
    assert_eq!(delivered(&stack.smtp, &links), 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_workers_mail_is_sent_by_another() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_LEASE", "3").start_without_worker().await;
    let first = t.worker("first");
    stack.smtp.script(Script { delay: Duration::from_millis(20), ..Script::default() });
    let (_, links) = invite(&t, 400).await;
    stack.smtp.wait_for(50, MINUTE).await.unwrap();
    first.kill9();
    stack.smtp.script(Script::default());
    let _second = t.worker("second");
    until("everybody has mail", 2 * MINUTE, async || {
        let people: BTreeSet<String> = stack.smtp.mails().into_iter().flat_map(|mail| mail.to).collect();
        (people.len() == 400).then_some(())
    })
    .await;
    let copies = delivered(&stack.smtp, &links) - 400;
    println!("{copies} second copies after SIGKILL, each with the first one's Message-ID");
    assert!(copies <= 64, "{copies} second copies: more than one per open connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_up_at_any_point_gets_the_same_mail_again() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_MAIL_RETRY", "1,1,1,1,1,1").start().await;
    let points = [At::Connect, At::Mail, At::Recipient, At::Data, At::Dot, At::AfterDot];
    let rules = points.map(|at| Rule::hang_up(at).after(2).times(2)).into_iter().collect();
    stack.smtp.script(Script { rules, ..Script::default() });
    let (_, links) = invite(&t, 60).await;
    until("everybody has mail", MINUTE, async || {
        let people: BTreeSet<String> = stack.smtp.mails().into_iter().flat_map(|mail| mail.to).collect();
        (people.len() == 60).then_some(())
    })
    .await;
    let copies = delivered(&stack.smtp, &links) - 60;
    assert!(copies <= 4, "only mails whose answer was lost may come twice, not {copies}");
}

both!(
    async fn every_candidate_of_a_batch_gets_the_link_of_the_result(t: &Env) {
        let (_, links) = invite(t, 1_100).await;
        let mails = t.wait_for_mails(1_100).await;
        for mail in &mails {
            assert_eq!(Some(&mail.link()), links.get(&mail.to));
            assert!(mail.subject.contains("Acme") || mail.text.contains("Acme"));
        }
        let page = t.anonymous().get(&mails[0].link()).send().await;
        page.expect(200);
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn captured_mail_is_read_page_by_page_and_one_by_one() {
    let t = Convoke::embedded().start().await;
    let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
    for merchant in [&ours, &theirs] {
        let definition = merchant.definition().await;
        merchant.register_with(&definition, &users("c", 3), &json!({"send_email": true})).await.expect(200);
    }
    until("six mails", MINUTE, async || (mailbox::captured(&t).await.len() == 6).then_some(())).await;
    let page = t.get("/api/v1/captured-mails?limit=4").send().await;
    page.expect(200);
    assert_eq!(page.rows("/captured_mails").len(), 4);
    let cursor = page.text_at("/next_cursor");
    let rest = t.get(&format!("/api/v1/captured-mails?limit=4&cursor={cursor}")).send().await;
    assert_eq!(rest.rows("/captured_mails").len(), 2);
    assert!(rest.json["next_cursor"].is_null());
    let newest = &page.rows("/captured_mails")[0];
    let one =
        t.get(&format!("/api/v1/captured-mails/{}", newest["id"].to_string().trim_matches('"'))).send().await;
    assert_eq!(&one.expect(200)["captured_mail"], newest);
    let own = ours.client("admin").await.get("/api/v1/captured-mails").send().await;
    own.expect(200);
    assert_eq!(own.rows("/captured_mails").len(), 3);
    ours.client("staff").await.get("/api/v1/captured-mails").send().await.expect(403);
    ours.client("operator").await.get("/api/v1/captured-mails").send().await.expect(403);
}
