//! Things to be drawn by weight, of which a seed first draws those that exist at all.

use udpchat::crypto::Dice;

/// Things with their weights; at least one has one.
#[derive(Debug, Clone)]
pub struct Urn<T> {
    items: Vec<(T, u64)>,
}

impl<T: Copy> Urn<T> {
    /// Each of `all` is in it or not; the first `sure_count` are.
    pub fn draw_from(all: &[(T, u64)], sure_count: usize, dice: &mut Dice) -> Self {
        let items = all.iter().enumerate().filter(|(index, _)| *index < sure_count || dice.below(2) == 0);
        Self { items: items.map(|(_, item)| *item).collect() }
    }

    /// One of them; `None` from an empty urn.
    pub fn draw(&self, dice: &mut Dice) -> Option<T> {
        let sum: u64 = self.items.iter().map(|(_, weight)| weight).sum();
        let mut left = dice.below(sum.max(1));
        self.items.iter().find(|(_, weight)| left.checked_sub(*weight).map(|less| left = less).is_none()).map(|(item, _)| *item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_out_by_their_weights() {
        let mut dice = Dice::from_seed([1; 32]);
        let urn = Urn::draw_from(&[('a', 1), ('b', 3)], 2, &mut dice);
        let count = (0..4_000).filter(|_| urn.draw(&mut dice) == Some('b')).count();
        assert!((2_850..3_150).contains(&count), "{count}");
        assert_eq!(Urn::<char>::draw_from(&[], 0, &mut dice).draw(&mut dice), None);
    }
}
