//! Section 10's commands around the service: `migrate`, `key`, `doctor`, configuration, help.

use std::collections::BTreeSet;
use std::process::Output;
use std::time::Duration;

use convoke_tests::convoke::{SERVICE_KEY, with_secrets};
use convoke_tests::postgres::Postgres;
use convoke_tests::program::{self, Program, Settings};
use convoke_tests::{Convoke, Env, both, ports};

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command with the settings of a running service.
async fn beside(t: &Convoke, args: &[&str]) -> Output {
    program::run(t.folder(), t.program.settings(), args).await
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn help_teaches_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let help = program::run(folder.path(), &Settings::new(), &["--help"]).await;
    assert!(help.status.success());
    for command in ["serve", "worker", "demo", "register", "migrate", "key", "doctor", "openapi"] {
        assert!(out(&help).contains(command), "{}", out(&help));
        let own = program::run(folder.path(), &Settings::new(), &[command, "--help"]).await;
        assert!(own.status.success() && out(&own).contains("Usage"), "{command}: {}", err(&own));
        assert!(out(&own).lines().count() > 5, "{command} --help teaches:\n{}", out(&own));
    }
    let wrong = program::run(folder.path(), &Settings::new(), &["sevre"]).await;
    assert!(!wrong.status.success() && err(&wrong).contains("serve"), "it suggests: {}", err(&wrong));
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "asking for help writes nothing");
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = "postgres://convoke@127.0.0.1:1/convoke";
    for (variables, told) in [
        (vec![("DATABASE_URL", "mysql://x/y")], "DATABASE_URL"),
        (vec![("CONVOKE_BIND", "8080")], "CONVOKE_BIND"),
        (vec![("CONVOKE_WAIT", "soon")], "CONVOKE_WAIT"),
        (vec![("CONVOKE_RATE_LIMIT", "fast")], "CONVOKE_RATE_LIMIT"),
        (vec![("CONVOKE_TOKEN_KEYS", "abc")], "CONVOKE_TOKEN_KEYS"),
        (vec![("CONVOKE_SERVICE_KEY", "short")], "CONVOKE_SERVICE_KEY"),
        (vec![("REDIS_URL", "http://x")], "REDIS_URL"),
        (vec![("SMTP_URL", "mail.example")], "SMTP_URL"),
        (vec![("CONVOKE_MAIL_FROM", "nobody")], "CONVOKE_MAIL_FROM"),
        (vec![("CONVOKE_PUBLIC_URL", "ftp://x")], "CONVOKE_PUBLIC_URL"),
        (vec![("DATABASE_URL", postgres)], "CONVOKE_SERVICE_KEY"),
    ] {
        let refused = program::run(folder.path(), &settings(&variables), &["serve"]).await;
        let said = err(&refused);
        assert!(!refused.status.success(), "{variables:?} was taken");
        assert!(said.contains(told), "{variables:?}: {said}");
        assert!(!said.contains("panicked") && said.lines().count() < 12, "{said}");
    }
    std::fs::write(folder.path().join("convoke.toml"), "bimd = \"127.0.0.1:1\"\n").unwrap();
    let refused = program::run(folder.path(), &Settings::new(), &["serve"]).await;
    assert!(!refused.status.success() && err(&refused).contains("bimd"), "{}", err(&refused));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", ports::free())).unwrap();
    let bind = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let refused = program::run(folder.path(), &settings(&[("CONVOKE_BIND", &bind)]), &["serve"]).await;
    assert!(!refused.status.success() && err(&refused).contains(&bind), "{}", err(&refused));
}

