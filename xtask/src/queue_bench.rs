//! `cargo xtask bench queue`: how many no-op jobs a second pass through apalis workers, over Redis Streams and over a
//! channel. Everything runs on this machine: the private Redis takes its share of the same cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use convoke_tests::redis::Redis;
use shared::clock::{Clock, Entropy};
use shared::domain::Lane;
use shared::queue::{Backlog, ConsumeOptions, Queue, Ticket, run_worker};
use tokio::sync::watch;

const ROUNDS: usize = 3;
const LANE: Lane = Lane::Bulk;
/// How many ids one push hands over.
const PUSH: usize = 10_000;
const PREFETCH: usize = 1024;
const CONCURRENCY: usize = 256;
/// How long a round may take before it counts as stuck.
const STUCK: Duration = Duration::from_mins(5);

/// Runs the benchmark with `jobs` jobs a round and prints a table.
///
/// # Errors
/// When redis-server is not installed, or the queue loses a job.
pub(crate) async fn run(jobs: u64) -> Result<()> {
    let redis = Redis::start().await;
    println!(
        "{jobs} jobs a round, {ROUNDS} rounds, prefetch {PREFETCH}, concurrency {CONCURRENCY}; jobs/s\n"
    );
    println!("{:<9} {:>8}  {:<20} {:>9} {:>9} {:>9}", "backend", "workers", "", "min", "median", "max");
    let mut memory = Memory::default();
    for workers in [1, 2] {
        let queue = Queue::redis(&redis.url)?;
        measure("streams", &queue, workers, jobs, Some((&redis, &mut memory))).await?;
    }
    for workers in [1, 2] {
        measure("channel", &Queue::in_process(), workers, jobs, None).await?;
    }
    println!(
        "\nRedis memory: {} KiB before, {} KiB full, {} KiB after",
        memory.before, memory.full, memory.after
    );
    Ok(())
}

/// KiB that Redis uses.
#[derive(Default)]
struct Memory {
    before: u64,
    full: u64,
    after: u64,
}

async fn measure(
    name: &str,
    queue: &Queue,
    workers: usize,
    jobs: u64,
    mut redis: Option<(&Redis, &mut Memory)>,
) -> Result<()> {
    let (mut pushes, mut drains, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        if let Some((redis, memory)) = &mut redis {
            memory.before = redis.used_memory().await / 1024;
        }
        pushes.push(per_second(jobs, push(queue, jobs).await?));
        if let Some((redis, memory)) = &mut redis {
            memory.full = redis.used_memory().await / 1024;
        }
        let begun = Instant::now();
        let crew = Crew::start(queue, workers);
        crew.until(jobs).await?;
        drains.push(per_second(jobs, begun.elapsed()));
        crew.stop(queue).await?;
        if let Some((redis, memory)) = &mut redis {
            memory.after = redis.used_memory().await / 1024;
        }

        let begun = Instant::now();
        let crew = Crew::start(queue, workers);
        push(queue, jobs).await?;
        crew.until(jobs).await?;
        both.push(per_second(jobs, begun.elapsed()));
        crew.stop(queue).await?;
    }
    row(name, workers, "push", pushes);
    row(name, workers, "drain", drains);
    row(name, workers, "push while draining", both);
    Ok(())
}

/// Pushes fresh ids; the time is that of the pushes alone.
async fn push(queue: &Queue, jobs: u64) -> Result<Duration> {
    let now = Clock::System.now();
    let entropy = Entropy::seeded(jobs);
    let ids: Vec<_> = (0..jobs).map(|_| entropy.uuid(now)).collect();
    let begun = Instant::now();
    for chunk in ids.chunks(PUSH) {
        queue.push(LANE, chunk).await?;
    }
    Ok(begun.elapsed())
}

/// Workers whose handler only counts.
struct Crew {
    done: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    workers: Vec<tokio::task::JoinHandle<()>>,
}

impl Crew {
    fn start(queue: &Queue, workers: usize) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let stop = watch::Sender::new(false);
        let options = ConsumeOptions { prefetch: PREFETCH, ..ConsumeOptions::default() };
        let start = |number: usize| {
            let name = format!("bench-{number}-{}", Clock::System.now().timestamp_micros());
            let backend = queue.consume(LANE, &name, options);
            let (done, mut stopped) = (Arc::clone(&done), stop.subscribe());
            let handler = move |_: Ticket| {
                done.fetch_add(1, Ordering::Relaxed);
                std::future::ready(Ok::<(), std::io::Error>(()))
            };
            let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            tokio::spawn(run_worker(name, backend, CONCURRENCY, handler, stop))
        };
        let workers = (0..workers).map(start).collect();
        Self { done, stop, workers }
    }

    async fn until(&self, jobs: u64) -> Result<()> {
        let begun = Instant::now();
        while self.done.load(Ordering::Relaxed) < jobs {
            ensure!(begun.elapsed() < STUCK, "stuck at {} of {jobs}", self.done.load(Ordering::Relaxed));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    async fn stop(self, queue: &Queue) -> Result<()> {
        self.stop.send_replace(true);
        for worker in self.workers {
            worker.await?;
        }
        let left = queue.backlog(LANE).await?;
        ensure!(left == Backlog::default(), "something is left: {left:?}");
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown to three digits at best")]
fn per_second(jobs: u64, time: Duration) -> f64 {
    jobs as f64 / time.as_secs_f64()
}

fn row(name: &str, workers: usize, what: &str, mut rates: Vec<f64>) {
    rates.sort_by(f64::total_cmp);
    let (min, median, max) = (rates[0], rates[rates.len() / 2], rates[rates.len() - 1]);
    println!("{name:<9} {workers:>8}  {what:<20} {min:>9.0} {median:>9.0} {max:>9.0}");
}
