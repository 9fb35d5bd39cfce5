//! What the queue promises, held against both backends by one suite; then what only Redis can do to it.

mod outages;
mod stage;

use std::time::Duration;

use shared::domain::Lane;
use shared::queue::{Backlog, ConsumeOptions};
use tokio::time::Instant;

use stage::{DEADLINE, Gate, Kind, Log, Stage, eventually, ids, start};

/// Makes a test of each function, once per backend.
macro_rules! for_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use super::{Kind, Stage};

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_streams() {
                super::$name(Stage::set(Kind::Streams).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_a_channel() {
                super::$name(Stage::set(Kind::Channel).await).await;
            }
        }
    )+};
}

for_both!(
    a_quiet_run_delivers_every_id_exactly_once,
    an_entry_whose_handler_fails_comes_again_after_the_takeover_time,
    a_long_handler_keeps_its_entry,
    a_dead_consumers_entries_are_taken_over,
    a_hundred_thousand_due_at_once_drain,
    a_paused_consumer_begins_and_fetches_nothing,
    a_shutdown_hands_back_what_was_not_begun,
    a_panicking_handler_harms_no_neighbour,
    announcements_arrive,
    a_worker_of_an_empty_lane_stops_at_once,
    lanes_do_not_mix,
);

fn quick(takeover_after: Duration) -> ConsumeOptions {
    ConsumeOptions { takeover_after, ..ConsumeOptions::default() }
}

async fn a_quiet_run_delivers_every_id_exactly_once(stage: Stage) {
    let all = ids(0, 2_500);
    stage.push(Lane::Intake, &all[..1_500]).await;
    let log = Log::default();
    let workers = [
        start(&stage.queue, Lane::Intake, "one", ConsumeOptions::default(), 16, log.handler()),
        start(&stage.queue, Lane::Intake, "two", ConsumeOptions::default(), 16, log.handler()),
    ];
    stage.push(Lane::Intake, &all[1_500..2_499]).await;
    stage.push(Lane::Intake, &all[2_499..]).await;
    stage.until_drained(Lane::Intake).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(log.counts(&all), vec![1; all.len()]);
}

async fn an_entry_whose_handler_fails_comes_again_after_the_takeover_time(stage: Stage) {
    let takeover = Duration::from_millis(400);
    let log = Log::default();
    let worker = start(&stage.queue, Lane::Intake, "one", quick(takeover), 4, {
        let log = log.clone();
        move |ticket| {
            let first = log.record(ticket) == 1;
            async move { if first { Err("not today") } else { Ok(()) } }
        }
    });
    let all = ids(0, 20);
    stage.push(Lane::Intake, &all).await;
    eventually("all failed once", || async { log.total() >= 20 }).await;
    let failed = Instant::now();
    stage.until_drained(Lane::Intake).await;
    assert!(failed.elapsed() >= takeover / 2, "came again after {:?}", failed.elapsed());
    assert_eq!(log.counts(&all), vec![2; all.len()]);
    worker.stop().await;
}

async fn a_long_handler_keeps_its_entry(stage: Stage) {
    let takeover = Duration::from_millis(300);
    let frugal = ConsumeOptions { prefetch: 1, takeover_after: takeover };
    let (log, gate) = (Log::default(), Gate::default());
    let all = ids(0, 4);
    stage.push(Lane::Intake, &all).await;
    let held = |name| start(&stage.queue, Lane::Intake, name, frugal, 1, log.gated_handler(&gate));
    let mut workers = vec![held("one"), held("two")];
    eventually("two are at work, and each has fetched another", || async {
        log.total() == 2 && stage.backlog(Lane::Intake).await == Backlog { waiting: 0, delivered: 4 }
    })
    .await;
    workers.push(held("idle"));
    // Six times the takeover time, seen by the failures of another lane's only entry.
    let other = Log::default();
    let clock = start(&stage.queue, Lane::Bulk, "clock", quick(takeover), 1, {
        let other = other.clone();
        move |ticket| {
            other.record(ticket);
            async { Err("again") }
        }
    });
    stage.push(Lane::Bulk, &ids(50, 51)).await;
    eventually("six takeovers elsewhere", || async { other.total() >= 6 }).await;
    assert_eq!(log.total(), 2, "a running or waiting entry was given to somebody else");
    gate.open();
    stage.until_drained(Lane::Intake).await;
    assert_eq!(log.counts(&all), vec![1; all.len()]);
    for worker in workers {
        worker.stop().await;
    }
    clock.stop().await;
}

