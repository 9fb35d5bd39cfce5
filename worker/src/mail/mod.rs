//! The mail lane: claiming mails, composing them, handing them to a server, and recording what its answer means.
//!
//! [`Templates`] writes each mail, [`Appointment`] what calendars read in it, [`Letter`] checks and formats it, [`SmtpClient`] sends it and gives a
//! [`Verdict`]; these know nothing of the ledger. [`MailLane`] joins them to it.

mod about_interview;
mod about_link;
mod calendar;
mod compose;
mod dispatch;
mod envelope;
mod letter;
mod notice;
mod pace;
mod place;
mod quoted;
mod rates;
mod record;
mod revocation;
mod ring;
mod smtp;
mod subject;
mod verdict;

pub use calendar::{Appointment, AppointmentState};
pub use compose::{ComposeError, Composed, Invitation, Templates};
pub use dispatch::{MailLane, MailLaneError};
pub use letter::{Calendar, CalendarMethod, Letter, LetterError};
pub use notice::{InterviewNotice, Notice, Reader};
pub use revocation::Revocation;
pub use smtp::{SmtpClient, SmtpOptions, SmtpUrlError};
pub use verdict::{Stage, Verdict};

use shared::domain::Lane;

use crate::context::Context;

/// Mails that one claim takes at most.
pub(crate) const CLAIM: i64 = 100;

/// Says `tickets` times that mails wait. A ticket names no mail: whoever takes it claims what is due, merchants in
/// turn.
pub(crate) async fn wake(ctx: &Context, tickets: i64) {
    let now = ctx.clock.now();
    let ids: Vec<_> = (0..tickets).map(|_| ctx.entropy.uuid(now)).collect();
    if let Err(error) = ctx.queue.push(Lane::Mail, &ids).await {
        tracing::warn!(%error, "the queue took no tickets; the scheduler will push them");
    }
}
