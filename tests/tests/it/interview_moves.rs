//! Every move of an interview from every state, for each of those who may ask.

use convoke_tests::people::{act, act_as_driver, act_at};
use convoke_tests::{Answer, Client, Env, People, both};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

const OURS: &str = "/api/v1/interviews";
const OWN: &str = "/api/v1/users/interviews";

/// Where an interview can stand, and the moves that lead there from pending: `i` the interviewer's, `e` the
/// interviewee's.
const STATES: [(&str, &[(char, &str)]); 9] = [
    ("pending", &[]),
    ("amended", &[('i', "amend")]),
    ("amended", &[('e', "amend")]),
    ("amended", &[('e', "accept"), ('i', "amend")]),
    ("scheduled", &[('e', "accept")]),
    ("rejected", &[('i', "reject")]),
    ("cancelled", &[('e', "cancel")]),
    ("completed", &[('e', "accept"), ('i', "complete")]),
    ("no_show", &[('e', "accept"), ('i', "no_show")]),
];

const MOVES: [(&str, &str); 6] = [
    ("amend", "amended"),
    ("accept", "scheduled"),
    ("reject", "rejected"),
    ("cancel", "cancelled"),
    ("complete", "completed"),
    ("no_show", "no_show"),
];

fn is_legal(from: &str, to: &str) -> bool {
    match from {
        "pending" | "amended" => ["amended", "scheduled", "rejected", "cancelled"].contains(&to),
        "scheduled" => ["amended", "completed", "no_show", "cancelled"].contains(&to),
        _ => false,
    }
}

/// Makes a move for a side; an amendment proposes an hour of its own.
async fn make(people: &People, who: &Client, side: char, interview: &Value, verb: &str) -> (Answer, Times) {
    let times = people.hour();
    let path = if side == 'i' { OURS } else { OWN };
    let told = (verb == "amend").then_some(&times);
    (act_at(who, path, interview, verb, told).await, times)
}

type Times = (String, String);

