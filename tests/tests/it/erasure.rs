//! A person's export and erasure: everything that is kept is shown, and then it is in no table.

use std::time::Duration;

use convoke_tests::merchant::users;
use convoke_tests::{Convoke, Env, Stack, both, until};
use serde_json::{Value, json};
use shared::config::DatabaseUrl;
use shared::db::Db;
use shared::domain::Secret;
use sqlx::{AssertSqlSafe, Row as _};

const EMAIL: &str = "Cindy.Kuvalis@example.org";
const PHONE: &str = "07871 532936";

/// A person who was registered, invited, met, and is to be met; gives the merchant's id and the interviews'.
async fn known(t: &Env) -> (String, [Value; 3]) {
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    let mut all = users("other", 3);
    all.push(json!({"name": "Cindy Kuvalis", "email": EMAIL, "external_id": "cindy-1793"}));
    let terms = json!({"send_email": true});
    merchant.register_with(&definition, &all, &terms).await.expect(200);

    let create = async |body: Value| {
        t.post("/api/v1/users", &json!({ "user": body }))
            .idempotency_key(&body["title"].to_string())
            .send()
            .await
    };
    let glen =
        create(json!({"merchant_id": merchant.id, "title": "Glen Dibbert", "email": "glen@example.org"}))
            .await;
    let cindy = create(json!({
        "merchant_id": merchant.id, "title": "Cindy Kuvalis", "email": EMAIL, "phone_number": PHONE,
        "subject": "cindy-at-the-identity-provider",
    }))
    .await;
    let (glen, cindy) = (glen.expect(201)["user"]["id"].clone(), cindy.expect(201)["user"]["id"].clone());
    let body = json!({"interviewee": {"merchant_id": merchant.id, "user_id": cindy}});
    let interviewee =
        t.post("/api/v1/interviewees", &body).send().await.expect(201)["interviewee"]["id"].clone();
    let mut interviews = Vec::new();
    for year in [2020, 2040, 2021] {
        let body = json!({"interview": {
            "merchant_id": merchant.id, "interviewee_id": interviewee, "interviewer_id": glen, "kind": "in_person",
            "location": "Cindy's own house", "start_at": format!("{year}-01-01T10:00:00Z"),
            "end_at": format!("{year}-01-01T11:00:00Z"),
        }});
        let proposed = t.post("/api/v1/interviews", &body).send().await;
        interviews.push(proposed.expect(200)["interview"]["id"].clone());
    }
    t.post_empty(&format!("/api/v1/interviews/{}/accept", interviews[0])).send().await.expect(200);
    t.post_empty(&format!("/api/v1/interviews/{}/complete", interviews[0])).send().await.expect(200);
    // Four invitations; of each interview's creation two mails, of the first one's acceptance two.
    t.wait_for_mails(12).await;
    (merchant.id, interviews.try_into().unwrap())
}

fn people(merchant: &str) -> String {
    format!("/api/v1/people?merchant_id={merchant}&email={}", EMAIL.to_uppercase())
}

/// Every text that stands in the database, with its table.
async fn everything(t: &Env) -> Vec<(String, String)> {
    match &t.stack {
        Some(stack) => dump(&DatabaseUrl::Postgres(Secret::new(stack.database_url.clone()))).await,
        None => dump(&DatabaseUrl::Sqlite(t.folder().join("convoke.db"))).await,
    }
}

async fn dump(url: &DatabaseUrl) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    match Db::connect(url, 1, Duration::from_mins(1)).await.unwrap() {
        Db::Postgres(pool) => {
            let tables: Vec<String> =
                sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
                    .fetch_all(&pool)
                    .await
                    .unwrap();
            for table in tables {
                let sql = AssertSqlSafe(format!("SELECT t::text FROM \"{table}\" t"));
                let texts: Vec<String> = sqlx::query_scalar(sql).fetch_all(&pool).await.unwrap();
                rows.extend(texts.into_iter().map(|text| (table.clone(), text)));
            }
        }
        Db::Sqlite { read, .. } => {
            let tables: Vec<String> =
                sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
                    .fetch_all(&read)
                    .await
                    .unwrap();
            for table in tables {
                let sql = AssertSqlSafe(format!("SELECT * FROM \"{table}\""));
                for row in sqlx::query(sql).fetch_all(&read).await.unwrap() {
                    let cells = (0..row.len())
                        .filter_map(|at| row.try_get_unchecked::<Option<String>, _>(at).ok().flatten());
                    rows.push((table.clone(), cells.collect::<Vec<_>>().join(" | ")));
                }
            }
        }
    }
    rows
}

/// The tables in which one of the words stands.
async fn tables_with(t: &Env, words: &[&str]) -> Vec<String> {
    let found = everything(t).await.into_iter().filter(|(_, text)| {
        let text = text.to_lowercase();
        words.iter().any(|word| text.contains(&word.to_lowercase()))
    });
    found.map(|(table, text)| format!("{table}: {text}")).collect()
}

