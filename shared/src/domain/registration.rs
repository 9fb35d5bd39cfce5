//! A registration's life: from the link's minting to the interview's end.

use chrono::{DateTime, Utc};

/// What the interview's page hides when it is opened through this link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewFlags {
    /// `view_hm`: the menu.
    pub hide_menu: bool,
    /// `view_hi`: the frame around it.
    pub hide_iframe: bool,
}

/// The instants that decide a registration's state.
#[derive(Clone, Copy, Debug)]
pub struct Milestones {
    /// The link's end of life.
    pub expires_at: DateTime<Utc>,
    /// When the link was consumed.
    pub used_at: Option<DateTime<Utc>>,
    /// When the link was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When the interview was done.
    pub completed_at: Option<DateTime<Utc>>,
}

/// Where an invitation stands (`CONTRACT.md` section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationStatus {
    /// The link waits to be used.
    Pending,
    /// The link was used; the interview goes on.
    Started,
    /// The interview is done.
    Completed,
    /// The link was not used in time.
    Expired,
    /// The link was taken back.
    Revoked,
}

impl InvitationStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Started, Self::Completed, Self::Expired, Self::Revoked];

    /// The state at an instant.
    #[must_use]
    pub fn at(now: DateTime<Utc>, m: &Milestones) -> Self {
        if m.completed_at.is_some() {
            Self::Completed
        } else if m.revoked_at.is_some() {
            Self::Revoked
        } else if m.used_at.is_some() {
            Self::Started
        } else if m.expires_at <= now {
            Self::Expired
        } else {
            Self::Pending
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn the_furthest_milestone_decides() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let fresh = Milestones {
            expires_at: now + TimeDelta::days(1),
            used_at: None,
            revoked_at: None,
            completed_at: None,
        };
        let used = Milestones { used_at: Some(now), ..fresh };
        assert_eq!(InvitationStatus::at(now, &fresh), InvitationStatus::Pending);
        assert_eq!(InvitationStatus::at(fresh.expires_at, &fresh), InvitationStatus::Expired);
        assert_eq!(
            InvitationStatus::at(fresh.expires_at, &used),
            InvitationStatus::Started,
            "a started one does not expire"
        );
        let revoked = Milestones { revoked_at: Some(now), ..fresh };
        assert_eq!(InvitationStatus::at(now, &revoked), InvitationStatus::Revoked);
        let done = Milestones { completed_at: Some(now), ..used };
        assert_eq!(InvitationStatus::at(now, &done), InvitationStatus::Completed);
    }
}
