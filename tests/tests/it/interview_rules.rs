//! What a new interview may say, and who may see which: values, filters, pages, and roles.

use convoke_tests::people::{act, act_as_driver};
use convoke_tests::{Answer, Client, Env, Merchant, People, both};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/interviews";
const OWN: &str = "/api/v1/users/interviews";

/// The pointers of a 422, sorted.
#[track_caller]
fn pointers(answer: &Answer) -> Vec<&str> {
    answer.expect(422);
    let mut found: Vec<&str> =
        answer.rows("/errors").iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    found.sort_unstable();
    found
}

/// A problem without what tells one request from another.
#[track_caller]
fn said(answer: &Answer) -> Value {
    let mut problem = answer.expect(404).clone();
    problem.as_object_mut().unwrap().retain(|name, _| name != "request_id" && name != "instance");
    problem
}

/// The ids of a list.
#[track_caller]
fn ids(answer: &Answer) -> Vec<i64> {
    answer.expect(200);
    answer.rows("/interviews").iter().map(|interview| interview["id"].as_i64().unwrap()).collect()
}

fn id(interview: &Value) -> i64 {
    interview["id"].as_i64().unwrap()
}

both!(
    async fn everything_that_is_wrong_is_told_at_once(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let post = async |interview: Value| {
            people.as_staff.post(PATH, &json!({ "interview": interview })).send().await
        };
        let required = ["end_at", "interviewee_id", "interviewer_id", "kind", "start_at"]
            .map(|name| format!("/interview/{name}"));
        assert_eq!(pointers(&post(json!({})).await), required, "nothing is there");
        let nulls = json!({
            "interviewee_id": null, "interviewer_id": null, "kind": null, "start_at": null, "end_at": null,
            "location": null,
        });
        assert_eq!(pointers(&post(nulls).await), required, "null is as good as absent");
        let wrong = json!({
            "interviewee_id": "1", "interviewer_id": 1.5, "kind": "seance", "start_at": "tomorrow",
            "end_at": 1_737_551_573, "location": ["London"],
        });
        let all = ["end_at", "interviewee_id", "interviewer_id", "kind", "location", "start_at"]
            .map(|name| format!("/interview/{name}"));
        assert_eq!(pointers(&post(wrong).await), all);
        let strangers = json!({
            "interviewee_id": 999_999, "interviewer_id": 0, "kind": "in_person", "location": "javascript:alert(1)",
            "start_at": "2030-01-01T10:00:00Z", "end_at": "2030-01-01T09:00:00Z", "merchant_id": "mine",
        });
        let found = post(strangers).await;
        for pointer in [
            "/interview/interviewer_id",
            "/interview/location",
            "/interview/merchant_id",
            "/interview/end_at",
        ] {
            assert!(pointers(&found).contains(&pointer), "{pointer}: {}", found.text);
        }
        for body in
            [json!({}), json!({"interview": null}), json!({"interview": []}), json!({"interview": "x"})]
        {
            assert_eq!(pointers(&people.as_staff.post(PATH, &body).send().await), ["/interview"]);
        }
        assert_eq!(ids(&people.as_staff.get(PATH).send().await), [0; 0], "nothing of it was stored");
    }
);

