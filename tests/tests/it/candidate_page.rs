//! The candidate's page in a browser: on a phone, on a desk, and with scripts switched off.

use std::path::PathBuf;

use convoke_tests::Convoke;
use convoke_tests::browser::{self, Browser, DESK, PHONE};
use convoke_tests::merchant::Merchant;
use serde_json::json;

/// Where pictures are kept for people to look at: `CONVOKE_SCREENSHOTS`, else a folder that goes with the test.
fn pictures(t: &Convoke) -> PathBuf {
    let folder = std::env::var_os("CONVOKE_SCREENSHOTS").map_or_else(|| t.folder().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Whether there is a browser; where there is none, says that the test was skipped.
fn browser_is_here() -> bool {
    let found = browser::find().is_some();
    if !found {
        println!("skipped: no Chromium here");
    }
    found
}

/// A merchant with a look of its own, and a link for Peter Parker.
async fn invited(t: &Convoke) -> (Merchant, String) {
    let merchant = t.merchant("Acme Talent").await;
    let look = json!({"merchant": {"colour": "#0b6e4f", "reply_to": "jobs@acme.example"}});
    t.patch(&format!("/api/v1/merchants/{}", merchant.id), &look).send().await.expect(200);
    let rows = [json!({"name": "Peter Parker", "email": "peter@example.org"})];
    let made = merchant.register(&merchant.definition().await, &rows).await;
    let url = made.text_at("/0/interview_url").to_owned();
    (merchant, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_fits_a_phone_and_a_desk_and_says_who_invites_whom_to_what() {
    if !browser_is_here() {
        return;
    }
    let t = Convoke::embedded().start().await;
    let (merchant, url) = invited(&t).await;
    for (screen, name) in [(PHONE, "link-phone.png"), (DESK, "link-desk.png")] {
        let mut page = Browser::start(screen, true).await;
        page.open(&url).await;
        let html = page.html().await;
        for expected in ["Acme Talent", "Rust engineer", "Peter Parker", "0b6e4f"] {
            assert!(html.contains(expected), "{expected} is missing: {html}");
        }
        let (width, _) = page.page_size().await;
        assert!(width <= f64::from(screen.width), "{name}: it scrolls sideways: {width}");
        let [left, top, wide, high] = page.place_of("button").await;
        assert!(
            high >= 44.0 && wide >= 44.0,
            "{name}: a thumb needs 44 pixels, the button has {wide} × {high}"
        );
        assert!(left >= 0.0 && left + wide <= f64::from(screen.width), "{name}: the button is on the screen");
        assert!(top + high <= f64::from(screen.height), "{name}: the button is seen without scrolling");
        page.screenshot(&pictures(&t).join(name)).await;
    }
    let state = merchant.registration_of("peter@example.org").await["invitation_status"].clone();
    assert_eq!(state, "pending", "looking consumes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_button_works_without_scripts_and_once() {
    if !browser_is_here() {
        return;
    }
    let t = Convoke::embedded().start().await;
    let (merchant, url) = invited(&t).await;
    let mut page = Browser::start(PHONE, false).await;
    page.open(&url).await;
    page.click("button").await;
    let state = merchant.registration_of("peter@example.org").await["invitation_status"].clone();
    assert_eq!(state, "started");
    assert!(!page.html().await.contains("<form"), "there is no second button");
    page.screenshot(&pictures(&t).join("link-begun-phone.png")).await;

    page.open(&url).await;
    let html = page.html().await;
    assert!(html.contains("jobs@acme.example"), "it says whom to ask: {html}");
    page.screenshot(&pictures(&t).join("link-used-phone.png")).await;
    let unknown = format!("{}interview_token=AAAA", url.split("interview_token=").next().unwrap());
    page.open(&unknown).await;
    assert!(page.page_size().await.0 <= f64::from(PHONE.width));
    page.screenshot(&pictures(&t).join("link-unknown-phone.png")).await;
}
