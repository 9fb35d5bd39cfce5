//! A mail's life in the ledger.

use super::job::stored_names;

stored_names! {
    /// What a mail is for. Stored: its names are wire format.
    MessageKind {
        /// The link, to the candidate.
        Invitation = "invitation",
        /// The link again, while it waits to be opened.
        InvitationReminder = "invitation_reminder",
        /// The link was taken back.
        InvitationRevoked = "invitation_revoked",
        /// An interview is proposed.
        InterviewCreated = "interview_created",
        /// Other times are proposed. Its copy says by whom: 0 the interviewer, 1 the interviewee.
        InterviewAmended = "interview_amended",
        /// The times are agreed.
        InterviewAccepted = "interview_accepted",
        /// The interview was declined.
        InterviewRejected = "interview_rejected",
        /// The interview was called off.
        InterviewCancelled = "interview_cancelled",
        /// The interview is near. Its copy is how near, in seconds.
        InterviewReminder = "interview_reminder",
    }
}

stored_names! {
    /// Where a message stands. Stored: its names are wire format.
    MessageStatus {
        /// To be sent at its `due_at`, a reminder: until then nobody looks at it.
        Scheduled = "scheduled",
        /// To be sent now.
        Queued = "queued",
        /// Claimed by a mail worker.
        Sending = "sending",
        /// Put off: tried, and to be tried again at its `due_at`.
        Deferred = "deferred",
        /// The server took it.
        Sent = "sent",
        /// The server refused it for good, or the attempts are used up.
        Failed = "failed",
        /// The address is on the suppression list.
        Suppressed = "suppressed",
        /// No longer wanted when its turn came: the link was used, revoked or replaced, the interview moved.
        Skipped = "skipped",
    }
}

/// What a client is told of a registration's mail (`CONTRACT.md` section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailStatus {
    /// None is to go.
    None,
    /// Waits for its turn, or is being sent.
    Queued,
    /// The server took it.
    Sent,
    /// Tried, and to be tried again.
    Deferred,
    /// Given up.
    Failed,
    /// Not sent: the address bounced before.
    Suppressed,
}

impl EmailStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::None, Self::Queued, Self::Sent, Self::Deferred, Self::Failed, Self::Suppressed];

    /// From a message's stored status; `None` where there is no message.
    #[must_use]
    pub fn of(stored: Option<&str>) -> Self {
        match stored {
            Some("queued" | "sending") => Self::Queued,
            Some("deferred") => Self::Deferred,
            Some("sent") => Self::Sent,
            Some("failed") => Self::Failed,
            Some("suppressed") => Self::Suppressed,
            _ => Self::None,
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
        }
    }
}

/// Which of a merchant's mails go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A single invite, a resend: somebody waits for it.
    Single,
    /// One of a batch.
    Batch,
}

impl Priority {
    /// Both, first first.
    pub const ALL: [Self; 2] = [Self::Single, Self::Batch];

    /// As stored: lower goes first.
    #[must_use]
    pub const fn rank(self) -> i64 {
        match self {
            Self::Single => 0,
            Self::Batch => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_sees_a_mail_in_hand_as_queued_and_a_skipped_one_as_none() {
        assert_eq!(EmailStatus::of(Some(MessageStatus::Sending.as_str())), EmailStatus::Queued);
        assert_eq!(EmailStatus::of(Some(MessageStatus::Deferred.as_str())), EmailStatus::Deferred);
        assert_eq!(EmailStatus::of(Some(MessageStatus::Skipped.as_str())), EmailStatus::None);
        assert_eq!(EmailStatus::of(None), EmailStatus::None);
    }
}