both!(
    async fn an_interview_ends_after_it_starts(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interviewee = people.interviewee().await;
        for (start, end) in [
            ("2030-01-01T10:00:00Z", "2030-01-01T10:00:00Z"),
            ("2030-01-01T10:00:00Z", "2030-01-01T09:59:59Z"),
            ("2030-01-01T10:00:00Z", "2030-01-01T10:30:00+01:00"),
        ] {
            let body = people.proposal(&interviewee, &json!({"start_at": start, "end_at": end}));
            assert_eq!(pointers(&people.as_staff.post(PATH, &body).send().await), ["/interview/end_at"]);
        }
        let interview = people.interview().await;
        let path = format!("{OWN}/{}/amend", id(&interview));
        for (times, expected) in [
            (
                json!({"amend_start_at": "2030-01-01T10:00:00Z", "amend_end_at": "2030-01-01T10:00:00Z"}),
                vec!["/interview/amend_end_at"],
            ),
            (json!({"amend_start_at": null}), vec!["/interview/amend_end_at", "/interview/amend_start_at"]),
            (
                json!({"amend_start_at": 7, "amend_end_at": "soon"}),
                vec!["/interview/amend_end_at", "/interview/amend_start_at"],
            ),
        ] {
            let answer = people.as_driver.post(&path, &json!({ "interview": times })).send().await;
            assert_eq!(pointers(&answer), expected);
        }
        assert_eq!(pointers(&people.as_driver.post_empty(&path).send().await), ["/interview"]);
        assert_eq!(people.look(&interview).await, interview);
    }
);

both!(
    async fn a_place_is_words_or_an_https_url_without_credentials(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interviewee = people.interviewee().await;
        for location in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "http://zoom.com/j/1",
            "ftp://example.org/room",
            "file:///etc/passwd",
            "https://user:password@zoom.com/j/1",
            "https://user@zoom.com/j/1",
            "https://",
            "London\r\nBcc: all@example.org",
            "java\tscript:alert(1)",
        ] {
            let body = people.proposal(&interviewee, &json!({ "location": location }));
            let answer = people.as_staff.post(PATH, &body).send().await;
            assert_eq!(pointers(&answer), ["/interview/location"], "{location:?}");
        }
        for location in [
            "https://zoom.com/j/1?pwd=a%3Ab#x",
            "London",
            "Room 4: second floor",
            "10:30 gate",
            "İstanbul, Türkiye",
        ] {
            let made = people.interview_with(&json!({ "location": location })).await;
            assert_eq!(made["location"], location);
        }
        for location in [json!(null), json!(""), json!("  ")] {
            let made = people.interview_with(&json!({ "location": location })).await;
            assert_eq!(made["location"], Value::Null);
        }
    }
);

both!(
    async fn any_offset_is_taken_and_told_as_utc_in_the_past_too(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        for (start, end, told) in [
            ("2001-09-09T03:46:40+02:00", "2001-09-09T04:46:40+02:00", "2001-09-09T01:46:40.000Z"),
            ("2030-06-01T00:30:00-09:30", "2030-06-01T11:00:00Z", "2030-06-01T10:00:00.000Z"),
            ("2030-06-02T10:00:00.123456Z", "2030-06-02T11:00:00+00:00", "2030-06-02T10:00:00.123Z"),
            ("2024-02-29t10:00:00z", "2024-02-29t10:00:01z", "2024-02-29T10:00:00.000Z"),
        ] {
            let made = people.interview_with(&json!({"start_at": start, "end_at": end})).await;
            assert_eq!(made["start_at"], told);
            act(&people.as_staff, &made, "accept").await.expect(200);
        }
        let interviewee = people.interviewee().await;
        for wrong in
            ["2030-06-01T10:00:00", "2030-06-01", "2030-02-30T10:00:00Z", "2030-06-01T25:00:00Z", "", "now"]
        {
            let body = people.proposal(&interviewee, &json!({ "start_at": wrong }));
            let answer = people.as_staff.post(PATH, &body).send().await;
            assert_eq!(pointers(&answer), ["/interview/start_at"], "{wrong:?}");
        }
    }
);

