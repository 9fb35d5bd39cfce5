//! `POST /api/v1/batches`: the same registration, streamed, as CSV, NDJSON or JSON.

use std::time::Duration;

use convoke_tests::{Answer, Client, Env, both};
use serde_json::{Value, json};

async fn upload(t: &Client, query: &str, media_type: &str, body: String) -> Answer {
    t.post_empty(&format!("/api/v1/batches?{query}")).body(media_type, body).send().await
}

async fn finished(t: &Client, answer: &Answer) -> Vec<Value> {
    answer.expect(202);
    let id = answer.text_at("/batch/id");
    assert!(answer.header("location").ends_with(id));
    t.completed_batch(id, Duration::from_mins(2)).await;
    t.results(id, "").await
}

both!(
    async fn csv_ndjson_and_json_register_the_same_people(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let query = format!(
            "interview_id={}&merchant_id={}&send_email=false",
            merchant.definition().await,
            merchant.id
        );
        let csv = "\u{feff}external_id,email,ignored,name\r\n1,ann@example.org,x,\"Smith, Ann\"\r\n,bob@example.org,,\r\n3,nobody,,Bad\r\n";
        let ndjson = concat!(
            "{\"name\": \"Smith, Ann\", \"email\": \"ann@example.org\", \"external_id\": \"1\"}\n",
            "{\"email\": \"bob@example.org\"}\n\n",
            "{\"name\": \"Bad\", \"email\": \"nobody\", \"external_id\": \"3\"}"
        );
        let array = json!([
            {"name": "Smith, Ann", "email": "ann@example.org", "external_id": "1"},
            {"email": "bob@example.org", "name": null},
            {"name": "Bad", "email": "nobody", "external_id": "3"}
        ]);
        let mut all = Vec::new();
        for (media_type, body) in [
            ("text/csv", csv.to_owned()),
            ("text/csv; charset=utf-8", csv.to_owned()),
            ("application/x-ndjson", ndjson.to_owned()),
            ("application/json", json!({ "users": array }).to_string()),
        ] {
            let answer = upload(t, &query, media_type, body).await;
            let mut rows = finished(t, &answer).await;
            assert_eq!(rows.len(), 3, "{media_type}");
            assert_eq!((&rows[0]["name"], &rows[1]["name"]), (&json!("Smith, Ann"), &Value::Null));
            assert!(rows[2]["result"].as_str().unwrap().starts_with("Error: email must be one address"));
            for row in &mut rows {
                row.as_object_mut().unwrap().retain(|name, _| !name.starts_with("email_"));
            }
            all.push(rows);
        }
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:?}");
    }
);

both!(
    async fn flags_come_in_the_query(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let base = format!("interview_id={}&merchant_id={}", merchant.definition().await, merchant.id);
        let csv = || "email\nann@example.org\n".to_owned();
        let answer = upload(
            t,
            &format!("{base}&send_email=true&hide_menu=true&hide_iframe=true&is_test=true"),
            "text/csv",
            csv(),
        )
        .await;
        let rows = finished(t, &answer).await;
        assert!(rows[0]["interview_url"].as_str().unwrap().ends_with("&view_hm=true&view_hi=true"));
        assert_eq!(t.wait_for_mails(1).await[0].to, "ann@example.org");
        for wrong in ["send_email=perhaps", "hide_menu=1", "is_test=yes"] {
            upload(t, &format!("{base}&{wrong}"), "text/csv", csv()).await.expect(422);
        }
        upload(t, &format!("merchant_id={}", merchant.id), "text/csv", csv()).await.expect(422);
        let nowhere =
            format!("interview_id=04e09fa5-3fb8-4236-b37d-fca2bcd1cb66&merchant_id={}", merchant.id);
        upload(t, &nowhere, "text/csv", csv()).await.expect(404);
    }
);

both!(
    async fn what_cannot_be_read_is_refused_whole(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let query = format!("interview_id={}&merchant_id={}", merchant.definition().await, merchant.id);
        upload(t, &query, "text/csv", "name,external_id\nAnn,1\n".to_owned()).await.expect(422);
        upload(t, &query, "text/csv", String::new()).await.expect(422);
        upload(t, &query, "text/csv", "email\n".to_owned()).await.expect(422);
        upload(t, &query, "application/json", "{\"users\": [{\"email\": \"a@example.org\"}".to_owned())
            .await
            .expect(400);
        upload(t, &query, "application/pdf", "email\nx@example.org".to_owned()).await.expect(415);
        assert!(
            t.get(&format!("/api/v1/registrations?merchant_id={}", merchant.id))
                .send()
                .await
                .rows("/registrations")
                .is_empty()
        );
    }
);

both!(
    async fn a_line_that_cannot_be_read_harms_no_other(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let query = format!("interview_id={}&merchant_id={}", merchant.definition().await, merchant.id);
        let lines =
            "{\"email\": \"a@example.org\"}\nnonsense\n[]\n{\"email\": \"b@example.org\"}\n{\"email\"";
        let rows = finished(t, &upload(t, &query, "application/x-ndjson", lines.to_owned()).await).await;
        let ok: Vec<bool> = rows.iter().map(|row| row["result"] == "ok").collect();
        assert_eq!(ok, [true, false, false, true, false], "{rows:?}");
    }
);

both!(
    async fn thirty_thousand_rows_stream_in(t: &Env) {
        use std::fmt::Write as _;
        let merchant = t.merchant("Acme").await;
        let query = format!("interview_id={}&merchant_id={}", merchant.definition().await, merchant.id);
        let mut csv = "name,email,external_id\n".to_owned();
        for n in 0..30_000 {
            writeln!(csv, "Candidate {n},many-{n}@example.org,{n}").unwrap();
        }
        let answer = upload(t, &query, "text/csv", csv).await;
        assert_eq!(answer.expect(202)["batch"]["total"], 30_000);
        let rows = finished(t, &answer).await;
        assert_eq!(rows.len(), 30_000);
        assert!(
            rows.iter()
                .enumerate()
                .all(|(n, row)| row["external_id"] == json!(n.to_string()) && row["result"] == "ok")
        );
    }
);
