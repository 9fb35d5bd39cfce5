//! What Redis may do at any moment: die, forget, stall, be absent, be a cluster, be watched by sentinels. A worker goes
//! on without help.

use std::time::Duration;

use convoke_tests::redis::Redis;
use shared::domain::Lane;
use shared::queue::{Backlog, ConsumeOptions, Queue};
use tokio::time::Instant;

use super::stage::{DEADLINE, Gate, Kind, Log, Stage, eventually, ids, start};

/// A consumer that takes over late: what arrives sooner was not waited for.
fn patient() -> ConsumeOptions {
    ConsumeOptions { takeover_after: DEADLINE * 4, ..ConsumeOptions::default() }
}

/// What the ledger's scheduler does: pushes again what nobody has done.
async fn push_until_done(queue: &Queue, log: &Log, all: &[uuid::Uuid]) {
    eventually("all are done", || async {
        let missing = log.missing(all);
        if !missing.is_empty() {
            queue.push(Lane::Intake, &missing).await.ok();
        }
        missing.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_survives_the_death_of_the_server() {
    let mut stage = Stage::set(Kind::Streams).await;
    let (log, gate) = (Log::default(), Gate::default());
    let worker = start(&stage.queue, Lane::Intake, "one", patient(), 4, log.gated_handler(&gate));
    let all = ids(0, 3_000);
    stage.push(Lane::Intake, &all).await;
    eventually("some run", || async { log.total() == 4 }).await;
    let redis = stage.redis.as_mut().unwrap();
    redis.kill().await;
    // Their acknowledgements find no server.
    gate.open();
    eventually("what was fetched is done", || async { log.finished() >= 4 }).await;
    let refused = Instant::now();
    assert!(stage.queue.push(Lane::Intake, &all[..1]).await.is_err());
    assert!(refused.elapsed() < Duration::from_millis(2_500), "a push took {:?}", refused.elapsed());
    redis.restart().await;
    push_until_done(&stage.queue, &log, &all).await;
    stage.until_drained(Lane::Intake).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_forgot_everything_is_filled_again() {
    let stage = Stage::set(Kind::Streams).await;
    let redis = stage.redis.as_ref().unwrap();
    let (log, gate) = (Log::default(), Gate::default());
    let worker = start(&stage.queue, Lane::Intake, "one", patient(), 4, log.gated_handler(&gate));
    let all = ids(0, 3_000);
    stage.push(Lane::Intake, &all).await;
    eventually("some run", || async { log.total() == 4 }).await;
    assert_eq!(redis.cli(&["flushall"]).await, "OK");
    gate.open();
    push_until_done(&stage.queue, &log, &all).await;
    stage.until_drained(Lane::Intake).await;
    // Once more while the reader waits in an empty lane.
    assert_eq!(redis.cli(&["flushall"]).await, "OK");
    push_until_done(&stage.queue, &log, &ids(3_000, 3_010)).await;
    stage.until_drained(Lane::Intake).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_server_is_waited_for() {
    let stage = Stage::set(Kind::Streams).await;
    let redis = stage.redis.as_ref().unwrap();
    let log = Log::default();
    let worker = start(&stage.queue, Lane::Intake, "one", patient(), 4, log.handler());
    stage.push(Lane::Intake, &ids(0, 100)).await;
    eventually("the worker is at work", || async { log.total() == 100 }).await;
    redis.stall().await;
    let stalled = Instant::now();
    let mut refused = 0;
    while stalled.elapsed() < Duration::from_secs(3) {
        let pushed = Instant::now();
        refused += usize::from(stage.queue.push(Lane::Intake, &ids(100, 110)).await.is_err());
        assert!(pushed.elapsed() < Duration::from_millis(2_500), "a push took {:?}", pushed.elapsed());
    }
    assert!(refused > 0, "a stopped server took a push");
    redis.go_on().await;
    push_until_done(&stage.queue, &log, &ids(100, 1_000)).await;
    stage.until_drained(Lane::Intake).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_late_is_waited_for() {
    let mut stage = Stage::with(Redis::absent());
    let log = Log::default();
    let worker = start(&stage.queue, Lane::Intake, "one", patient(), 4, log.handler());
    assert!(stage.queue.ping().await.is_err());
    assert!(stage.queue.push(Lane::Intake, &ids(0, 1)).await.is_err());
    stage.redis.as_mut().unwrap().restart().await;
    push_until_done(&stage.queue, &log, &ids(0, 100)).await;
    stage.queue.ping().await.expect("it answers");
    stage.until_drained(Lane::Intake).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_ends_in_time_when_the_server_is_gone() {
    let mut stage = Stage::set(Kind::Streams).await;
    let (log, gate) = (Log::default(), Gate::default());
    let worker = start(&stage.queue, Lane::Intake, "one", patient(), 2, log.gated_handler(&gate));
    stage.push(Lane::Intake, &ids(0, 40)).await;
    eventually("some run", || async { log.total() == 2 }).await;
    stage.redis.as_mut().unwrap().kill().await;
    gate.open();
    let stopping = Instant::now();
    worker.stop().await;
    assert!(stopping.elapsed() < Duration::from_secs(20), "it took {:?}", stopping.elapsed());
}

/// What was given to a consumer and never reached it is found on its next connection, not a takeover time later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_lost_on_a_broken_connection_are_found_again() {
    let stage = Stage::set(Kind::Streams).await;
    let redis = stage.redis.as_ref().unwrap();
    let log = Log::default();
    let worker = start(&stage.queue, Lane::Intake, "one", patient(), 4, log.handler());
    stage.push(Lane::Intake, &ids(0, 1)).await;
    stage.until_drained(Lane::Intake).await;
    worker.pause.set(true);
    // Reads may wait for two seconds, and the last one ends when the pause reaches it.
    eventually("no reader waits", || async {
        redis.cli(&["info", "clients"]).await.contains("blocked_clients:0")
    })
    .await;
    let all = ids(1, 11);
    stage.push(Lane::Intake, &all).await;
    let lost = ["xreadgroup", "group", "convoke", "one", "count", "5", "streams", "convoke:{intake}:0", ">"];
    assert!(!redis.cli(&lost).await.is_empty());
    worker.pause.set(false);
    eventually("the others are done", || async { log.missing(&all).len() == 5 }).await;
    redis.cli(&["client", "kill", "type", "normal"]).await;
    stage.until_drained(Lane::Intake).await;
    assert_eq!(log.counts(&all), [1; 10]);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_may_break_under_load() {
    let stage = Stage::set(Kind::Streams).await;
    let redis = stage.redis.as_ref().unwrap();
    let log = Log::default();
    let worker = start(&stage.queue, Lane::Intake, "one", patient(), 4, log.handler());
    let all = ids(0, 20_000);
    for chunk in all.chunks(2_000) {
        // A push that is cut off is made again, so that entries may be there twice.
        while stage.queue.push(Lane::Intake, chunk).await.is_err() {}
        redis.cli(&["client", "kill", "type", "normal"]).await;
    }
    stage.until_drained(Lane::Intake).await;
    assert!(log.missing(&all).is_empty());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_nobody_can_read_is_dropped() {
    let stage = Stage::set(Kind::Streams).await;
    let redis = stage.redis.as_ref().unwrap();
    for value in ["short", "a value of some length that is no id"] {
        redis.cli(&["xadd", "convoke:{intake}:0", "*", "id", value]).await;
    }
    redis.cli(&["xadd", "convoke:{intake}:0", "*", "other", "1", "id", "2"]).await;
    stage.push(Lane::Intake, &ids(0, 10)).await;
    let log = Log::default();
    let worker = start(&stage.queue, Lane::Intake, "one", patient(), 4, log.handler());
    stage.until_drained(Lane::Intake).await;
    assert_eq!(log.counts(&ids(0, 10)), vec![1; 10]);
    assert_eq!(log.total(), 10);
    worker.stop().await;
}

async fn delivers(queue: &Queue) {
    let log = Log::default();
    let worker = start(queue, Lane::Intake, "one", patient(), 4, log.handler());
    let mut heard = queue.announcements();
    let all = ids(0, 2_000);
    eventually("the push is taken", || async { queue.push(Lane::Intake, &all).await.is_ok() }).await;
    eventually("the lane is drained", || async {
        queue.backlog(Lane::Intake).await.is_ok_and(|backlog| backlog == Backlog::default())
    })
    .await;
    assert!(log.missing(&all).is_empty());
    let deadline = Instant::now() + DEADLINE;
    while tokio::time::timeout(Duration::from_millis(50), heard.recv()).await.is_err() {
        assert!(Instant::now() < deadline, "nothing was heard");
        queue.announce(&all[..1]).await;
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_serves() {
    let redis = Redis::start_cluster().await;
    delivers(&Queue::redis(&format!("redis+cluster://127.0.0.1:{}", redis.port())).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_under_sentinels_serves() {
    let master = Redis::start().await;
    let sentinel = Redis::start_sentinel(&master, "jobs").await;
    delivers(&Queue::redis(&format!("redis+sentinel://127.0.0.1:{}/jobs", sentinel.port())).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_follows_a_failover() {
    let mut master = Redis::start().await;
    let port = master.port().to_string();
    let replica = Redis::start_with(&["--replicaof", &format!("127.0.0.1 {port}")]).await;
    let sentinel = Redis::start_sentinel(&master, "jobs").await;
    eventually("the replica follows, and the sentinel knows it", || async {
        replica.cli(&["info", "replication"]).await.contains("master_link_status:up")
            && sentinel.cli(&["sentinel", "replicas", "jobs"]).await.contains(&replica.port().to_string())
    })
    .await;
    let queue = Queue::redis(&format!("redis+sentinel://127.0.0.1:{}/jobs", sentinel.port())).unwrap();
    let log = Log::default();
    let worker = start(&queue, Lane::Intake, "one", patient(), 4, log.handler());
    push_until_done(&queue, &log, &ids(0, 100)).await;
    master.kill().await;
    push_until_done(&queue, &log, &ids(100, 200)).await;
    assert!(replica.cli(&["info", "replication"]).await.contains("role:master"));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_ends_in_time_when_the_server_does_not_answer() {
    let stage = Stage::set(Kind::Streams).await;
    let (log, gate) = (Log::default(), Gate::default());
    let worker = start(&stage.queue, Lane::Intake, "one", patient(), 2, log.gated_handler(&gate));
    stage.push(Lane::Intake, &ids(0, 40)).await;
    eventually("some run", || async { log.total() == 2 }).await;
    stage.redis.as_ref().unwrap().stall().await;
    gate.open();
    let stopping = Instant::now();
    worker.stop().await;
    assert!(stopping.elapsed() < Duration::from_secs(15), "it took {:?}", stopping.elapsed());
}
