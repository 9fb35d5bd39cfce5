//! Section 5's results: cursor, filters, CSV, NDJSON, events, and the order of ten thousand rows.

use std::time::Duration;

use convoke_tests::answer::keys_of;
use convoke_tests::client::REGISTER;
use convoke_tests::merchant::{Merchant, users};
use convoke_tests::{Client, Env, both};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

const ROW_KEYS: [&str; 9] = [
    "name",
    "email",
    "external_id",
    "result",
    "interview_url",
    "registration_id",
    "invitation_status",
    "email_status",
    "email_error",
];

async fn submit(t: &Client, merchant: &Merchant, rows: &[Value], members: &Value) -> String {
    let body = merchant.registration(&merchant.definition().await, rows, members);
    let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
    answer.expect(202);
    let id = answer.text_at("/batch/id").to_owned();
    t.completed_batch(&id, Duration::from_mins(2)).await;
    id
}

/// Seven rows, of which the fourth is bad.
fn mixed() -> Vec<Value> {
    let mut rows = users("m", 7);
    rows[3]["email"] = json!("nobody");
    rows
}

both!(
    async fn a_page_has_the_contracts_members_and_says_where_the_next_begins(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let id = submit(t, &merchant, &mixed(), &json!({"send_email": true})).await;
        let page = t.get(&format!("/api/v1/batches/{id}/results?limit=3")).send().await;
        page.expect(200);
        let first = &page.rows("/results")[0];
        let inner = page.text.split_once('[').unwrap().1.split_once('}').unwrap().0.to_owned() + "}";
        assert_eq!(keys_of(&inner), ROW_KEYS);
        assert!(first["registration_id"].is_i64());
        assert_eq!((&first["result"], &first["invitation_status"]), (&json!("ok"), &json!("pending")));

        let mut seen = Vec::new();
        let mut path = format!("/api/v1/batches/{id}/results?limit=3");
        let mut sizes = Vec::new();
        loop {
            let page = t.get(&path).send().await;
            page.expect(200);
            sizes.push(page.rows("/results").len());
            seen.extend(page.rows("/results").to_vec());
            let Some(cursor) = page.json["next_cursor"].as_str() else { break };
            path = format!("/api/v1/batches/{id}/results?limit=3&cursor={cursor}");
        }
        assert_eq!(sizes, [3, 3, 1]);
        let emails: Vec<&Value> = seen.iter().map(|row| &row["email"]).collect();
        assert_eq!(emails, mixed().iter().map(|row| &row["email"]).collect::<Vec<_>>());
        let bad = &seen[3];
        assert!(bad["result"].as_str().unwrap().starts_with("Error: "));
        assert!(bad["interview_url"].is_null() && bad["registration_id"].is_null(), "{bad}");
    }
);

both!(
    async fn results_are_filtered(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let id = submit(t, &merchant, &mixed(), &json!({"send_email": true})).await;
        t.wait_for_mails(6).await;
        convoke_tests::until("all are recorded as sent", Duration::from_secs(30), async || {
            (t.get(&format!("/api/v1/batches/{id}")).send().await.json["batch"]["emails"]["sent"] == 6)
                .then_some(())
        })
        .await;
        for (filter, expected) in [
            ("&result=ok", vec![0, 1, 2, 4, 5, 6]),
            ("&result=error", vec![3]),
            ("&email=M-2@EXAMPLE.org", vec![2]),
            ("&external_id=m:5", vec![5]),
            ("&email_status=sent", vec![0, 1, 2, 4, 5, 6]),
            ("&email_status=failed", vec![]),
            ("&result=ok&external_id=m:3", vec![]),
        ] {
            let rows = t.results(&id, filter).await;
            let ids: Vec<&str> = rows.iter().map(|row| row["external_id"].as_str().unwrap()).collect();
            assert_eq!(ids, expected.iter().map(|n| format!("m:{n}")).collect::<Vec<_>>(), "{filter}");
        }
        for wrong in ["limit=0", "limit=many", "result=perhaps", "email_status=eaten", "cursor=forged"] {
            t.get(&format!("/api/v1/batches/{id}/results?{wrong}")).send().await.expect(422);
        }
    }
);

