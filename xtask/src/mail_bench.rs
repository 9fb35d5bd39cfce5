//! How many mails per second go out: Convoke's own client beside the library's, to a server on this machine.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use convoke_tests::smtp::{Script, SmtpSink};
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use futures_util::stream;
use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use shared::domain::EmailAddress;
use tokio::time::Instant;
use worker::mail::{Invitation, Letter, SmtpClient, SmtpOptions, Templates, Verdict};

/// Rounds of each measurement; the median is the figure.
const ROUNDS: usize = 3;
/// The library needs 43 ms a mail and connection: it gets fewer.
const FEWER: u64 = 50;

/// Sends `mails` composed invitations at 1, 4 and 16 connections and prints mails per second.
///
/// # Errors
/// When a mail is not sent, or does not arrive.
pub(crate) async fn run(mails: u64) -> anyhow::Result<()> {
    let sink = SmtpSink::start_with(Script { keep_raw: false, ..Script::default() }).await?;
    let templates = Templates::new()?;
    let example = letter(&templates, 0)?.format()?.len();
    println!("{mails} invitations of {example} bytes, {ROUNDS} rounds; composing is part of the work");
    println!("{:<34}{:>10}{:>10}{:>10}", "mails/s", "min", "median", "max");
    let compose = rounds(mails, async || compose_only(&templates, mails)).await?;
    show("compose and format only", compose);
    for connections in [1, 4, 16] {
        let figures =
            rounds(mails, async || with_client(&sink, &templates, mails, connections).await).await?;
        show(&format!("convoke, {connections} connections"), figures);
    }
    for connections in [1, 4, 16] {
        let fewer = FEWER * u64::from(connections);
        let figures =
            rounds(fewer, async || with_library(&sink, &templates, fewer, connections).await).await?;
        show(&format!("lettre alone, {connections} connections"), figures);
    }
    Ok(())
}

fn show(name: &str, [min, median, max]: [f64; ROUNDS]) {
    println!("{name:<34}{min:>10.0}{median:>10.0}{max:>10.0}");
}

/// Mails per second, sorted.
async fn rounds(mails: u64, round: impl AsyncFn() -> anyhow::Result<()>) -> anyhow::Result<[f64; ROUNDS]> {
    let mut figures = [0.0; ROUNDS];
    for figure in &mut figures {
        let began = Instant::now();
        round().await?;
        let count = u32::try_from(mails).context("at most 4 thousand million mails")?;
        *figure = f64::from(count) / began.elapsed().as_secs_f64();
    }
    figures.sort_by(f64::total_cmp);
    Ok(figures)
}

fn compose_only(templates: &Templates, mails: u64) -> anyhow::Result<()> {
    for number in 0..mails {
        ensure!(!letter(templates, number)?.format()?.is_empty());
    }
    Ok(())
}

async fn with_client(
    sink: &SmtpSink,
    templates: &Templates,
    mails: u64,
    connections: u16,
) -> anyhow::Result<()> {
    sink.forget();
    let mut options = SmtpOptions::new(sink.url());
    options.connections = usize::from(connections);
    let client = SmtpClient::new(options)?;
    let mut sending = stream::iter(0..mails)
        .map(|number| {
            let client = client.clone();
            async move {
                match client.send(&letter(templates, number)?).await {
                    Verdict::Sent { .. } => Ok(()),
                    other => anyhow::bail!("not sent: {other:?}"),
                }
            }
        })
        .buffer_unordered(usize::from(connections));
    while let Some(sent) = sending.next().await {
        sent?;
    }
    client.close().await;
    arrived(sink, mails).await
}

/// The library's own socket and `send`, each connection reused: what one gets without our session.
async fn with_library(
    sink: &SmtpSink,
    templates: &Templates,
    mails: u64,
    connections: u16,
) -> anyhow::Result<()> {
    sink.forget();
    let share = mails / u64::from(connections);
    let senders = (0..u64::from(connections)).map(|sender| async move {
        let hello = ClientId::default();
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(sink.address(), None, &hello, None, None).await?;
        for number in sender * share..(sender + 1) * share {
            let letter = letter(templates, number)?;
            let (from, to): (Address, Address) = (letter.from.as_str().parse()?, letter.to.as_str().parse()?);
            let envelope = Envelope::new(Some(from), vec![to])?;
            connection.send(&envelope, &letter.format()?).await?;
        }
        anyhow::Ok(connection.quit().await.map(drop)?)
    });
    try_join_all(senders).await?;
    arrived(sink, mails).await
}

async fn arrived(sink: &SmtpSink, mails: u64) -> anyhow::Result<()> {
    let all = sink.wait_for(mails, Duration::from_secs(10)).await;
    all.map_err(|few| anyhow::anyhow!("{} of {mails} mails arrived", few.came))
}

fn letter(templates: &Templates, number: u64) -> anyhow::Result<Letter> {
    let name = format!("Candidate {number}");
    let link = format!(
        "https://convoke.example/interview/take/0b7cf1de-6d3f-4a57-9c56-0d0f6f5c1a2b/?interview_token=1.{number}.1.{}",
        "tZ9xQ2mF7kLr4WvB8nYc".repeat(2),
    );
    let date: DateTime<Utc> = "2025-01-22T13:12:53Z".parse()?;
    let composed = templates.invitation(&Invitation {
        merchant_name: "Lumen Logistics",
        colour: "#0b7285",
        candidate_name: Some(&name),
        definition_name: "Courier, Bratislava",
        custom_subject: None,
        custom_text: None,
        link: &link,
        expires_at: date + chrono::TimeDelta::days(14),
        time_zone: "Europe/Bratislava",
        is_test: false,
        reply_to: None,
    })?;
    Ok(Letter {
        from_name: Some("Lumen Logistics".to_owned()),
        from: EmailAddress::parse("no-reply@convoke.example")?,
        reply_to: None,
        to: EmailAddress::parse(&format!("candidate.{number}@example.org"))?,
        to_name: Some(name),
        subject: composed.subject,
        text: composed.text,
        html: composed.html,
        message_id: format!("<invitation.{number}.1@convoke.example>"),
        date,
        calendar: None,
    })
}
