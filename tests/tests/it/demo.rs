//! `convoke demo`: what a newcomer sees first, with nothing but the binary.

use std::time::Duration;

use convoke_tests::client::{Client, Credential};
use convoke_tests::program::{Program, Settings};
use convoke_tests::{mailbox, ports, until};
use tokio::process::Command;

/// The commands that it prints for pasting; none where there is no `curl` to run them.
fn pasted(log: &str) -> Vec<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|folder| folder.join("curl").is_file()) {
        return Vec::new();
    }
    let blocks = log.split("\n\n").map(str::trim).filter(|block| block.starts_with("curl "));
    let commands: Vec<String> = blocks.map(|block| block.replace("\n  curl", "\ncurl")).collect();
    assert!(!commands.is_empty(), "nothing to paste in {log}");
    commands
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_registers_a_thousand_and_goes_on_serving() {
    let folder = tempfile::tempdir().unwrap();
    let bind = format!("127.0.0.1:{}", ports::free());
    let demo = Program::start("demo", folder.path(), Settings::new(), &["demo", "--bind", &bind]);
    let base = format!("http://{bind}");
    // What it prints is made for pasting: a command that names the address and carries a credential.
    let key = until("the demo prints a request to try", Duration::from_mins(2), async || {
        assert!(demo.status().is_none(), "it goes on serving");
        let log = demo.log();
        let curl =
            log.split("curl").find(|command| command.contains(&base) && command.contains("Bearer "))?;
        let rest = curl.split("Bearer ").nth(1)?;
        Some(rest.split(['\'', '"', ' ', '\n']).next()?.to_owned())
    })
    .await;
    let log = demo.log();
    let links: Vec<&str> = log.split_whitespace().filter(|word| word.contains("/interview/take/")).collect();
    assert!(!links.is_empty(), "it prints links: {log}");
    assert!(log.contains("1,000") || log.contains("1000"), "{log}");

    let t = Client::new(&base, Credential::Bearer(key));
    let mails = until("a thousand captured mails", Duration::from_mins(1), async || {
        let mails = mailbox::captured(&t).await;
        (mails.len() >= 1_000).then_some(mails)
    })
    .await;
    assert_eq!(mails.len(), 1_000);
    let people: std::collections::BTreeSet<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    let urls: std::collections::BTreeSet<String> = mails.iter().map(mailbox::Mail::link).collect();
    assert_eq!((people.len(), urls.len()), (1_000, 1_000), "each has a link of its own");
    for url in urls.iter().take(20) {
        t.anonymous().get(url).send().await.expect(200);
        assert!(t.anonymous().post_empty(url).send().await.status < 400);
        t.anonymous().get(url).send().await.expect(410);
    }
    for command in pasted(&log) {
        let answer = Command::new("sh").args(["-c", &command]).output().await.unwrap();
        let text = String::from_utf8_lossy(&answer.stdout);
        assert!(answer.status.success() && !text.is_empty(), "{command}: {answer:?}");
        assert!(!text.contains("\"status\":4") && !text.contains("/problems/"), "{command}: {text}");
    }
    assert!(demo.status().is_none());
    demo.sigterm();
    assert_eq!(demo.ended(Duration::from_secs(30)).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_leaves_the_folder_that_it_was_started_in_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("convoke.db"), "somebody's data").unwrap();
    let bind = format!("127.0.0.1:{}", ports::free());
    let demo = Program::start("demo", folder.path(), Settings::new(), &["demo", "--bind", &bind]);
    let t = Client::new(&format!("http://{bind}"), Credential::None);
    until("it serves", Duration::from_mins(1), async || {
        assert!(demo.status().is_none(), "it goes on serving");
        t.get("/readyz").try_send().await.ok().filter(|answer| answer.status == 200)
    })
    .await;
    assert_eq!(std::fs::read_to_string(folder.path().join("convoke.db")).unwrap(), "somebody's data");
}
