//! What a calendar is told, and that no name or place can tell it anything else.

use super::*;

const HOSTILE: [&str; 6] = [
    "Eve\r\nATTENDEE:mailto:all@x.example",
    "\":mailto:eve@x.example\r\nBEGIN:VALARM",
    "a;b:c,d\\e\"f^'g^n",
    "\"quoted\"",
    "\u{202e}gro.elpmaxe\u{2028}X-EVIL:1\u{85}X-EVIL:2\0\u{b}",
    "https://x.example/\r\nX-EVIL:1",
];

fn address(raw: &str) -> EmailAddress {
    EmailAddress::parse(raw).unwrap()
}

fn with(text: &str, state: AppointmentState) -> [String; 2] {
    let (organizer, attendee) = (address("people@lumen.example"), address("jozef@example.org"));
    let appointment = Appointment {
        uid: "interview-83@convoke.example".to_owned(),
        sequence: 2,
        stamp: "2025-01-20T08:00:00.250Z".parse().unwrap(),
        start_at: "2025-01-22T13:12:00Z".parse().unwrap(),
        end_at: "2025-01-22T13:42:00Z".parse().unwrap(),
        summary: text.to_owned(),
        description: text.to_owned(),
        location: Some(text),
        state,
        organizer: (text, &organizer),
        attendee: (text, &attendee),
    };
    [appointment.request(), appointment.cancel()].map(|calendar| calendar.object)
}

/// The content lines as a reader sees them: unfolded.
fn unfolded(object: &str) -> Vec<String> {
    object.replace("\r\n ", "").split_terminator("\r\n").map(str::to_owned).collect()
}

#[test]
fn a_request_says_all_that_a_calendar_needs() {
    let [request, _] = with("Hlavná 1, Bratislava", AppointmentState::Tentative);
    assert_eq!(
        unfolded(&request),
        [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Convoke//Convoke//EN",
            "METHOD:REQUEST",
            "BEGIN:VEVENT",
            "UID:interview-83@convoke.example",
            "SEQUENCE:2",
            "DTSTAMP:20250120T080000Z",
            "DTSTART:20250122T131200Z",
            "DTEND:20250122T134200Z",
            "STATUS:TENTATIVE",
            "SUMMARY:Hlavná 1\\, Bratislava",
            "DESCRIPTION:Hlavná 1\\, Bratislava",
            "LOCATION:Hlavná 1\\, Bratislava",
            "ORGANIZER;CN=\"Hlavná 1, Bratislava\":mailto:people@lumen.example",
            "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=FALSE;CN=\"Hlavná 1, Bratislava\":mailto:jozef@example.org",
            "END:VEVENT",
            "END:VCALENDAR",
        ]
    );
}

#[test]
fn a_cancellation_is_the_same_appointment_called_off_and_a_settled_one_is_accepted() {
    let [request, cancel] = with("x", AppointmentState::Confirmed);
    assert!(request.contains("STATUS:CONFIRMED\r\n") && request.contains("PARTSTAT=ACCEPTED"), "{request}");
    for said in ["METHOD:CANCEL", "STATUS:CANCELLED", "UID:interview-83@convoke.example", "SEQUENCE:2"] {
        assert!(unfolded(&cancel).iter().any(|line| line == said), "{said} in {cancel}");
    }
}

#[test]
fn a_link_is_the_place_and_the_url() {
    let [request, _] = with("https://meet.example/a,b;c?d=e", AppointmentState::Confirmed);
    let lines = unfolded(&request);
    assert!(lines.contains(&"URL:https://meet.example/a,b;c?d=e".to_owned()), "{request}");
    assert!(lines.contains(&"LOCATION:https://meet.example/a\\,b\\;c?d=e".to_owned()), "{request}");
}

#[test]
fn no_text_adds_a_line_or_a_parameter() {
    let names = |object: &str| -> Vec<String> {
        let name = |line: &String| line.split([':', ';']).next().unwrap().to_owned();
        unfolded(object).iter().map(name).filter(|name| name != "URL").collect()
    };
    let long = "ü山🦀".repeat(170);
    let [plain, _] = with("x", AppointmentState::Tentative);
    for text in HOSTILE.into_iter().chain([long.as_str()]) {
        for object in with(text, AppointmentState::Tentative) {
            assert_eq!(names(&object), names(&plain), "{object}");
            assert!(object.ends_with("END:VCALENDAR\r\n"));
            assert!(!object.replace("\r\n", "").contains(char::is_control), "{object:?}");
            for line in object.split("\r\n") {
                assert!(line.len() <= 75, "{line}");
            }
            for line in unfolded(&object).iter().filter(|line| line.contains(";CN=")) {
                let (_, quoted) = line.split_once(";CN=\"").unwrap();
                let (_, rest) = quoted.split_once('"').unwrap();
                assert!(rest.starts_with(":mailto:") && !rest.contains('"'), "{line}");
            }
        }
    }
}

#[test]
fn lines_of_a_description_stay_lines() {
    let [request, _] = with("one\r\ntwo\rthree\n\nfour; five", AppointmentState::Tentative);
    assert!(
        unfolded(&request).contains(&"DESCRIPTION:one\\ntwo\\nthree\\n\\nfour\\; five".to_owned()),
        "{request}"
    );
}
