//! `convoke demo`: everything at once, on a fresh embedded database, through the same HTTP as any client's.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use shared::clock::Entropy;
use shared::config::{Config, Origin, Raw};
use tokio::sync::{oneshot, watch};

use crate::cli::DemoArgs;
use crate::commands::serve;
use crate::runtime;

/// Serves, registers sample candidates with itself, shows what came of it, and goes on serving.
pub(crate) async fn run(args: &DemoArgs) -> Result<ExitCode> {
    let temporary = tempfile::Builder::new().prefix("convoke-demo-").tempdir()?;
    let dir = match &args.dir {
        Some(dir) => fresh(dir)?,
        None => temporary.path().to_owned(),
    };
    let config = config(args, &dir)?;
    let stopping = runtime::stopping()?;
    let (ready, is_ready) = oneshot::channel();
    let mut service = tokio::spawn(serve::serve(config.clone(), true, stopping.clone(), Some(ready)));
    tokio::select! {
        ended = &mut service => {
            ended??;
            return Ok(ExitCode::SUCCESS);
        }
        _ = is_ready => {}
    }
    let demo = Demo {
        http: reqwest::Client::new(),
        base: format!("http://{}", config.bind),
        key: config.service_key.expose().clone(),
    };
    let ok = demo.tell(args.candidates, stopping.clone()).await?;
    if args.once {
        return Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    service.await??;
    Ok(ExitCode::SUCCESS)
}

/// The folder, where nothing is in the demo's way.
fn fresh(dir: &PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    if dir.join("convoke.db").exists() {
        bail!(
            "{} has a convoke.db already; the demo begins with a fresh one. Choose another --dir",
            dir.display()
        );
    }
    Ok(dir.clone())
}

/// Nothing of the surroundings: the demo is the same on every machine.
fn config(args: &DemoArgs, dir: &std::path::Path) -> Result<Config> {
    let mut raw = Raw::defaults();
    raw.set("database_url", &format!("sqlite://{}", dir.join("convoke.db").display()), Origin::Flag)?;
    if let Some(bind) = args.bind {
        let bind = if bind.port() == 0 { std::net::TcpListener::bind(bind)?.local_addr()? } else { bind };
        raw.set("bind", &bind.to_string(), Origin::Flag)?;
    }
    raw.set("rate_limit", "off", Origin::Flag)?;
    raw.set("log", &std::env::var("CONVOKE_LOG").unwrap_or_else(|_| "warn".to_owned()), Origin::Flag)?;
    let config = Config::parse(&raw, &Entropy::System)?;
    shared::telemetry::start(&config.log, false).map_err(anyhow::Error::msg)?;
    Ok(config)
}

struct Demo {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Demo {
    async fn tell(&self, candidates: u32, stopping: watch::Receiver<bool>) -> Result<bool> {
        println!("Convoke serves at {}, on a fresh embedded database.\n", self.base);
        let merchant = self
            .post(
                "/api/v1/merchants",
                json!({ "merchant": {
            "name": "Acme Robotics", "colour": "#0f766e", "mail_from_name": "Acme Robotics Talent",
            "reply_to": "talent@acme.example", "time_zone": "Europe/Bratislava" } }),
            )
            .await?;
        let merchant = merchant["merchant"]["id"].as_str().context("no merchant id")?.to_owned();
        let interview = self
            .post(
                "/api/v1/interview-definitions",
                json!({ "interview_definition": {
            "merchant_id": merchant, "name": "Field Engineer, first interview" } }),
            )
            .await?;
        let interview =
            interview["interview_definition"]["interview_id"].as_str().context("no interview id")?.to_owned();
        let begun = Instant::now();
        let batch = self.register(&merchant, &interview, candidates).await?;
        let finished = self.follow(&batch, stopping).await?;
        let took = begun.elapsed();
        let results = self.get(&format!("/api/v1/batches/{batch}/results?limit=3")).await?;
        let ok =
            finished["succeeded"] == json!(candidates) && finished["emails"]["sent"] == json!(candidates);
        println!(
            "{} of {candidates} registered, {} mails captured, in {:.1} s.\n",
            finished["succeeded"],
            finished["emails"]["sent"],
            took.as_secs_f64()
        );
        println!("The first of them:");
        for row in results["results"].as_array().into_iter().flatten() {
            println!("  {:<16} {:<32} {}", text(row, "name"), text(row, "email"), text(row, "result"));
            println!("    {}", text(row, "interview_url"));
        }
        self.what_next(&merchant, &interview, &batch);
        Ok(ok)
    }

    async fn register(&self, merchant: &str, interview: &str, candidates: u32) -> Result<String> {
        let users: Vec<Value> = (1..=candidates).map(sample).collect();
        println!(
            "POST /functions/v1/job-interview-register-users with {candidates} users, Prefer: respond-async"
        );
        let body =
            json!({ "users": users, "interview_id": interview, "merchant_id": merchant, "send_email": true });
        let answer = self.post("/functions/v1/job-interview-register-users", body).await?;
        answer["batch"]["id"]
            .as_str()
            .map(str::to_owned)
            .context("the registration was not answered with a batch")
    }

    async fn follow(&self, batch: &str, stopping: watch::Receiver<bool>) -> Result<Value> {
        let bar = |name: &str| {
            ProgressStyle::with_template(&format!("  {name:<11} [{{bar:40}}] {{pos}}/{{len}}"))
                .map(|style| style.progress_chars("=> "))
        };
        let bars = indicatif::MultiProgress::new();
        let rows = bars.add(ProgressBar::new(0).with_style(bar("registered")?));
        let mails = bars.add(ProgressBar::new(0).with_style(bar("mailed")?));
        loop {
            let now = self.get(&format!("/api/v1/batches/{batch}")).await?["batch"].clone();
            let number = |value: &Value| value.as_u64().unwrap_or(0);
            rows.set_length(number(&now["total"]));
            rows.set_position(number(&now["processed"]));
            mails.set_length(number(&now["total"]));
            mails.set_position(number(&now["emails"]["sent"]));
            let waiting = number(&now["emails"]["queued"]) + number(&now["emails"]["deferred"]);
            if (now["status"] == "completed" && waiting == 0) || *stopping.borrow() {
                rows.finish();
                mails.finish();
                return Ok(now);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn what_next(&self, merchant: &str, interview: &str, batch: &str) {
        let Self { base, key, .. } = self;
        println!(
            "
Open one of the links in a browser: looking costs nothing, the button uses it, once.

Invite somebody (the answer has their link):

  curl -s {base}/functions/v1/job-interview-register-users \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{\"users\": [{{\"name\": \"Peter Parker\", \"email\": \"peter@example.org\"}}],
         \"interview_id\": \"{interview}\",
         \"merchant_id\": \"{merchant}\", \"send_email\": true}}'

Read the mail that they would have got:

  curl -s '{base}/api/v1/captured-mails?to=peter@example.org' -H 'Authorization: Bearer {key}'

Watch the result per person, or everybody's as CSV:

  curl -s '{base}/api/v1/batches/{batch}/results?limit=5' -H 'Authorization: Bearer {key}'
  curl -s '{base}/api/v1/batches/{batch}/results' -H 'Authorization: Bearer {key}' -H 'Accept: text/csv'

It goes on serving; Ctrl-C ends it."
        );
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let request =
            self.http.post(format!("{}{path}", self.base)).header("prefer", "respond-async").json(&body);
        answer(request.bearer_auth(&self.key)).await
    }

    async fn get(&self, path: &str) -> Result<Value> {
        answer(self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.key)).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Value> {
    let answer = request.send().await?;
    let (status, url) = (answer.status(), answer.url().path().to_owned());
    let body: Value = answer.json().await?;
    if !status.is_success() {
        bail!("{url} answered {status}: {body}");
    }
    Ok(body)
}

/// A candidate who does not exist, at a domain that cannot.
fn sample(number: u32) -> Value {
    const FIRST: [&str; 8] = ["Ada", "Grace", "Linus", "Radia", "Edsger", "Barbara", "Ken", "Margaret"];
    const LAST: [&str; 7] = ["Novak", "Kowalski", "Silva", "Okafor", "Tanaka", "Schmidt", "Dubois"];
    let n = number as usize;
    let (first, last) = (FIRST[n % FIRST.len()], LAST[n % LAST.len()]);
    let email = format!("{}.{}.{number}@candidates.example", first.to_lowercase(), last.to_lowercase());
    json!({ "name": format!("{first} {last}"), "email": email, "external_id": format!("c-{number:05}") })
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}