async fn a_dead_consumers_entries_are_taken_over(stage: Stage) {
    let all = ids(0, 20);
    let options = ConsumeOptions { prefetch: 8, takeover_after: Duration::from_millis(400) };
    let (begun, gate) = (Log::default(), Gate::default());
    let dead = start(&stage.queue, Lane::Intake, "dead", options, 4, begun.gated_handler(&gate));
    stage.push(Lane::Intake, &all).await;
    eventually("some are begun, and others fetched", || async {
        begun.total() == 4 && stage.backlog(Lane::Intake).await.delivered >= 8
    })
    .await;
    dead.abort();
    let log = Log::default();
    let worker = start(&stage.queue, Lane::Intake, "heir", options, 4, log.handler());
    stage.until_drained(Lane::Intake).await;
    assert_eq!(log.counts(&all), vec![1; all.len()]);
    if let Some(redis) = &stage.redis {
        eventually("the dead consumer is struck off", || async {
            let consumers = redis.cli(&["xinfo", "consumers", "convoke:{intake}:0", "convoke"]).await;
            consumers.contains("heir") && !consumers.contains("dead")
        })
        .await;
    }
    worker.stop().await;
}

async fn a_hundred_thousand_due_at_once_drain(stage: Stage) {
    let before = stage.used_memory().await;
    let all = ids(0, 100_000);
    for chunk in all.chunks(10_000) {
        stage.push(Lane::Mail, chunk).await;
    }
    assert_eq!(stage.backlog(Lane::Mail).await, Backlog { waiting: 100_000, delivered: 0 });
    let full = stage.used_memory().await;
    let log = Log::default();
    let options = ConsumeOptions { prefetch: 1024, ..ConsumeOptions::default() };
    let worker = start(&stage.queue, Lane::Mail, "one", options, 256, log.handler());
    stage.until_drained(Lane::Mail).await;
    assert_eq!(log.counts(&all), vec![1; all.len()]);
    worker.stop().await;
    if let (Some(redis), Some(before), Some(full)) = (&stage.redis, before, full) {
        let after = redis.used_memory().await;
        assert!(full > before + 2_000_000, "100,000 entries took {before} to {full} bytes");
        assert!(after < before + 2_000_000, "{after} bytes are left of {full}; {before} before");
    }
}

async fn a_paused_consumer_begins_and_fetches_nothing(stage: Stage) {
    let (log, gate, other) = (Log::default(), Gate::default(), Log::default());
    let options = ConsumeOptions { prefetch: 8, ..ConsumeOptions::default() };
    let worker = start(&stage.queue, Lane::Intake, "one", options, 1, log.gated_handler(&gate));
    let elsewhere = start(&stage.queue, Lane::Bulk, "two", options, 1, other.handler());
    let all = ids(0, 60);
    stage.push(Lane::Intake, &all[..4]).await;
    eventually("the first is begun, and the reader has room", || async {
        log.total() == 1 && stage.backlog(Lane::Intake).await == Backlog { waiting: 0, delivered: 4 }
    })
    .await;
    worker.pause.set(true);
    gate.open();
    eventually("the first is done", || async { log.finished() == 1 }).await;
    // What passes on another lane in the meantime shows that there was time enough.
    stage.push(Lane::Bulk, &ids(100, 1_100)).await;
    stage.until_drained(Lane::Bulk).await;
    stage.push(Lane::Intake, &all[4..]).await;
    stage.push(Lane::Bulk, &ids(1_100, 2_100)).await;
    stage.until_drained(Lane::Bulk).await;
    assert_eq!(log.total(), 1, "a paused consumer began something");
    assert_eq!(stage.backlog(Lane::Intake).await, Backlog { waiting: 56, delivered: 3 });
    worker.pause.set(false);
    stage.until_drained(Lane::Intake).await;
    assert_eq!(log.counts(&all), vec![1; all.len()]);
    worker.stop().await;
    elsewhere.stop().await;
}

