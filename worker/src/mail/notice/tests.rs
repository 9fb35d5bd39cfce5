//! What each mail about an interview says to each of its readers.

use super::*;

fn notice(notice: Notice, reader: Reader) -> InterviewNotice<'static> {
    InterviewNotice {
        notice,
        reader,
        merchant_name: "Lumen Logistics",
        colour: "#0b7285",
        interviewee_name: "Jozef Mak",
        interviewer_name: "Eva Nová",
        kind: "video_call",
        location: Some("https://meet.example/room?a=1&b=2"),
        start_at: "2025-01-22T13:12:00Z".parse().unwrap(),
        end_at: "2025-01-22T13:42:00Z".parse().unwrap(),
        proposed: None,
        proposed_by: None,
        time_zone: "Europe/Bratislava",
        now: "2025-01-21T13:12:10Z".parse().unwrap(),
        reply_to: None,
    }
}

fn composed(notice: &InterviewNotice<'_>) -> Composed {
    Templates::new().unwrap().interview(notice).unwrap()
}

const EVERY: [Notice; 6] = [
    Notice::Created,
    Notice::Amended,
    Notice::Accepted,
    Notice::Rejected,
    Notice::Cancelled,
    Notice::Reminder,
];
const WHEN: &str = "Wednesday 22 January 2025, 14:12–14:42 (Europe/Bratislava)";
const LATER: &str = "Thursday 23 January 2025, 10:00–10:30 (Europe/Bratislava)";

fn amended(reader: Reader, by: Reader) -> Composed {
    let times = ("2025-01-23T09:00:00Z".parse().unwrap(), "2025-01-23T09:30:00Z".parse().unwrap());
    composed(&InterviewNotice {
        proposed: Some(times),
        proposed_by: Some(by),
        ..notice(Notice::Amended, reader)
    })
}

#[test]
fn each_mail_says_with_whom_when_and_how_in_both_bodies() {
    for what in EVERY {
        for (reader, own, other) in
            [(Reader::Interviewee, "Jozef Mak", "Eva Nová"), (Reader::Interviewer, "Eva Nová", "Jozef Mak")]
        {
            let mail = composed(&notice(what, reader));
            for said in [WHEN, other, "Video call", "Lumen Logistics", &format!("Hello {own},")] {
                assert!(mail.text.contains(said), "{what:?} {reader:?}: {said}\n{}", mail.text);
                assert!(mail.html.contains(said), "{what:?} {reader:?}: {said}\n{}", mail.html);
            }
            assert!(!mail.html.contains("<img") && !mail.html.contains("<script"));
            assert!(!mail.text.contains("<strong>") && !mail.text.contains("\n\n\n\n"), "{}", mail.text);
        }
    }
}

#[test]
fn the_subject_tells_each_reader_what_happened() {
    for (what, interviewee, interviewer) in [
        (
            Notice::Created,
            "Lumen Logistics invites you to an interview: Wednesday 22 January 2025, 14:12 (Europe/Bratislava)",
            "Interview with Jozef Mak: Wednesday 22 January 2025, 14:12 (Europe/Bratislava)",
        ),
        (
            Notice::Accepted,
            "Your interview is settled: Wednesday 22 January 2025, 14:12 (Europe/Bratislava)",
            "The interview with Jozef Mak is settled: Wednesday 22 January 2025, 14:12 (Europe/Bratislava)",
        ),
        (
            Notice::Rejected,
            "Declined: your interview with Eva Nová, Wednesday 22 January 2025, 14:12 (Europe/Bratislava)",
            "Declined: the interview with Jozef Mak, Wednesday 22 January 2025, 14:12 (Europe/Bratislava)",
        ),
        (
            Notice::Cancelled,
            "Cancelled: your interview with Eva Nová, Wednesday 22 January 2025, 14:12 (Europe/Bratislava)",
            "Cancelled: the interview with Jozef Mak, Wednesday 22 January 2025, 14:12 (Europe/Bratislava)",
        ),
        (
            Notice::Reminder,
            "Reminder: your interview with Eva Nová is tomorrow, at 14:12",
            "Reminder: the interview with Jozef Mak is tomorrow, at 14:12",
        ),
    ] {
        assert_eq!(composed(&notice(what, Reader::Interviewee)).subject, interviewee);
        assert_eq!(composed(&notice(what, Reader::Interviewer)).subject, interviewer);
    }
}

