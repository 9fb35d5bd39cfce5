//! Section 7: a link is looked at as often as one likes, and used once.

use std::collections::BTreeMap;
use std::time::Duration;

use convoke_tests::client::REGISTER;
use convoke_tests::merchant::users;
use convoke_tests::{Answer, Convoke, Env, Stack, both, until};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

fn token(url: &str) -> &str {
    url.split("interview_token=").nth(1).and_then(|rest| rest.split('&').next()).unwrap()
}

#[track_caller]
fn unindexed_and_unshared(page: &Answer) {
    assert_eq!(page.header("referrer-policy"), "no-referrer", "{}", page.request);
    assert_eq!(page.header("cache-control"), "no-store", "{}", page.request);
    assert_eq!(page.media_type(), "text/html", "{}", page.request);
}

both!(
    async fn looking_never_consumes_and_posting_does_once(t: &Env) {
        let merchant = t.merchant("Acme & Söhne").await;
        let definition = merchant.definition().await;
        let made = merchant.register(&definition, &users("a", 1)).await;
        let url = made.text_at("/0/interview_url");
        let guest = t.anonymous();
        for _ in 0..5 {
            let page = guest.get(url).send().await;
            page.expect(200);
            unindexed_and_unshared(&page);
            assert!(
                page.text.contains("Acme &amp; Söhne") && page.text.contains("Rust engineer"),
                "{}",
                page.text
            );
            assert!(
                page.text.contains("<form") && page.text.contains("method=\"post\""),
                "it works without JavaScript"
            );
            let head = guest.call(Method::HEAD, url).send().await;
            head.expect(200);
            assert!(head.text.is_empty());
        }
        assert_eq!(merchant.registration_of("a-0@example.org").await["invitation_status"], "pending");
        let begun = guest.post_empty(url).send().await;
        assert!([200, 303].contains(&begun.status), "{} {}", begun.status, begun.text);
        assert_eq!(merchant.registration_of("a-0@example.org").await["invitation_status"], "started");
        for again in [guest.post_empty(url).send().await, guest.get(url).send().await] {
            again.expect(410);
            unindexed_and_unshared(&again);
            assert!(again.text.contains("Acme &amp; Söhne"), "it says whom to ask: {}", again.text);
        }
    }
);

both!(
    async fn the_pages_own_form_consumes_and_leads_to_the_launch_url(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition =
            merchant.definition_with(&json!({"launch_url": "https://run.example/start?room=7"})).await;
        let made = merchant.register(definition["interview_id"].as_str().unwrap(), &users("a", 1)).await;
        let url = made.text_at("/0/interview_url");
        let posted = t
            .anonymous()
            .post_empty(url)
            .body("application/x-www-form-urlencoded", "next=//evil.example")
            .send()
            .await;
        posted.expect(303);
        let location = posted.header("location");
        let session = location.strip_prefix("https://run.example/start?room=7&session=");
        let session = session.unwrap_or_else(|| panic!("Location: {location}"));
        assert_eq!(session.split('.').count(), 3, "a JWT: {session}");
        assert_eq!(posted.header("cache-control"), "no-store");
        assert_eq!(posted.header("referrer-policy"), "no-referrer");
    }
);

both!(
    async fn of_fifty_racing_posts_one_wins(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let made = merchant.register(&merchant.definition().await, &users("a", 20)).await;
        made.expect(200);
        for row in made.rows("") {
            let url = row["interview_url"].as_str().unwrap();
            let answers = join_all((0..50).map(|_| t.anonymous().post_empty(url).send())).await;
            let mut count = BTreeMap::new();
            for answer in answers {
                *count.entry(answer.status).or_insert(0) += 1;
            }
            assert_eq!(count.get(&410), Some(&49), "{count:?}");
        }
    }
);

both!(
    async fn a_trailing_slash_more_or_less_and_foreign_parameters_change_nothing(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let made = merchant.register(&merchant.definition().await, &users("a", 1)).await;
        let url = made.text_at("/0/interview_url");
        t.anonymous().get(&url.replace("/?", "?")).send().await.expect(200);
        t.anonymous().get(&format!("{url}&utm_source=mail&view_hm=false")).send().await.expect(200);
    }
);

