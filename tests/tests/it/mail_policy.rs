//! `DESIGN.md` section 6 from outside: what a mail server says, and what becomes of the mail.

use std::time::Duration;

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::{Merchant, users};
use convoke_tests::smtp::{At, Rule, Script};
use convoke_tests::{Convoke, Stack, mailbox, until};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_mins(1);

fn mailed() -> Value {
    json!({"send_email": true})
}

/// Waits until the mail of an address has come to a state.
async fn email_status(merchant: &Merchant, email: &str, status: &str) -> Value {
    until(&format!("{email} is {status}"), MINUTE, async || {
        let registration = merchant.registration_of(email).await;
        (registration["email_status"] == status).then_some(registration)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_answer_of_the_server_has_its_consequence() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start().await;
    let merchant = t.merchant("Acme").await;
    let cases = [
        (At::Recipient, "451 4.3.0 later", "deferred"),
        (At::Dot, "452 4.2.2 full for now", "deferred"),
        (At::Data, "421 4.3.2 shutting down", "deferred"),
        (At::Recipient, "550 5.1.1 no such user", "failed"),
        (At::Dot, "552 5.2.2 mailbox full", "failed"),
        (At::Recipient, "554 5.7.1 refused by policy", "failed"),
    ];
    let rule =
        |(n, (at, reply, _)): (usize, &(At, &str, &str))| Rule::answer(*at, *reply).to(format!("m-{n}@"));
    stack.smtp.script(Script { rules: cases.iter().enumerate().map(rule).collect(), ..Script::default() });
    let body = merchant.registration(&merchant.definition().await, &users("m", 8), &mailed());
    let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
    let id = answer.text_at("/batch/id").to_owned();
    t.completed_batch(&id, MINUTE).await;
    for (n, (_, reply, status)) in cases.iter().enumerate() {
        email_status(&merchant, &format!("m-{n}@example.org"), status).await;
        let row = &t.results(&id, &format!("&external_id=m:{n}")).await[0];
        assert_eq!(row["result"], "ok", "what became of the mail does not touch the row");
        let told = row["email_error"].as_str().unwrap_or_default();
        assert!(told.contains(&reply[..3]), "{reply} is told as {told:?}");
    }
    email_status(&merchant, "m-6@example.org", "sent").await;
    email_status(&merchant, "m-7@example.org", "sent").await;
    let batch = t.get(&format!("/api/v1/batches/{id}")).send().await.json["batch"].clone();
    assert_eq!(batch["emails"], json!({"queued": 0, "sent": 2, "deferred": 3, "failed": 3, "suppressed": 0}));
    assert_eq!(batch["succeeded"], 8);
    let failed = t.get(&format!("/api/v1/messages?status=failed&merchant_id={}", merchant.id)).send().await;
    failed.expect(200);
    assert_eq!(failed.rows("/messages").len(), 3, "{}", failed.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_off_is_sent_later_and_given_up_at_last() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_MAIL_RETRY", "1,1,1").start().await;
    let merchant = t.merchant("Acme").await;
    let twice = Rule::answer(At::Recipient, "451 4.3.0 later").to("m-0@").times(2);
    let always = Rule::answer(At::Recipient, "451 4.3.0 never").to("m-1@");
    stack.smtp.script(Script { rules: vec![twice, always], ..Script::default() });
    merchant.register_with(&merchant.definition().await, &users("m", 2), &mailed()).await.expect(200);
    email_status(&merchant, "m-0@example.org", "sent").await;
    let given_up = email_status(&merchant, "m-1@example.org", "failed").await;
    assert_eq!(given_up["interview_url"].as_str().map(|url| url.contains("interview_token=")), Some(true));
    let mails = stack.smtp.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, ["m-0@example.org"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_bounced_twice_is_suppressed() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start().await;
    let merchant = t.merchant("Acme").await;
    stack.smtp.script(Script::of(Rule::answer(At::Recipient, "550 5.1.1 no such user").to("gone-0@")));
    for expected in ["failed", "failed", "suppressed"] {
        let definition = merchant.definition().await;
        let body = merchant.registration(&definition, &users("gone", 2), &mailed());
        let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
        let id = answer.text_at("/batch/id").to_owned();
        until(&format!("its mail is {expected}"), MINUTE, async || {
            let rows = t.results(&id, "").await;
            (rows.len() == 2 && rows[0]["email_status"] == expected && rows[1]["email_status"] == "sent")
                .then_some(())
        })
        .await;
    }
    assert_eq!(stack.smtp.count(), 3, "its neighbour got all three");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_stops_the_lane_and_uses_up_no_attempt() {
    let stack = Stack::start().await;
    let script =
        |password: &str| Script { credentials: Some(("user".into(), password.into())), ..Script::default() };
    stack.smtp.script(script("changed"));
    let url = format!("smtp://user:secret@{}", stack.smtp.address());
    let t = Convoke::on(&stack)
        .set("SMTP_URL", &url)
        .set("CONVOKE_MAIL_RETRY", "1")
        .set("CONVOKE_LEASE", "5")
        .start()
        .await;
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    merchant.register_with(&definition, &users("m", 30), &mailed()).await.expect(200);
    until("the log says that the mail lane is paused", MINUTE, async || {
        let log = t.program.log();
        (log.contains("535") && log.contains("paus")).then_some(())
    })
    .await;
    let connections = stack.smtp.connections().total;
    assert!(connections < 30, "{connections} connections for one refused password");
    for n in 0..30 {
        let status = merchant.registration_of(&format!("m-{n}@example.org")).await["email_status"].clone();
        assert!(status == "queued" || status == "deferred", "{status}");
    }
    merchant.register(&definition, &users("other", 1)).await.expect(200);
    stack.smtp.script(script("secret"));
    stack
        .smtp
        .wait_for(30, Duration::from_mins(3))
        .await
        .expect("the lane finds out by itself that the password is right");
    assert!(!t.program.log().contains("user:secret"), "the password is not in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_comes_late_or_goes_away_is_waited_for() {
    let stack = Stack::start().await;
    stack.smtp.stop().await;
    let t = Convoke::on(&stack).set("CONVOKE_MAIL_RETRY", &["1"; 40].join(",")).start().await;
    let merchant = t.merchant("Acme").await;
    merchant.register_with(&merchant.definition().await, &users("m", 100), &mailed()).await.expect(200);
    email_status(&merchant, "m-0@example.org", "deferred").await;
    stack.smtp.start_again().await.unwrap();
    stack.smtp.wait_for(20, MINUTE).await.unwrap();
    stack.smtp.stop().await;
    stack.smtp.start_again().await.unwrap();
    until("all are sent", MINUTE, async || {
        let failed =
            t.get(&format!("/api/v1/messages?status=failed&merchant_id={}", merchant.id)).send().await;
        assert!(failed.rows("/messages").is_empty(), "{}", failed.text);
        (email_count(&stack) >= 100).then_some(())
    })
    .await;
}

/// How many people got a mail.
fn email_count(stack: &Stack) -> usize {
    let people: std::collections::BTreeSet<_> =
        stack.smtp.mails().into_iter().flat_map(|mail| mail.to).collect();
    people.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_well_formed_and_speaks_for_the_merchant() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).set("CONVOKE_MAIL_FROM", "talent@convoke.example").start().await;
    let merchant = t.merchant("Acme & Söhne").await;
    let members = json!({"merchant": {"mail_from_name": "Acme, \"Talent\" Söhne", "reply_to": "jobs@acme.example", "colour": "#123456"}});
    t.patch(&format!("/api/v1/merchants/{}", merchant.id), &members).send().await.expect(200);
    let definition = merchant.definition().await;
    let rows = [json!({"name": "Jürgen <b>O'Neill</b>", "email": "Juergen@example.org"})];
    let made = merchant.register_with(&definition, &rows, &mailed()).await;
    stack.smtp.wait_for(1, MINUTE).await.unwrap();
    let raw = stack.smtp.mails().remove(0);
    assert_eq!(raw.from, "talent@convoke.example");
    let mail = mailbox::received(&stack.smtp).remove(0);
    assert_eq!(
        (mail.to.as_str(), mail.link().as_str()),
        ("Juergen@example.org", made.text_at("/0/interview_url"))
    );
    assert!(mail.html.contains("Jürgen &lt;b&gt;") && !mail.html.contains("<b>O'Neill"), "{}", mail.html);
    assert!(mail.html.contains("interview_token=") && mail.text.contains("Acme & Söhne"), "{}", mail.text);
    let head = raw.raw.split("\r\n\r\n").next().unwrap().to_lowercase();
    for header in
        ["from: ", "to: ", "subject: ", "date: ", "message-id: <", "mime-version: 1.0", "reply-to: "]
    {
        assert!(head.contains(header), "{header} is missing:\n{head}");
    }
    assert!(head.contains("jobs@acme.example") && head.contains("auto-submitted: auto-generated"), "{head}");
    assert!(raw.raw.lines().all(|line| line.len() <= 998) && raw.raw.is_ascii(), "it passes any server");
    assert!(!raw.raw.replace("\r\n", "").contains(['\r', '\n']), "line ends are CR LF");
}
