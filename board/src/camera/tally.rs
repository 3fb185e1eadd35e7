//! A driver's count of pictures → ours.

/// Goes on from 0 where a driver's 32 bits begin anywhere and wrap.
#[derive(Debug, Default)]
pub(super) struct Tally {
    last: Option<u32>,
    count: u64,
}

impl Tally {
    /// Our number of the picture that the driver calls so. A gap in the driver's is one in ours.
    pub fn count(&mut self, sequence: u32) -> u64 {
        if let Some(last) = self.last {
            let step = sequence.wrapping_sub(last);
            // Some drivers never count, or begin anew: that is the next picture, not one of long ago.
            let step = if step > u32::MAX / 2 { 1 } else { step.max(1) };
            self.count += u64::from(step);
        }
        self.last = Some(sequence);
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_stay_and_nothing_else_makes_one() {
        for (driver, ours) in [
            (&[0, 1, 2, 5, 6][..], &[0, 1, 2, 5, 6][..]),
            (&[7, 9], &[0, 2]),
            (&[u32::MAX - 1, u32::MAX, 1], &[0, 1, 3]),
            (&[0, 0, 0], &[0, 1, 2]),
            (&[100, 101, 0, 1], &[0, 1, 2, 3]),
        ] {
            let mut tally = Tally::default();
            let counted: Vec<u64> = driver.iter().map(|n| tally.count(*n)).collect();
            assert_eq!(counted, ours, "{driver:?}");
        }
    }
}
