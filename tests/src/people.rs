//! The people of an interview: who interviews, who is interviewed, and clients that ask in their names.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::merchant::merge;
use crate::{Answer, Client, Merchant};

/// Far enough ahead that no reminder is due while a test runs: 2031-01-06T09:00:00Z.
const FIRST_HOUR: i64 = 1_925_456_400;

/// An interviewer and a driver of one merchant, with a client for each of those who may ask.
#[derive(Debug)]
pub struct People {
    /// Whose people they are.
    pub merchant: Merchant,
    /// The user who interviews, no staff.
    pub interviewer: Value,
    /// The user who is interviewed.
    pub driver: Value,
    /// The interviewer's own token.
    pub as_interviewer: Client,
    /// The driver's own token.
    pub as_driver: Client,
    /// The token of a user who is staff, and has no part in the interviews.
    pub as_staff: Client,
    /// A key of the role `staff`.
    pub as_key: Client,
    hours: AtomicI64,
}

impl People {
    /// Makes them all for a merchant.
    pub async fn of(merchant: Merchant) -> Self {
        let interviewer = merchant.user(&json!({"title": "Glen Dibbert"})).await;
        let driver = merchant.user(&json!({"title": "Cindy Kuvalis", "phone_number": "123"})).await;
        let staff = merchant.user(&json!({"title": "Stella Staff", "role": "staff"})).await;
        Self {
            as_interviewer: merchant.signed_in(&interviewer),
            as_driver: merchant.signed_in(&driver),
            as_staff: merchant.signed_in(&staff),
            as_key: merchant.client("staff").await,
            merchant,
            interviewer,
            driver,
            hours: AtomicI64::new(0),
        }
    }

    /// An hour that no other interview of theirs has: its beginning and its end.
    #[must_use]
    pub fn hour(&self) -> (String, String) {
        let count = self.hours.fetch_add(1, Ordering::Relaxed);
        let start =
            DateTime::<Utc>::from_timestamp(FIRST_HOUR, 0).unwrap_or_default() + TimeDelta::hours(count);
        (stamp(start), stamp(start + TimeDelta::hours(1)))
    }

    /// The driver, as an interviewee of whom nothing else knows.
    pub async fn interviewee(&self) -> Value {
        self.merchant.interviewee(&self.driver, &json!({})).await
    }

    /// The body of a new interview, in an hour of its own, for an interviewee.
    #[must_use]
    pub fn proposal(&self, interviewee: &Value, members: &Value) -> Value {
        let (start_at, end_at) = self.hour();
        let mut interview = json!({
            "interviewee_id": interviewee["id"], "interviewer_id": self.interviewer["id"],
            "kind": "video_call", "start_at": start_at, "end_at": end_at,
        });
        merge(&mut interview, members);
        json!({ "interview": interview })
    }

    /// A pending interview of a fresh interviewee, in an hour of its own.
    pub async fn interview(&self) -> Value {
        self.interview_with(&json!({})).await
    }

    /// As [`People::interview`], with members of its own.
    pub async fn interview_with(&self, members: &Value) -> Value {
        let body = self.proposal(&self.interviewee().await, members);
        let made = self.as_staff.post("/api/v1/interviews", &body).prefer("wait=60").send().await;
        made.expect(200)["interview"].clone()
    }

    /// An interview as it stands.
    pub async fn look(&self, interview: &Value) -> Value {
        let found = self.as_staff.get(&format!("/api/v1/interviews/{}", interview["id"])).send().await;
        found.expect(200)["interview"].clone()
    }
}

/// Makes a move for the interviewer's side, waits for it, and gives the answer.
pub async fn act(who: &Client, interview: &Value, verb: &str) -> Answer {
    act_at(who, "/api/v1/interviews", interview, verb, None).await
}

/// Makes a move for the interviewee's side, waits for it, and gives the answer.
pub async fn act_as_driver(who: &Client, interview: &Value, verb: &str) -> Answer {
    act_at(who, "/api/v1/users/interviews", interview, verb, None).await
}

/// Makes a move under a path, with the times that an amendment proposes.
pub async fn act_at(
    who: &Client,
    path: &str,
    interview: &Value,
    verb: &str,
    times: Option<&(String, String)>,
) -> Answer {
    let path = format!("{path}/{}/{verb}", interview["id"]);
    let call = match times {
        Some((start, end)) => {
            who.post(&path, &json!({"interview": {"amend_start_at": start, "amend_end_at": end}}))
        }
        None => who.post_empty(&path),
    };
    call.prefer("wait=60").send().await
}

/// An instant as the service answers with it.
#[must_use]
pub fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
