//! Two moves of one interview at once: whatever is answered, it is what one after the other would have brought.

use convoke_tests::people::act_at;
use convoke_tests::{Answer, Client, Convoke, Env, People, Stack};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

const OURS: &str = "/api/v1/interviews";
const OWN: &str = "/api/v1/users/interviews";

/// Two moves, each by a side: `i` the interviewer's, `e` the interviewee's.
type Pair = [(char, &'static str); 2];

/// The pairs that race, and what brings the interview where they begin.
const RACES: [(&[(char, &str)], Pair); 12] = [
    (&[], [('i', "cancel"), ('e', "accept")]),
    (&[], [('i', "reject"), ('e', "accept")]),
    (&[], [('i', "accept"), ('e', "accept")]),
    (&[], [('i', "amend"), ('e', "amend")]),
    (&[], [('i', "reject"), ('e', "cancel")]),
    (&[('i', "amend")], [('i', "amend"), ('e', "accept")]),
    (&[('e', "amend")], [('i', "accept"), ('e', "amend")]),
    (&[('e', "amend")], [('i', "reject"), ('e', "cancel")]),
    (&[('e', "accept")], [('i', "complete"), ('e', "cancel")]),
    (&[('e', "accept")], [('i', "complete"), ('i', "no_show")]),
    (&[('e', "accept")], [('i', "no_show"), ('e', "amend")]),
    (&[('e', "accept")], [('i', "cancel"), ('e', "cancel")]),
];

async fn make(people: &People, side: char, verb: &str, interview: &Value) -> Answer {
    let (who, path): (&Client, &str) =
        if side == 'i' { (&people.as_key, OURS) } else { (&people.as_driver, OWN) };
    let times = people.hour();
    act_at(who, path, interview, verb, (verb == "amend").then_some(&times)).await
}

/// What moves lead to, from the contract's table; `None`: the state does not allow the move.
fn after(status: &str, verb: &str) -> Option<&'static str> {
    match (status, verb) {
        ("pending" | "amended" | "scheduled", "amend") => Some("amended"),
        ("pending" | "amended", "accept") => Some("scheduled"),
        ("pending" | "amended", "reject") => Some("rejected"),
        ("pending" | "amended" | "scheduled", "cancel") => Some("cancelled"),
        ("scheduled", "complete") => Some("completed"),
        ("scheduled", "no_show") => Some("no_show"),
        _ => None,
    }
}

/// Whether the answers are those of one move made after the other, from where they began to where it ended.
fn explained(begun: &Value, first: (&Answer, &str), second: (&Answer, &str), ended: &Value) -> bool {
    let mut stands = begun.clone();
    for (answer, verb) in [first, second] {
        let to = after(stands["status"].as_str().unwrap(), verb);
        if answer.status == 409 {
            // Refused is what its state does not allow, and what was asked for before the other move was seen.
            let is_unseen = stands != *begun;
            if to.is_some() && !is_unseen {
                return false;
            }
            continue;
        }
        let moved = &answer.json["interview"];
        let Some(to) = to else { return false };
        // Whoever accepts agrees to the times that stood before.
        let is_amended = stands["amend_start_at"] != Value::Null;
        let agreed = if is_amended { &stands["amend_start_at"] } else { &stands["start_at"] };
        if moved["status"] != to || (verb == "accept" && moved["start_at"] != *agreed) {
            return false;
        }
        stands = moved.clone();
    }
    stands == *ended
}

async fn race(people: &People, number: usize) {
    let (way, [one, other]) = RACES[number % RACES.len()];
    let mut interview = people.interview().await;
    for (side, verb) in way {
        interview = make(people, *side, verb, &interview).await.expect(200)["interview"].clone();
    }
    let (first, second) =
        tokio::join!(make(people, one.0, one.1, &interview), make(people, other.0, other.1, &interview));
    let ended = people.look(&interview).await;
    let told = format!("{one:?} {} and {other:?} {} left {ended}", first.text, second.text);
    let won = [&first, &second].into_iter().filter(|answer| answer.status == 200).count();
    for answer in [&first, &second] {
        assert!([200, 409].contains(&answer.status), "{told}");
    }
    let (first, second) = ((&first, one.1), (&second, other.1));
    assert!(
        explained(&interview, first, second, &ended) || explained(&interview, second, first, &ended),
        "no order of the two explains it: {told}"
    );
    assert!(won >= 1, "one of them was legal: {told}");
    let status = |verb: &str| after(interview["status"].as_str().unwrap(), verb);
    let contradict = status(one.1).zip(status(other.1)).is_some_and(|(one_to, other_to)| {
        after(one_to, other.1).is_none() && after(other_to, one.1).is_none()
    });
    assert!(won == 1 || !contradict, "two winners: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_agrees_to_times_that_changed_while_the_answer_was_under_way() {
    let stack = Stack::start().await;
    let t = Convoke::on(&stack).start_without_worker().await;
    let worker = t.worker("worker");
    let people = People::of(t.merchant("Acme").await).await;
    let interview = people.interview().await;
    let interview = make(&people, 'i', "amend", &interview).await.expect(200)["interview"].clone();
    drop(worker);

    // The interviewer changes the proposal, and the interviewee, who has not seen it, accepts the one before.
    let (start, end) = people.hour();
    let other_times = json!({"interview": {"amend_start_at": start, "amend_end_at": end}});
    let amended = people.as_key.post(&format!("{OURS}/{}/amend", interview["id"]), &other_times);
    let accepted = people.as_driver.post_empty(&format!("{OWN}/{}/accept", interview["id"]));
    let mut operations = Vec::new();
    for call in [amended, accepted] {
        let answer = call.prefer("respond-async").send().await;
        operations.push(answer.expect(202)["operation"]["id"].as_str().unwrap().to_owned());
    }
    let _worker = t.worker("another-worker");
    let mut ended = Vec::new();
    for id in &operations {
        ended.push(t.ended_operation(id).await);
    }
    // Whichever came first, the other was decided upon without having seen it.
    let came_first = usize::from(ended[0]["status"] != "succeeded");
    let (won, lost) = (&ended[came_first], &ended[1 - came_first]);
    assert_eq!(won["status"], "succeeded", "{ended:?}");
    assert_eq!((&lost["status"], &lost["error"]["status"]), (&json!("failed"), &json!(409)), "{ended:?}");
    let stands = people.look(&interview).await;
    if came_first == 1 {
        assert_eq!(
            (&stands["status"], &stands["start_at"]),
            (&json!("scheduled"), &interview["amend_start_at"]),
            "agreed are the times that the interviewee had seen"
        );
        return;
    }
    assert_eq!((&stands["status"], &stands["amend_start_at"]), (&json!("amended"), &json!(start)));
    make(&people, 'e', "accept", &interview).await.expect(200);
}

async fn races(t: &Env, count: usize) {
    let people = People::of(t.merchant("Acme").await).await;
    stream::iter(0..count).for_each_concurrent(16, |number| race(&people, number)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_races_have_one_winner_each() {
    races(&Env::postgres().await, 1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_races_on_the_embedded_default_have_one_winner_each() {
    races(&Env::embedded().await, 100).await;
}
