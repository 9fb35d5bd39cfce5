//! What the pages show, hide and escape.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::*;

const HOSTILE: &str = "<img src=x onerror=alert(1)> {{7*7}} \"'";

fn at() -> DateTime<Utc> {
    "2025-02-05T13:12:53Z".parse().unwrap()
}

fn invitation() -> InvitationPage<'static> {
    InvitationPage {
        merchant_name: "Lumen Logistics",
        colour: "#0b7285",
        candidate_name: Some("Jozef Mak"),
        definition_name: "Courier, Bratislava",
        expires_at: at(),
        time_zone: "Europe/Bratislava",
        is_test: false,
        hide_menu: false,
        action: "/interview/take/0b7c/?interview_token=1.7.1.abc&view_hm=true",
        reply_to: None,
    }
}

fn begun() -> BegunPage<'static> {
    BegunPage {
        merchant_name: "Lumen Logistics",
        colour: "#0b7285",
        candidate_name: Some("Jozef Mak"),
        definition_name: "Courier, Bratislava",
        is_test: false,
        hide_menu: false,
        reply_to: None,
    }
}

fn gone(gone: Gone) -> GonePage<'static> {
    GonePage {
        gone,
        merchant_name: Some("Lumen Logistics"),
        colour: Some("#0b7285"),
        definition_name: Some("Courier, Bratislava"),
        time_zone: "Europe/Bratislava",
        hide_menu: false,
        reply_to: None,
    }
}

fn every_page() -> Vec<String> {
    let pages = Pages::new();
    let unknown =
        GonePage { merchant_name: None, colour: None, definition_name: None, ..gone(Gone::Unknown) };
    vec![
        pages.invitation(&invitation()),
        pages.begun(&begun()),
        pages.gone(&gone(Gone::Used { at: at() })),
        pages.gone(&gone(Gone::Expired { at: at() })),
        pages.gone(&gone(Gone::Revoked)),
        pages.gone(&unknown),
    ]
}

#[test]
fn the_page_says_who_invites_whom_to_what_until_when_and_has_one_button() {
    let html = Pages::new().invitation(&invitation());
    for said in [
        "Lumen Logistics invites you",
        "<h1>Courier, Bratislava</h1>",
        "Welcome, Jozef Mak.",
        "Wednesday 5 February 2025, 14:12 (Europe&#x2f;Bratislava)",
        "method=\"post\"",
        "interview_token=1.7.1.abc&amp;view_hm=true",
        "--brand:#0b7285;--on-brand:#ffffff",
    ] {
        assert!(html.contains(said), "{said}\n{html}");
    }
    assert_eq!(html.matches("<button").count(), 1);
    assert!(!html.contains("This is a test."));
    let nameless = Pages::new().invitation(&InvitationPage { candidate_name: None, ..invitation() });
    assert!(nameless.contains("Welcome. Find") && !nameless.contains("Invited"));
}

#[test]
fn every_page_is_complete_and_loads_and_runs_nothing() {
    for html in every_page() {
        assert_eq!((html.matches("<h1>").count(), html.matches("<main>").count()), (1, 1), "{html}");
        for there in ["<html lang=\"en\">", "name=\"viewport\"", "noindex", "<footer>"] {
            assert!(html.contains(there), "{there}");
        }
        assert!(!html.contains("<title></title>"));
        for absent in ["<script", "<img", "<link", "src=", "url(", "@import"] {
            assert!(!html.contains(absent), "{absent}");
        }
    }
}

#[test]
fn the_policy_allows_exactly_the_style_sheet_that_is_sent() {
    let html = Pages::new().invitation(&invitation());
    let (_, rest) = html.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let hash = STANDARD.encode(Sha256::digest(style));
    assert!(CSP.contains(&format!("'sha256-{hash}'")), "write sha256-{hash} into CSP");
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let pages = Pages::new();
    let invited = pages.invitation(&InvitationPage {
        merchant_name: HOSTILE,
        candidate_name: Some(HOSTILE),
        definition_name: HOSTILE,
        colour: "#000;}body{display:none",
        action: "\"><script>alert(1)</script>",
        ..invitation()
    });
    let began = pages.begun(&BegunPage {
        merchant_name: HOSTILE,
        candidate_name: Some(HOSTILE),
        definition_name: HOSTILE,
        ..begun()
    });
    let over = pages.gone(&GonePage {
        merchant_name: Some(HOSTILE),
        definition_name: Some(HOSTILE),
        ..gone(Gone::Revoked)
    });
    for html in [&invited, &began, &over] {
        assert!(html.contains("&lt;img src=x onerror=alert(1)&gt; {{7*7}} &quot;&#x27;"), "{html}");
        assert!(
            !html.contains("<img") && !html.contains("<script") && !html.contains("display:none"),
            "{html}"
        );
    }
    assert!(invited.contains("--brand:#1f4e79;"), "a colour that is none is replaced");
}

#[test]
fn each_reason_is_told_in_its_own_words_with_whom_to_ask() {
    let pages = Pages::new();
    let address = EmailAddress::parse("people@lumen.example").unwrap();
    for (reason, heading, said) in [
        (Gone::Used { at: at() }, "This link has been used", "opened on Wednesday 5 February 2025, 14:12"),
        (Gone::Expired { at: at() }, "This link has expired", "open until Wednesday 5 February 2025, 14:12"),
        (Gone::Revoked, "This link is no longer valid", "withdrawn or replaced by Lumen Logistics"),
        (Gone::Unknown, "We do not know this link", "copy the whole address"),
    ] {
        let html = pages.gone(&GonePage { reply_to: Some(&address), ..gone(reason) });
        assert!(html.contains(&format!("<h1>{heading}</h1>")) && html.contains(said), "{html}");
        assert!(html.contains("ask Lumen Logistics") || html.contains("Ask Lumen Logistics"), "{html}");
        assert!(html.contains("<a href=\"mailto:people@lumen.example\">"), "{html}");
    }
}

#[test]
fn an_unknown_link_tells_nothing_about_anybody() {
    let page = GonePage { merchant_name: None, colour: None, definition_name: None, ..gone(Gone::Unknown) };
    let html = Pages::new().gone(&page);
    assert!(
        html.contains("ask whoever invited you") && !html.contains("<header>") && !html.contains("--brand:#")
    );
}

#[test]
fn a_hidden_menu_leaves_the_matter_alone_and_a_test_is_marked() {
    let html = Pages::new().invitation(&InvitationPage { hide_menu: true, is_test: true, ..invitation() });
    assert!(!html.contains("<header>") && !html.contains("<footer>"));
    assert!(html.contains("Lumen Logistics invites you") && html.contains("<button"));
    assert!(html.contains("This is a test."));
}
