//! The domain: types that parse once, states and their moves, tokens, backoff. Pure: no database, no network, no clock.

mod api_key;
pub mod appearance;
mod backoff;
mod conflict;
mod email;
mod instant;
mod interview;
mod interview_answer;
mod job;
mod lane;
mod link;
mod message;
pub mod placeholders;
mod registration;
mod row;
mod secret;
mod text;

pub use api_key::{ApiKey, Role};
pub use backoff::{job_retry_after, mail_retry_after};
pub use conflict::{PROBLEM_TYPES, conflict};
pub use email::{EmailAddress, EmailError};
pub use instant::{is_time_zone, rfc3339_millis, time_zones};
pub use interview::{INTERVIEW_KINDS, IllegalMove, InterviewMove, InterviewStatus, Side};
pub use interview_answer::{Driver, InterviewAnswer, InterviewShown, IntervieweeShown, InterviewerShown};
pub use job::{
    CreateInterview, JobKind, JobStatus, MAX_ATTEMPTS, MoveInterview, MoveRegistration, Outcome,
    RegisterCandidates, SubmissionKind, SubmissionStatus,
};
pub use lane::Lane;
pub use link::{CAPTURED_LINK, LinkToken, TokenError, TokenKeys, link_url};
pub use message::{EmailStatus, MessageKind, MessageStatus, Priority};
pub use registration::{InvitationStatus, Milestones, ViewFlags};
pub use row::{Candidate, Row, RowError};
pub use secret::Secret;
pub use text::{TextError, line};
