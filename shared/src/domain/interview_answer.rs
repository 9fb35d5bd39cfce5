//! An interview as every answer shows it: the source documents' members in their order, at each level.

use serde::Serialize;
use utoipa::ToSchema;

/// `{"interview": {…}}`
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InterviewAnswer {
    /// The interview.
    pub interview: InterviewShown,
}

/// The interview.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Interview)]
pub struct InterviewShown {
    /// Its id.
    pub id: i64,
    /// When the proposed time ends.
    #[schema(required, format = DateTime)]
    pub amend_end_at: Option<String>,
    /// When the proposed time begins.
    #[schema(required, format = DateTime)]
    pub amend_start_at: Option<String>,
    /// Whose proposal waits for an answer.
    #[schema(required, format = "side")]
    pub amended_by: Option<String>,
    /// When it ends.
    #[schema(format = DateTime)]
    pub end_at: String,
    /// Who is interviewed.
    pub interviewee: IntervieweeShown,
    /// The interviewee's id.
    pub interviewee_id: i64,
    /// Who interviews.
    pub interviewer: InterviewerShown,
    /// The interviewer's user id.
    pub interviewer_id: i64,
    /// How they meet.
    #[schema(format = "interview-kind")]
    pub kind: String,
    /// A place, or an https URL.
    #[schema(required)]
    pub location: Option<String>,
    /// When it begins.
    #[schema(format = DateTime)]
    pub start_at: String,
    /// Where it stands.
    #[schema(format = "interview-status")]
    pub status: String,
}

/// Who is interviewed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InterviewInterviewee)]
pub struct IntervieweeShown {
    /// The interviewee's id.
    pub id: i64,
    /// ISO 4217; absent where none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub currency: Option<String>,
    /// The interviewee's user.
    pub driver: Driver,
    /// `interview`, `verified` or `rejected`.
    #[schema(format = "interviewee-kind")]
    pub kind: String,
    /// When the interviewee was changed last.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// The interviewee's user.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InterviewDriver)]
pub struct Driver {
    /// The user's id.
    pub id: i64,
    /// An https URL.
    #[schema(required)]
    pub image: Option<String>,
    /// The user's number.
    #[schema(required)]
    pub phone_number: Option<String>,
    /// The user's name.
    pub title: String,
}

/// Who interviews.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = InterviewInterviewer)]
pub struct InterviewerShown {
    /// The user's id.
    pub id: i64,
    /// The number at which interviewees reach them.
    #[schema(required)]
    pub contact_phone_number: Option<String>,
    /// An https URL.
    #[schema(required)]
    pub image: Option<String>,
    /// The user's name.
    pub title: String,
}
