//! `convoke register FILE`: a bulk registration from a terminal, made to be run again.

use std::path::Path;
use std::process::Output;

use convoke_tests::convoke::SERVICE_KEY;
use convoke_tests::merchant::Merchant;
use convoke_tests::program::{self, Settings};
use convoke_tests::{Convoke, Env, both};
use serde_json::json;

async fn register(t: &Convoke, merchant: &Merchant, file: &str, interview: &str, more: &[&str]) -> Output {
    let common = [
        "register",
        file,
        "--url",
        t.base(),
        "--key",
        SERVICE_KEY,
        "--merchant",
        &merchant.id,
        "--interview",
        interview,
    ];
    program::run(t.folder(), &Settings::new(), &[&common, more].concat()).await
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn csv_rows(path: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path).unwrap();
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

both!(
    async fn a_file_of_any_form_is_registered(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let interview = merchant.definition().await;
        let people = json!([{"name": "Ann", "email": "ann@example.org", "external_id": "1"}, {"email": "bob@example.org"}]);
        let csv = "external_id,name,email\n1,Ann,ann@example.org\n,,bob@example.org\n".to_owned();
        let ndjson = "{\"name\":\"Ann\",\"email\":\"ann@example.org\",\"external_id\":\"1\"}\n{\"email\":\"bob@example.org\"}\n".to_owned();
        let mut outs = Vec::new();
        for (name, text) in
            [("p.csv", csv), ("p.ndjson", ndjson), ("p.json", json!({"users": people}).to_string())]
        {
            std::fs::write(t.folder().join(name), text).unwrap();
            let result = format!("{name}.out.csv");
            let done = register(t, &merchant, name, &interview, &["--out", &result]).await;
            assert_eq!(done.status.code(), Some(0), "{name}: {}", said(&done));
            outs.push(csv_rows(&t.folder().join(result)));
        }
        assert_eq!(outs[0][0], ["name", "email", "external_id", "result", "interview_url"]);
        assert_eq!(outs[0][1][..4], ["Ann", "ann@example.org", "1", "ok"]);
        assert!(outs[0][1][4].contains("interview_token="));
        assert!(outs.windows(2).all(|pair| pair[0] == pair[1]), "{outs:?}");
    }
);

both!(
    async fn failed_rows_are_kept_aside_and_the_exit_code_says_so(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let interview = merchant.definition().await;
        std::fs::write(
            t.folder().join("p.csv"),
            "name,email,external_id,note\nAnn,ann@example.org,1,a\nBob,nobody,2,\"b, c\"\n",
        )
        .unwrap();
        let some =
            register(t, &merchant, "p.csv", &interview, &["--out", "out.csv", "--failed-out", "failed.csv"])
                .await;
        assert_eq!(some.status.code(), Some(3), "{}", said(&some));
        let rows = csv_rows(&t.folder().join("out.csv"));
        assert!(rows[2][3].starts_with("Error: email must be one address"), "{rows:?}");
        let failed = csv_rows(&t.folder().join("failed.csv"));
        assert_eq!(failed.len(), 2, "{failed:?}");
        assert!(
            failed[1].contains(&"nobody".to_owned()) && failed[1].contains(&"2".to_owned()),
            "{failed:?}"
        );
        // The failed rows, mended, are ready to send again.
        let mended = std::fs::read_to_string(t.folder().join("failed.csv"))
            .unwrap()
            .replace("nobody", "bob@example.org");
        std::fs::write(t.folder().join("mended.csv"), mended).unwrap();
        let all = register(t, &merchant, "mended.csv", &interview, &[]).await;
        assert_eq!(all.status.code(), Some(0), "{}", said(&all));
    }
);

both!(
    async fn running_it_again_sends_nothing_twice(t: &Env) {
        let merchant = t.merchant("Acme").await;
        let interview = merchant.definition().await;
        let rows: Vec<String> = (0..1_200).map(|n| format!("C {n},c-{n}@example.org")).collect();
        std::fs::write(t.folder().join("p.csv"), format!("name,email\n{}\n", rows.join("\n"))).unwrap();
        let mut outs = Vec::new();
        for n in 0..2 {
            let result = format!("out-{n}.csv");
            let done = register(t, &merchant, "p.csv", &interview, &["--send-email", "--out", &result]).await;
            assert_eq!(done.status.code(), Some(0), "{}", said(&done));
            outs.push(csv_rows(&t.folder().join(result)));
            t.wait_for_mails(1_200).await;
        }
        assert_eq!(outs[0], outs[1]);
        assert_eq!(outs[0].len(), 1_201);
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_said_and_exits_with_one() {
    let t = Convoke::embedded().start().await;
    let merchant = t.merchant("Acme").await;
    let interview = merchant.definition().await;
    std::fs::write(t.folder().join("p.csv"), "name,email\nAnn,ann@example.org\n").unwrap();
    std::fs::write(t.folder().join("no-email.csv"), "name\nAnn\n").unwrap();
    for (file, interview, told) in [
        ("absent.csv", &*interview, "absent.csv"),
        ("no-email.csv", &*interview, "email"),
        ("p.csv", "04e09fa5-3fb8-4236-b37d-fca2bcd1cb66", "interview"),
    ] {
        let failed = register(&t, &merchant, file, interview, &[]).await;
        assert_eq!(failed.status.code(), Some(1), "{file}: {}", said(&failed));
        assert!(said(&failed).contains(told), "{file}: {}", said(&failed));
        assert!(!said(&failed).contains("panicked"));
    }
    let args = [
        "register",
        "p.csv",
        "--url",
        t.base(),
        "--key",
        "cvk_wrong",
        "--merchant",
        &merchant.id,
        "--interview",
        &interview,
    ];
    let refused = program::run(t.folder(), &Settings::new(), &args).await;
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let args = [
        "register",
        "p.csv",
        "--url",
        "http://127.0.0.1:9",
        "--key",
        SERVICE_KEY,
        "--merchant",
        &merchant.id,
        "--interview",
        &interview,
    ];
    let unreachable = program::run(t.folder(), &Settings::new(), &args).await;
    assert_eq!(unreachable.status.code(), Some(1), "{}", said(&unreachable));
    assert!(!said(&unreachable).contains(SERVICE_KEY));
}
