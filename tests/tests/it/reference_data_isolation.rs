//! People of one merchant are nobody to another: by id, in bodies, in lists, under a key, by address.

use convoke_tests::{Answer, Client, Env, Merchant, People, both};
use serde_json::{Value, json};

const USERS: &str = "/api/v1/users";
const INTERVIEWEES: &str = "/api/v1/interviewees";

/// A 404 without what tells one request from another.
#[track_caller]
fn said(answer: &Answer) -> Value {
    let mut problem = answer.expect(404).clone();
    problem.as_object_mut().unwrap().retain(|name, _| name != "request_id" && name != "instance");
    problem
}

/// Somebody who is interviewed by a merchant: the user and the interviewee.
async fn somebody(merchant: &Merchant, email: &str) -> (Value, Value) {
    let user = merchant.user(&json!({"title": "Cindy Kuvalis", "email": email})).await;
    let interviewee = merchant.interviewee(&user, &json!({})).await;
    (user, interviewee)
}

/// All who might look: an admin's and a staff member's key, and their users' tokens.
async fn lookers(merchant: &Merchant) -> Vec<Client> {
    let mut clients = vec![merchant.client("admin").await, merchant.client("staff").await];
    for role in ["admin", "staff"] {
        clients.push(merchant.signed_in(&merchant.user(&json!({ "role": role })).await));
    }
    clients
}

both!(
    async fn another_merchants_people_are_absent_by_id(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let (user, interviewee) = somebody(&theirs, "cindy@example.org").await;
        for who in lookers(&ours).await {
            for (path, one, singular) in [(USERS, &user, "user"), (INTERVIEWEES, &interviewee, "interviewee")]
            {
                let (there, absent) = (format!("{path}/{}", one["id"]), format!("{path}/999999"));
                assert_eq!(said(&who.get(&there).send().await), said(&who.get(&absent).send().await));
                for change in [json!({}), json!({"title": "Ours", "kind": "rejected", "role": "candidate"})] {
                    let body = json!({ singular: change });
                    let (there, absent) =
                        (who.patch(&there, &body).send().await, who.patch(&absent, &body).send().await);
                    assert_eq!(said(&there), said(&absent), "{singular}");
                }
                let named = json!({ singular: {"merchant_id": theirs.id} });
                who.patch(&there, &named).send().await.expect(403);
                who.get(&format!("{there}?merchant_id={}", theirs.id)).send().await.expect(403);
            }
        }
        let staff = theirs.client("staff").await;
        let found = staff.get(&format!("{USERS}/{}", user["id"])).send().await;
        assert_eq!(found.expect(200)["user"], user, "nothing of it was changed");
        let found = staff.get(&format!("{INTERVIEWEES}/{}", interviewee["id"])).send().await;
        assert_eq!(found.expect(200)["interviewee"], interviewee);
    }
);

both!(
    async fn another_merchants_user_is_nobody_to_interview(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let (user, _) = somebody(&theirs, "cindy@example.org").await;
        let (_, own) = somebody(&ours, "lyle@example.org").await;
        for who in lookers(&ours).await {
            let post = async |id: Value| {
                let body = json!({"interviewee": {"user_id": id}});
                who.post(INTERVIEWEES, &body).send().await.expect(422)["errors"].clone()
            };
            assert_eq!(post(user["id"].clone()).await, post(json!(999_999)).await);
            let patch = async |id: Value| {
                let body = json!({"interviewee": {"user_id": id}});
                let path = format!("{INTERVIEWEES}/{}", own["id"]);
                who.patch(&path, &body).send().await.expect(422)["errors"].clone()
            };
            assert_eq!(patch(user["id"].clone()).await, patch(json!(999_999)).await);
            assert_eq!(patch(json!(999_999)).await[0]["pointer"], "/interviewee/user_id");
        }
    }
);

both!(
    async fn lists_hold_ones_own_whatever_is_asked_for(t: &Env) {
        let (ours, theirs) =
            (People::of(t.merchant("Ours").await).await, People::of(t.merchant("Theirs").await).await);
        let (user, interviewee) = somebody(&theirs.merchant, "cindy@example.org").await;
        let interview = theirs.interview_with(&json!({"interviewee_id": interviewee["id"]})).await;
        let own = ours.interview().await;
        let list = async |path: &str, plural: &str, query: &str| {
            let page = ours.as_key.get(&format!("{path}?limit=1000{query}")).send().await;
            page.expect(200);
            page.rows(&format!("/{plural}")).to_vec()
        };
        let interviews = "/api/v1/interviews";
        for (path, plural, count) in
            [(USERS, "users", 3), (INTERVIEWEES, "interviewees", 1), (interviews, "interviews", 1)]
        {
            let found = list(path, plural, "").await;
            assert_eq!(found.len(), count, "{found:?}");
            assert!(!found.iter().any(|one| one["merchant_id"] == json!(theirs.merchant.id)), "{found:?}");
        }
        assert_eq!(list(interviews, "interviews", "").await, [own]);
        for (path, plural, query) in [
            (USERS, "users", "&email=cindy@example.org".to_owned()),
            (USERS, "users", format!("&subject={}", user["subject"].as_str().unwrap())),
            (INTERVIEWEES, "interviewees", format!("&user_id={}", user["id"])),
            (interviews, "interviews", format!("&interviewee_id={}", interviewee["id"])),
            (interviews, "interviews", format!("&interviewer_id={}", interview["interviewer_id"])),
            (USERS, "users", format!("&cursor={}", ours.interviewer["id"])),
        ] {
            assert_eq!(list(path, plural, &query).await, [] as [Value; 0], "{path}{query}");
        }
        for path in [USERS, INTERVIEWEES] {
            ours.as_key.get(&format!("{path}?merchant_id={}", theirs.merchant.id)).send().await.expect(403);
            t.get(path).send().await.expect(422);
        }
        let mails = ours.as_key.get("/api/v1/messages").send().await;
        assert!(mails.rows("/messages").is_empty(), "{}", mails.text);
    }
);