#[tokio::test]
async fn what_is_printed_of_the_configuration_hides_the_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let variables =
        with_secrets(settings(&[("SMTP_URL", "smtp://user:planted@127.0.0.1:1"), ("CONVOKE_WAIT", "7")]));
    let shown = program::run(folder.path(), &variables, &["serve", "--print-config"]).await;
    assert!(shown.status.success(), "{}", err(&shown));
    let text = out(&shown);
    assert!(text.contains("wait") && text.contains('7'), "{text}");
    assert!(!text.contains("planted") && !text.contains(SERVICE_KEY), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_the_same_file_is_refused() {
    let t = Convoke::embedded().start().await;
    let mut variables = t.program.settings().clone();
    variables.insert("CONVOKE_BIND".to_owned(), format!("127.0.0.1:{}", ports::free()));
    // The second one names the file; workers of their own, and an API without any, are told what they need.
    for (args, told) in [
        (vec!["serve"], "convoke.db"),
        (vec!["worker"], "PostgreSQL"),
        (vec!["serve", "--no-worker"], "PostgreSQL"),
    ] {
        let refused = program::run(t.folder(), &variables, &args).await;
        assert!(!refused.status.success());
        assert!(err(&refused).contains(told), "{args:?}: {}", err(&refused));
    }
    t.anonymous().get("/readyz").send().await.expect(200);
    t.program.kill9();
    let again = Convoke::embedded().in_folder_of(&t).start().await;
    again.merchant("A killed process leaves no lock").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_secrets_are_made_once_and_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("convoke.secrets");
    let mut first = String::new();
    for _ in 0..2 {
        let bind = format!("127.0.0.1:{}", ports::free());
        let service =
            Program::start("serve", folder.path(), settings(&[("CONVOKE_BIND", &bind)]), &["serve"]);
        let client =
            convoke_tests::Client::new(&format!("http://{bind}"), convoke_tests::client::Credential::None);
        convoke_tests::until("it is ready", Duration::from_mins(1), async || {
            client.get("/readyz").try_send().await.ok().filter(|answer| answer.status == 200)
        })
        .await;
        let text = std::fs::read_to_string(&file).unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(first.is_empty() || first == text, "they are kept");
        first = text;
        let key =
            first.lines().find_map(|line| line.strip_prefix("service_key = \"")?.strip_suffix('"')).unwrap();
        client.bearer(key).merchant("Acme").await;
        assert!(!service.log().contains(key), "the log does not show the key");
    }
}

/// Runs a command on the service's database. The embedded default has one process per file, so that there the service
/// stands still in the meantime.
async fn on_the_database(t: &Env, args: &[&str]) -> String {
    let stands_still = t.stack.is_none();
    if stands_still {
        t.program.sigterm();
        t.program.ended(Duration::from_secs(30)).await;
    }
    let output = beside(t, args).await;
    if stands_still {
        t.program.start_again();
        t.answers("/readyz").await;
    }
    assert!(output.status.success(), "{args:?}: {}", err(&output));
    out(&output)
}

both!(
    async fn keys_are_made_listed_and_revoked_from_a_terminal(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let of = ["--merchant", &merchant.id];
        let create = ["key", "create", "--role", "admin", "--name", "from a terminal"];
        let made = on_the_database(t, &[&create[..], &of].concat()).await;
        let key = made.split_whitespace().find(|word| word.starts_with("cvk_"));
        let key = key.unwrap_or_else(|| panic!("no key in {made}"));
        t.bearer(key).get("/api/v1/interview-definitions").send().await.expect(200);
        let keys = t.get(&format!("/api/v1/api-keys?merchant_id={}", merchant.id)).send().await;
        let id = keys.text_at("/api_keys/0/id");
        let listed = on_the_database(t, &[&["key", "list"][..], &of].concat()).await;
        assert!(
            listed.contains("from a terminal") && listed.contains(id) && !listed.contains(key),
            "{listed}"
        );
        on_the_database(t, &[&["key", "revoke", id][..], &of].concat()).await;
        t.bearer(key).get("/api/v1/interview-definitions").send().await.expect(401);
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrating_is_done_once_and_again_without_harm() {
    let server = Postgres::shared().await;
    let url = server.empty_database().await;
    let folder = tempfile::tempdir().unwrap();
    let variables = with_secrets(settings(&[("DATABASE_URL", &url)]));
    for _ in 0..2 {
        let done = program::run(folder.path(), &variables, &["migrate"]).await;
        assert!(done.status.success(), "{}", err(&done));
    }
    let tables = server
        .query(&url, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        .await;
    let tables: BTreeSet<&str> = tables.lines().collect();
    assert!(tables.contains("registrations") && tables.contains("messages"), "{tables:?}");
}

both!(
    async fn the_doctor_finds_a_healthy_service_healthy(t: &Env) {
        let live = beside(t, &["doctor", "--live"]).await;
        assert_eq!(live.status.code(), Some(0), "{}{}", out(&live), err(&live));
        if t.stack.is_some() {
            let unreachable = beside(t, &["doctor"]).await;
            assert!(
                out(&unreachable).contains("CONVOKE_PUBLIC_URL"),
                "links to 127.0.0.1 reach no candidate"
            );
            let mut settings = t.program.settings().clone();
            settings.insert("CONVOKE_PUBLIC_URL".to_owned(), "https://talent.example".to_owned());
            let all = program::run(t.folder(), &settings, &["doctor"]).await;
            assert_eq!(all.status.code(), Some(0), "{}{}", out(&all), err(&all));
        }
        t.program.kill9();
        let dead = beside(t, &["doctor", "--live"]).await;
        assert_ne!(dead.status.code(), Some(0));
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_says_what_is_wrong_and_how_to_mend_it() {
    let folder = tempfile::tempdir().unwrap();
    let good = Postgres::shared().await.database().await;
    let away = |what: &str| format!("{what}://convoke@127.0.0.1:{}/x", ports::free());
    for (variables, named) in [
        (vec![("DATABASE_URL", away("postgres"))], "database"),
        (vec![("DATABASE_URL", good.clone()), ("REDIS_URL", away("redis"))], "redis"),
        (vec![("DATABASE_URL", good.clone()), ("SMTP_URL", away("smtp").replace("/x", ""))], "smtp"),
    ] {
        let pairs: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let ill = program::run(folder.path(), &with_secrets(settings(&pairs)), &["doctor"]).await;
        let said = format!("{}{}", out(&ill), err(&ill)).to_lowercase();
        assert_ne!(ill.status.code(), Some(0), "{said}");
        assert!(said.contains(named), "{named}: {said}");
    }
}

both!(
    async fn sigterm_ends_the_service_with_zero(t: &Env) {
        t.merchant("Acme").await;
        t.program.sigterm();
        assert_eq!(
            t.program.ended(Duration::from_secs(30)).await.code(),
            Some(0),
            "{}",
            t.program.log_tail()
        );
        assert!(!t.program.log().contains("panicked"));
    }
);
