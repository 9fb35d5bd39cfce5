//! Merchants in turn: no merchant's million mails stand in front of another's one.

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

/// Whose turn it was last, in this process.
#[derive(Debug, Default)]
pub(super) struct Ring(Mutex<Uuid>);

impl Ring {
    /// The merchants with mail, beginning with the one after whom the last turn was. Advances the turn by one.
    pub(super) fn turn(&self, mut merchants: Vec<Uuid>) -> Vec<Uuid> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        merchants.sort_unstable();
        let at = merchants.partition_point(|merchant| *merchant <= *last);
        let by = if at == merchants.len() { 0 } else { at };
        merchants.rotate_left(by);
        if let Some(first) = merchants.first() {
            *last = *first;
        }
        merchants
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_merchant_is_first_in_its_turn_whoever_comes_and_goes() {
        let ring = Ring::default();
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        let firsts: Vec<_> = (0..4).map(|_| ring.turn(vec![c, a, b])[0]).collect();
        assert_eq!(firsts, [a, b, c, a]);
        assert_eq!(ring.turn(vec![a, c])[0], c, "b is gone, its turn is the next one's");
        assert_eq!(ring.turn(vec![a])[0], a);
        assert!(ring.turn(Vec::new()).is_empty());
    }
}
