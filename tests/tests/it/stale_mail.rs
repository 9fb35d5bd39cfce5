//! The last look at an invitation is right before its mail: what was revoked while it waited its turn stays here.

use std::time::Duration;

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::smtp::Script;
use convoke_tests::{Convoke, Stack, until};
use futures_util::future::join_all;
use serde_json::json;

const MINUTE: Duration = Duration::from_mins(1);
const CONNECTIONS: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_all_are_revoked_only_mails_that_had_begun_arrive() {
    let stack = Stack::start().await;
    stack.smtp.script(Script { delay: Duration::from_millis(800), ..Script::default() });
    let plan = Convoke::on(&stack).set("CONVOKE_MAIL_CONNECTIONS", &CONNECTIONS.to_string());
    let t = plan.start().await;
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    let body = merchant.registration(&definition, &users("m", 40), &json!({"send_email": true}));
    let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
    answer.expect(202);
    let id = answer.text_at("/batch/id");
    t.completed_batch(id, MINUTE).await;
    let rows = t.results(id, "").await;
    until("the first are on their way", MINUTE, async || {
        (stack.smtp.connections().open >= CONNECTIONS).then_some(())
    })
    .await;

    for answer in join_all(rows.iter().map(|row| merchant.act(&row["registration_id"], "revoke"))).await {
        assert_eq!(answer.expect(200)["registration"]["invitation_status"], "revoked");
    }
    let before = stack.smtp.count();
    assert!(before + CONNECTIONS < 40, "some had not begun: {before} were taken");
    until("no mail is left to be sent", MINUTE, async || {
        let emails =
            t.get(&format!("/api/v1/batches/{id}")).send().await.expect(200)["batch"]["emails"].clone();
        (emails["queued"] == 0).then_some(())
    })
    .await;
    let after = stack.smtp.count();
    assert!(after <= before + CONNECTIONS, "{before} mails when all were revoked, {after} in the end");
}