/// One interview is brought to a state, one move is made, and what became of both is looked at.
async fn tried(people: &People, who: &Client, side: char, state: usize, (verb, to): (&str, &str)) {
    let (from, way) = STATES[state];
    let mut interview = people.interview().await;
    for (mover, step) in way {
        let client = if *mover == 'i' { &people.as_key } else { &people.as_driver };
        let (answer, _) = make(people, client, *mover, &interview, step).await;
        interview = answer.expect(200)["interview"].clone();
    }
    assert_eq!(interview["status"], from);
    let (answer, times) = make(people, who, side, &interview, verb).await;
    let told = format!("{verb} by {side} of an interview that is {from}: {}", answer.text);
    let own = if side == 'i' { "interviewer" } else { "interviewee" };
    let is_own_amendment = verb == "accept" && interview["amended_by"] == own;
    if !is_legal(from, to) || is_own_amendment {
        let problem = answer.expect(409);
        assert!(problem["type"].as_str().unwrap().ends_with("/interview-state"), "{told}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(from) && detail.contains(to), "both states are named: {told}");
        assert_eq!(people.look(&interview).await, interview, "nothing changed: {told}");
        return;
    }
    let mut expected = interview.clone();
    expected["status"] = json!(to);
    match verb {
        "amend" => {
            expected["amend_start_at"] = json!(times.0);
            expected["amend_end_at"] = json!(times.1);
            expected["amended_by"] = json!(own);
        }
        "accept" => {
            if interview["amended_by"] != Value::Null {
                expected["start_at"] = interview["amend_start_at"].clone();
                expected["end_at"] = interview["amend_end_at"].clone();
            }
            for cleared in ["amend_start_at", "amend_end_at", "amended_by"] {
                expected[cleared] = Value::Null;
            }
        }
        "reject" => {
            expected["interviewee"]["kind"] = json!("rejected");
            expected["interviewee"]["updated_at"] =
                answer.json["interview"]["interviewee"]["updated_at"].clone();
        }
        _ => {}
    }
    assert_eq!(answer.expect(200)["interview"], expected, "{told}");
    assert_eq!(people.look(&interview).await, expected, "as answered: {told}");
}

async fn every_move(people: &People, who: &Client, side: char, moves: &[(&str, &str)]) {
    let cases = (0..STATES.len()).flat_map(|state| moves.iter().map(move |verb| (state, *verb)));
    stream::iter(cases).for_each_concurrent(6, |(state, verb)| tried(people, who, side, state, verb)).await;
}

both!(
    async fn staff_may_make_each_legal_move_and_no_other(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        every_move(&people, &people.as_staff, 'i', &MOVES).await;
    }
);

both!(
    async fn an_interviewer_who_is_no_staff_may_make_each_legal_move_and_no_other(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        assert_eq!(people.interviewer["role"], "candidate");
        every_move(&people, &people.as_interviewer, 'i', &MOVES).await;
    }
);

both!(
    async fn a_key_may_make_each_legal_move_and_no_other(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        every_move(&people, &people.as_key, 'i', &MOVES).await;
    }
);

both!(
    async fn an_interviewee_may_make_each_legal_move_and_no_other(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        every_move(&people, &people.as_driver, 'e', &MOVES[..4]).await;
    }
);

both!(
    async fn an_interviewee_does_not_say_whether_it_took_place(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interview = people.interview().await;
        let scheduled = act_as_driver(&people.as_driver, &interview, "accept").await;
        for verb in ["complete", "no_show"] {
            for who in [&people.as_driver, &people.as_staff] {
                act_as_driver(who, &interview, verb).await.expect(404);
            }
            act(&people.as_driver, &interview, verb).await.expect(403);
        }
        assert_eq!(people.look(&interview).await, scheduled.expect(200)["interview"]);
    }
);

both!(
    async fn the_interviewers_paths_are_not_for_the_interviewee_nor_the_other_way_round(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let interview = people.interview().await;
        let times = people.hour();
        for (verb, _) in MOVES {
            let told = (verb == "amend").then_some(&times);
            act_at(&people.as_driver, OURS, &interview, verb, told).await.expect(403);
        }
        for (verb, _) in &MOVES[..4] {
            let told = (*verb == "amend").then_some(&times);
            // A user who is not the interviewee sees no such interview; a key is no user.
            for (who, status) in
                [(&people.as_interviewer, 404), (&people.as_staff, 404), (&people.as_key, 403)]
            {
                act_at(who, OWN, &interview, verb, told).await.expect(status);
            }
        }
        assert_eq!(people.look(&interview).await, interview);
    }
);

/// A pending interview at `from..to` of one day.
async fn at(people: &People, from: &str, to: &str) -> Value {
    let day = |time: &str| format!("2030-05-06T{time}:00Z");
    people.interview_with(&json!({"start_at": day(from), "end_at": day(to)})).await
}

fn assert_is_busy(answer: &Answer) {
    let problem = answer.expect(409);
    assert!(problem["type"].as_str().unwrap().ends_with("/interviewer-busy"), "{}", answer.text);
}

both!(
    async fn an_interviewer_is_not_in_two_interviews_at_once(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let first = at(&people, "10:00", "11:00").await;
        act(&people.as_staff, &first, "accept").await.expect(200);
        for (from, to) in [
            ("10:00", "11:00"),
            ("09:30", "10:01"),
            ("10:59", "12:00"),
            ("10:15", "10:45"),
            ("09:00", "12:00"),
        ] {
            let overlapping = at(&people, from, to).await;
            assert_is_busy(&act_as_driver(&people.as_driver, &overlapping, "accept").await);
            assert_is_busy(&act(&people.as_key, &overlapping, "accept").await);
            assert_eq!(people.look(&overlapping).await, overlapping, "it stays as it was");
        }
        for (from, to) in [("09:00", "10:00"), ("11:00", "12:00")] {
            let touching = at(&people, from, to).await;
            act_as_driver(&people.as_driver, &touching, "accept").await.expect(200);
        }
    }
);

both!(
    async fn only_what_is_scheduled_takes_an_interviewers_time(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let first = at(&people, "10:00", "11:00").await;
        act(&people.as_staff, &first, "accept").await.expect(200);
        let second = at(&people, "10:30", "11:30").await;
        assert_is_busy(&act(&people.as_staff, &second, "accept").await);
        act(&people.as_staff, &first, "cancel").await.expect(200);
        act(&people.as_staff, &second, "accept").await.expect(200);

        // Another interviewer has the same hour to give.
        let other = people.merchant.user(&json!({"title": "Somebody else"})).await;
        let (start, end) = (&second["start_at"], &second["end_at"]);
        let elsewhere = people
            .interview_with(&json!({"interviewer_id": other["id"], "start_at": start, "end_at": end}))
            .await;
        act(&people.as_staff, &elsewhere, "accept").await.expect(200);
    }
);

both!(
    async fn an_amendment_into_a_taken_hour_is_refused_when_it_is_accepted(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        let first = at(&people, "10:00", "11:00").await;
        act(&people.as_staff, &first, "accept").await.expect(200);
        let second = at(&people, "14:00", "15:00").await;
        let taken = ("2030-05-06T10:30:00.000Z".to_owned(), "2030-05-06T11:30:00.000Z".to_owned());
        let amended = act_at(&people.as_driver, OWN, &second, "amend", Some(&taken)).await;
        assert_is_busy(&act(&people.as_staff, &second, "accept").await);
        assert_eq!(people.look(&second).await, amended.expect(200)["interview"]);

        // An interview is never in its own way.
        let later = ("2030-05-06T10:15:00.000Z".to_owned(), "2030-05-06T11:15:00.000Z".to_owned());
        act_at(&people.as_driver, OWN, &first, "amend", Some(&later)).await.expect(200);
        let moved = act(&people.as_staff, &first, "accept").await;
        assert_eq!(moved.expect(200)["interview"]["start_at"], later.0);
    }
);

both!(
    async fn of_two_overlapping_interviews_accepted_at_once_one_is_scheduled(t: &Env) {
        let people = People::of(t.merchant("Acme").await).await;
        for round in 0..10 {
            let (from, to) = (format!("{round:02}:00"), format!("{round:02}:50"));
            let pair = [at(&people, &from, &to).await, at(&people, &from, &to).await];
            let (one, other) = tokio::join!(
                act(&people.as_staff, &pair[0], "accept"),
                act_as_driver(&people.as_driver, &pair[1], "accept")
            );
            let (winner, loser) = if one.status == 200 { (&one, &other) } else { (&other, &one) };
            assert_eq!(winner.expect(200)["interview"]["status"], "scheduled");
            assert_is_busy(loser);
            let scheduled = [people.look(&pair[0]).await, people.look(&pair[1]).await];
            assert_eq!(scheduled.iter().filter(|i| i["status"] == "scheduled").count(), 1, "{scheduled:?}");
        }
    }
);
