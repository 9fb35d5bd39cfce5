//! A whole service inside the test process, on PostgreSQL, Redis and SMTP, whose time only the test turns.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use convoke_tests::client::{Client, Credential};
use convoke_tests::convoke::{SERVICE_KEY, with_secrets};
use convoke_tests::mailbox::{self, Mail};
use convoke_tests::{Stack, until};
use serde_json::{Value, json};
use shared::clock::{Clock, Entropy};
use shared::config::{Config, Origin, Raw};
use shared::db::Db;
use shared::domain::Lane;
use shared::queue::Queue;
use tokio::net::TcpListener;
use tokio::sync::watch;

const MINUTE: Duration = Duration::from_mins(1);

/// The service, and a client with its service credential.
pub(crate) struct Simulated {
    pub(crate) client: Client,
    pub(crate) stack: Stack,
    clock: Clock,
    config: Config,
    _open: watch::Sender<bool>,
    _stop: watch::Sender<bool>,
}

/// Two people of one merchant, and what the API calls them.
pub(crate) struct People {
    pub(crate) merchant: String,
    pub(crate) interviewer: i64,
    pub(crate) interviewee: i64,
    tag: String,
}

/// A worker process's part; it ends when it is told, or with the test.
pub(crate) struct Worker {
    stop: watch::Sender<bool>,
    running: tokio::task::JoinHandle<()>,
}

impl Worker {
    /// Lets what is in hand finish.
    pub(crate) async fn stop(self) {
        self.stop.send(true).unwrap();
        self.running.await.unwrap();
    }
}

impl Simulated {
    /// The API alone, at an instant.
    pub(crate) async fn at(start: &str) -> Self {
        let stack = Stack::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bind = listener.local_addr().unwrap();
        let config = config(&stack, &bind.to_string());
        let db = Db::open(&config.database, 10, config.lease).await.unwrap();
        let queue = Queue::redis(config.redis_url.as_ref().unwrap().expose()).unwrap();
        let clock = Clock::manual(start.parse().unwrap());
        let (open, is_open) = watch::channel(true);
        let (stop, stopping) = watch::channel(false);
        let app = api::App::new(
            config.clone(),
            db,
            queue,
            clock.clone(),
            Entropy::System,
            is_open,
            stopping.clone(),
        );
        tokio::spawn(api::serve(app.unwrap(), listener, stopping));
        let client = Client::new(&format!("http://{bind}"), Credential::Bearer(SERVICE_KEY.to_owned()));
        Self { client, stack, clock, config, _open: open, _stop: stop }
    }

    /// One more worker.
    pub(crate) async fn worker(&self) -> Worker {
        let db = Db::open(&self.config.database, 10, self.config.lease).await.unwrap();
        let queue = Queue::redis(self.config.redis_url.as_ref().unwrap().expose()).unwrap();
        let context =
            worker::Context::new(self.config.clone(), db, queue, self.clock.clone(), Entropy::System);
        let (stop, stopping) = watch::channel(false);
        let running = tokio::spawn(async move { worker::run(context, &Lane::ALL, stopping).await.unwrap() });
        Worker { stop, running }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Turns the clock to an instant.
    pub(crate) fn turn_to(&self, at: DateTime<Utc>) {
        assert!(at >= self.now(), "time does not run backwards");
        self.clock.advance(at - self.now());
    }

    /// A merchant with an interviewer and an interviewee, who both have an address that begins with `tag`.
    pub(crate) async fn people(&self, tag: &str, zone: &str) -> People {
        let merchant = self.client.merchant(tag).await.id;
        let user = |role: &str| {
            json!({"user": {
                "merchant_id": merchant, "title": format!("{tag} {role}"), "role": role, "time_zone": zone,
                "email": format!("{tag}-{role}@example.org"),
            }})
        };
        let interviewer = self.client.post("/api/v1/users", &user("staff")).send().await;
        let driver = self.client.post("/api/v1/users", &user("candidate")).send().await;
        let body =
            json!({"interviewee": {"merchant_id": merchant, "user_id": driver.expect(201)["user"]["id"]}});
        let made = self.client.post("/api/v1/interviewees", &body).send().await;
        People {
            interviewer: interviewer.expect(201)["user"]["id"].as_i64().unwrap(),
            interviewee: made.expect(201)["interviewee"]["id"].as_i64().unwrap(),
            merchant,
            tag: tag.to_owned(),
        }
    }

    /// Lets a merchant's interviews be reminded of one hour before their start, and at no other time.
    pub(crate) async fn remind_once(&self, people: &People) {
        let path = format!("/api/v1/merchants/{}", people.merchant);
        let change = json!({"merchant": {"reminder_offsets": [3_600]}});
        self.client.patch(&path, &change).send().await.expect(200);
    }

    /// An interview of half an hour; gives its id.
    pub(crate) async fn interview(&self, people: &People, start: DateTime<Utc>) -> i64 {
        let body = json!({"interview": {
            "merchant_id": people.merchant, "interviewee_id": people.interviewee,
            "interviewer_id": people.interviewer, "kind": "video_call",
            "start_at": start.to_rfc3339(), "end_at": (start + TimeDelta::minutes(30)).to_rfc3339(),
        }});
        let made = self.client.post("/api/v1/interviews", &body).prefer("wait=60").send().await;
        made.expect(200)["interview"]["id"].as_i64().unwrap()
    }

    /// A move of the interviewer's side.
    pub(crate) async fn act(&self, interview: i64, verb: &str, body: &Value) -> Value {
        let path = format!("/api/v1/interviews/{interview}/{verb}");
        let answer = self.client.post(&path, body).prefer("wait=60").send().await;
        answer.expect(200)["interview"].clone()
    }

    /// Every mail so far to somebody of these people.
    pub(crate) fn mails(&self, people: &People) -> Vec<Mail> {
        let all = mailbox::received(&self.stack.smtp);
        let own = |mail: &Mail| mail.to.starts_with(&format!("{}-", people.tag));
        all.into_iter().filter(own).collect()
    }

    /// Waits until these people have got so many mails in all, and gives them.
    pub(crate) async fn wait_for(&self, people: &People, count: usize) -> Vec<Mail> {
        let what = format!("{count} mails to {}", people.tag);
        let mails = until(&what, MINUTE, async || {
            let mails = self.mails(people);
            (mails.len() >= count).then_some(mails)
        })
        .await;
        assert_eq!(mails.len(), count, "{:?}", mails.iter().map(|m| &m.subject).collect::<Vec<_>>());
        mails
    }
}

fn config(stack: &Stack, bind: &str) -> Config {
    let mut raw = Raw::defaults();
    let mut settings = vec![
        ("database_url".to_owned(), stack.database_url.clone()),
        ("redis_url".to_owned(), stack.redis.url.clone()),
        ("smtp_url".to_owned(), stack.smtp.url()),
        ("bind".to_owned(), bind.to_owned()),
        ("rate_limit".to_owned(), "off".to_owned()),
    ];
    for (name, value) in with_secrets(convoke_tests::program::Settings::new()) {
        settings.push((name.trim_start_matches("CONVOKE_").to_lowercase(), value));
    }
    for (key, value) in settings {
        raw.set(&key, &value, Origin::Flag).unwrap();
    }
    Config::parse(&raw, &Entropy::System).unwrap()
}
