//! One candidate invited to an automated interview, and the invitation taken back.

use convoke_tests::client::Credential;
use convoke_tests::merchant::merge;
use convoke_tests::{Answer, Client, Env, Merchant, both};
use serde_json::{Value, json};

const INVITE: &str = "/automated-interviews/invite";
const REVOKE: &str = "/automated-interviews/invite/revoke";

/// A merchant, its definition, and a client of its staff.
struct House {
    merchant: Merchant,
    definition: Value,
    staff: Client,
}

impl House {
    async fn of(t: &Env) -> Self {
        let merchant = t.merchant("Xobin & Co").await;
        let definition = merchant.definition_with(&json!({"name": "Forklift drivers"})).await;
        let staff = merchant.client("staff").await;
        Self { merchant, definition, staff }
    }

    fn body(&self, email: &str, members: &Value) -> Value {
        let mut body = json!({
            "candidate_name": "Lyle Rath", "candidate_email": email, "interview_id": self.definition["id"],
        });
        merge(&mut body, members);
        body
    }

    async fn invite(&self, email: &str, kind: &str) -> Answer {
        self.staff.post(INVITE, &self.body(email, &json!({ "invite_type": kind }))).send().await
    }

    async fn revoke(&self, id: &Value, members: &Value) -> Answer {
        let mut body = json!({ "response_id": id });
        merge(&mut body, members);
        self.staff.patch(REVOKE, &body).send().await
    }
}

