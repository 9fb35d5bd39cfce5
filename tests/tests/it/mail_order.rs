//! Whose mail goes first: nobody's single mail waits behind a batch, and no slow domain holds up the others.

use std::time::Duration;

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::{Merchant, users};
use convoke_tests::smtp::Script;
use convoke_tests::{Client, Convoke, Stack, until};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_mins(1);

/// A batch whose mail takes a while, and a single invite right after it; gives the single mail's place in the order.
async fn place_of_a_single_invite(
    t: &Client,
    stack: &Stack,
    of_the_batch: &Merchant,
    of_the_single: &Merchant,
) -> usize {
    let mailed = json!({"send_email": true});
    let (large, small) = (of_the_batch.definition().await, of_the_single.definition().await);
    let body = of_the_batch.registration(&large, &users("bulk", 600), &mailed);
    let id = t.post(REGISTER, &body).prefer("respond-async").send().await.text_at("/batch/id").to_owned();
    t.completed_batch(&id, MINUTE).await;
    of_the_single.register_with(&small, &users("single", 1), &mailed).await.expect(200);
    until("the single invite is sent", MINUTE, async || {
        stack.smtp.mails().iter().position(|mail| mail.to[0].starts_with("single"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_invite_goes_before_a_batch_of_the_same_merchant() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_MAIL_RATE", "40").start().await;
    let merchant = t.merchant("Acme").await;
    let place = place_of_a_single_invite(&t, &stack, &merchant, &merchant).await;
    assert!(place < 300, "it came as number {place} of 601");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_invite_goes_before_another_merchants_batch() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_MAIL_RATE", "40").start().await;
    let (large, small) = (t.merchant("Large").await, t.merchant("Small").await);
    let place = place_of_a_single_invite(&t, &stack, &large, &small).await;
    assert!(place < 300, "it came as number {place} of 601");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_invite_does_not_wait_for_a_slow_servers_batch() {
    let stack = Stack::start().await;
    // 16 connections, 30 ms a reply: some 130 mails a second.
    stack.smtp.script(Script { delay: Duration::from_millis(30), ..Script::default() });
    let t = Convoke::on(&stack).start().await;
    let merchant = t.merchant("Acme").await;
    let place = place_of_a_single_invite(&t, &stack, &merchant, &merchant).await;
    assert!(place < 400, "it came as number {place} of 601");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_at_its_rate_holds_up_no_other() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_MAIL_DOMAIN_RATE", "10").start().await;
    let merchant = t.merchant("Acme").await;
    let at = |domain: &str, n: usize| json!({"email": format!("p-{n}@{domain}")});
    let mut rows: Vec<Value> = (0..150).map(|n| at("slow.example", n)).collect();
    rows.extend((0..5).map(|n| at("other.example", n)));
    let definition = merchant.definition().await;
    merchant.register_with(&definition, &rows, &json!({"send_email": true})).await.expect(200);
    let before = until("the other domain has its mail", MINUTE, async || {
        let mails = stack.smtp.mails();
        let others = mails.iter().filter(|mail| mail.to[0].ends_with("@other.example")).count();
        (others == 5).then(|| mails.len() - 5)
    })
    .await;
    assert!(before < 120, "{before} mails of the slow domain went before");
    stack.smtp.wait_for(155, MINUTE).await.unwrap();
}
