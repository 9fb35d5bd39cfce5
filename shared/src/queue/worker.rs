//! One apalis worker over one consumer, from its start to its orderly end.

use std::pin::Pin;
use std::task::{Context, Poll};

use apalis::prelude::WorkerBuilderExt;
use apalis_core::error::{BoxDynError, WorkerError};
use apalis_core::task::Task;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::context::WorkerContext;
use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;
use tower::Service;

use super::outage::Backoff;
use super::{LaneBackend, Ticket};
use crate::clock::Entropy;

/// Builds one apalis worker over the backend and runs it until `stop` resolves; then nothing more is begun, what was not
/// begun is handed back at once, and the handlers that run may finish.
///
/// Up to `concurrency` handlers run at a time, each on a Tokio task of its own. `Ok` acknowledges the entry; an error or
/// a panic leaves it to come again after the backend's `takeover_after`. Dropping the future is the rude way to stop:
/// handlers that run go on alone, and their entries are taken over.
pub async fn run_worker<H, Fut, E, S>(
    name: String,
    backend: LaneBackend,
    concurrency: usize,
    handler: H,
    stop: S,
) where
    H: Fn(Ticket) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<BoxDynError> + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let mut stop = std::pin::pin!(stop);
    let mut backoff = Backoff::new(Entropy::System);
    let mut starts = 0_u64;
    loop {
        starts += 1;
        let context = WorkerContext::new(&format!("{name}.{starts}"));
        let worker = WorkerBuilder::new(&context)
            .backend(backend.again())
            .concurrency(concurrency.max(1))
            .catch_panic()
            .build(Perform(handler.clone()));
        let mut running = AbortOnDropHandle::new(tokio::spawn(worker.run()));
        tokio::select! {
            ended = &mut running => {
                let error = ended.map_err(|error| error.to_string()).and_then(|ended| ended.map_err(|error| error.to_string()));
                tracing::error!(%name, lane = %backend.lane(), ?error, "a worker ended that should not; another takes its place");
                tokio::select! {
                    () = backoff.pause() => {}
                    () = &mut stop => break,
                }
            }
            () = &mut stop => {
                backend.stop_reading();
                finish(&context, running).await;
                break;
            }
        }
    }
    backend.close().await;
}

/// Tells a worker to stop, and waits for its handlers.
async fn finish(context: &WorkerContext, mut running: AbortOnDropHandle<Result<(), WorkerError>>) {
    // A worker refuses to stop before its first poll.
    while context.stop().is_err() && !running.is_finished() {
        tokio::task::yield_now().await;
    }
    if let Ok(Err(error)) = (&mut running).await {
        tracing::warn!(worker = context.name(), %error, "a worker ended with an error");
    }
}

/// The handler as a service: every call on a task of its own, so that a lane uses all cores.
#[derive(Clone)]
struct Perform<H>(H);

impl<H, Fut, E> Service<Task<Ticket>> for Perform<H>
where
    H: Fn(Ticket) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<BoxDynError> + Send + 'static,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = Performing;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, task: Task<Ticket>) -> Performing {
        let handler = self.0.clone();
        let ticket = task.args;
        Performing(tokio::spawn(async move { handler(ticket).await.map_err(Into::into) }))
    }
}

/// A handler at work; one that panicked is one that failed.
struct Performing(JoinHandle<Result<(), BoxDynError>>);

impl Future for Performing {
    type Output = Result<(), BoxDynError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(cx).map(|joined| joined.unwrap_or_else(|error| Err(error.into())))
    }
}