fn pointers(answer: &Answer) -> Vec<&str> {
    answer.expect(422);
    answer.rows("/errors").iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

fn link(answer: &Answer) -> String {
    answer.expect(200);
    answer.text_at("/invite_link").to_owned()
}

both!(
    async fn getlink_sends_nothing_and_sendlink_mails_the_same_link(t: &Env) {
        let house = House::of(t).await;
        let got = link(&house.invite("quiet@example.org", "getlink").await);
        assert_eq!(house.merchant.registration_of("quiet@example.org").await["email_status"], "none");
        let sent = link(&house.invite("loud@example.org", "sendlink").await);
        assert_ne!(got, sent);
        let mails = t.wait_for_mails(1).await;
        assert_eq!((mails[0].to.as_str(), mails[0].link()), ("loud@example.org", sent));
        t.anonymous().get(&got).send().await.expect(200);
    }
);

both!(
    async fn a_later_sendlink_mails_the_link_that_was_got_once(t: &Env) {
        let house = House::of(t).await;
        let first = house.invite("lyle@example.org", "getlink").await;
        let got = link(&first);
        for kind in ["getlink", "sendlink", "sendlink", "getlink"] {
            let again = house.invite("Lyle@Example.ORG", kind).await;
            assert_eq!(link(&again), got, "{kind}");
            assert_eq!(again.json["interview_reponse_id"], first.json["interview_reponse_id"]);
        }
        let another = link(&house.invite("after@example.org", "sendlink").await);
        let mails = t.wait_for_mails(2).await;
        let mut links: Vec<String> = mails.iter().map(convoke_tests::mailbox::Mail::link).collect();
        let mut expected = vec![got, another];
        links.sort();
        expected.sort();
        assert_eq!(links, expected);
    }
);

both!(
    async fn the_field_has_two_names_that_must_not_contradict(t: &Env) {
        let house = House::of(t).await;
        let post = async |members: Value| {
            house.staff.post(INVITE, &house.body("lyle@example.org", &members)).send().await
        };
        for fine in [
            json!({"invite_type": "getlink"}),
            json!({"invite_format": "getlink"}),
            json!({"invite_type": "getlink", "invite_format": "getlink"}),
            json!({"invite_type": "getlink", "invite_format": null}),
            json!({"invite_type": null, "invite_format": "getlink"}),
        ] {
            post(fine).await.expect(200);
        }
        assert_eq!(house.merchant.registration_of("lyle@example.org").await["email_status"], "none");
        for (members, pointer) in [
            (json!({"invite_type": "getlink", "invite_format": "sendlink"}), "/invite_format"),
            (json!({"invite_type": "sendlink", "invite_format": "getlink"}), "/invite_format"),
            (json!({}), "/invite_type"),
            (json!({"invite_type": null}), "/invite_type"),
            (json!({"invite_type": "fax"}), "/invite_type"),
            (json!({"invite_type": true}), "/invite_type"),
            (json!({"invite_format": "GETLINK"}), "/invite_format"),
            (json!({"invite_type": "getlink", "invite_format": 7}), "/invite_format"),
        ] {
            assert_eq!(pointers(&post(members.clone()).await), [pointer], "{members}");
        }
    }
);

both!(
    async fn everything_that_is_wrong_with_an_invite_is_told_at_once(t: &Env) {
        let house = House::of(t).await;
        let empty = house.staff.post(INVITE, &json!({})).send().await;
        assert_eq!(pointers(&empty), ["/candidate_email", "/interview_id", "/invite_type"]);
        let wrong = json!({
            "candidate_name": "a\r\nBcc: b@example.org", "candidate_email": "nobody", "interview_id": "17",
            "invite_type": "fax", "merchant_id": 3,
        });
        let wrong = house.staff.post(INVITE, &wrong).send().await;
        let mut told = pointers(&wrong);
        told.sort_unstable();
        assert_eq!(
            told,
            ["/candidate_email", "/candidate_name", "/interview_id", "/invite_type", "/merchant_id"]
        );
        // A candidate without a name is one.
        let nameless =
            house.body("lyle@example.org", &json!({"candidate_name": null, "invite_type": "getlink"}));
        assert_eq!(house.staff.post(INVITE, &nameless).send().await.expect(200)["name"], Value::Null);
    }
);

both!(
    async fn after_its_use_the_next_invite_brings_a_new_link(t: &Env) {
        let house = House::of(t).await;
        let first = house.invite("lyle@example.org", "sendlink").await;
        let used = link(&first);
        assert_eq!(t.wait_for_mails(1).await[0].link(), used);
        t.anonymous().post_empty(&used).send().await.expect(200);
        let second = house.invite("lyle@example.org", "sendlink").await;
        let fresh = link(&second);
        assert_ne!(fresh, used);
        assert_eq!(second.json["status"], "Pending");
        assert_eq!(second.json["interview_reponse_id"], first.json["interview_reponse_id"]);
        assert_eq!(t.wait_for_mails(2).await[1].link(), fresh);
        t.anonymous().get(&used).send().await.expect(410);
        t.anonymous().get(&fresh).send().await.expect(200);
    }
);

both!(
    async fn nobody_is_invited_to_what_is_not_open(t: &Env) {
        let house = House::of(t).await;
        let elsewhere = t.merchant("Elsewhere").await.definition_with(&json!({})).await;
        for (status, expected) in [("draft", 422), ("archived", 422), ("active", 200)] {
            let definition = house.merchant.definition_with(&json!({ "status": status })).await;
            let members = json!({"interview_id": definition["id"], "invite_type": "getlink"});
            let body = house.body("lyle@example.org", &members);
            let answer = house.staff.post(INVITE, &body).send().await;
            answer.expect(expected);
            if expected == 422 {
                assert_eq!(pointers(&answer), ["/interview_id"]);
            }
        }
        let post = async |id: &Value| {
            let body = house.body("lyle@example.org", &json!({"interview_id": id, "invite_type": "getlink"}));
            let mut problem = house.staff.post(INVITE, &body).send().await.expect(404).clone();
            problem.as_object_mut().unwrap().remove("request_id");
            problem
        };
        assert_eq!(post(&json!(999_999)).await, post(&elsewhere["id"]).await, "another merchant's is absent");
    }
);

both!(
    async fn an_invitation_is_taken_back_once(t: &Env) {
        let house = House::of(t).await;
        let invited = house.invite("lyle@example.org", "getlink").await;
        let (url, id) = (link(&invited), invited.json["interview_reponse_id"].clone());
        let revoked = house.revoke(&id, &json!({})).await;
        assert_eq!(revoked.expect(200), &json!({"status": "REVOKED"}));
        t.anonymous().get(&url).send().await.expect(410);
        t.anonymous().post_empty(&url).send().await.expect(410);
        for _ in 0..2 {
            let again = house.revoke(&id, &json!({"notify_candidate": true})).await;
            assert_eq!(again.expect(200), &json!({"status": "ALREADY_REVOKED"}));
        }
        let fresh = link(&house.invite("lyle@example.org", "sendlink").await);
        assert_ne!(fresh, url);
        t.anonymous().get(&fresh).send().await.expect(200);
        assert_eq!(t.wait_for_mails(1).await[0].link(), fresh, "nobody was told of the revocation");
    }
);

both!(
    async fn what_was_begun_is_not_taken_back(t: &Env) {
        let house = House::of(t).await;
        let used = house.invite("used@example.org", "getlink").await;
        t.anonymous().post_empty(&link(&used)).send().await.expect(200);
        let redeemed = house.invite("redeemed@example.org", "getlink").await;
        let url = link(&redeemed);
        let token = url.split("interview_token=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
        let body = json!({ "interview_token": token });
        house.staff.post("/api/v1/tokens/redeem", &body).send().await.expect(200);
        for invited in [&used, &redeemed] {
            let id = &invited.json["interview_reponse_id"];
            let kept = house.revoke(id, &json!({"notify_candidate": true})).await;
            assert_eq!(kept.expect(200), &json!({"status": "NOT_ALLOWED"}));
            house.merchant.act(id, "complete").await.expect(200);
            let kept = house.revoke(id, &json!({})).await;
            assert_eq!(kept.expect(200), &json!({"status": "NOT_ALLOWED"}));
        }
        house.invite("after@example.org", "sendlink").await.expect(200);
        assert_eq!(t.wait_for_mails(1).await[0].to, "after@example.org", "nobody was told anything");
    }
);

both!(
    async fn the_candidate_is_told_of_the_withdrawal_without_a_link(t: &Env) {
        let house = House::of(t).await;
        let invited = house.invite("lyle@example.org", "sendlink").await;
        t.wait_for_mails(1).await;
        let id = &invited.json["interview_reponse_id"];
        let revoked = house.revoke(id, &json!({"notify_candidate": true})).await;
        assert_eq!(revoked.expect(200), &json!({"status": "REVOKED"}));
        let mail = t.wait_for_mails(2).await.remove(1);
        assert_eq!(mail.to, "lyle@example.org");
        for part in [&mail.text, &mail.html] {
            assert!(!part.contains("interview_token") && !part.contains("/interview/take/"), "{part}");
        }
        assert!(mail.text.contains("Lyle Rath") && mail.text.contains("Forklift drivers"), "{}", mail.text);
        assert!(mail.html.contains("Xobin &amp; Co"), "{}", mail.html);
    }
);

both!(
    async fn an_invitation_that_is_not_ones_own_is_absent(t: &Env) {
        let (ours, theirs) = (House::of(t).await, House::of(t).await);
        let invited = theirs.invite("lyle@example.org", "getlink").await;
        let said = async |id: Value| {
            let mut problem = ours.revoke(&id, &json!({})).await.expect(404).clone();
            problem.as_object_mut().unwrap().remove("request_id");
            problem
        };
        assert_eq!(said(invited.json["interview_reponse_id"].clone()).await, said(json!(999_999)).await);
        t.anonymous().get(&link(&invited)).send().await.expect(200);
        for (body, told) in [
            (json!({}), vec!["/response_id"]),
            (json!({"response_id": "7"}), vec!["/response_id"]),
            (json!({"response_id": 0, "notify_candidate": "yes"}), vec!["/response_id", "/notify_candidate"]),
        ] {
            assert_eq!(pointers(&ours.staff.patch(REVOKE, &body).send().await), told);
        }
    }
);

both!(
    async fn a_key_invites_and_revokes_from_each_of_its_headers(t: &Env) {
        let house = House::of(t).await;
        let key = house.merchant.api_key("staff").await["key"].as_str().unwrap().to_owned();
        let credentials = [
            Credential::Header("apiKey", key.clone()),
            Credential::Header("X-API-Key", key.clone()),
            Credential::Bearer(key.clone()),
        ];
        for (number, credential) in credentials.into_iter().enumerate() {
            let client = t.with(credential);
            let body = house.body(&format!("c-{number}@example.org"), &json!({"invite_type": "getlink"}));
            let invited = client.post(INVITE, &body).send().await;
            let body = json!({"response_id": invited.expect(200)["interview_reponse_id"]});
            let revoked = client.patch(&format!("{REVOKE}/"), &body).send().await;
            assert_eq!(revoked.expect(200)["status"], "REVOKED");
        }
        let body = house.body("lyle@example.org", &json!({"invite_type": "getlink"}));
        t.anonymous().post(&format!("{INVITE}?apiKey={key}"), &body).send().await.expect(401);
        t.anonymous().patch(REVOKE, &json!({"response_id": 1})).send().await.expect(401);
        let candidate = house.merchant.signed_in(&house.merchant.user(&json!({})).await);
        for who in [house.merchant.client("operator").await, candidate] {
            who.post(INVITE, &body).send().await.expect(403);
            who.patch(REVOKE, &json!({"response_id": 1})).send().await.expect(403);
        }
        let unnamed = t.post(INVITE, &body).send().await;
        assert_eq!(pointers(&unnamed), ["/merchant_id"], "the service names a merchant");
    }
);

both!(
    async fn an_invite_is_an_operation_and_a_replay(t: &Env) {
        let house = House::of(t).await;
        let body = house.body("lyle@example.org", &json!({"invite_type": "sendlink"}));
        let call = || house.staff.post(INVITE, &body).idempotency_key("k");
        let accepted = call().prefer("respond-async").send().await;
        let id = accepted.expect(202)["operation"]["id"].as_str().unwrap().to_owned();
        let operation = house.staff.ended_operation(&id).await;
        assert_eq!(
            (&operation["kind"], &operation["status"]),
            (&json!("invite_candidate"), &json!("succeeded"))
        );
        let again = call().send().await;
        assert_eq!((again.expect(200), again.header("idempotent-replayed")), (&operation["result"], "true"));
        assert_eq!(t.wait_for_mails(1).await[0].link(), link(&again));
    }
);
