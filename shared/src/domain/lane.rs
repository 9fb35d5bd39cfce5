//! The lanes: queues that never wait behind one another.

use std::fmt;
use std::str::FromStr;

/// One queue with workers of its own. Its name is wire format: stream keys, columns and URLs carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Single operations, and registrations of up to 50 users: somebody waits for them.
    Intake,
    /// Chunks of larger registrations.
    Bulk,
    /// Mail to be sent.
    Mail,
}

impl Lane {
    /// Every lane, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Intake, Self::Bulk, Self::Mail];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Bulk => "bulk",
            Self::Mail => "mail",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that no lane has.
#[derive(Debug, thiserror::Error)]
#[error("there is no lane `{0}`; the lanes are intake, bulk and mail")]
pub struct UnknownLane(String);

impl FromStr for Lane {
    type Err = UnknownLane;

    fn from_str(name: &str) -> Result<Self, UnknownLane> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == name).ok_or_else(|| UnknownLane(name.to_owned()))
    }
}
