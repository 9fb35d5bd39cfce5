//! Mail: composing it, putting it into wire form, handing it to a server, and what the server's answer means.
//!
//! [`Templates`] writes an invitation, [`Letter`] checks and formats it, [`SmtpClient`] sends it and gives a
//! [`Verdict`]. Nothing here reads or writes the ledger.

mod appearance;
mod compose;
mod letter;
mod placeholders;
mod smtp;
mod verdict;

pub use compose::{ComposeError, Composed, Invitation, Templates};
pub use letter::{Calendar, CalendarMethod, Letter, LetterError};
pub use placeholders::{PlaceholderError, fill};
pub use smtp::{SmtpClient, SmtpOptions, SmtpUrlError};
pub use verdict::{Stage, Verdict};
