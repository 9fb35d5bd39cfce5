//! Which mails a change of an interview brings: one now for each of its people, and their reminders.

use chrono::{DateTime, TimeDelta, Utc};
use shared::db::interviews::Interview;
use shared::db::notices::NewNotice;
use shared::domain::{InterviewStatus, MessageKind};

/// The mails that tell of a change, for whoever has an address; and, while the interview may take place as it stands,
/// a reminder `offsets` seconds before its start, where that is still to come.
pub(super) fn told(
    i: &Interview,
    kind: MessageKind,
    copy: i64,
    offsets: &[i64],
    now: DateTime<Utc>,
) -> Vec<NewNotice> {
    let readers = [(i.driver_id, i.driver_has_email), (i.interviewer_id, i.interviewer_has_email)];
    let readers = readers.into_iter().filter(|(_, has_email)| *has_email).map(|(id, _)| id);
    let reminded = matches!(i.state(), Some(InterviewStatus::Pending | InterviewStatus::Scheduled));
    let mut notices = Vec::new();
    for recipient_id in readers {
        let version = i.schedule_version;
        notices.push(NewNotice { recipient_id, kind, version, copy, due_at: now });
        for offset in offsets.iter().copied().filter(|_| reminded) {
            let kind = MessageKind::InterviewReminder;
            let due_at = i.start_at.checked_sub_signed(TimeDelta::seconds(offset)).filter(|at| *at > now);
            notices.extend(due_at.map(|due_at| NewNotice {
                recipient_id,
                kind,
                version,
                copy: offset,
                due_at,
            }));
        }
    }
    notices
}