both!(
    async fn an_erased_person_is_in_no_table_and_the_others_are_unharmed(t: &Env) {
        let (merchant, interviews) = known(t).await;
        let words = [EMAIL, "Kuvalis", PHONE, "cindy"];
        assert!(!tables_with(t, &words).await.is_empty(), "the dump shows people");
        let answer = t.delete(&people(&merchant)).send().await;
        let erased = answer.expect(200)["erased"].clone();
        for (what, count) in [("registrations", 1), ("batch_rows", 1), ("users", 1), ("interviews", 3)] {
            assert_eq!(erased[what], count, "{what}: {erased}");
        }
        let left = tables_with(t, &words).await;
        assert!(left.is_empty(), "{}", left.join("\n"));

        // What others need is there, without the person.
        let path = |id: &Value| format!("/api/v1/interviews/{id}?merchant_id={merchant}");
        let past = t.get(&path(&interviews[0])).send().await.expect(200)["interview"].clone();
        assert_eq!(past["status"], "completed");
        assert_eq!(past["interviewee"]["driver"]["title"], "Erased person");
        assert_eq!(
            (&past["location"], &past["interviewee"]["driver"]["phone_number"]),
            (&Value::Null, &Value::Null)
        );
        let future = t.get(&path(&interviews[1])).send().await.expect(200)["interview"].clone();
        assert_eq!(future["status"], "cancelled", "nobody waits for who was erased");
        let open = t.get(&path(&interviews[2])).send().await.expect(200)["interview"].clone();
        assert_eq!(open["status"], "pending", "what is over is not called off");
        let others = t.get(&format!("/api/v1/registrations?merchant_id={merchant}")).send().await;
        assert_eq!(others.rows("/registrations").len(), 3);
        let batches = t.get(&format!("/api/v1/batches?merchant_id={merchant}")).send().await;
        assert_eq!(
            (&batches.rows("/batches")[0]["total"], &batches.rows("/batches")[0]["processed"]),
            (&json!(4), &json!(4))
        );
        // Again: nothing is left to erase, and nothing to show.
        let again = t.delete(&people(&merchant)).send().await.expect(200)["erased"].clone();
        assert!(again.as_object().unwrap().values().all(|count| *count == 0), "{again}");
        let person = t.get(&people(&merchant)).send().await.expect(200)["person"].clone();
        assert_eq!((&person["users"], &person["registrations"]), (&json!([]), &json!([])));
    }
);

both!(
    async fn the_other_side_is_told_that_the_interview_is_off(t: &Env) {
        let (merchant, _) = known(t).await;
        t.delete(&people(&merchant)).send().await.expect(200);
        let mails = until("the interviewer is told", Duration::from_mins(1), async || {
            let told: Vec<_> = t
                .mails()
                .await
                .into_iter()
                .filter(|mail| mail.message_id.starts_with("<interview_cancelled."))
                .collect();
            (!told.is_empty()).then_some(told)
        })
        .await;
        assert_eq!(mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), ["glen@example.org"]);
        assert!(!mails[0].text.contains("Kuvalis"), "{}", mails[0].text);
    }
);

both!(
    async fn an_export_shows_all_that_is_kept(t: &Env) {
        let (merchant, _) = known(t).await;
        let person = t.get(&people(&merchant)).send().await.expect(200)["person"].clone();
        assert_eq!(person["email"], EMAIL.to_lowercase());
        for (what, count) in
            [("users", 1), ("interviewees", 1), ("interviews", 3), ("registrations", 1), ("batch_rows", 1)]
        {
            assert_eq!(person[what].as_array().unwrap().len(), count, "{what}: {person}");
        }
        // An invitation, three creations, one acceptance; the reminders that are still to come.
        let sent = person["messages"].as_array().unwrap().iter().filter(|m| m["status"] == "sent").count();
        assert_eq!(sent, 5, "{}", person["messages"]);
        assert_eq!(person["registrations"][0]["external_id"], "cindy-1793");
    }
);

both!(
    async fn only_admins_export_and_erase_and_only_people_of_their_own(t: &Env) {
        let (merchant, _) = known(t).await;
        let other = t.merchant("Other").await;
        let (foreign, staff) = (other.client("admin").await, other.client("staff").await);
        let path = format!("/api/v1/people?email={EMAIL}");
        staff.get(&path).send().await.expect(403);
        staff.delete(&path).send().await.expect(403);
        foreign.delete(&people(&merchant)).send().await.expect(403);
        let nobody = foreign.delete(&path).send().await.expect(200)["erased"].clone();
        assert!(nobody.as_object().unwrap().values().all(|count| *count == 0), "{nobody}");
        let person = t.get(&people(&merchant)).send().await.expect(200)["person"].clone();
        assert_eq!(person["users"].as_array().unwrap().len(), 1, "untouched");
        for (query, status) in [("", 422), ("email=nobody", 422), ("email=", 422)] {
            foreign.get(&format!("/api/v1/people?{query}")).send().await.expect(status);
        }
        // Who exported and who erased is on record, and not whom.
        t.delete(&people(&merchant)).send().await.expect(200);
        let log = t.get(&format!("/api/v1/audit?merchant_id={merchant}&action=erase_person")).send().await;
        assert_eq!(log.rows("/audit").len(), 1);
        assert_eq!(log.rows("/audit")[0]["actor"], "service");
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_still_waits_to_be_registered_is_not_registered_after_the_erasure() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start_without_worker().await;
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    let mut all = users("other", 2);
    all.push(json!({"name": "Cindy Kuvalis", "email": EMAIL}));
    let body = merchant.registration(&definition, &all, &json!({}));
    let answer = t.post(convoke_tests::client::REGISTER, &body).prefer("respond-async").send().await;
    answer.expect(202);
    t.delete(&people(&merchant.id)).send().await.expect(200);
    let _worker = t.worker("worker");
    let batch = t.completed_batch(answer.text_at("/batch/id"), Duration::from_mins(1)).await;
    assert_eq!((&batch["succeeded"], &batch["failed"]), (&json!(2), &json!(1)));
    let rows = t.results(answer.text_at("/batch/id"), "").await;
    assert_eq!(
        (&rows[2]["result"], &rows[2]["email"]),
        (&json!("Error: the person was erased"), &Value::Null)
    );
}
