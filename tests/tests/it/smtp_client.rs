//! The SMTP client against a server that misbehaves: what each answer comes to, and how connections are used.

#![expect(clippy::unwrap_used, reason = "these are tests; the helpers around them are as well")]

use std::time::Duration;

use chrono::DateTime;
use convoke_tests::smtp::{At, Rule, Script, SmtpSink};
use futures_util::future::join_all;
use shared::domain::EmailAddress;
use tokio::time::{Instant, sleep, timeout};
use worker::mail::{Letter, SmtpClient, SmtpOptions, Verdict};

fn letter_to(to: &str) -> Letter {
    Letter {
        from_name: Some("Lumen".to_owned()),
        from: EmailAddress::parse("no-reply@convoke.example").unwrap(),
        reply_to: None,
        to: EmailAddress::parse(to).unwrap(),
        to_name: Some("Jozef Mak".to_owned()),
        subject: "Your interview".to_owned(),
        text: "Hello\n.\n..dots\n".to_owned(),
        html: "<p>Hello</p>".to_owned(),
        message_id: format!("<{}>", to.replace('@', ".1@")),
        date: DateTime::UNIX_EPOCH,
        calendar: None,
    }
}

fn client(sink: &SmtpSink) -> SmtpClient {
    client_with(sink, |_| {})
}

fn client_with(sink: &SmtpSink, change: impl FnOnce(&mut SmtpOptions)) -> SmtpClient {
    let mut options = SmtpOptions::new(sink.url());
    change(&mut options);
    SmtpClient::new(options).unwrap()
}

fn class(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Sent { .. } => "sent",
        Verdict::Deferred { .. } => "deferred",
        Verdict::Bounced { .. } => "bounced",
        Verdict::Failed { .. } => "failed",
        Verdict::Refused { .. } => "refused",
    }
}

#[tokio::test]
async fn a_letter_arrives_whole_with_its_identity() {
    let sink = SmtpSink::start().await.unwrap();
    let verdict = client(&sink).send(&letter_to("jozo@jozo.sk")).await;
    assert_eq!(verdict, Verdict::Sent { response: "250 2.0.0 taken".to_owned() });
    let [mail] = sink.mails().try_into().unwrap();
    assert_eq!((mail.from.as_str(), mail.to), ("no-reply@convoke.example", vec!["jozo@jozo.sk".to_owned()]));
    assert_eq!(mail.message_id, "<jozo.1@jozo.sk>");
    assert!(mail.raw.contains("\r\n.\r\n..dots\r\n"), "dot-stuffing is undone: {}", mail.raw);
}

#[tokio::test]
async fn each_answer_has_its_verdict_and_costs_no_connection_unless_it_closes_one() {
    for pipelining in [true, false] {
        for (at, answer, expected, connections) in [
            (At::Connect, "421 4.3.2 busy", "deferred", 2),
            (At::Connect, "554 5.7.1 listed", "deferred", 2),
            (At::Mail, "451 4.3.0 later", "deferred", 1),
            (At::Mail, "530 5.7.0 sign in first", "refused", 1),
            (At::Mail, "550 5.1.8 sender unknown", "failed", 1),
            (At::Recipient, "421 4.3.2 closing", "deferred", 2),
            (At::Recipient, "450 4.2.0 greylisted", "deferred", 1),
            (At::Recipient, "550 5.1.1 no such user", "bounced", 1),
            (At::Recipient, "553 5.1.3 not an address", "bounced", 1),
            (At::Recipient, "550 5.7.1 blocked", "failed", 1),
            (At::Data, "452 4.3.1 full", "deferred", 1),
            (At::Data, "554 5.5.1 no", "failed", 1),
            (At::Dot, "451 4.3.0 later", "deferred", 1),
            (At::Dot, "550 5.1.1 no such user", "bounced", 1),
            (At::Dot, "552 5.3.4 too big", "failed", 1),
        ] {
            let rules = vec![Rule::answer(at, answer).times(1)];
            let script = Script { pipelining, rules, ..Script::default() };
            let sink = SmtpSink::start_with(script).await.unwrap();
            let client = client(&sink);
            let verdict = client.send(&letter_to("first@example.org")).await;
            let told = format!("{answer} at {at:?}, pipelining {pipelining}: {verdict:?}");
            assert_eq!(class(&verdict), expected, "{told}");
            assert!(verdict.error().is_some_and(|error| error.contains(&answer[4..])), "{told}");
            assert_eq!(class(&client.send(&letter_to("next@example.org")).await), "sent", "{told}");
            assert_eq!(sink.connections().total, connections, "{told}");
            assert_eq!(sink.count(), 1, "{told}");
        }
    }
}

#[tokio::test]
async fn a_refused_recipient_harms_no_neighbour() {
    let sink = SmtpSink::start_with(Script::of(Rule::answer(At::Recipient, "550 5.1.1 unknown").to("gone")))
        .await
        .unwrap();
    let client = client(&sink);
    for number in 0..20 {
        let who = if number % 2 == 0 { "gone" } else { "here" };
        let verdict = client.send(&letter_to(&format!("{who}{number}@example.org"))).await;
        assert_eq!(class(&verdict), if number % 2 == 0 { "bounced" } else { "sent" });
    }
    assert_eq!((sink.count(), sink.connections().total), (10, 1));
}