both!(
    async fn people_of_another_merchant_are_no_ones_to_interview(t: &Env) {
        let ours = People::of(t.merchant("Ours").await).await;
        let theirs = People::of(t.merchant("Theirs").await).await;
        let (ours_e, theirs_e) = (ours.interviewee().await, theirs.interviewee().await);
        let absent = ours.proposal(&json!({"id": 999_999}), &json!({"interviewer_id": 999_998}));
        let absent = ours.as_staff.post(PATH, &absent).send().await;
        let foreign = ours.proposal(&theirs_e, &json!({"interviewer_id": theirs.interviewer["id"]}));
        let foreign = ours.as_staff.post(PATH, &foreign).send().await;
        assert_eq!(pointers(&foreign), ["/interview/interviewee_id", "/interview/interviewer_id"]);
        assert_eq!(foreign.json["errors"], absent.json["errors"], "theirs is told like nobody's");
        // A user's id is no interviewee's, though both are numbers.
        let mixed = ours.proposal(&ours_e, &json!({"interviewer_id": theirs.interviewer["id"]}));
        assert_eq!(pointers(&ours.as_staff.post(PATH, &mixed).send().await), ["/interview/interviewer_id"]);
    }
);

/// Five interviews: two accepted, one of them with another interviewer, one cancelled.
async fn several(people: &People) -> Vec<Value> {
    let other = people.merchant.user(&json!({"title": "Somebody else"})).await;
    let mut made = Vec::new();
    for number in 1..=5 {
        let interviewer = if number == 4 { &other } else { &people.interviewer };
        let day = |hour: u32| format!("2030-03-{:02}T{hour:02}:00:00Z", 20 - number);
        let times = json!({"interviewer_id": interviewer["id"], "start_at": day(10), "end_at": day(11)});
        made.push(people.interview_with(&times).await);
    }
    act(&people.as_staff, &made[1], "accept").await.expect(200);
    act(&people.as_staff, &made[3], "accept").await.expect(200);
    act_as_driver(&people.as_driver, &made[2], "cancel").await.expect(200);
    made
}

