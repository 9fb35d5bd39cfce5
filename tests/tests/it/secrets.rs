//! What must be read nowhere: links, keys and addresses in logs, in Redis, or (links and keys) in a stolen database.

use std::process::Command;

use convoke_tests::client::REGISTER;
use convoke_tests::convoke::SERVICE_KEY;
use convoke_tests::{Env, both, postgres};
use serde_json::json;

/// A key, a link's token, and an address, each used in every way that there is.
struct Planted {
    key: String,
    token: String,
}

const ADDRESS: &str = "planted.address@example.org";

async fn plant(t: &Env) -> Planted {
    let merchant = t.merchant("Acme").await;
    let key = merchant.api_key("admin").await["key"].as_str().unwrap().to_owned();
    let definition = merchant.definition().await;
    let rows = [json!({"name": "Planted Name", "email": ADDRESS})];
    let body = merchant.registration(&definition, &rows, &json!({"send_email": true}));
    let client = t.bearer(&key);
    let made = client.post(REGISTER, &body).idempotency_key("planted").send().await;
    made.expect(200);
    assert_eq!(client.post(REGISTER, &body).idempotency_key("planted").send().await.text, made.text);
    let url = made.text_at("/0/interview_url");
    let token = url.split("interview_token=").nth(1).unwrap().to_owned();
    t.wait_for_mails(1).await;
    let inspect = json!({"interview_token": token});
    client.post("/api/v1/tokens/inspect", &inspect).send().await.expect(200);
    t.anonymous().get(url).send().await.expect(200);
    let redeemed = client.post("/api/v1/tokens/redeem", &inspect).idempotency_key("planted").send().await;
    redeemed.expect(200);
    t.anonymous().get(url).send().await.expect(410);
    t.bearer(&format!("{key}x")).get("/api/v1/interview-definitions").send().await.expect(401);
    let id = merchant.registration_of(ADDRESS).await["id"].clone();
    merchant.act(&id, "reissue").await.expect(200);
    Planted { key, token }
}

both!(
    async fn secrets_and_addresses_stay_out_of_the_log(t: &Env) {
        let planted = plant(t).await;
        let log = t.program.log();
        for (what, text) in [
            ("a key", &*planted.key),
            ("a token", &planted.token),
            ("an address", ADDRESS),
            ("the service key", SERVICE_KEY),
        ] {
            assert!(!log.contains(text), "{what} is in the log");
        }
    }
);

/// Everything that is stored, as bytes: the files of the embedded default, or PostgreSQL's dump.
fn stored(t: &Env) -> Vec<u8> {
    match &t.stack {
        None => ["convoke.db", "convoke.db-wal"]
            .iter()
            .flat_map(|name| std::fs::read(t.folder().join(name)).unwrap_or_default())
            .collect(),
        Some(stack) => {
            let dump = Command::new(postgres::tool("pg_dump")).arg(&stack.database_url).output().unwrap();
            assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
            dump.stdout
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

both!(
    async fn a_stolen_database_opens_no_link_and_holds_no_key(t: &Env) {
        let planted = plant(t).await;
        let stored = stored(t);
        assert!(holds(&stored, ADDRESS), "this is the place where people are kept");
        assert!(!holds(&stored, &planted.token), "a token is in the database");
        assert!(!holds(&stored, &planted.key), "a key is in the database");
        assert!(!holds(&stored, SERVICE_KEY), "the service key is in the database");
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_holds_ids_and_nothing_of_people() {
    let t = Env::postgres().await;
    let stack = t.stack.as_ref().unwrap();
    // MONITOR would slow the test down; the append-only file has every write that there was.
    let planted = plant(&t).await;
    let folder = stack.redis.cli(&["config", "get", "dir"]).await;
    let folder = folder.lines().nth(1).unwrap().to_owned();
    let mut written = Vec::new();
    for entry in std::fs::read_dir(format!("{folder}/appendonlydir")).unwrap() {
        written.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    assert!(holds(&written, "convoke:"), "the queue was used");
    for text in [&*planted.key, &planted.token, ADDRESS, "Planted Name", "example.org"] {
        assert!(!holds(&written, text), "Redis was told {text}");
    }
}
