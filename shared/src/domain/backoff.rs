//! When something that failed is tried again.

use chrono::TimeDelta;

/// How long a job waits after its `attempt`-th failure (1 is the first): 1 s, 5 s, 25 s, then 2 min, each ± 20 %.
///
/// `fraction` is a random number in `0.0..1.0`.
#[must_use]
pub fn job_retry_after(attempt: i64, fraction: f64) -> TimeDelta {
    let seconds = match attempt {
        ..=1 => 1.0,
        2 => 5.0,
        3 => 25.0,
        _ => 120.0,
    };
    jittered(seconds, fraction)
}

/// How long a mail waits after its `attempt`-th put-off, by a table of seconds, ± 20 %; `None` when the table is
/// used up (`DESIGN.md` section 6).
#[must_use]
pub fn mail_retry_after(table: &[u32], attempt: i64, fraction: f64) -> Option<TimeDelta> {
    let at = usize::try_from(attempt.max(1) - 1).ok()?;
    table.get(at).map(|seconds| jittered(f64::from(*seconds), fraction))
}

#[expect(clippy::cast_possible_truncation, reason = "a few hours in milliseconds are far below i64::MAX")]
fn jittered(seconds: f64, fraction: f64) -> TimeDelta {
    TimeDelta::milliseconds((seconds * 1_000.0 * (0.8 + 0.4 * fraction)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_put_off_by_the_table_within_a_fifth_and_then_given_up() {
        let table = [60, 300];
        assert_eq!(mail_retry_after(&table, 1, 0.5), Some(TimeDelta::seconds(60)));
        assert_eq!(mail_retry_after(&table, 2, 0.0), Some(TimeDelta::seconds(240)));
        assert!(mail_retry_after(&table, 2, 0.999).unwrap() < TimeDelta::seconds(360));
        assert_eq!(mail_retry_after(&table, 3, 0.5), None);
    }

    #[test]
    fn a_jobs_waits_grow() {
        let waits: Vec<_> = (1..=5).map(|attempt| job_retry_after(attempt, 0.5).num_seconds()).collect();
        assert_eq!(waits, [1, 5, 25, 120, 120]);
    }
}
