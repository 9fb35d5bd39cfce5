//! Convoke's workers: what is taken from the queue is done here. `intake/` registers and moves, `mail/` sends, the
//! scheduler finds what nobody was told of, presence says that this process lives.

mod context;
mod intake;
mod lease;
pub mod mail;
mod presence;
mod scheduler;

use std::time::Duration;

use shared::domain::Lane;
use shared::queue::{ConsumeOptions, PauseSwitch, Ticket, run_worker};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use context::Context;
use mail::{MailLane, MailLaneError};

/// In-flight work gets so long after a stop was asked for.
const GRACE: Duration = Duration::from_secs(25);

/// Works on the lanes until `stopping` turns true, then lets what is in hand finish and hands back the rest.
pub async fn run(ctx: Context, lanes: &[Lane], stopping: watch::Receiver<bool>) -> Result<(), MailLaneError> {
    let mail = MailLane::new(&ctx, stopping.clone())?;
    let mut switches = Vec::new();
    let mut workers = JoinSet::new();
    for lane in lanes.iter().copied() {
        let concurrency = ctx.config.concurrency;
        let options = ConsumeOptions { prefetch: concurrency * 2, takeover_after: ctx.config.lease };
        let backend = ctx.queue.consume(lane, &ctx.id, options);
        switches.push((lane, backend.pause_switch()));
        let name = format!("{}.{lane}", ctx.id);
        let (ctx, mail) = (ctx.clone(), mail.clone());
        let handler = move |ticket: Ticket| {
            let (ctx, mail) = (ctx.clone(), mail.clone());
            async move {
                match lane {
                    Lane::Intake | Lane::Bulk => intake::handle(&ctx, ticket.0).await,
                    Lane::Mail => mail.handle().await,
                }
            }
        };
        workers.spawn(run_worker(name, backend, concurrency, handler, stopped(stopping.clone())));
    }
    watch_over(&ctx, lanes, switches, stopping).await;
    if tokio::time::timeout(GRACE, async { while workers.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("work in hand did not end in time; its leases will run out and others will do it");
    }
    mail.close().await;
    presence::leave(&ctx).await;
    Ok(())
}

/// Says that this process lives, follows pauses, and schedules, until it is to stop.
async fn watch_over(
    ctx: &Context,
    lanes: &[Lane],
    switches: Vec<(Lane, PauseSwitch)>,
    stopping: watch::Receiver<bool>,
) {
    tokio::select! {
        () = presence::keep(ctx, lanes) => {}
        () = presence::follow_pauses(ctx, switches) => {}
        () = scheduler::keep(ctx) => {}
        () = stopped(stopping) => {}
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