#[tokio::test]
async fn signing_in_works_and_wrong_credentials_are_the_breakers_business() {
    let credentials = Some(("me@x".to_owned(), "p/w d".to_owned()));
    let sink = SmtpSink::start_with(Script { credentials, ..Script::default() }).await.unwrap();
    let with = |user: &str| SmtpOptions::new(sink.url().replace("//", &format!("//{user}@")));
    let right = SmtpClient::new(with("me%40x:p%2Fw%20d")).unwrap();
    assert_eq!(class(&right.send(&letter_to("a@example.org")).await), "sent");
    assert!(right.check().await.unwrap().contains("signed in"));
    let wrong = SmtpClient::new(with("me%40x:hunter2")).unwrap();
    let verdict = wrong.send(&letter_to("b@example.org")).await;
    assert_eq!(class(&verdict), "refused");
    assert!(!verdict.error().unwrap().contains("hunter2"));
    assert_eq!(wrong.check().await, Err("535 5.7.8 bad user or password".to_owned()));
    let none = SmtpSink::start().await.unwrap();
    let unasked = SmtpClient::new(SmtpOptions::new(none.url().replace("//", "//u:p@"))).unwrap();
    assert_eq!(class(&unasked.send(&letter_to("c@example.org")).await), "refused");
}

#[tokio::test]
async fn no_more_connections_are_open_than_allowed_and_they_are_used_again() {
    let sink =
        SmtpSink::start_with(Script { delay: Duration::from_millis(2), ..Script::default() }).await.unwrap();
    let client = client_with(&sink, |options| options.connections = 3);
    let letters: Vec<_> = (0..60).map(|number| letter_to(&format!("c{number}@example.org"))).collect();
    let verdicts = join_all(letters.iter().map(|letter| client.send(letter))).await;
    assert!(verdicts.iter().all(|verdict| class(verdict) == "sent"), "{verdicts:?}");
    assert_eq!((sink.connections().most, sink.connections().total), (3, 3));
    for letter in &letters[..5] {
        client.send(letter).await;
    }
    let last: Vec<_> = sink.mails().split_off(60).into_iter().map(|mail| mail.connection).collect();
    assert!(
        last.iter().all(|connection| *connection == last[0]),
        "the one used last is used first: {last:?}"
    );
    client.close().await;
    settled(&sink).await;
    assert_eq!(class(&client.send(&letters[0]).await), "deferred", "a closed client sends nothing");
}

/// Until the server has seen every connection end.
async fn settled(sink: &SmtpSink) {
    timeout(Duration::from_secs(5), async {
        while sink.connections().open > 0 {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_connection_that_died_while_idle_is_replaced_unnoticed() {
    let sink = SmtpSink::start().await.unwrap();
    let client = client(&sink);
    assert_eq!(class(&client.send(&letter_to("a@example.org")).await), "sent");
    sink.start_again().await.unwrap();
    assert_eq!(class(&client.send(&letter_to("b@example.org")).await), "sent");
    // As a server does that closes idle connections: it says so when spoken to.
    sink.script(Script::of(Rule::answer(At::Mail, "421 4.4.2 idle for too long").times(1)));
    assert_eq!(class(&client.send(&letter_to("c@example.org")).await), "sent");
    assert_eq!((sink.count(), sink.connections().total), (3, 3));
}

#[tokio::test]
async fn a_hang_up_after_the_dot_is_ambiguous_and_not_repeated() {
    let sink = SmtpSink::start().await.unwrap();
    let client = client(&sink);
    assert_eq!(class(&client.send(&letter_to("warm@example.org")).await), "sent");
    sink.script(Script::of(Rule::hang_up(At::Dot)));
    let verdict = client.send(&letter_to("a@example.org")).await;
    assert!(
        matches!(&verdict, Verdict::Deferred { error } if error.contains("may have arrived")),
        "{verdict:?}"
    );
    assert_eq!(sink.count(), 2);
}

#[tokio::test]
async fn a_hang_up_after_the_250_is_a_sent_mail_and_does_not_disturb_the_next() {
    let sink = SmtpSink::start_with(Script::of(Rule::hang_up(At::AfterDot).times(1))).await.unwrap();
    let client = client(&sink);
    for who in ["a@example.org", "b@example.org"] {
        assert_eq!(class(&client.send(&letter_to(who)).await), "sent");
    }
    assert_eq!((sink.count(), sink.connections().total), (2, 2));
}

#[tokio::test]
async fn an_absent_or_dawdling_server_defers_within_the_time_limit() {
    let sink = SmtpSink::start_with(Script { drip: Some(Duration::from_secs(1)), ..Script::default() })
        .await
        .unwrap();
    let patient = |options: &mut SmtpOptions| options.reply_timeout = Duration::from_millis(100);
    let began = Instant::now();
    assert_eq!(class(&client_with(&sink, patient).send(&letter_to("a@example.org")).await), "deferred");
    sink.script(Script::default());
    let client = client_with(&sink, patient);
    assert_eq!(class(&client.send(&letter_to("b@example.org")).await), "sent");
    sink.script(Script { delay: Duration::from_secs(30), ..Script::default() });
    assert_eq!(class(&client.send(&letter_to("c@example.org")).await), "deferred");
    sink.stop().await;
    assert_eq!(class(&client.send(&letter_to("d@example.org")).await), "deferred");
    assert!(client.check().await.unwrap_err().starts_with("127.0.0.1:"));
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(sink.count(), 1);
}

#[tokio::test]
async fn a_header_cannot_be_injected() {
    let sink = SmtpSink::start().await.unwrap();
    let client = client(&sink);
    for hostile in ["Eve\r\nBcc: all@x.example", "a\0b", "a\rb"] {
        let named = Letter { to_name: Some(hostile.to_owned()), ..letter_to("a@example.org") };
        let titled = Letter { subject: hostile.to_owned(), ..letter_to("a@example.org") };
        for letter in [named, titled] {
            assert_eq!(class(&client.send(&letter).await), "failed", "{hostile:?}");
        }
    }
    assert_eq!((sink.count(), sink.connections().total), (0, 0));
}
