//! How long a caller wants to wait: the `Prefer` header (RFC 7240; `CONTRACT.md` section 2).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

/// The longest wait that is honoured.
const LONGEST: u64 = 60;

/// What was asked for, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Preference {
    /// How long to wait; `None`: not at all.
    pub(crate) wait: Option<Duration>,
    /// The `Preference-Applied` header.
    pub(crate) applied: Option<String>,
}

impl Preference {
    /// Reads every `Prefer` header. The first of a preference counts; what is not understood is ignored.
    pub(crate) fn read(headers: &HeaderMap, default: Duration) -> Self {
        let mut wait = None;
        let mut is_async = false;
        let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        for preference in values.flat_map(|value| value.split(',')) {
            let token = preference.split(';').next().unwrap_or_default().trim();
            let (name, value) =
                token.split_once('=').map_or((token, ""), |(name, value)| (name.trim(), value.trim()));
            if name.eq_ignore_ascii_case("respond-async") {
                is_async = true;
            } else if name.eq_ignore_ascii_case("wait") && wait.is_none() {
                wait = seconds(value.trim_matches('"'));
            }
        }
        // With both, RFC 7240 section 4.3 waits first and goes on asynchronously after that, which is what a wait does.
        match (wait, is_async) {
            (Some(seconds), both) => {
                let applied =
                    if both { format!("respond-async, wait={seconds}") } else { format!("wait={seconds}") };
                Self { wait: Some(Duration::from_secs(seconds)), applied: Some(applied) }
            }
            (None, true) => Self { wait: None, applied: Some("respond-async".to_owned()) },
            (None, false) => Self { wait: Some(default), applied: None },
        }
    }

    /// Says what was honoured.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        if let Some(value) = self.applied.as_deref().and_then(|applied| HeaderValue::from_str(applied).ok()) {
            headers.insert("preference-applied", value);
        }
    }
}

/// A number of seconds, of however many digits, up to the longest wait.
fn seconds(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(LONGEST).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> (Option<u64>, Option<String>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", HeaderValue::from_str(value).unwrap());
        }
        let preference = Preference::read(&headers, Duration::from_secs(10));
        (preference.wait.map(|wait| wait.as_secs()), preference.applied)
    }

    #[test]
    fn the_default_wait_is_taken_silently() {
        assert_eq!(read(&[]), (Some(10), None));
        assert_eq!(read(&["return=minimal"]), (Some(10), None));
        assert_eq!(read(&["wait=soon"]), (Some(10), None));
    }

    #[test]
    fn a_wait_is_honoured_up_to_a_minute_and_said() {
        assert_eq!(read(&["wait=3"]), (Some(3), Some("wait=3".into())));
        assert_eq!(read(&["wait=900"]), (Some(60), Some("wait=60".into())));
        assert_eq!(read(&["return=minimal, Wait=\"5\"; x=y"]), (Some(5), Some("wait=5".into())));
        assert_eq!(read(&["wait=99999999999999999999999"]), (Some(60), Some("wait=60".into())));
        assert_eq!(read(&["wait=0"]), (Some(0), Some("wait=0".into())));
    }

    #[test]
    fn respond_async_does_not_wait_unless_a_wait_is_named() {
        assert_eq!(read(&["respond-async"]), (None, Some("respond-async".into())));
        assert_eq!(read(&["respond-async", "wait=2"]), (Some(2), Some("respond-async, wait=2".into())));
    }
}
