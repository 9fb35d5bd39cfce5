//! Section 5's rules for repeats: what is kept, what is minted anew, what is sent again.

use std::time::Duration;

use convoke_tests::merchant::users;
use convoke_tests::{Env, both, until};
use serde_json::{Value, json};

fn url(row: &Value) -> &str {
    row["interview_url"].as_str().unwrap_or_else(|| panic!("no interview_url in {row}"))
}

fn token(row: &Value) -> &str {
    url(row).split("interview_token=").nth(1).and_then(|rest| rest.split('&').next()).unwrap()
}

both!(
    async fn registering_again_gives_the_same_link_and_sends_nothing_again(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let mailed = json!({"send_email": true});
        let user = |email: &str| json!({"name": "Ann", "email": email});
        let first = merchant.register_with(&definition, &[user("ann@example.org")], &mailed).await;
        first.expect(200);
        let again = merchant.register_with(&definition, &[user("Ann@Example.ORG")], &mailed).await;
        again.expect(200);
        assert_eq!(url(&first.rows("")[0]), url(&again.rows("")[0]), "the lower-cased address decides");
        merchant.register_with(&definition, &[user("bob@example.org")], &mailed).await.expect(200);
        let mails = t.wait_for_mails(2).await;
        assert_eq!(mails.iter().filter(|mail| mail.to.eq_ignore_ascii_case("ann@example.org")).count(), 1);
        assert_eq!(
            mails
                .iter()
                .find(|mail| mail.to.starts_with("bob"))
                .unwrap()
                .link()
                .matches("interview_token=")
                .count(),
            1
        );
    }
);

both!(
    async fn a_test_registration_is_another_registration(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let real = merchant.register(&definition, &users("a", 1)).await;
        let test = merchant.register_with(&definition, &users("a", 1), &json!({"is_test": "true"})).await;
        real.expect(200);
        test.expect(200);
        assert_ne!(token(&real.rows("")[0]), token(&test.rows("")[0]));
    }
);

both!(
    async fn one_address_twice_in_a_request_is_one_link_and_one_mail(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let rows = [
            json!({"name": "Ann", "email": "ann@example.org"}),
            json!({"name": "Bob", "email": "bob@example.org"}),
            json!({"name": "Ann again", "email": "ANN@example.org", "external_id": "2"}),
        ];
        let answer = merchant.register_with(&definition, &rows, &json!({"send_email": true})).await;
        answer.expect(200);
        let got = answer.rows("");
        assert!(got.iter().all(|row| row["result"] == "ok"), "{}", answer.text);
        assert_eq!(url(&got[0]), url(&got[2]));
        assert_ne!(url(&got[0]), url(&got[1]));
        // What the request said of each row is what each row says.
        assert_eq!((&got[0]["name"], &got[2]["name"]), (&json!("Ann"), &json!("Ann again")));
        assert_eq!(
            (&got[0]["email"], &got[2]["email"]),
            (&json!("ann@example.org"), &json!("ANN@example.org"))
        );
        t.wait_for_mails(2).await;
    }
);

both!(
    async fn after_use_revocation_or_expiry_a_new_link_is_minted_and_mailed(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let lasting = merchant.definition().await;
        let brief = merchant.definition_with(&json!({"link_ttl_seconds": 1})).await;
        let brief = brief["interview_id"].as_str().unwrap();
        let mailed = json!({"send_email": true});

        let used = merchant.register(&lasting, &users("used", 1)).await;
        used.expect(200);
        t.anonymous().post_empty(url(&used.rows("")[0])).send().await;
        let revoked = merchant.register(&lasting, &users("revoked", 1)).await;
        revoked.expect(200);
        let id = merchant.registration_of("revoked-0@example.org").await["id"].clone();
        merchant.act(&id, "revoke").await.expect(200);
        let expired = merchant.register(brief, &users("expired", 1)).await;
        expired.expect(200);
        until("the link expires", Duration::from_secs(20), async || {
            (merchant.registration_of("expired-0@example.org").await["invitation_status"] == "expired")
                .then_some(())
        })
        .await;

        for (tag, definition, before) in
            [("used", &*lasting, used), ("revoked", &*lasting, revoked), ("expired", brief, expired)]
        {
            let state =
                merchant.registration_of(&format!("{tag}-0@example.org")).await["invitation_status"].clone();
            assert_eq!(state, if tag == "used" { "started" } else { tag });
            let after = merchant.register_with(definition, &users(tag, 1), &mailed).await;
            after.expect(200);
            assert_ne!(token(&before.rows("")[0]), token(&after.rows("")[0]), "{tag}");
            t.anonymous().get(url(&before.rows("")[0])).send().await.expect(410);
        }
        let mails = t.wait_for_mails(3).await;
        for mail in mails.iter().filter(|mail| !mail.to.starts_with("expired")) {
            t.anonymous().get(&mail.link()).send().await.expect(200);
        }
    }
);

both!(
    async fn changed_view_flags_show_in_the_url_and_keep_the_token(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let mut tokens = Vec::new();
        for (flags, tail) in [
            (json!({}), ""),
            (json!({"hide_menu": "true"}), "&view_hm=true"),
            (json!({"hide_iframe": true, "hide_menu": "false"}), "&view_hi=true"),
            (json!({"hide_iframe": "true", "hide_menu": true}), "&view_hm=true&view_hi=true"),
            (json!({"hide_iframe": null, "hide_menu": false}), ""),
        ] {
            let answer = merchant.register_with(&definition, &users("a", 1), &flags).await;
            answer.expect(200);
            let row = &answer.rows("")[0];
            tokens.push(token(row).to_owned());
            assert!(url(row).ends_with(&format!("{}{tail}", token(row))), "{flags} gave {}", url(row));
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "the token stays: {tokens:?}");
    }
);

both!(
    async fn a_changed_name_or_external_id_updates_the_registration(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let row =
            |name: &str, id: &str| [json!({"name": name, "email": "ann@example.org", "external_id": id})];
        merchant.register(&definition, &row("Ann", "1")).await.expect(200);
        let before = merchant.registration_of("ann@example.org").await;
        merchant.register(&definition, &row("Ann Smith", "2")).await.expect(200);
        let after = merchant.registration_of("ann@example.org").await;
        assert_eq!((&after["name"], &after["external_id"]), (&json!("Ann Smith"), &json!("2")));
        assert_eq!(before["id"], after["id"]);
        assert!(after["id"].is_i64(), "registration ids are integers: {after}");
    }
);

both!(
    async fn a_position_registers_for_its_definition(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let position = merchant.position(&definition).await;
        let through = merchant.register(&position, &users("a", 2)).await;
        through.expect(200);
        assert!(
            url(&through.rows("")[0]).contains(&format!("/interview/take/{definition}/")),
            "{}",
            through.text
        );
        assert_eq!(merchant.register(&definition, &users("a", 2)).await.expect(200), &through.json);
    }
);

both!(
    async fn nothing_is_mailed_unless_it_is_asked_for(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        for (tag, send_email) in [
            ("null", json!({"send_email": null})),
            ("no", json!({"send_email": false})),
            ("absent", json!({})),
        ] {
            merchant.register_with(&definition, &users(tag, 1), &send_email).await.expect(200);
            assert_eq!(
                merchant.registration_of(&format!("{tag}-0@example.org")).await["email_status"],
                "none"
            );
        }
        merchant.register_with(&definition, &users("yes", 1), &json!({"send_email": true})).await.expect(200);
        assert_eq!(t.wait_for_mails(1).await[0].to, "yes-0@example.org");
    }
);