both!(
    async fn csv_and_ndjson_give_every_row_and_no_formula(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let names = ["=1+1", "+1", "-1", "@SUM(A1)", "with \"quotes\", and commas", "plain"];
        let rows: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(n, name)| json!({"name": name, "email": format!("f-{n}@example.org"), "external_id": format!("={n}")}))
        .chain((0..1_500).map(|n| json!({"name": null, "email": format!("bulk-{n}@example.org")})))
        .chain([json!({"name": "bad", "email": "=cmd|'/c calc'!A1"})])
        .collect();
        let id = submit(t, &merchant, &rows, &json!({})).await;
        let path = format!("/api/v1/batches/{id}/results");

        let csv = t.get(&path).header("accept", "text/csv").send().await;
        csv.expect(200);
        assert_eq!(csv.media_type(), "text/csv");
        let mut reader = csv::Reader::from_reader(csv.text.as_bytes());
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), ROW_KEYS);
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), rows.len());
        for cell in records.iter().flatten() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "a formula: {cell}");
        }
        assert!(records[0][0].ends_with("=1+1") && &records[4][0] == names[4] && &records[5][0] == "plain");
        assert!(records[0][4].contains("interview_token="));

        let lines = t.get(&path).header("accept", "application/x-ndjson").send().await;
        lines.expect(200);
        assert_eq!(lines.media_type(), "application/x-ndjson");
        let values: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(values.len(), rows.len());
        assert_eq!(keys_of(lines.text.lines().next().unwrap()), ROW_KEYS);
        assert_eq!(values[0]["name"], "=1+1", "JSON has no formulas");
        assert!(values.iter().zip(&rows).all(|(value, row)| value["email"] == row["email"]));
        let filtered =
            t.get(&format!("{path}?result=error")).header("accept", "application/x-ndjson").send().await;
        assert_eq!(filtered.text.lines().count(), 1);
    }
);

both!(
    async fn ten_thousand_rows_come_back_in_the_requests_order(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let rows = users("o", 10_000);
        let id = submit(t, &merchant, &rows, &json!({})).await;
        let results = t.results(&id, "").await;
        assert_eq!(results.len(), rows.len());
        for (result, row) in results.iter().zip(&rows) {
            assert_eq!((&result["email"], &result["result"]), (&row["email"], &json!("ok")));
            assert_eq!(result["external_id"], row["external_id"]);
        }
        let links: std::collections::BTreeSet<&str> =
            results.iter().map(|row| row["interview_url"].as_str().unwrap()).collect();
        assert_eq!(links.len(), rows.len(), "each has a link of its own");
    }
);

both!(
    async fn events_show_the_batch_as_it_moves_and_end_when_it_is_completed(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let body = merchant.registration(&merchant.definition().await, &users("e", 5_000), &json!({}));
        let answer = t.post(REGISTER, &body).prefer("respond-async").send().await;
        let events_url = answer.text_at("/batch/events_url").to_owned();
        let response = t.get(&events_url).header("accept", "text/event-stream").stream().await;
        assert_eq!(response.status(), 200);
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
        let mut text = String::new();
        let mut stream = response.bytes_stream();
        let all = async {
            while let Some(chunk) = stream.next().await {
                text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
            }
        };
        tokio::time::timeout(Duration::from_mins(1), all)
            .await
            .expect("the stream ends when the batch is completed");
        let batches: Vec<Value> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|data| serde_json::from_str::<Value>(data).unwrap())
            .map(|data| data.get("batch").cloned().unwrap_or(data))
            .collect();
        let last = batches.last().expect("at least one event");
        assert_eq!((&last["status"], &last["processed"]), (&json!("completed"), &json!(5_000)));
        let processed: Vec<i64> = batches.iter().map(|batch| batch["processed"].as_i64().unwrap()).collect();
        assert!(processed.is_sorted(), "it only grows: {processed:?}");
        assert_eq!(batches.iter().filter(|batch| batch["status"] == "completed").count(), 1);
    }
);