both!(
    async fn used_expired_revoked_forged_and_unknown_are_gone(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let brief = merchant.definition_with(&json!({"link_ttl_seconds": 1})).await;
        let made = merchant.register(&definition, &users("a", 3)).await;
        let url = |n: usize| made.rows("")[n]["interview_url"].as_str().unwrap().to_owned();
        t.anonymous().post_empty(&url(0)).send().await;
        let id = merchant.registration_of("a-1@example.org").await["id"].clone();
        merchant.act(&id, "revoke").await.expect(200);
        let late = merchant.register(brief["interview_id"].as_str().unwrap(), &users("late", 1)).await;
        let late = late.text_at("/0/interview_url").to_owned();
        until("the link expires", Duration::from_secs(20), async || {
            (t.anonymous().get(&late).send().await.status == 410).then_some(())
        })
        .await;
        let mut texts = Vec::new();
        for (kind, url) in [("used", url(0)), ("revoked", url(1)), ("expired", late)] {
            let page = t.anonymous().get(&url).send().await;
            page.expect(410);
            unindexed_and_unshared(&page);
            assert!(!page.text.contains("<form"), "{kind}: there is nothing to begin");
            t.anonymous().post_empty(&url).send().await.expect(410);
            texts.push(page.text);
        }
        assert!(
            texts[0] != texts[1] && texts[1] != texts[2] && texts[0] != texts[2],
            "each says what happened"
        );

        let good = url(2);
        let flipped = {
            let last = if good.ends_with('A') { 'B' } else { 'A' };
            format!("{}{last}", &good[..good.len() - 1])
        };
        let base = good.split("interview_token=").next().unwrap().to_owned();
        let forged = [
            "",
            "x",
            "AAAA",
            &"A".repeat(80),
            &"é".repeat(10),
            &"A".repeat(5_000),
            "%00",
            "../../etc/passwd",
        ];
        let urls = forged
            .iter()
            .map(|token| format!("{base}interview_token={token}"))
            .chain([flipped, base.clone()]);
        for url in urls {
            let page = t.anonymous().get(&url).send().await;
            page.expect(410);
            unindexed_and_unshared(&page);
            t.anonymous().post_empty(&url).send().await.expect(410);
        }
        let elsewhere = good.replace(&definition, "04e09fa5-3fb8-4236-b37d-fca2bcd1cb66");
        t.anonymous().get(&elsewhere).send().await.expect(410);
        t.anonymous().get(&good).send().await.expect(200);
    }
);

both!(
    async fn programs_inspect_without_consuming_and_redeem_once(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let flags = json!({"hide_menu": true, "is_test": true});
        let made = merchant.register_with(&merchant.definition().await, &users("a", 2), &flags).await;
        let interview_token = token(made.text_at("/0/interview_url"));
        let body = json!({"interview_token": interview_token});
        let staff = merchant.client("staff").await;
        for _ in 0..3 {
            staff.post("/api/v1/tokens/inspect", &body).send().await.expect(200);
        }
        let redeemed = staff.post("/api/v1/tokens/redeem", &body).send().await;
        redeemed.expect(200);
        assert_eq!(redeemed.json["registration"]["email"], "a-0@example.org", "{}", redeemed.text);
        assert!(redeemed.text.contains("Rust engineer"), "the definition is there: {}", redeemed.text);
        for path in ["redeem", "inspect"] {
            let gone = staff.post(&format!("/api/v1/tokens/{path}"), &body).send().await;
            gone.expect(410);
            assert_eq!(gone.media_type(), "application/problem+json");
            let forged = json!({"interview_token": "A".repeat(60)});
            staff.post(&format!("/api/v1/tokens/{path}"), &forged).send().await.expect(410);
            staff.post(&format!("/api/v1/tokens/{path}"), &json!({})).send().await.expect(422);
            t.anonymous().post(&format!("/api/v1/tokens/{path}"), &body).send().await.expect(401);
        }
        t.anonymous().get(made.text_at("/0/interview_url")).send().await.expect(410);

        let other = t.merchant("Other").await.client("staff").await;
        let second = json!({"interview_token": token(made.text_at("/1/interview_url"))});
        let foreign = other.post("/api/v1/tokens/redeem", &second).send().await;
        assert!([404, 410].contains(&foreign.status), "{}", foreign.text);
        staff.post("/api/v1/tokens/redeem", &second).send().await.expect(200);
    }
);

both!(
    async fn of_fifty_racing_redemptions_one_wins(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let made = merchant.register(&merchant.definition().await, &users("a", 10)).await;
        for row in made.rows("") {
            let url = row["interview_url"].as_str().unwrap();
            let body = json!({"interview_token": token(url)});
            let redeem = join_all((0..25).map(|_| t.post("/api/v1/tokens/redeem", &body).send()));
            let open = join_all((0..25).map(|_| t.anonymous().post_empty(url).send()));
            let (redeemed, opened) = tokio::join!(redeem, open);
            let winners = redeemed.iter().chain(&opened).filter(|answer| answer.status < 400).count();
            assert_eq!(winners, 1);
        }
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_key_was_dropped_registering_again_gives_a_link_that_opens() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start().await;
    let merchant = t.merchant("Acme").await;
    let definition = merchant.definition().await;
    let list = users("key", 2);
    let before = merchant.register(&definition, &list).await;
    drop(t);
    let t = Convoke::on(&stack).set("CONVOKE_TOKEN_KEYS", &format!("2:{}", "cd".repeat(32))).start().await;
    let body = merchant.registration(&definition, &list, &json!({}));
    let after = t.post(REGISTER, &body).prefer("wait=60").send().await;
    for (old, new) in before.rows("").iter().zip(after.rows("")) {
        assert_eq!(new["result"], "ok");
        let (old, new) = (old["interview_url"].as_str().unwrap(), new["interview_url"].as_str().unwrap());
        assert_ne!(old, new);
        let path = &new[new.find("/interview/").unwrap()..];
        t.anonymous().get(path).send().await.expect(200);
    }
}