both!(
    async fn lists_are_newest_first_paged_and_filtered(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let made = several(&people).await;
        let numbers: Vec<i64> = made.iter().map(id).collect();
        let newest_first: Vec<i64> = numbers.iter().rev().copied().collect();
        for (who, path) in [(&people.as_staff, PATH), (&people.as_key, PATH), (&people.as_driver, OWN)] {
            let all = who.get(path).send().await;
            assert_eq!(ids(&all), newest_first, "{path}");
            assert_eq!(all.json["next_cursor"], Value::Null);
            assert_eq!(all.rows("/interviews")[4], people.look(&made[0]).await, "as one of them is shown");
            let mut paged = Vec::new();
            let mut cursor = String::new();
            loop {
                let page = who.get(&format!("{path}?limit=2{cursor}")).send().await;
                let found = ids(&page);
                assert!(found.len() <= 2 && !found.is_empty(), "{}", page.text);
                paged.extend(found);
                let Some(next) = page.json["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(paged, newest_first);
            let at = |positions: &[usize]| positions.iter().map(|at| numbers[*at]).collect::<Vec<_>>();
            for (query, expected) in [
                ("status=scheduled".to_owned(), at(&[3, 1])),
                ("status=cancelled".to_owned(), at(&[2])),
                ("status=no_show".to_owned(), at(&[])),
                ("from=2030-03-18T10:00:00Z".to_owned(), at(&[1, 0])),
                ("to=2030-03-18T10:00:00Z".to_owned(), at(&[4, 3, 2])),
                ("from=2030-03-17T12:00:00%2B02:00&to=2030-03-18T10:00:01Z".to_owned(), at(&[2, 1])),
                (format!("interviewee_id={}", made[2]["interviewee_id"]), at(&[2])),
                (format!("interviewer_id={}", made[3]["interviewer_id"]), at(&[3])),
                (format!("interviewer_id={}&status=scheduled", made[1]["interviewer_id"]), at(&[1])),
                ("interviewer_id=999999".to_owned(), at(&[])),
                ("unknown=1".to_owned(), newest_first.clone()),
            ] {
                assert_eq!(
                    ids(&who.get(&format!("{path}?{query}")).send().await),
                    expected,
                    "{path}?{query}"
                );
            }
            let all = who
                .get(&format!("{path}?status=lost&from=monday&interviewee_id=x&limit=0&cursor=y"))
                .send()
                .await;
            all.expect(422);
            assert_eq!(
                pointers(&all),
                ["?cursor", "?from", "?interviewee_id", "?limit", "?status"],
                "all at once"
            );
            for wrong in [
                "status=lost",
                "status=",
                "from=monday",
                "to=2030",
                "interviewee_id=x",
                "interviewer_id=1.5",
                "limit=0",
                "limit=1001",
                "cursor=x",
            ] {
                let answer = who.get(&format!("{path}?{wrong}")).send().await;
                let (name, _) = wrong.split_once('=').unwrap();
                assert_eq!(pointers(&answer), [format!("?{name}")], "{path}?{wrong}");
            }
        }
    }
);

both!(
    async fn users_see_their_own_interviews_and_nobody_elses(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let mine = people.interview().await;
        let colleague = people.merchant.user(&json!({"title": "Another driver"})).await;
        let interviewee = people.merchant.interviewee(&colleague, &json!({})).await;
        let theirs = people.interview_with(&json!({"interviewee_id": interviewee["id"]})).await;
        let as_colleague = people.merchant.signed_in(&colleague);
        assert_eq!(ids(&people.as_driver.get(OWN).send().await), [id(&mine)]);
        assert_eq!(ids(&as_colleague.get(OWN).send().await), [id(&theirs)]);
        assert_eq!(ids(&people.as_interviewer.get(OWN).send().await), [0; 0], "own, as an interviewee");
        let own = people.as_driver.get(&format!("{OWN}/{}", id(&mine))).send().await;
        assert_eq!(own.expect(200)["interview"], mine);
        let absent = said(&people.as_driver.get(&format!("{OWN}/999999")).send().await);
        for at in [id(&theirs).to_string(), "x".to_owned(), "-1".to_owned(), "9".repeat(30)] {
            assert_eq!(said(&people.as_driver.get(&format!("{OWN}/{at}")).send().await), absent, "{at}");
        }
        let filtered = format!("{OWN}?interviewee_id={}", interviewee["id"]);
        assert_eq!(ids(&people.as_driver.get(&filtered).send().await), [0; 0]);
    }
);

both!(
    async fn another_merchants_interview_is_as_if_absent(t: &Env) {
        let theirs = People::of(t.merchant("Theirs").await).await;
        let ours = People::of(t.merchant("Ours").await).await;
        let interview = theirs.interview().await;
        for who in [&ours.as_staff, &ours.as_key, &ours.merchant.client("admin").await] {
            let (there, absent) = (format!("{PATH}/{}", id(&interview)), format!("{PATH}/999999"));
            assert_eq!(said(&who.get(&there).send().await), said(&who.get(&absent).send().await));
            for verb in ["accept", "reject", "cancel", "complete", "no_show"] {
                let post = async |at: &str| said(&who.post_empty(&format!("{at}/{verb}")).send().await);
                assert_eq!(post(&there).await, post(&absent).await, "{verb}");
            }
            assert_eq!(ids(&who.get(PATH).send().await), [0; 0]);
            who.get(&format!("{PATH}?merchant_id={}", theirs.merchant.id)).send().await.expect(403);
            let beside = who.get(&format!("{there}?merchant_id={}", theirs.merchant.id)).send().await;
            beside.expect(403);
        }
        act_as_driver(&ours.as_driver, &interview, "cancel").await.expect(404);
        // Nobody's candidate is told anything, present or absent.
        act(&ours.as_driver, &interview, "cancel").await.expect(403);
        act(&ours.as_driver, &json!({"id": 999_999}), "cancel").await.expect(403);
        assert_eq!(theirs.look(&interview).await, interview);
    }
);

/// What each role is answered for reading the list, one, and proposing another.
async fn roles(people: &People, who: &Client, interview: &Value, body: &Value) -> [u16; 4] {
    let one = format!("{PATH}/{}", id(interview));
    [
        who.get(PATH).send().await.status,
        who.get(&one).send().await.status,
        who.post(PATH, body).send().await.status,
        who.post_empty(&format!("{PATH}/{}/cancel", id(&people.interview().await))).send().await.status,
    ]
}

both!(
    async fn each_role_does_what_it_is_for(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interview = people.interview().await;
        let admin = people.merchant.user(&json!({"title": "Ada", "role": "admin"})).await;
        for (who, expected) in [
            (people.merchant.client("admin").await, [200; 4]),
            (people.merchant.client("staff").await, [200; 4]),
            (people.merchant.client("operator").await, [403; 4]),
            (people.merchant.signed_in(&admin), [200; 4]),
            (people.as_driver.clone(), [403; 4]),
            (people.as_interviewer.clone(), [403, 403, 403, 200]),
            (people.as_staff.anonymous(), [401; 4]),
        ] {
            let body = people.proposal(&people.interviewee().await, &json!({}));
            assert_eq!(roles(&people, &who, &interview, &body).await, expected);
        }
        let service: &Client = t;
        for who in [service, &people.as_key, &people.merchant.client("operator").await] {
            who.get(OWN).send().await.expect(403);
            who.get(&format!("{OWN}/{}", id(&interview))).send().await.expect(403);
        }
        people.as_driver.anonymous().get(OWN).send().await.expect(401);
    }
);

async fn sub_merchant(t: &Env, parent: &Merchant) -> Merchant {
    let sub = t.merchant("Sub").await;
    let body = json!({"merchant": {"parent_id": parent.id}});
    t.patch(&format!("/api/v1/merchants/{}", sub.id), &body).send().await.expect(200);
    sub
}

both!(
    async fn the_service_names_the_merchant_and_a_parents_admin_may(t: &Env) {
        let parent = t.merchant("Parent").await;
        let people = People::of(sub_merchant(t, &parent).await).await;
        let sub = &people.merchant.id;
        let body = async |members: Value| people.proposal(&people.interviewee().await, &members);
        let named = json!({ "merchant_id": sub });

        assert_eq!(pointers(&t.post(PATH, &body(json!({})).await).send().await), ["/interview/merchant_id"]);
        assert_eq!(pointers(&t.get(PATH).send().await), ["?merchant_id"]);
        let made = t.post(PATH, &body(named.clone()).await).send().await;
        let made = made.expect(200)["interview"].clone();
        assert_eq!(ids(&t.get(&format!("{PATH}?merchant_id={sub}")).send().await), [id(&made)]);
        assert_eq!(t.get(&format!("{PATH}/{}", id(&made))).send().await.expect(200)["interview"], made);
        act(t, &made, "accept").await.expect(200);
        let nowhere = json!({"merchant_id": "0192f0c1-2345-7abc-8def-0123456789ab"});
        t.post(PATH, &body(nowhere).await).send().await.expect(404);

        let (admin, staff) = (parent.client("admin").await, parent.client("staff").await);
        admin.post(PATH, &body(named.clone()).await).send().await.expect(200);
        assert_eq!(ids(&admin.get(&format!("{PATH}?merchant_id={sub}")).send().await).len(), 2);
        assert_eq!(ids(&admin.get(PATH).send().await), [0; 0], "its own are none");
        act(&admin, &made, "complete").await.expect(200);
        staff.post(PATH, &body(named.clone()).await).send().await.expect(403);
        staff.get(&format!("{PATH}/{}", id(&made))).send().await.expect(404);

        let upwards = json!({ "merchant_id": parent.id });
        people.merchant.client("admin").await.post(PATH, &body(upwards).await).send().await.expect(403);
        people.as_key.post(PATH, &body(named).await).send().await.expect(200);
    }
);
