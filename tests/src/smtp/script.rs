//! How the sink misbehaves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the sink does, beside taking mail. The default takes everything, at once.
#[derive(Debug)]
pub struct Script {
    /// The first rule that fits decides.
    pub rules: Vec<Rule>,
    /// Waited before each reply.
    pub delay: Duration,
    /// Replies come one byte at a time, with this pause between.
    pub drip: Option<Duration>,
    /// Offers AUTH, and takes this user and password only.
    pub credentials: Option<(String, String)>,
    /// Offers PIPELINING.
    pub pipelining: bool,
    /// Keeps each mail's text, and not only its envelope.
    pub keep_raw: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            delay: Duration::ZERO,
            drip: None,
            credentials: None,
            pipelining: true,
            keep_raw: true,
        }
    }
}

impl Script {
    /// A script of one rule.
    #[must_use]
    pub fn of(rule: Rule) -> Self {
        Self { rules: vec![rule], ..Self::default() }
    }

    pub(super) fn decide(&self, at: At, recipient: &str) -> Option<&Act> {
        self.rules.iter().find(|rule| rule.fits(at, recipient)).map(|rule| &rule.act)
    }
}

/// A point of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The greeting.
    Connect,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Recipient,
    /// DATA.
    Data,
    /// The final dot, in place of its answer.
    Dot,
    /// Right after the 250 to the final dot.
    AfterDot,
}

/// One way to misbehave, at one point, for everybody or for some.
#[derive(Debug)]
pub struct Rule {
    at: At,
    act: Act,
    prefix: String,
    skip: u64,
    times: u64,
    seen: AtomicU64,
}

#[derive(Debug)]
pub(super) enum Act {
    Answer(String),
    HangUp,
}

impl Rule {
    /// Answers `reply` (as in `550 5.1.1 no such user`) at this point. 421 also closes the connection.
    #[must_use]
    pub fn answer(at: At, reply: impl Into<String>) -> Self {
        Self::new(at, Act::Answer(reply.into()))
    }

    /// Closes the connection at this point, without an answer. At [`At::Dot`] the mail is taken all the same.
    #[must_use]
    pub fn hang_up(at: At) -> Self {
        Self::new(at, Act::HangUp)
    }

    fn new(at: At, act: Act) -> Self {
        Self { at, act, prefix: String::new(), skip: 0, times: u64::MAX, seen: AtomicU64::new(0) }
    }

    /// Only for recipients that begin so (from RCPT on).
    #[must_use]
    pub fn to(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Not the first `count` times.
    #[must_use]
    pub const fn after(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// Only so many times.
    #[must_use]
    pub const fn times(mut self, count: u64) -> Self {
        self.times = count;
        self
    }

    fn fits(&self, at: At, recipient: &str) -> bool {
        if self.at != at || !recipient.starts_with(&self.prefix) {
            return false;
        }
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        seen >= self.skip && seen - self.skip < self.times
    }
}
