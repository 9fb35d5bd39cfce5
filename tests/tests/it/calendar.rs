//! What another make of calendar reads in the appointments that mails carry.

use chrono::{DateTime, Utc};
use convoke_tests::calendar::read;
use serde_json::{Value, json};
use shared::domain::EmailAddress;
use worker::mail::{Appointment, AppointmentState};

fn address(raw: &str) -> EmailAddress {
    EmailAddress::parse(raw).unwrap()
}

fn at(raw: &str) -> DateTime<Utc> {
    raw.parse().unwrap()
}

/// What a calendar reads of one appointment: asked for, and called off.
fn read_both(start: &str, end: &str, text: &str, location: &str) -> [Value; 2] {
    let (organizer, attendee) = (address("people@lumen.example"), address("o'neil+a%b@example.org"));
    let appointment = Appointment {
        uid: "interview-83@convoke.example".to_owned(),
        sequence: 3,
        stamp: at("2025-01-20T08:00:00Z"),
        start_at: at(start),
        end_at: at(end),
        summary: text.to_owned(),
        description: format!("{text}\r\n\r\nsecond; paragraph, here"),
        location: Some(location),
        state: AppointmentState::Confirmed,
        organizer: (text, &organizer),
        attendee: (text, &attendee),
    };
    [appointment.request(), appointment.cancel()].map(|calendar| read(&calendar.object))
}

#[test]
fn an_appointment_is_at_the_same_instants_on_every_night_that_changes_the_clocks() {
    for (start, end) in [
        // Europe: the hour that is missing, the hour that comes twice, and an end on the other side.
        ("2025-03-30T00:45:00Z", "2025-03-30T01:15:00Z"),
        ("2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z"),
        ("2025-10-25T23:59:00Z", "2025-10-26T02:01:00Z"),
        // New York, and Lord Howe Island, which moves by half an hour.
        ("2025-03-09T06:59:00Z", "2025-03-09T07:30:00Z"),
        ("2025-11-02T05:30:00Z", "2025-11-02T06:30:00Z"),
        ("2025-04-05T14:45:00Z", "2025-04-05T15:15:00Z"),
        // Midnight and the turn of the year.
        ("2024-12-31T23:30:00Z", "2025-01-01T00:30:00Z"),
        ("2024-02-29T23:00:00Z", "2024-03-01T00:00:00Z"),
    ] {
        for (said, method, status) in read_both(start, end, "Interview", "Hlavná 1")
            .iter()
            .zip(["REQUEST", "CANCEL"])
            .zip(["CONFIRMED", "CANCELLED"])
            .map(|((said, method), status)| (said, method, status))
        {
            assert_eq!((&said["dtstart"], &said["dtend"]), (&json!(start), &json!(end)), "{said}");
            assert_eq!((&said["method"], &said["status"]), (&json!(method), &json!(status)), "{said}");
            assert_eq!(
                (&said["uid"], &said["sequence"]),
                (&json!("interview-83@convoke.example"), &json!(3))
            );
        }
    }
}

#[test]
fn texts_come_back_as_they_were_and_add_nothing() {
    let (start, end) = ("2025-01-22T13:12:00Z", "2025-01-22T13:42:00Z");
    let [plain, _] = read_both(start, end, "Interview", "Hlavná 1");
    let long = "žltý 山 🦀".repeat(55);
    for text in [
        r"Lumen, Logistics; Bratislava: C:\new\name",
        long.as_str(),
        "https://x.example/a;b,c",
        "=?utf-8?q?x?= %0d%0aATTENDEE:x",
    ] {
        for said in read_both(start, end, text, "Hlavná 1, 3. poschodie; vľavo") {
            assert_eq!(said["summary"], text, "{said}");
            assert_eq!(said["description"], format!("{text}\n\nsecond; paragraph, here"), "{said}");
            assert_eq!(said["location"], "Hlavná 1, 3. poschodie; vľavo", "{said}");
            assert_eq!(said["organizer"]["address"], "people@lumen.example", "{said}");
            assert_eq!(said["attendee"]["address"], "o'neil+a%b@example.org", "{said}");
            assert_eq!(said["attendee"]["role"], "REQ-PARTICIPANT", "{said}");
            assert_eq!(said["properties"], plain["properties"], "{said}");
        }
    }
    let [said, _] =
        read_both(start, end, "Eva \"Evka\" Nová^n, PhD.; :", "https://meet.example/r;a,b?c=d&e=f");
    assert_eq!(said["attendee"]["name"], "Eva 'Evka' Nová^n, PhD.; :", "{said}");
    assert_eq!(said["url"], "https://meet.example/r;a,b?c=d&e=f", "{said}");
    assert_eq!(said["location"], said["url"], "{said}");
}

#[test]
fn a_hostile_name_or_place_tells_a_calendar_nothing() {
    let (start, end) = ("2025-01-22T13:12:00Z", "2025-01-22T13:42:00Z");
    let [plain, _] = read_both(start, end, "Interview", "Hlavná 1");
    for hostile in [
        "Eve\r\nATTENDEE:mailto:all@x.example\r\nBEGIN:VALARM",
        "\":mailto:eve@x.example;X=\"",
        "Eve\r\n SUMMARY:x\u{2028}X-EVIL:1\u{85}X-EVIL:2\u{b}X-EVIL:3\u{c}X-EVIL:4\0",
        "Eve\\\r\\nEND:VEVENT\\",
    ] {
        for said in read_both(start, end, hostile, hostile) {
            assert_eq!(said["properties"], plain["properties"], "{said}");
            assert_eq!(said["organizer"]["address"], "people@lumen.example", "{said}");
            assert_eq!(said["attendee"]["address"], "o'neil+a%b@example.org", "{said}");
        }
    }
}
