use std::collections::VecDeque;

/// Jobs whose pictures are to be read, and the rule by which readers take them: in their order, but of large ones one at
/// a time. So with two readers or more, no small picture waits for a large one.
#[derive(Debug)]
pub(super) struct ReadingList<J> {
    waiting: VecDeque<J>,
    /// Large ones, found to be so while another was read.
    aside: VecDeque<J>,
    /// In readers' hands.
    taken: usize,
    /// Whether one of those is large.
    large_taken: bool,
}

/// What is known of a picture's size before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::segmenter) enum Size {
    /// Small, or not yet looked at.
    Any,
    /// The one large picture that may be read now.
    Large,
}

impl<J> ReadingList<J> {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            aside: VecDeque::new(),
            taken: 0,
            large_taken: false,
        }
    }

    pub(super) fn push(&mut self, job: J) {
        self.waiting.push_back(job);
    }

    /// What was set aside first: it came before all that was not looked at yet.
    pub(super) fn next(&mut self) -> Option<(Size, J)> {
        let next = match self.large_taken {
            false => self.aside.pop_front().map(|job| (Size::Large, job)),
            true => None,
        };
        let any = || Some((Size::Any, self.waiting.pop_front()?));
        let (size, job) = next.or_else(any)?;
        self.large_taken |= size == Size::Large;
        self.taken += 1;
        Some((size, job))
    }

    pub(super) fn is_due(&self) -> bool {
        !self.waiting.is_empty() || !self.large_taken && !self.aside.is_empty()
    }

    /// Whether what a reader has may be the large one.
    pub(super) fn may_be_large(&mut self) -> bool {
        !std::mem::replace(&mut self.large_taken, true)
    }

    /// Puts a large one back.
    pub(super) fn set_aside(&mut self, job: J) {
        self.aside.push_back(job);
        self.taken = self.taken.saturating_sub(1);
    }

    /// One is out of a reader's hands.
    pub(super) fn done(&mut self, size: Size) {
        self.taken = self.taken.saturating_sub(1);
        self.large_taken &= size != Size::Large;
    }

    /// Those in readers' hands among them.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.aside.len() + self.taken
    }

    /// One that is in nobody's hands.
    pub(super) fn take(&mut self) -> Option<J> {
        let aside = self.aside.pop_front();
        aside.or_else(|| self.waiting.pop_front())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_large_picture_is_read_at_a_time_and_small_ones_pass_it() {
        let mut list = ReadingList::new();
        (0..4).for_each(|job| list.push(job));
        assert_eq!(list.next(), Some((Size::Any, 0)));
        assert!(list.may_be_large());
        assert_eq!(list.next(), Some((Size::Any, 1)));
        assert!(!list.may_be_large(), "two large ones at once");
        list.set_aside(1);
        assert_eq!((list.len(), list.is_due()), (4, true));
        assert_eq!(list.next(), Some((Size::Any, 2)), "a small one waits");
        list.done(Size::Any);
        list.done(Size::Large);
        assert_eq!(list.next(), Some((Size::Large, 1)), "it came first");
        assert!(!list.may_be_large());
        assert_eq!(list.next(), Some((Size::Any, 3)));
        assert_eq!((list.next(), list.is_due(), list.len()), (None, false, 2));
    }

    #[test]
    fn what_nobody_has_in_hand_can_be_taken_back() {
        let mut list = ReadingList::new();
        (0..3).for_each(|job| list.push(job));
        assert!(list.next().is_some() && list.may_be_large());
        assert!(list.next().is_some());
        list.set_aside(1);
        assert!(!list.is_due() || list.len() == 3);
        assert_eq!(
            [list.take(), list.take(), list.take()],
            [Some(1), Some(2), None]
        );
        assert_eq!(list.len(), 1);
        list.done(Size::Large);
        assert_eq!((list.len(), list.may_be_large()), (0, true));
    }
}
