//! Sets of numbers kept as sorted runs: packet numbers to acknowledge, stream bytes acknowledged, lost or received.

/// A run of numbers: `start` is in it, `end` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The first number.
    pub start: u64,
    /// One above the last number.
    pub end: u64,
}

impl Span {
    /// How many numbers it holds.
    pub const fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// Sorted runs that neither overlap nor touch. A set of one run, which is what a healthy connection has, takes no memory but its own.
#[derive(Debug, Clone, Default)]
pub(super) struct RangeSet {
    held: Held,
}

#[derive(Debug, Clone)]
enum Held {
    /// At most one run: an empty one is none.
    One(Span),
    /// Any number.
    Many(Box<Runs>),
}

#[derive(Debug, Clone, Default)]
struct Runs(Vec<Span>);

impl Held {
    const NONE: Self = Self::One(Span { start: 0, end: 0 });
}

impl Default for Held {
    fn default() -> Self {
        Self::NONE
    }
}

impl RangeSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { held: Held::NONE }
    }

    fn runs(&self) -> &[Span] {
        match &self.held {
            Held::One(run) if run.start >= run.end => &[],
            Held::One(run) => std::slice::from_ref(run),
            Held::Many(runs) => &runs.0,
        }
    }

    fn runs_mut(&mut self) -> &mut Vec<Span> {
        if let Held::One(run) = self.held {
            let only = Some(run).filter(|run| run.start < run.end);
            self.held = Held::Many(Box::new(Runs(only.into_iter().collect())));
        }
        match &mut self.held {
            Held::Many(runs) => &mut runs.0,
            Held::One(_) => unreachable!("it was turned into the other kind"),
        }
    }

    /// How many runs there are.
    pub fn run_count(&self) -> usize {
        self.runs().len()
    }

    /// Whether there is no number at all.
    pub fn is_empty(&self) -> bool {
        self.runs().is_empty()
    }

    /// The run with the smallest numbers.
    pub fn first(&self) -> Option<Span> {
        self.runs().first().copied()
    }

    /// The largest number.
    pub fn largest(&self) -> Option<u64> {
        self.runs().last().map(|run| run.end.saturating_sub(1))
    }

    /// The runs in growing order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Span> + Clone + '_ {
        self.runs().iter().copied()
    }

    /// Whether `number` is in the set.
    pub fn contains(&self, number: u64) -> bool {
        let at = self.runs().partition_point(|run| run.end <= number);
        self.runs().get(at).is_some_and(|run| run.start <= number)
    }

    /// The part of `within` that begins at its smallest number that is not in the set, up to the next number that is.
    pub fn first_missing(&self, within: Span) -> Option<Span> {
        let mut start = within.start;
        let from = self.runs().partition_point(|run| run.end <= start);
        for run in self.runs().get(from..)? {
            if start < run.start {
                return Some(Span { start, end: within.end.min(run.start) }).filter(|gap| gap.start < gap.end);
            }
            start = run.end;
        }
        Some(Span { start, end: within.end }).filter(|gap| gap.start < gap.end)
    }

    /// The end of the run that `number` is in.
    pub fn run_end_at(&self, number: u64) -> Option<u64> {
        let at = self.runs().partition_point(|run| run.end <= number);
        self.runs().get(at).filter(|run| run.start <= number).map(|run| run.end)
    }

    /// Whether adding `span` would make one run more.
    pub fn adds_run(&self, span: Span) -> bool {
        let at = self.runs().partition_point(|run| run.end < span.start);
        span.start < span.end && self.runs().get(at).is_none_or(|run| span.end < run.start)
    }

    /// Adds every number of `span`.
    pub fn insert(&mut self, span: Span) {
        if span.start >= span.end {
            return;
        }
        if let Held::One(run) = &mut self.held {
            let is_apart = span.end < run.start || run.end < span.start;
            if run.start >= run.end {
                *run = span;
                return;
            }
            if !is_apart {
                *run = Span { start: run.start.min(span.start), end: run.end.max(span.end) };
                return;
            }
        }
        // The runs that overlap or touch: those that end at or after our start and start at or before our end.
        let runs = self.runs_mut();
        let from = runs.partition_point(|run| run.end < span.start);
        let to = runs.partition_point(|run| run.start <= span.end);
        let merged = runs
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .fold(span, |all, run| Span { start: all.start.min(run.start), end: all.end.max(run.end) });
        match runs.get_mut(from) {
            Some(run) if from < to => {
                *run = merged;
                runs.drain(from.saturating_add(1)..to);
            }
            _ => runs.insert(from, span),
        }
    }

    /// Takes every number of `span` out.
    pub fn remove(&mut self, span: Span) {
        if span.start >= span.end {
            return;
        }
        let from = self.runs().partition_point(|run| run.end <= span.start);
        let to = self.runs().partition_point(|run| run.start < span.end);
        if from >= to {
            return;
        }
        let left = self.runs().get(from).map(|run| Span { start: run.start, end: span.start });
        let right = self.runs().get(to.saturating_sub(1)).map(|run| Span { start: span.end, end: run.end });
        let mut kept = [left, right].into_iter().flatten().filter(|run| run.start < run.end);
        if let Held::One(run) = &mut self.held {
            let first = kept.next();
            *run = first.unwrap_or(Span { start: 0, end: 0 });
            if let Some(second) = kept.next() {
                self.insert(second);
            }
            return;
        }
        self.runs_mut().splice(from..to, kept);
    }

    /// Takes every number below `limit` out.
    pub fn remove_below(&mut self, limit: u64) {
        self.remove(Span { start: 0, end: limit });
    }

    /// Forgets the run with the smallest numbers.
    pub fn forget_first(&mut self) {
        match &mut self.held {
            Held::Many(runs) if !runs.0.is_empty() => drop(runs.0.remove(0)),
            Held::Many(_) => {}
            Held::One(run) => *run = Span { start: 0, end: 0 },
        }
    }

    /// Gives the memory of a set back that has become small.
    pub fn release(&mut self) {
        if let Held::Many(runs) = &self.held
            && runs.0.len() <= 1
        {
            self.held = runs.0.first().map_or(Held::NONE, |run| Held::One(*run));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn numbers(set: &RangeSet) -> BTreeSet<u64> {
        set.iter().flat_map(|run| run.start..run.end).collect()
    }

    fn is_tidy(set: &RangeSet) -> bool {
        set.iter().all(|run| run.start < run.end) && set.runs().windows(2).all(|pair| pair[0].end < pair[1].start)
    }

    #[test]
    fn one_run_needs_no_memory_and_released_sets_go_back_to_that() {
        let mut set = RangeSet::new();
        for number in 0..1_000 {
            set.insert(Span { start: number, end: number + 1 });
            set.remove_below(number.saturating_sub(3));
        }
        assert!(matches!(set.held, Held::One(Span { start: 996, end: 1_000 })));
        set.remove(Span { start: 997, end: 998 });
        assert!(matches!(set.held, Held::Many(_)));
        assert_eq!(set.run_count(), 2);
        set.forget_first();
        set.release();
        assert!(matches!(set.held, Held::One(Span { start: 998, end: 1_000 })));
        set.forget_first();
        assert!(set.is_empty());
    }

    #[test]
    fn touching_runs_become_one() {
        let mut set = RangeSet::new();
        for (start, end) in [(0, 2), (4, 6), (2, 4)] {
            set.insert(Span { start, end });
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [Span { start: 0, end: 6 }]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn behaves_like_a_set_of_numbers(steps in proptest::collection::vec((0_u8..5, 0_u64..60, 0_u64..12), 1..60)) {
            let (mut set, mut model) = (RangeSet::new(), BTreeSet::new());
            for (act, start, len) in steps {
                let span = Span { start, end: start + len };
                match act {
                    0 | 1 => {
                        let runs = set.run_count();
                        let adds = set.adds_run(span);
                        set.insert(span);
                        model.extend(start..start + len);
                        prop_assert_eq!(adds, set.run_count() > runs);
                    }
                    2 => {
                        set.remove(span);
                        model.retain(|number| !(start..start + len).contains(number));
                    }
                    3 => set.release(),
                    _ => {
                        set.remove_below(start);
                        model.retain(|number| *number >= start);
                    }
                }
                prop_assert!(is_tidy(&set));
                prop_assert_eq!(&numbers(&set), &model);
                prop_assert_eq!(set.largest(), model.last().copied());
                prop_assert_eq!(set.is_empty(), model.is_empty());
                prop_assert_eq!(set.contains(start), model.contains(&start));
                let run_end = model.contains(&start).then(|| (start..100).find(|number| !model.contains(number)).unwrap());
                prop_assert_eq!(set.run_end_at(start), run_end);
                let missing: Vec<u64> = (start..start + len).skip_while(|n| model.contains(n)).take_while(|n| !model.contains(n)).collect();
                let found: Vec<u64> = set.first_missing(span).map(|gap| (gap.start..gap.end).collect()).unwrap_or_default();
                prop_assert_eq!(found, missing);
            }
        }
    }
}
