//! A consumer as an apalis backend. Entries come out as tasks; a layer around the handler acknowledges them.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::worker::context::WorkerContext;
use futures_util::future::BoxFuture;
use tower::{Layer, Service};
use uuid::Uuid;

use super::consumer::Consumer;
use super::handover::{Handover, PauseSwitch};
use super::source::{EntryKey, Source};
use super::{ConsumeOptions, Ticket};
use crate::domain::Lane;

/// One consumer of a lane, for an apalis worker. Its polls never fail: an outage is waited out behind them.
pub struct LaneBackend {
    consumer: Arc<Consumer>,
    options: ConsumeOptions,
    closing: Option<BoxFuture<'static, ()>>,
}

impl fmt::Debug for LaneBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneBackend")
            .field("lane", &self.consumer.lane())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl LaneBackend {
    pub(super) fn new(lane: Lane, source: Source, options: ConsumeOptions) -> Self {
        Self { consumer: Arc::new(Consumer::new(lane, source, options)), options, closing: None }
    }

    /// A switch that pauses this consumer, for whoever keeps it.
    #[must_use]
    pub fn pause_switch(&self) -> PauseSwitch {
        PauseSwitch::new(Arc::clone(self.consumer.handover()))
    }

    pub(super) fn lane(&self) -> Lane {
        self.consumer.lane()
    }

    /// The same consumer for another worker.
    pub(super) fn again(&self) -> Self {
        Self { consumer: Arc::clone(&self.consumer), options: self.options, closing: None }
    }

    /// Fetches no more, and hands back what was not begun; what runs goes on.
    pub(super) fn stop_reading(&self) {
        self.consumer.handover().close();
    }

    /// Leaves the lane. Does nothing the second time.
    pub(super) fn close(&self) -> impl Future<Output = ()> + Send + use<> {
        let consumer = Arc::clone(&self.consumer);
        async move { consumer.close().await }
    }
}

impl Backend for LaneBackend {
    type Task = Task<Ticket>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        self.consumer.start();
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<Ticket>, Infallible>>> {
        self.consumer.handover().poll_take(cx).map(|entry| {
            let mut task = Task::new(Ticket(entry.id));
            task.inject_data(entry.key);
            Some(Ok(task))
        })
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        if self.closing.is_none() {
            self.closing = Some(Box::pin(self.close()));
        }
        self.closing.as_mut().map_or(Poll::Ready(Ok(())), |closing| closing.as_mut().poll(cx).map(Ok))
    }
}

impl BackendConfig for LaneBackend {
    type Args = Ticket;
    type Id = Uuid;
    type Kind = Ephemeral;
    type Config = ConsumeOptions;
    type Layer = Acknowledge;

    fn config(&self) -> &ConsumeOptions {
        &self.options
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Acknowledge {
        Acknowledge(Arc::clone(self.consumer.handover()))
    }
}

/// The layer that acknowledges an entry when its handler returns `Ok`, and leaves it to come again otherwise.
#[derive(Clone, Debug)]
pub struct Acknowledge(Arc<Handover>);

impl<S> Layer<S> for Acknowledge {
    type Service = Acknowledging<S>;

    fn layer(&self, inner: S) -> Acknowledging<S> {
        Acknowledging { inner, handover: Arc::clone(&self.0) }
    }
}

/// A handler behind [`Acknowledge`].
#[derive(Clone, Debug)]
pub struct Acknowledging<S> {
    inner: S,
    handover: Arc<Handover>,
}

impl<S> Service<Task<Ticket>> for Acknowledging<S>
where
    S: Service<Task<Ticket>>,
    S::Future: Unpin,
    S::Error: fmt::Display,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Acknowledgement<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, task: Task<Ticket>) -> Self::Future {
        let ticket = task.args;
        let pending = task.data().get::<EntryKey>().map(|key| (*key, Arc::clone(&self.handover)));
        Acknowledgement { ticket, pending, inner: self.inner.call(task) }
    }
}

/// A handler at work. Dropped before its end, it leaves the entry to come again.
#[derive(Debug)]
pub struct Acknowledgement<F> {
    ticket: Ticket,
    pending: Option<(EntryKey, Arc<Handover>)>,
    inner: F,
}

impl<F, T, E> Future for Acknowledgement<F>
where
    F: Future<Output = Result<T, E>> + Unpin,
    E: fmt::Display,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let result = std::task::ready!(Pin::new(&mut self.inner).poll(cx));
        match &result {
            Ok(_) => {
                if let Some((key, handover)) = self.pending.take() {
                    handover.done(key);
                }
            }
            Err(error) => {
                tracing::warn!(id = %self.ticket.0, %error, "a handler failed; its entry will come again");
            }
        }
        Poll::Ready(result)
    }
}

impl<F> Drop for Acknowledgement<F> {
    fn drop(&mut self) {
        if let Some((key, handover)) = self.pending.take() {
            handover.give_up(key);
        }
    }
}
