//! Interviews between two people: their states, and which side may make which move.

use std::fmt;

use super::job::stored_names;

stored_names! {
    /// Where an interview stands.
    InterviewStatus {
        /// Proposed; either side may accept.
        Pending = "pending",
        /// Other times are proposed; the other side may accept them.
        Amended = "amended",
        /// Agreed.
        Scheduled = "scheduled",
        /// Declined.
        Rejected = "rejected",
        /// Called off.
        Cancelled = "cancelled",
        /// It took place.
        Completed = "completed",
        /// Somebody did not come.
        NoShow = "no_show",
    }
}

stored_names! {
    /// Whose move it is. Staff act for the interviewer's side.
    Side {
        /// The interviewer, or staff.
        Interviewer = "interviewer",
        /// The interviewee's own user.
        Interviewee = "interviewee",
    }
}

stored_names! {
    /// What may be done to an interview.
    InterviewMove {
        /// Proposes other times.
        Amend = "amend",
        /// Agrees to the times that were proposed last.
        Accept = "accept",
        /// Declines.
        Reject = "reject",
        /// Calls it off.
        Cancel = "cancel",
        /// It took place.
        Complete = "complete",
        /// Somebody did not come.
        NoShow = "no_show",
    }
}

/// How two people meet.
pub const INTERVIEW_KINDS: [&str; 3] = ["video_call", "phone_call", "in_person"];

/// Why a move is not made. The message is the problem's detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalMove {
    /// The state does not allow it.
    #[error("An interview that is {0} cannot become {1}.")]
    State(InterviewStatus, InterviewStatus),
    /// Whoever proposed the amended times cannot accept them, too.
    #[error(
        "An interview that is amended cannot become scheduled by the side that proposed the times: the {0} has to accept them."
    )]
    OwnAmendment(Side),
}

impl fmt::Display for InterviewStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Interviewer => Self::Interviewee,
            Self::Interviewee => Self::Interviewer,
        }
    }
}

impl InterviewMove {
    /// The state that the move leads to.
    #[must_use]
    pub const fn leads_to(self) -> InterviewStatus {
        match self {
            Self::Amend => InterviewStatus::Amended,
            Self::Accept => InterviewStatus::Scheduled,
            Self::Reject => InterviewStatus::Rejected,
            Self::Cancel => InterviewStatus::Cancelled,
            Self::Complete => InterviewStatus::Completed,
            Self::NoShow => InterviewStatus::NoShow,
        }
    }

    /// The state after the move, where a side may make it. `amended_by` is whose times are proposed, where some are.
    pub fn from(
        self,
        status: InterviewStatus,
        by: Side,
        amended_by: Option<Side>,
    ) -> Result<InterviewStatus, IllegalMove> {
        use InterviewStatus::{Amended, Cancelled, Completed, NoShow, Pending, Rejected, Scheduled};
        let to = self.leads_to();
        let legal = match status {
            Pending | Amended => matches!(to, Amended | Scheduled | Rejected | Cancelled),
            Scheduled => matches!(to, Amended | Completed | NoShow | Cancelled),
            Rejected | Cancelled | Completed | NoShow => false,
        };
        if !legal {
            return Err(IllegalMove::State(status, to));
        }
        if self == Self::Accept && amended_by == Some(by) {
            return Err(IllegalMove::OwnAmendment(by.other()));
        }
        Ok(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use InterviewStatus::{Amended, Cancelled};

    fn row(status: InterviewStatus) -> String {
        let legal = |m: InterviewMove| m.from(status, Side::Interviewer, None).is_ok();
        InterviewMove::ALL.iter().map(|m| if legal(*m) { 'y' } else { 'n' }).collect()
    }

    #[test]
    fn every_move_from_every_state_is_decided() {
        // amend, accept, reject, cancel, complete, no_show
        let rows: Vec<_> =
            InterviewStatus::ALL.iter().map(|status| (status.as_str(), row(*status))).collect();
        let expected = [
            ("pending", "yyyynn"),
            ("amended", "yyyynn"),
            ("scheduled", "ynnyyy"),
            ("rejected", "nnnnnn"),
            ("cancelled", "nnnnnn"),
            ("completed", "nnnnnn"),
            ("no_show", "nnnnnn"),
        ];
        assert_eq!(rows, expected.map(|(status, row)| (status, row.to_owned())));
    }

    #[test]
    fn a_refusal_names_both_states() {
        let told = InterviewMove::Accept.from(Cancelled, Side::Interviewee, None).unwrap_err();
        assert_eq!(told.to_string(), "An interview that is cancelled cannot become scheduled.");
    }

    #[test]
    fn an_amendment_is_accepted_by_the_other_side_only() {
        for by in [Side::Interviewer, Side::Interviewee] {
            assert!(InterviewMove::Accept.from(Amended, by, Some(by.other())).is_ok());
            let own = InterviewMove::Accept.from(Amended, by, Some(by)).unwrap_err();
            assert_eq!(own, IllegalMove::OwnAmendment(by.other()));
            assert!(InterviewMove::Amend.from(Amended, by, Some(by)).is_ok(), "a proposal may be changed");
        }
    }

    #[test]
    fn stored_names_are_wire_format() {
        assert_eq!(InterviewStatus::NoShow.as_str(), "no_show");
        assert_eq!("interviewee".parse::<Side>().unwrap(), Side::Interviewee);
        assert_eq!("no_show".parse::<InterviewMove>().unwrap(), InterviewMove::NoShow);
    }
}
