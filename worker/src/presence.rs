//! Saying that this process lives, and following what is paused.

use std::time::Duration;

use chrono::TimeDelta;
use shared::db::{DbError, lanes, workers};
use shared::domain::Lane;
use shared::queue::PauseSwitch;

use crate::context::Context;

const HEARTBEAT: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_secs(1);

/// Beats every five seconds.
pub(crate) async fn keep(ctx: &Context, of: &[Lane]) {
    let names: Vec<&str> = of.iter().map(|lane| lane.as_str()).collect();
    let names = names.join(",");
    loop {
        if let Err(error) = beat(ctx, &names).await {
            tracing::warn!(%error, "no heartbeat could be written");
        }
        tokio::time::sleep(HEARTBEAT).await;
    }
}

async fn beat(ctx: &Context, lanes: &str) -> Result<(), DbError> {
    let now = ctx.clock.now();
    let mut tx = ctx.db.begin().await?;
    workers::beat(&mut tx, &ctx.id, lanes, now).await?;
    workers::forget(&mut tx, now - TimeDelta::minutes(10)).await?;
    tx.commit().await
}

/// Turns each lane's reading off and on as the ledger says.
pub(crate) async fn follow_pauses(ctx: &Context, switches: Vec<(Lane, PauseSwitch)>) {
    loop {
        if let Ok(rows) = paused(ctx).await {
            for (lane, switch) in &switches {
                let row = rows.iter().find(|row| row.lane == lane.as_str());
                let by = row.and_then(|row| row.paused_by.as_deref());
                if switch.is_paused() != by.is_some() {
                    switch.set(by.is_some());
                    let reason = row.and_then(|row| row.reason.as_deref());
                    match by {
                        Some(by) => tracing::warn!(%lane, by, reason, "the lane is paused"),
                        None => tracing::info!(%lane, "the lane runs again"),
                    }
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn paused(ctx: &Context) -> Result<Vec<lanes::LaneRow>, DbError> {
    lanes::all(&mut ctx.db.read().await?).await
}

/// Says that this process ends.
pub(crate) async fn leave(ctx: &Context) {
    let left = async {
        let mut tx = ctx.db.begin().await?;
        workers::leave(&mut tx, &ctx.id).await?;
        tx.commit().await
    };
    if let Err(error) = left.await {
        tracing::warn!(%error, "this worker could not say that it ends; it will be forgotten");
    }
}
