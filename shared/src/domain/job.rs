//! Submissions and their jobs: the words of the ledger.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{InterviewMove, Row};

/// A job that was begun this often is dead.
pub const MAX_ATTEMPTS: i64 = 5;

/// An enum whose variants have stable names: they are stored, and shown.
macro_rules! stored_names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name, as stored and shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::job::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err($crate::domain::job::UnknownName(text.to_owned())) }
            }
        }
    };
}

pub(super) use stored_names;

/// A stored name that this version does not know: a newer one wrote it.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not known to this version")]
pub struct UnknownName(pub(super) String);

stored_names! {
    /// What was asked for.
    SubmissionKind {
        /// A bulk registration: the submission is a batch.
        RegisterUsers = "register_users",
        /// The same link is mailed again.
        ResendInvitation = "resend_invitation",
        /// The link is taken back.
        RevokeRegistration = "revoke_registration",
        /// A new link is minted.
        ReissueLink = "reissue_link",
        /// The interview is done.
        CompleteRegistration = "complete_registration",
        /// Xobin's invitation of one candidate.
        InviteCandidate = "invite_candidate",
        /// Xobin's revocation, which says what became of it.
        RevokeInvite = "revoke_invite",
        /// An interview between two people is proposed.
        CreateInterview = "create_interview",
        /// Other times are proposed; the other moves follow.
        AmendInterview = "amend_interview",
        /// See [`InterviewMove::Accept`].
        AcceptInterview = "accept_interview",
        /// See [`InterviewMove::Reject`].
        RejectInterview = "reject_interview",
        /// See [`InterviewMove::Cancel`].
        CancelInterview = "cancel_interview",
        /// See [`InterviewMove::Complete`].
        CompleteInterview = "complete_interview",
        /// See [`InterviewMove::NoShow`].
        NoShowInterview = "no_show_interview",
    }
}

impl SubmissionKind {
    /// The operation that makes a move of an interview.
    #[must_use]
    pub const fn moving(to: InterviewMove) -> Self {
        match to {
            InterviewMove::Amend => Self::AmendInterview,
            InterviewMove::Accept => Self::AcceptInterview,
            InterviewMove::Reject => Self::RejectInterview,
            InterviewMove::Cancel => Self::CancelInterview,
            InterviewMove::Complete => Self::CompleteInterview,
            InterviewMove::NoShow => Self::NoShowInterview,
        }
    }
}

stored_names! {
    /// Where a submission stands; shown as an operation's status.
    SubmissionStatus {
        /// Accepted; no job was begun.
        Queued = "queued",
        /// A job is done or was begun.
        Processing = "processing",
        /// All done.
        Succeeded = "succeeded",
        /// Refused by the rules when its turn came.
        Failed = "failed",
    }
}

stored_names! {
    /// What a worker has to do.
    JobKind {
        /// Registers up to 500 users of one submission.
        RegisterCandidates = "register_candidates",
        /// One move of one registration; the submission says which.
        MoveRegistration = "move_registration",
        /// Stores one interview.
        CreateInterview = "create_interview",
        /// One move of one interview.
        MoveInterview = "move_interview",
    }
}

stored_names! {
    /// Where a job stands.
    JobStatus {
        /// To be done; its id is, or will be, in the queue.
        Waiting = "waiting",
        /// Claimed, until its lease runs out.
        Running = "running",
        /// Failed for now; waits for its `due_at`.
        Retryable = "retryable",
        /// Begun five times, or not to be understood; an operator's business.
        Dead = "dead",
        /// Its effects are committed.
        Done = "done",
        /// Given up by an operator.
        Discarded = "discarded",
    }
}

/// The payload of [`JobKind::RegisterCandidates`]. Stored: its names are wire format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterCandidates {
    /// The place of the first row in its batch, from 0.
    pub first: i64,
    /// At most 500.
    pub rows: Vec<Row>,
}

/// The payload of [`JobKind::MoveRegistration`]. Stored: its names are wire format.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct MoveRegistration {
    /// Whether a reissued link is mailed; `None`: where the one before was.
    #[serde(default)]
    pub send_email: Option<bool>,
    /// Whether the candidate is told by mail that the link was taken back.
    #[serde(default)]
    pub notify: bool,
}

/// The payload of [`JobKind::CreateInterview`]. Stored: its names are wire format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateInterview {
    /// Who is interviewed.
    pub interviewee_id: i64,
    /// The user who interviews.
    pub interviewer_id: i64,
    /// One of [`INTERVIEW_KINDS`](super::INTERVIEW_KINDS).
    pub kind: String,
    /// A place, or an https URL.
    pub location: Option<String>,
    /// From when.
    pub start_at: DateTime<Utc>,
    /// Until when.
    pub end_at: DateTime<Utc>,
}

/// The payload of [`JobKind::MoveInterview`]. Stored: its names are wire format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MoveInterview {
    /// An [`InterviewMove`].
    #[serde(rename = "move")]
    pub to: String,
    /// A [`Side`](super::Side): who makes it.
    pub by: String,
    /// The times that an amendment proposes.
    #[serde(default)]
    pub times: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The schedule's version when the move was asked for; `None`: an older version of the program took it.
    #[serde(default)]
    pub seen: Option<i64>,
}

/// What an attempt at a job came to; recorded in the transaction of the job's effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its effects are in the same transaction.
    Done,
    /// To be begun again at an instant.
    Retry {
        /// Not before this.
        at: DateTime<Utc>,
        /// Why, for operators.
        error: String,
    },
    /// Never again by itself.
    Dead {
        /// Why, for operators.
        error: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_are_wire_format() {
        assert_eq!(JobKind::RegisterCandidates.as_str(), "register_candidates");
        assert_eq!(JobKind::MoveRegistration.as_str(), "move_registration");
        assert_eq!(SubmissionKind::RegisterUsers.as_str(), "register_users");
        assert_eq!("retryable".parse::<JobStatus>().unwrap(), JobStatus::Retryable);
        assert!("register_candidates_v9".parse::<JobKind>().is_err());
    }
}
