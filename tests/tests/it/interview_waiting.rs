//! Interviews as operations: not waiting for them, who may look at them, and asking again under the same key.

use std::collections::BTreeSet;

use convoke_tests::{Client, Env, People, both};
use futures_util::future::join_all;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/interviews";
const OWN: &str = "/api/v1/users/interviews";

/// Asks without waiting, and gives the operation's id.
async fn accepted(who: &Client, path: &str, body: &Value) -> String {
    let answer = who.post(path, body).prefer("respond-async").send().await;
    let operation = &answer.expect(202)["operation"];
    let id = operation["id"].as_str().unwrap().to_owned();
    assert!(answer.header("location").ends_with(&format!("/api/v1/operations/{id}")), "{:?}", answer.headers);
    assert_eq!(answer.header("preference-applied"), "respond-async");
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    id
}

both!(
    async fn what_is_not_waited_for_ends_with_the_same_answer(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let body = people.proposal(&people.interviewee().await, &json!({"location": "London"}));
        let made = people.as_staff.ended_operation(&accepted(&people.as_staff, PATH, &body).await).await;
        assert_eq!((&made["kind"], &made["status"]), (&json!("create_interview"), &json!("succeeded")));
        let interview = made["result"]["interview"].clone();
        assert_eq!(made["result"], json!({"interview": people.look(&interview).await}));
        assert_eq!(made["result"].to_string(), json!({ "interview": interview }).to_string());

        let path = format!("{PATH}/{}/accept", interview["id"]);
        let moved = people.as_key.ended_operation(&accepted(&people.as_key, &path, &json!({})).await).await;
        assert_eq!((&moved["status"], &moved["error"]), (&json!("succeeded"), &Value::Null));
        assert_eq!(moved["result"]["interview"], people.look(&interview).await);

        let again = people.as_key.ended_operation(&accepted(&people.as_key, &path, &json!({})).await).await;
        assert_eq!((&again["status"], &again["result"]), (&json!("failed"), &Value::Null));
        let waited = people.as_key.post_empty(&path).send().await;
        for member in ["type", "title", "status", "detail"] {
            assert_eq!(again["error"][member], waited.expect(409)[member], "{again}");
        }
    }
);

both!(
    async fn a_result_stays_as_it_was_when_it_was_answered(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interview = people.interview().await;
        let path = format!("{PATH}/{}", interview["id"]);
        let id = accepted(&people.as_staff, &format!("{path}/accept"), &json!({})).await;
        let accepted = people.as_staff.ended_operation(&id).await;
        people.as_staff.post_empty(&format!("{path}/cancel")).send().await.expect(200);
        assert_eq!(people.as_staff.ended_operation(&id).await, accepted);
        assert_eq!(accepted["result"]["interview"]["status"], "scheduled");
    }
);

both!(
    async fn a_candidate_may_look_at_the_operation_that_it_began_and_at_no_other(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interview = people.interview().await;
        let path = format!("{OWN}/{}/accept", interview["id"]);
        let own = accepted(&people.as_driver, &path, &json!({})).await;
        let ended = people.as_driver.ended_operation(&own).await;
        assert_eq!(ended["result"]["interview"]["status"], "scheduled");
        let path = format!("{PATH}/{}/complete", interview["id"]);
        let others = accepted(&people.as_staff, &path, &json!({})).await;
        let look =
            async |who: &Client, id: &str| who.get(&format!("/api/v1/operations/{id}")).send().await.status;
        assert_eq!(look(&people.as_driver, &others).await, 403);
        assert_eq!(look(&people.as_interviewer, &own).await, 403);
        assert_eq!(look(&people.as_staff, &own).await, 200);
        let elsewhere = People::of(t.merchant("Elsewhere").await).await;
        assert_eq!(look(&elsewhere.as_driver, &own).await, 403);
        assert_eq!(look(&elsewhere.as_staff, &own).await, 404);
    }
);

