//! `cargo xtask conformance`: Schemathesis asks the real service whatever the description allows, and whatever it
//! forbids, and holds every answer against it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use convoke_tests::Convoke;
use convoke_tests::convoke::{JWT_SECRET, SERVICE_KEY};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use crate::{python, suite};

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/schemathesis.toml");
const HOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/hooks.py");
const SCHEMATHESIS: python::Environment = python::Environment {
    name: "schemathesis",
    requirements: include_str!("../conformance/requirements.txt"),
    proof: "import schemathesis",
};

/// How hard to look.
#[derive(Args)]
pub(crate) struct Options {
    /// Requests made up for each operation in each phase.
    #[arg(long, default_value_t = 50)]
    max_examples: u32,
    /// The same seed makes up the same requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Given to `st run` as it stands, such as `-- --include-operation-id create_interview --phases fuzzing`.
    #[arg(last = true, value_name = "MORE")]
    more: Vec<String>,
}

/// Builds, starts, asks three times with the credentials there are, and tells how often it was not as described.
pub(crate) fn run(options: &Options) -> Result<()> {
    suite::build_binaries()?;
    let python = SCHEMATHESIS.ready()?;
    let runtime = tokio::runtime::Runtime::new().context("no threads to be had")?;
    runtime.block_on(ask_all(options, &python))
}

async fn ask_all(options: &Options, python: &Path) -> Result<()> {
    let service = Convoke::embedded().start().await;
    let stage = Stage::set(&service).await?;
    let rounds: [(&str, &str, &[&str]); 3] = [
        ("with a merchant's key, everything", &stage.key, &[]),
        ("with the service credential, what is its own", SERVICE_KEY, &["--include-tag", "Merchants"]),
        ("with a user's token, what is theirs", &stage.user_token, &["--include-tag", "Own interviews"]),
    ];
    let mut failed = Vec::new();
    for (name, credential, filter) in rounds {
        println!("\n==> {name}");
        let status = Command::new(python.with_file_name("st"))
            .args(["--config-file", CONFIG, "run", &format!("{}/openapi.json", service.base())])
            .args(["--seed", &options.seed.to_string(), "--max-examples", &options.max_examples.to_string()])
            .args(filter)
            .args(&options.more)
            .env("SCHEMATHESIS_HOOKS", HOOKS)
            .env("CONFORMANCE_CREDENTIAL", credential)
            .envs(&stage.known)
            .current_dir(service.folder())
            .status()
            .context("Schemathesis does not run")?;
        if !status.success() {
            failed.push(name);
        }
    }
    ensure!(failed.is_empty(), "not as described: {}; the cases are above", failed.join("; "));
    println!("\neverything answers as described");
    Ok(())
}

/// What the requests stand on: a merchant, its key, a user with a token, and things whose ids a request may name.
struct Stage {
    key: String,
    user_token: String,
    known: BTreeMap<&'static str, String>,
}

impl Stage {
    async fn set(t: &Convoke) -> Result<Self> {
        let merchant = t.merchant("Acme Couriers").await;
        let parent = t.merchant("Acme").await;
        let definition = merchant.definition_with(&json!({})).await;
        let key = merchant.api_key("admin").await;
        let user = json!({ "title": "Cindy Kuvalis", "role": "candidate", "merchant_id": merchant.id });
        let user = t.post("/api/v1/users", &json!({ "user": user })).send().await.expect(201)["user"].clone();
        let interviewee = json!({ "user_id": user["id"], "merchant_id": merchant.id });
        let interviewee = t.post("/api/v1/interviewees", &json!({ "interviewee": interviewee })).send().await;
        let interviewee = interviewee.expect(201)["interviewee"]["id"].clone();
        let known = BTreeMap::from([
            ("CONFORMANCE_DEFINITION", text(&definition["interview_id"])),
            ("CONFORMANCE_DEFINITION_ID", text(&definition["id"])),
            ("CONFORMANCE_INTERVIEWEE", text(&interviewee)),
            ("CONFORMANCE_USER", text(&user["id"])),
            ("CONFORMANCE_PARENT", parent.id),
            ("CONFORMANCE_KEY_ID", text(&key["id"])),
        ]);
        Ok(Self { key: text(&key["key"]), user_token: token(&text(&user["subject"]))?, known })
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A user's token that outlives the run.
fn token(subject: &str) -> Result<String> {
    let claims = json!({ "sub": subject, "scp": "user", "aud": null, "iat": 1_737_551_573_u64, "exp": 4_102_444_800_u64 });
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(JWT_SECRET.as_bytes()))
        .context("a token could not be signed")
}
