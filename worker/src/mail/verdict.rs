//! What one attempt to send a mail came to (`DESIGN.md` section 6): the one place that reads SMTP's codes.

/// Characters of a server's answer that are kept for people to read.
const LONGEST: usize = 500;

/// What one attempt came to, and so what happens next to the mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server took it.
    Sent {
        /// What it said, with its queue id where it has one.
        response: String,
    },
    /// Not now: no connection, TLS failure, 421, 4xx, timeout. Also an attempt whose end is unknown, because the
    /// connection broke after the mail was handed over: the server may have it, and a repeat carries the same
    /// `Message-ID`.
    Deferred {
        /// Why, for people.
        error: String,
    },
    /// The address does not exist (550, 551 or 553 with 5.1.x): it counts towards suppression.
    Bounced {
        /// Why, for people.
        error: String,
    },
    /// Refused for good, for another reason than the address.
    Failed {
        /// Why, for people.
        error: String,
    },
    /// The server refuses *us* (530, 534, 535, 538): the breaker's business, no attempt is used.
    Refused {
        /// Why, for people.
        error: String,
    },
}

impl Verdict {
    /// The reason, where there is one.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Sent { .. } => None,
            Self::Deferred { error }
            | Self::Bounced { error }
            | Self::Failed { error }
            | Self::Refused { error } => Some(error),
        }
    }

    pub(super) fn deferred(why: impl AsRef<str>) -> Self {
        Self::Deferred { error: shown(why.as_ref()) }
    }

    /// What a negative answer means at this point of the conversation. `text` is what followed the code.
    #[must_use]
    pub fn of_refusal(stage: Stage, code: u16, text: &str) -> Self {
        let error = shown(&format!("{code} {text}"));
        match (stage, code) {
            (_, 530 | 534 | 535 | 538) | (Stage::Authentication, 500..) => Self::Refused { error },
            // A relay that will not talk to us says nothing about this mail: it must not fail a whole batch.
            (Stage::Connection, _) | (_, ..500) => Self::Deferred { error },
            (Stage::Recipient | Stage::Content, 550 | 551 | 553) if names_a_bad_recipient(text) => {
                Self::Bounced { error }
            }
            _ => Self::Failed { error },
        }
    }
}

/// How far a conversation had come when the server said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Greeting, EHLO, STARTTLS.
    Connection,
    /// AUTH.
    Authentication,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, and the answer to the final dot.
    Content,
}

/// RFC 3463 section 3.2: `5.1.x` is about addresses; `5.1.7` and `5.1.8` are about the *sender's*, and a
/// candidate is not to be suppressed for that.
fn names_a_bad_recipient(text: &str) -> bool {
    let Some(status) = text.split_ascii_whitespace().next() else { return false };
    let mut parts = status.splitn(3, '.');
    let (class, subject, detail) = (parts.next(), parts.next(), parts.next());
    class == Some("5")
        && subject == Some("1")
        && detail.and_then(|d| d.parse::<u16>().ok()).is_some_and(|d| !matches!(d, 7 | 8))
}

/// One line, nothing that could disturb a terminal, not endless.
pub(super) fn shown(text: &str) -> String {
    let calm = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    text.trim().chars().map(calm).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(stage: Stage, code: u16, text: &str) -> &'static str {
        match Verdict::of_refusal(stage, code, text) {
            Verdict::Sent { .. } => "sent",
            Verdict::Deferred { .. } => "deferred",
            Verdict::Bounced { .. } => "bounced",
            Verdict::Failed { .. } => "failed",
            Verdict::Refused { .. } => "refused",
        }
    }

    #[test]
    fn each_answer_has_the_consequence_that_the_policy_gives_it() {
        for (stage, code, text, expected) in [
            (Stage::Recipient, 421, "4.3.2 closing", "deferred"),
            (Stage::Recipient, 450, "4.2.0 greylisted", "deferred"),
            (Stage::Content, 452, "4.3.1 full", "deferred"),
            (Stage::Recipient, 550, "5.1.1 no such user", "bounced"),
            (Stage::Recipient, 551, "5.1.6 moved", "bounced"),
            (Stage::Recipient, 553, "5.1.3 bad syntax", "bounced"),
            (Stage::Content, 550, "5.1.1 no such user", "bounced"),
            (Stage::Recipient, 550, "no such user", "failed"),
            (Stage::Recipient, 550, "5.7.1 blocked", "failed"),
            (Stage::Recipient, 550, "5.10.1 unheard of", "failed"),
            (Stage::Recipient, 554, "5.1.1 no such user", "failed"),
            (Stage::Content, 552, "5.3.4 too big", "failed"),
            (Stage::Content, 554, "5.7.1 spam", "failed"),
            (Stage::Sender, 530, "5.7.0 authentication required", "refused"),
            (Stage::Recipient, 530, "5.7.0 authentication required", "refused"),
            (Stage::Authentication, 535, "5.7.8 bad credentials", "refused"),
            (Stage::Authentication, 501, "5.5.4 malformed", "refused"),
            (Stage::Authentication, 454, "4.7.0 try later", "deferred"),
            (Stage::Connection, 554, "5.7.1 you are on a list", "deferred"),
            (Stage::Connection, 534, "5.7.9 too weak", "refused"),
        ] {
            assert_eq!(name(stage, code, text), expected, "{stage:?} {code} {text}");
        }
    }

    #[test]
    fn a_refused_sender_does_not_suppress_the_candidate() {
        assert_eq!(name(Stage::Sender, 550, "5.1.8 bad sender's domain"), "failed");
        assert_eq!(name(Stage::Sender, 553, "5.1.1 sender unknown"), "failed");
        assert_eq!(name(Stage::Recipient, 553, "5.1.7 bad sender's mailbox"), "failed");
    }

    #[test]
    fn what_a_server_says_is_kept_short_and_calm() {
        let verdict =
            Verdict::of_refusal(Stage::Content, 554, &format!("5.7.1 \u{1b}[31m{}\r\nx", "é".repeat(900)));
        let error = verdict.error().unwrap();
        assert_eq!(error.chars().count(), 500);
        assert!(!error.contains('\u{1b}') && !error.contains('\n'));
    }
}