#[test]
fn a_proposal_shows_both_times_and_only_the_other_side_is_asked() {
    let asked = amended(Reader::Interviewee, Reader::Interviewer);
    assert!(asked.subject.starts_with("Another time for your interview: Thursday 23 January 2025, 10:00"));
    for body in [&asked.text, &asked.html] {
        assert!(body.contains(LATER) && body.contains(WHEN) && body.contains("You can accept it"), "{body}");
    }
    assert!(asked.text.contains("Lumen Logistics proposes another time"), "{}", asked.text);
    let asked = amended(Reader::Interviewer, Reader::Interviewee);
    assert!(asked.subject.starts_with("Jozef Mak proposes another time: Thursday"), "{}", asked.subject);
    for (reader, other) in [(Reader::Interviewee, "Eva Nová"), (Reader::Interviewer, "Jozef Mak")] {
        let told = amended(reader, reader);
        assert!(told.subject.starts_with("Your proposal was passed on"), "{}", told.subject);
        assert!(told.text.contains(&format!("{other} can now accept it")), "{}", told.text);
        assert!(!told.text.contains("You can accept it"), "{}", told.text);
    }
}

#[test]
fn a_link_is_there_as_long_as_the_interview_is_and_a_place_always() {
    let link = "https://meet.example/room?a=1&amp;b=2";
    for what in EVERY {
        let mail = composed(&notice(what, Reader::Interviewee));
        let is_on = !matches!(what, Notice::Rejected | Notice::Cancelled);
        assert_eq!(mail.html.contains(&format!("href=\"{link}\"")), is_on, "{what:?}");
        assert_eq!(mail.text.contains("https://meet.example/room?a=1&b=2"), is_on, "{what:?}");
        let there = InterviewNotice { location: Some("Hlavná 1"), ..notice(what, Reader::Interviewee) };
        let mail = composed(&InterviewNotice { kind: "in_person", ..there });
        assert!(mail.html.contains("Hlavná 1") && mail.text.contains("Where: Hlavná 1"), "{what:?}");
        assert!(mail.text.contains("In person") && !mail.html.contains("Join the"), "{what:?}");
    }
    assert!(composed(&notice(Notice::Reminder, Reader::Interviewer)).html.contains("Join the video call"));
}

#[test]
fn a_reminder_counts_days_in_the_readers_zone() {
    for (now, zone, said) in [
        ("2025-01-22T12:12:05Z", "Europe/Bratislava", "is in 1 hour, at 14:12"),
        ("2025-01-22T09:00:00Z", "Europe/Bratislava", "is today, at 14:12"),
        ("2025-01-22T09:00:00Z", "Pacific/Auckland", "is tomorrow, at 02:12"),
    ] {
        let now = now.parse().unwrap();
        let reminder = notice(Notice::Reminder, Reader::Interviewee);
        let mail = composed(&InterviewNotice { now, time_zone: zone, ..reminder });
        assert!(
            mail.subject.ends_with(said) && mail.text.contains(said) && mail.html.contains(said),
            "{}",
            mail.subject
        );
        assert!(mail.text.contains(&format!("({zone})")), "{}", mail.text);
    }
}

#[test]
fn a_hostile_name_or_place_is_shown_and_does_nothing() {
    let name =
        "<img src=x onerror=alert(1)> {{7*7}} {% raw %} https://evil.example www.evil.example\r\nBcc: x";
    for what in EVERY {
        for location in [name, "javascript:alert(1)", "https://evil.example/\"><img src=x>"] {
            for reader in [Reader::Interviewee, Reader::Interviewer] {
                let mail = composed(&InterviewNotice {
                    merchant_name: name,
                    interviewee_name: name,
                    interviewer_name: name,
                    location: Some(location),
                    colour: "red;}",
                    kind: name,
                    time_zone: name,
                    ..notice(what, reader)
                });
                assert!(!mail.html.contains("<img") && !mail.html.contains("=\"javascript"), "{}", mail.html);
                assert!(!mail.html.contains("href=\"https://evil.example\""), "{}", mail.html);
                for body in [&mail.subject, &mail.text, &mail.html] {
                    assert!(!body.contains("49") && !body.contains("https://evil.example "), "{body}");
                    assert!(!body.contains("www.evil") && !body.contains("\nBcc"), "{body}");
                }
                assert!(mail.subject.chars().count() <= 200 && !mail.subject.contains(char::is_control));
            }
        }
    }
}

#[test]
fn who_has_no_name_is_spoken_of_all_the_same() {
    for (reader, said) in
        [(Reader::Interviewee, "with your interviewer"), (Reader::Interviewer, "with the candidate")]
    {
        let nameless = InterviewNotice {
            interviewee_name: " ",
            interviewer_name: "",
            ..notice(Notice::Accepted, reader)
        };
        let mail = composed(&nameless);
        assert!(mail.text.contains(said) && mail.text.starts_with("Hello,\n"), "{}", mail.text);
    }
}

#[test]
fn the_merchant_can_be_asked() {
    let address = EmailAddress::parse("people@lumen.example").unwrap();
    for what in EVERY {
        let mail =
            composed(&InterviewNotice { reply_to: Some(&address), ..notice(what, Reader::Interviewee) });
        assert!(mail.text.contains("Write to people@lumen.example."), "{}", mail.text);
        assert!(mail.html.contains("mailto:people@lumen.example"), "{}", mail.html);
    }
}