async fn a_shutdown_hands_back_what_was_not_begun(stage: Stage) {
    let all = ids(0, 40);
    let (log, gate) = (Log::default(), Gate::default());
    let first =
        start(&stage.queue, Lane::Intake, "first", ConsumeOptions::default(), 2, log.gated_handler(&gate));
    stage.push(Lane::Intake, &all).await;
    eventually("two run, the others are fetched", || async {
        let backlog = stage.backlog(Lane::Intake).await;
        log.total() == 2 && backlog == Backlog { waiting: 0, delivered: 40 }
    })
    .await;
    let pause = first.pause.clone();
    let stopping = tokio::spawn(first.stop());
    eventually("the rest is there for others while two still run", || async {
        stage.backlog(Lane::Intake).await == Backlog { waiting: 38, delivered: 2 }
    })
    .await;
    assert!(!stopping.is_finished(), "the worker did not wait for its handlers");
    gate.open();
    stopping.await.expect("the worker ends well");
    assert!(!pause.is_paused());
    assert_eq!(log.finished(), 2);
    assert_eq!(stage.backlog(Lane::Intake).await, Backlog { waiting: 38, delivered: 0 });
    if let Some(redis) = &stage.redis {
        assert_eq!(redis.cli(&["xinfo", "consumers", "convoke:{intake}:0", "convoke"]).await, "");
    }
    let second = start(&stage.queue, Lane::Intake, "second", ConsumeOptions::default(), 2, log.handler());
    stage.until_drained(Lane::Intake).await;
    assert_eq!(log.counts(&all), vec![1; all.len()]);
    second.stop().await;
}

async fn a_panicking_handler_harms_no_neighbour(stage: Stage) {
    let log = Log::default();
    let worker = start(&stage.queue, Lane::Intake, "one", ConsumeOptions::default(), 8, {
        let log = log.clone();
        move |ticket: shared::queue::Ticket| {
            let count = log.record(ticket);
            assert!(count > 0);
            // Before the future exists, and inside it.
            assert!(ticket.0.as_u128() % 10 != 3, "meant to panic");
            async move {
                assert!(ticket.0.as_u128() % 10 != 7, "meant to panic");
                Ok::<(), std::io::Error>(())
            }
        }
    });
    stage.push(Lane::Intake, &ids(0, 50)).await;
    let left = |delivered| Backlog { waiting: 0, delivered };
    eventually("only those that panicked are left", || async {
        log.total() == 50 && stage.backlog(Lane::Intake).await == left(10)
    })
    .await;
    stage.push(Lane::Intake, &ids(50, 100)).await;
    eventually("the worker goes on", || async {
        log.total() == 100 && stage.backlog(Lane::Intake).await == left(20)
    })
    .await;
    worker.stop().await;
}

async fn announcements_arrive(stage: Stage) {
    let mut heard = stage.queue.announcements();
    let mut also = stage.queue.announcements();
    let elsewhere = stage.another_process();
    let deadline = Instant::now() + DEADLINE;
    // The subscription comes about in the background; until then nothing is promised.
    let first = ids(0, 1);
    while tokio::time::timeout(Duration::from_millis(50), heard.recv()).await.is_err() {
        assert!(Instant::now() < deadline, "nothing was heard");
        elsewhere.announce(&first).await;
    }
    let all = ids(1, 601);
    elsewhere.announce(&all).await;
    for receiver in [&mut heard, &mut also] {
        let mut missing: std::collections::HashSet<_> = all.iter().copied().collect();
        while !missing.is_empty() {
            let id = tokio::time::timeout_at(deadline, receiver.recv())
                .await
                .expect("all are heard")
                .expect("and none is skipped");
            missing.remove(&id);
        }
    }
}

async fn a_worker_of_an_empty_lane_stops_at_once(stage: Stage) {
    let mut times = Vec::new();
    // A busy machine may be slow once, but a reader that is left to its two seconds is slow each time.
    for name in ["one", "two", "three"] {
        let log = Log::default();
        let worker = start(&stage.queue, Lane::Intake, name, ConsumeOptions::default(), 1, log.handler());
        stage.push(Lane::Intake, &ids(0, 1)).await;
        stage.until_drained(Lane::Intake).await;
        let stopping = Instant::now();
        worker.stop().await;
        times.push(stopping.elapsed());
    }
    assert!(times.iter().any(|time| *time < Duration::from_secs(1)), "{times:?}");
}

async fn lanes_do_not_mix(stage: Stage) {
    let (intake, bulk) = (Log::default(), Log::default());
    let one = start(&stage.queue, Lane::Intake, "one", ConsumeOptions::default(), 4, intake.handler());
    let two = start(&stage.queue, Lane::Bulk, "two", ConsumeOptions::default(), 4, bulk.handler());
    stage.push(Lane::Intake, &ids(0, 100)).await;
    stage.push(Lane::Bulk, &ids(100, 200)).await;
    stage.until_drained(Lane::Intake).await;
    stage.until_drained(Lane::Bulk).await;
    assert_eq!(intake.counts(&ids(0, 200)), [vec![1; 100], vec![0; 100]].concat());
    assert_eq!(bulk.counts(&ids(0, 200)), [vec![0; 100], vec![1; 100]].concat());
    one.stop().await;
    two.stop().await;
}
