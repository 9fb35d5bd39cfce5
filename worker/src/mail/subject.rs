//! What a message is about, as it stands at the last look before it is sent: a link, or an interview.

use std::collections::HashMap;

use shared::db::deliveries::{self, ClaimedMessage, MailSubject};
use shared::db::notices::{self, NoticeSubject};
use shared::db::{Conn, DbError};
use uuid::Uuid;

/// See the module.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// A candidate's link.
    Link(Box<MailSubject>),
    /// An interview between two people, and the one who reads of it.
    Interview(Box<NoticeSubject>),
}

impl Subject {
    /// Whose mail it is.
    pub(super) fn merchant(&self) -> Uuid {
        match self {
            Self::Link(s) => s.merchant_id,
            Self::Interview(s) => s.merchant_id,
        }
    }

    /// Whose address a bounce is of.
    pub(super) fn email_key(&self) -> &str {
        match self {
            Self::Link(s) => &s.email_key,
            Self::Interview(s) => s.email_key.as_deref().unwrap_or_default(),
        }
    }
}

/// Looks the messages' subjects up; by the messages' ids.
pub(super) async fn look(
    conn: &mut Conn,
    messages: &[ClaimedMessage],
) -> Result<HashMap<i64, Subject>, DbError> {
    let (interviews, links): (Vec<&ClaimedMessage>, Vec<_>) =
        messages.iter().partition(|message| message.meeting_id.is_some());
    let ids = |messages: Vec<&ClaimedMessage>| messages.iter().map(|m| m.id).collect::<Vec<_>>();
    let mut subjects = HashMap::with_capacity(messages.len());
    if !links.is_empty() {
        let found = deliveries::subjects(conn, &ids(links)).await?;
        subjects.extend(found.into_iter().map(|s| (s.id, Subject::Link(Box::new(s)))));
    }
    if !interviews.is_empty() {
        let found = notices::subjects(conn, &ids(interviews)).await?;
        subjects.extend(found.into_iter().map(|s| (s.id, Subject::Interview(Box::new(s)))));
    }
    Ok(subjects)
}
