//! The calendar parts of the mails that the running service sends, read back by a parser of another make.

use convoke_tests::calendar;
use convoke_tests::mailbox::Mail;
use convoke_tests::merchant::Merchant;
use convoke_tests::{Env, both};
use serde_json::{Value, json};

/// The day on which Europe's clocks go back: an hour of it comes twice.
const START: &str = "2029-10-28T01:30:00+02:00";
const END: &str = "2029-10-28T02:30:00+01:00";

struct Meeting {
    merchant: Merchant,
    id: Value,
}

async fn meeting(t: &Env) -> Meeting {
    let merchant = t.merchant("Acme; Couriers, \"Ltd\"").await;
    let make = async |title: &str, zone: &str| {
        let email = format!("{}@example.org", title.split([' ', ',']).next().unwrap().to_lowercase());
        let user =
            json!({"user": {"merchant_id": merchant.id, "title": title, "time_zone": zone, "email": email}});
        t.post("/api/v1/users", &user).send().await.expect(201)["user"]["id"].clone()
    };
    let (glen, cindy) =
        (make("Glen Dibbert", "Europe/London").await, make("Cindy, O'Kuvalis", "Europe/Bratislava").await);
    let body = json!({"interviewee": {"merchant_id": merchant.id, "user_id": cindy}});
    let interviewee =
        t.post("/api/v1/interviewees", &body).send().await.expect(201)["interviewee"]["id"].clone();
    let body = json!({"interview": {
        "merchant_id": merchant.id, "interviewee_id": interviewee, "interviewer_id": glen, "kind": "in_person",
        "location": "Hall 4; gate B, \\ left", "start_at": START, "end_at": END,
    }});
    let proposed = t.post("/api/v1/interviews", &body).send().await;
    Meeting { id: proposed.expect(200)["interview"]["id"].clone(), merchant }
}

/// The mail of a kind to somebody, whose address begins with `to`.
fn of<'a>(mails: &'a [Mail], kind: &str, to: &str) -> &'a Mail {
    let found = mails.iter().find(|m| m.message_id.starts_with(&format!("<{kind}.")) && m.to.starts_with(to));
    found.unwrap_or_else(|| panic!("no {kind} to {to}"))
}

/// Reads a mail's calendar part; what the mail's own header says of it must be so.
fn read(mail: &Mail, method: &str) -> Value {
    let read = calendar::read(&mail.calendar);
    assert_eq!(read["method"], method, "{}", mail.calendar);
    let declared = &mail.calendar_type;
    assert!(declared.is_empty() || declared.contains(&format!("method={method}")), "{declared}");
    read
}

fn assert_times(read: &Value) {
    assert_eq!(
        (&read["dtstart"], &read["dtend"]),
        (&json!("2029-10-27T23:30:00Z"), &json!("2029-10-28T01:30:00Z"))
    );
}

both!(
    async fn creation_acceptance_and_cancellation_are_one_appointment_whose_sequence_rises(t: &Env) {
        let meeting = meeting(t).await;
        let path = |verb: &str| format!("/api/v1/interviews/{}/{verb}", meeting.id);
        t.post_empty(&path("accept")).send().await.expect(200);
        t.wait_for_mails(4).await;
        t.post_empty(&path("cancel")).send().await.expect(200);
        let mails = t.wait_for_mails(6).await;
        for (to, name) in [("glen", "Glen Dibbert"), ("cindy", "Cindy, O'Kuvalis")] {
            let created = read(of(&mails, "interview_created", to), "REQUEST");
            let accepted = read(of(&mails, "interview_accepted", to), "REQUEST");
            let cancelled = read(of(&mails, "interview_cancelled", to), "CANCEL");
            assert_eq!(created["status"], "TENTATIVE");
            assert_eq!(accepted["status"], "CONFIRMED");
            assert_eq!(cancelled["status"], "CANCELLED");
            let sequence = |read: &Value| read["sequence"].as_i64().unwrap();
            assert!(sequence(&created) < sequence(&accepted) && sequence(&accepted) < sequence(&cancelled));
            for read in [&created, &accepted, &cancelled] {
                assert_eq!(read["uid"], created["uid"], "one appointment");
                assert_times(read);
                assert_eq!(read["attendee"]["name"], name);
                assert!(read["attendee"]["address"].as_str().unwrap().starts_with(to));
                assert_eq!(read["location"], "Hall 4; gate B, \\ left");
            }
        }
    }
);

both!(
    async fn a_rejection_takes_the_appointment_out_and_an_amendment_says_nothing_to_calendars(t: &Env) {
        let meeting = meeting(t).await;
        let path = |verb: &str| format!("/api/v1/interviews/{}/{verb}", meeting.id);
        t.wait_for_mails(2).await;
        let times = json!({"interview": {
            "amend_start_at": "2029-11-01T10:00:00Z", "amend_end_at": "2029-11-01T10:30:00Z",
            "merchant_id": meeting.merchant.id,
        }});
        t.post(&path("amend"), &times).send().await.expect(200);
        let mails = t.wait_for_mails(4).await;
        for to in ["glen", "cindy"] {
            let amended = of(&mails, "interview_amended", to);
            assert_eq!(amended.calendar, "", "a proposal is no appointment");
        }
        t.post_empty(&path("reject")).send().await.expect(200);
        let mails = t.wait_for_mails(6).await;
        for to in ["glen", "cindy"] {
            let rejected = read(of(&mails, "interview_rejected", to), "CANCEL");
            assert_times(&rejected);
            let created = read(of(&mails, "interview_created", to), "REQUEST");
            assert_eq!(rejected["uid"], created["uid"]);
        }
    }
);

both!(
    async fn each_reader_sees_the_times_in_a_zone_of_their_own_which_is_named(t: &Env) {
        meeting(t).await;
        let mails = t.wait_for_mails(2).await;
        let text = |to| of(&mails, "interview_created", to).text.clone();
        // 00:30 in London, still in summer time; 01:30 in Bratislava.
        assert!(
            text("glen").contains("28 October 2029") && text("glen").contains("00:30"),
            "{}",
            text("glen")
        );
        assert!(text("glen").contains("Europe/London"));
        assert!(
            text("cindy").contains("01:30") && text("cindy").contains("Europe/Bratislava"),
            "{}",
            text("cindy")
        );
    }
);