both!(
    async fn the_same_key_brings_one_interview_and_one_answer(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let body = people.proposal(&people.interviewee().await, &json!({}));
        let post = async |path: &str, body: &Value| {
            people.as_staff.post(path, body).idempotency_key("k").send().await
        };
        let first = post(PATH, &body).await;
        first.expect(200);
        let again = post(&format!("{PATH}/"), &body).await;
        assert_eq!((again.expect(200), again.header("idempotent-replayed")), (&first.json, "true"));
        assert_eq!(again.text, first.text);
        let other = people.proposal(&people.interviewee().await, &json!({}));
        post(PATH, &other).await.expect(422);
        let listed = people.as_staff.get(PATH).send().await;
        assert_eq!(listed.rows("/interviews").len(), 1, "{}", listed.text);

        // A move is replayed as it was answered, though the interview went on.
        let path = format!("{PATH}/{}", first.json["interview"]["id"]);
        let accepted = post(&format!("{path}/accept"), &json!({})).await;
        people.as_staff.post_empty(&format!("{path}/cancel")).send().await.expect(200);
        let again = post(&format!("{path}/accept"), &json!({})).await;
        assert_eq!((again.expect(200), again.header("idempotent-replayed")), (accepted.expect(200), "true"));
    }
);

both!(
    async fn a_refusal_is_replayed_though_the_move_would_be_legal_by_now(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interview = people.interview().await;
        let path = format!("{PATH}/{}/complete", interview["id"]);
        let complete = async || people.as_staff.post_empty(&path).idempotency_key("k").send().await;
        let refused = complete().await;
        refused.expect(409);
        let accept = format!("{OWN}/{}/accept", interview["id"]);
        people.as_driver.post_empty(&accept).send().await.expect(200);
        let again = complete().await;
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.expect(409)["detail"], refused.json["detail"]);
        people.as_staff.post_empty(&path).idempotency_key("another").send().await.expect(200);
    }
);

both!(
    async fn a_key_is_not_shared_by_the_two_sides_of_an_interview(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interview = people.interview().await;
        let (start, end) = people.hour();
        let body = json!({"interview": {"amend_start_at": start, "amend_end_at": end}});
        for (who, base, side) in
            [(&people.as_driver, OWN, "interviewee"), (&people.as_staff, PATH, "interviewer")]
        {
            let path = format!("{base}/{}/amend", interview["id"]);
            let answer = who.post(&path, &body).idempotency_key("k").send().await;
            assert_eq!(answer.expect(200)["interview"]["amended_by"], side);
            assert_eq!(answer.header("idempotent-replayed"), "");
        }
    }
);

both!(
    async fn a_trailing_slash_changes_nothing(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interview = people.interview().await;
        let (staff, driver) = (&people.as_staff, &people.as_driver);
        let at = format!("{PATH}/{}/", interview["id"]);
        assert_eq!(staff.get(&at).send().await.expect(200)["interview"], interview);
        assert_eq!(
            staff.get("/api/v1/interviews/?limit=1").send().await.rows("/interviews"),
            std::slice::from_ref(&interview)
        );
        let own = format!("{OWN}/{}/", interview["id"]);
        assert_eq!(driver.get(&own).send().await.expect(200)["interview"], interview);
        assert_eq!(driver.get(&format!("{OWN}/")).send().await.rows("/interviews").len(), 1);
        driver.post_empty(&format!("{own}accept/")).send().await.expect(200);
        staff.post_empty(&format!("{at}no_show/")).send().await.expect(200);
    }
);

both!(
    async fn fifty_twins_make_one_interview_and_get_one_answer(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let body = people.proposal(&people.interviewee().await, &json!({}));
        let twin = || people.as_staff.post(PATH, &body).idempotency_key("twin").prefer("wait=60").send();
        let answers = join_all((0..50).map(|_| twin())).await;
        let texts: BTreeSet<&str> = answers
            .iter()
            .map(|answer| {
                answer.expect(200);
                answer.text.as_str()
            })
            .collect();
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert_eq!(
            answers.iter().filter(|answer| answer.header("idempotent-replayed") == "true").count(),
            49
        );
        let listed = people.as_staff.get(PATH).send().await;
        assert_eq!(listed.rows("/interviews").len(), 1, "{}", listed.text);
    }
);

both!(
    async fn whoever_has_an_interview_as_it_stands_is_not_sent_it_again(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interview = people.interview().await;
        for (who, base) in [(&people.as_staff, PATH), (&people.as_driver, OWN)] {
            let path = format!("{base}/{}", interview["id"]);
            let first = who.get(&path).send().await;
            first.expect(200);
            let etag = first.header("etag").to_owned();
            let again = who.get(&path).header("if-none-match", &etag).send().await;
            again.expect(304);
            assert_eq!((again.text.as_str(), again.header("etag")), ("", etag.as_str()));
            let (start, end) = people.hour();
            let body = json!({"interview": {"amend_start_at": start, "amend_end_at": end}});
            who.post(&format!("{path}/amend"), &body).send().await.expect(200);
            who.get(&path).header("if-none-match", &etag).send().await.expect(200);
        }
    }
);
