//! Which mails about an interview are still true.

use InterviewStatus::{Amended, Cancelled, Completed, Pending, Rejected, Scheduled};
use MessageKind::{
    InterviewAccepted, InterviewAmended, InterviewCancelled, InterviewCreated, InterviewReminder,
};

use super::*;

fn subject(schedule_version: i64) -> NoticeSubject {
    let start_at = DateTime::UNIX_EPOCH + TimeDelta::days(10);
    NoticeSubject {
        id: 1,
        meeting_id: 83,
        merchant_id: uuid::Uuid::nil(),
        merchant_name: "Acme".to_owned(),
        colour: "#0b7285".to_owned(),
        mail_from_name: None,
        reply_to: None,
        merchant_time_zone: "UTC".to_owned(),
        email: None,
        email_key: None,
        recipient_title: "Ann".to_owned(),
        recipient_time_zone: None,
        is_interviewee: true,
        interviewee_title: "Ann".to_owned(),
        interviewer_title: "Bo".to_owned(),
        kind: "video_call".to_owned(),
        location: None,
        start_at,
        end_at: start_at + TimeDelta::minutes(30),
        amend_start_at: None,
        amend_end_at: None,
        status: String::new(),
        schedule_version,
        is_suppressed: false,
    }
}

fn message(version: i64, copy: i64) -> ClaimedMessage {
    ClaimedMessage {
        id: 1,
        submission_id: None,
        registration_id: None,
        meeting_id: Some(83),
        recipient_id: Some(1),
        kind: String::new(),
        version,
        copy,
        attempts: 1,
        deferrals: 0,
        created_at: DateTime::UNIX_EPOCH,
    }
}

fn is_sent(kind: MessageKind, version: i64, status: InterviewStatus, schedule: i64) -> bool {
    stale(kind, status, &message(version, 3_600), &subject(schedule), DateTime::UNIX_EPOCH).is_none()
}

#[test]
fn a_proposal_is_told_while_its_times_hold() {
    assert!(is_sent(InterviewCreated, 1, Pending, 1));
    assert!(is_sent(InterviewCreated, 1, Amended, 2), "the first times stand beside the amendment");
    assert!(is_sent(InterviewCreated, 1, Scheduled, 2), "accepted as it was");
    assert!(!is_sent(InterviewCreated, 1, Scheduled, 3), "accepted with other times");
    for off in [Rejected, Cancelled] {
        assert!(!is_sent(InterviewCreated, 1, off, 2));
    }
}

#[test]
fn an_amendment_is_told_until_another_takes_its_place() {
    assert!(is_sent(InterviewAmended, 2, Amended, 2));
    assert!(!is_sent(InterviewAmended, 2, Amended, 3));
    assert!(is_sent(InterviewAmended, 2, Scheduled, 3));
    assert!(!is_sent(InterviewAmended, 2, Cancelled, 3));
}

#[test]
fn an_agreement_is_told_unless_it_is_off_and_an_end_always() {
    assert!(is_sent(InterviewAccepted, 2, Scheduled, 2));
    assert!(is_sent(InterviewAccepted, 2, Amended, 3));
    assert!(is_sent(InterviewAccepted, 2, Completed, 3), "it took place as it was agreed");
    assert!(!is_sent(InterviewAccepted, 2, Cancelled, 3));
    assert!(is_sent(InterviewCancelled, 3, Cancelled, 3));
}

#[test]
fn a_reminder_is_of_this_schedule_and_not_of_the_last_five_minutes() {
    assert!(is_sent(InterviewReminder, 1, Pending, 1));
    assert!(is_sent(InterviewReminder, 2, Scheduled, 2));
    assert!(!is_sent(InterviewReminder, 1, Scheduled, 2));
    assert!(!is_sent(InterviewReminder, 2, Amended, 2), "nobody knows when");
    assert!(!is_sent(InterviewReminder, 2, Cancelled, 3));
    assert!(!is_sent(InterviewReminder, 2, Completed, 3));
    let s = subject(1);
    let reminded = |offset: i64, before: i64| {
        stale(InterviewReminder, Pending, &message(1, offset), &s, s.start_at - TimeDelta::seconds(before))
    };
    assert_eq!(reminded(3_600, 300), None);
    assert!(reminded(3_600, 299).unwrap().contains("5 minutes"));
    assert_eq!(reminded(60, 58), None, "a minute before is what the merchant wished");
    assert!(reminded(60, 29).is_some());
}