both!(
    async fn the_service_names_whose_people_it_means(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let (user, interviewee) = somebody(&theirs, "cindy@example.org").await;
        for (path, one, singular) in [(USERS, &user, "user"), (INTERVIEWEES, &interviewee, "interviewee")] {
            let at = format!("{path}/{}", one["id"]);
            t.get(&at).send().await.expect(422);
            t.get(&format!("{at}?merchant_id={}", theirs.id)).send().await.expect(200);
            t.get(&format!("{at}?merchant_id={}", ours.id)).send().await.expect(404);
            t.patch(&at, &json!({ singular: {} })).send().await.expect(422);
            t.patch(&at, &json!({ singular: {"merchant_id": ours.id} })).send().await.expect(404);
            t.patch(&at, &json!({ singular: {"merchant_id": theirs.id} })).send().await.expect(200);
            t.post(path, &json!({ singular: {"title": "x", "user_id": 1} })).send().await.expect(422);
        }
    }
);

both!(
    async fn an_idempotency_key_is_its_merchants_own(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let (as_ours, as_theirs) = (ours.client("admin").await, theirs.client("admin").await);
        let post = async |who: &Client, path: &str, body: &Value| {
            who.post(path, body).idempotency_key("k").send().await
        };
        let body = json!({"user": {"title": "Cindy Kuvalis", "email": "cindy@example.org"}});
        let (one, other) = (post(&as_ours, USERS, &body).await, post(&as_theirs, USERS, &body).await);
        assert_eq!(other.header("idempotent-replayed"), "");
        assert_eq!(one.expect(201)["user"]["merchant_id"], json!(ours.id));
        assert_eq!(other.expect(201)["user"]["merchant_id"], json!(theirs.id));

        // The same body names our interviewee: theirs is told that there is none, not what we were told.
        let user = one.json["user"]["id"].clone();
        let body = json!({"interviewee": {"user_id": user}});
        let interviewee = post(&as_ours, INTERVIEWEES, &body).await;
        interviewee.expect(201);
        post(&as_theirs, INTERVIEWEES, &body).await.expect(422);
        let body = json!({"interview": {
            "interviewee_id": interviewee.json["interviewee"]["id"], "interviewer_id": user, "kind": "phone_call",
            "start_at": "2030-01-01T10:00:00Z", "end_at": "2030-01-01T11:00:00Z",
        }});
        let interview = post(&as_ours, "/api/v1/interviews", &body).await;
        interview.expect(200);
        post(&as_theirs, "/api/v1/interviews", &body).await.expect(422);
        let path = format!("/api/v1/interviews/{}/accept", interview.json["interview"]["id"]);
        post(&as_ours, &path, &json!({})).await.expect(200);
        post(&as_theirs, &path, &json!({})).await.expect(404);
    }
);

both!(
    async fn whom_one_merchant_erases_another_still_knows(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let (user, _) = somebody(&theirs, "cindy@example.org").await;
        let token = theirs.signed_in(&user);
        let admin = ours.client("admin").await;
        let path = "/api/v1/people?email=cindy@example.org";
        let export = admin.get(path).send().await;
        let person = &export.expect(200)["person"];
        assert!(person["users"].as_array().unwrap().is_empty(), "{person}");
        assert!(person["interviewees"].as_array().unwrap().is_empty(), "{person}");
        admin.delete(path).send().await.expect(200);
        admin.delete(&format!("{path}&merchant_id={}", theirs.id)).send().await.expect(403);
        let staff = theirs.client("staff").await;
        let found = staff.get(&format!("{USERS}/{}", user["id"])).send().await;
        assert_eq!(found.expect(200)["user"], user);
        token.get("/api/v1/users/interviews").send().await.expect(200);
    }
);

both!(
    async fn a_subject_is_one_user_in_the_whole_house(t: &Env) {
        let (ours, theirs) = (t.merchant("Ours").await, t.merchant("Theirs").await);
        let theirs_user = theirs.user(&json!({"subject": "the-same"})).await;
        let staff = ours.client("staff").await;
        let taken = json!({"user": {"title": "Eve", "subject": "the-same"}});
        staff.post(USERS, &taken).send().await.expect(409);
        let own = ours.user(&json!({})).await;
        let path = format!("{USERS}/{}", own["id"]);
        staff.patch(&path, &json!({"user": {"subject": "the-same"}})).send().await.expect(409);
        let by_id = json!({"user": {"subject": theirs_user["id"].to_string()}});
        staff.patch(&path, &by_id).send().await.expect(200);
        // Whoever bears the token is still their user, and nobody else's.
        let who = theirs.signed_in(&theirs_user);
        who.get("/api/v1/users/interviews").send().await.expect(200);
        assert_eq!(staff.get(&path).send().await.expect(200)["user"]["merchant_id"], json!(ours.id));
        // An id that somebody is called by already is passed over, and nobody is refused for it.
        let next = own["id"].as_i64().unwrap() + 1;
        for ahead in [next, next + 1] {
            let body = json!({"user": {"title": "Squatter", "subject": ahead.to_string()}});
            staff.post(USERS, &body).send().await;
        }
        let user = theirs.user(&json!({})).await;
        assert_eq!(user["subject"], user["id"].to_string());
    }
);
