//! Section 5's rules for one user: a bad row says why, and harms no other.

use convoke_tests::answer::keys_of_each;
use convoke_tests::{Env, both};
use serde_json::{Value, json};

fn error(row: &Value) -> &str {
    let result = row["result"].as_str().unwrap();
    assert!(result.starts_with("Error: "), "no error: {row}");
    assert!(row.get("interview_url").is_none(), "a bad row has no interview_url: {row}");
    result
}

both!(
    async fn a_bad_address_is_its_own_rows_error(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long = format!("a@{}example.org", "label.".repeat(60));
        let cases = [
            (json!(null), "email is missing"),
            (json!(""), "email is missing"),
            (json!("  "), "email is missing"),
            (json!("plain"), "email must be one address of the form name@example.org"),
            (json!("a@b@example.org"), "email must be one address of the form name@example.org"),
            (json!("a@"), "email must be one address of the form name@example.org"),
            (json!("a@localhost"), "email has no valid domain after the @"),
            (json!("a@[127.0.0.1]"), "email has no valid domain after the @"),
            (json!("a@-x.example"), "email has no valid domain after the @"),
            (json!("a b@example.org"), "email has a character before the @ that addresses cannot have"),
            (json!("x\r\nBcc: all@example.org"), "email has"),
            (json!(long_local), "email is too long"),
            (json!(long), "email"),
        ];
        let mut rows = vec![json!({"name": "absent"})];
        let mut expected = vec![None, Some("email is missing")];
        for (email, why) in &cases {
            rows.push(json!({"name": "good neighbour", "email": format!("good-{}@example.org", rows.len())}));
            rows.push(json!({"name": "bad", "email": email, "external_id": "x"}));
            expected.extend([None, Some(*why)]);
        }
        rows.insert(0, json!({"email": "first@example.org"}));
        let answer = merchant.register(&definition, &rows).await;
        answer.expect(200);
        assert_eq!(answer.rows("").len(), rows.len());
        for ((row, why), sent) in answer.rows("").iter().zip(expected).zip(&rows) {
            match why {
                Some(why) => assert!(error(row).starts_with(&format!("Error: {why}")), "{sent} gave {row}"),
                None => assert_eq!(row["result"], "ok", "{sent} gave {row}"),
            }
            assert_eq!(row["name"], sent["name"], "the order of the answer is the request's");
        }
        let keys = keys_of_each(&answer.text);
        assert_eq!(keys[1], ["name", "email", "external_id", "result"]);
    }
);

both!(
    async fn a_name_that_could_forge_a_mail_header_is_refused_and_harms_no_other(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let hostile = [
            "Eve\r\nBcc: all@example.org",
            "nul\0",
            "bare\rreturn",
            "new\nline",
            "\u{202e}gnp.exe",
            "\u{2066}x\u{2069}",
        ];
        let mut rows: Vec<Value> = Vec::new();
        for (n, text) in hostile.iter().enumerate() {
            rows.push(json!({"name": text, "email": format!("name-{n}@example.org")}));
            rows.push(json!({"name": "good", "email": format!("good-{n}@example.org")}));
            rows.push(json!({"name": "x", "email": format!("id-{n}@example.org"), "external_id": text}));
        }
        rows.push(json!({"name": "n".repeat(5_000), "email": "long@example.org"}));
        let answer = merchant.register_with(&definition, &rows, &json!({"send_email": true})).await;
        answer.expect(200);
        for (n, row) in answer.rows("").iter().enumerate() {
            match n % 3 {
                0 => assert!(error(row).contains("name"), "{row}"),
                1 => assert_eq!(row["result"], "ok"),
                _ => assert!(error(row).contains("external_id"), "{row}"),
            }
        }
        let mails = t.wait_for_mails(hostile.len()).await;
        assert!(mails.iter().all(|mail| mail.to.starts_with("good-")), "{mails:?}");
    }
);

both!(
    async fn ordinary_names_of_any_script_pass_and_markup_stays_text(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let names = [
            "Jürgen O'Neill",
            "山田 太郎",
            "<img src=x onerror=alert(1)>",
            "{{7*7}} {% raw %}",
            "https://evil.example",
            "=SUM(A1)",
        ];
        let row = |(n, name): (usize, &&str)| json!({"name": name, "email": format!("n-{n}@example.org")});
        let rows: Vec<Value> = names.iter().enumerate().map(row).collect();
        let answer = merchant.register_with(&definition, &rows, &json!({"send_email": true})).await;
        answer.expect(200);
        for (row, name) in answer.rows("").iter().zip(names) {
            assert_eq!((&row["result"], &row["name"]), (&json!("ok"), &json!(name)));
            let page = t.anonymous().get(row["interview_url"].as_str().unwrap()).send().await;
            page.expect(200);
            assert!(!page.text.contains("<img src=x"), "{}", page.text);
            assert!(!page.text.contains("href=\"https://evil"), "{}", page.text);
        }
        for mail in t.wait_for_mails(names.len()).await {
            assert!(
                !mail.html.contains("<img src=x") && !mail.html.contains("href=\"https://evil"),
                "{}",
                mail.html
            );
            let is_template = mail.to.starts_with("n-3@");
            assert!(
                !is_template || mail.text.contains("{{7*7}} {% raw %}"),
                "a name is no template: {}",
                mail.text
            );
        }
    }
);

both!(
    async fn a_row_of_the_wrong_shape_is_that_rows_error(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let rows = [
            json!({"email": "first@example.org"}),
            json!({"email": 7}),
            json!({"email": "typed@example.org", "name": 7}),
            json!({"email": "typed2@example.org", "external_id": ["x"]}),
            json!([]),
            json!("ann@example.org"),
            json!(null),
            json!({}),
            json!({"email": "last@example.org", "name": null, "external_id": null}),
        ];
        let answer = merchant.register(&definition, &rows).await;
        answer.expect(200);
        for (n, row) in answer.rows("").iter().enumerate() {
            if n == 0 || n == rows.len() - 1 {
                assert_eq!(row["result"], "ok", "{row}");
            } else {
                error(row);
            }
        }
    }
);

both!(
    async fn all_rows_bad_is_still_an_answer(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let definition = merchant.definition().await;
        let rows: Vec<Value> = (0..60).map(|n| json!({"email": format!("nobody-{n}")})).collect();
        let answer = merchant.register(&definition, &rows).await;
        answer.expect(200);
        assert!(answer.rows("").iter().all(|row| error(row).contains("name@example.org")));
    }
);
