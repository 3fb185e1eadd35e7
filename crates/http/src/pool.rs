//! What all callers share (connections, viewers' places, requests in flight, memory for uploads), of which those from other
//! machines hold half at most: whatever a token's holder asks for, the other half is there for this machine's own.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::door::CameBy;
use super::problem::{Kind, Problem};

/// So many of something, for all callers.
#[derive(Debug)]
pub struct SharedPool {
    size: u32,
    whole: Arc<Semaphore>,
    far: Arc<Semaphore>,
}

/// What one caller may take of a pool.
#[derive(Clone, Debug)]
pub struct PoolShare {
    whole: Arc<Semaphore>,
    /// Of callers from other machines.
    far: Option<Arc<Semaphore>>,
}

/// Something taken, until it is dropped.
#[derive(Debug)]
pub struct PoolPermit {
    whole: OwnedSemaphorePermit,
    far: Option<OwnedSemaphorePermit>,
}

/// Why nothing could be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolFull {
    /// There is not so much left.
    Whole,
    /// There is, but not for other machines.
    Far,
}

impl SharedPool {
    /// A pool of `size`.
    pub fn new(size: u32) -> Self {
        Self::before(size, size)
    }

    /// A pool of `size` whose holders go on to something of which there are `next`: other machines may fill half of neither.
    pub fn before(next: u32, size: u32) -> Self {
        let far = (size.min(next) / 2).max(1);
        Self {
            size,
            whole: Arc::new(Semaphore::new(size as usize)),
            far: Arc::new(Semaphore::new(far as usize)),
        }
    }

    /// What whoever came by that door may take.
    pub fn share(&self, came_by: CameBy) -> PoolShare {
        PoolShare {
            whole: self.whole.clone(),
            far: match came_by {
                CameBy::Near => None,
                CameBy::Far(_) => Some(self.far.clone()),
            },
        }
    }

    /// How much is taken.
    pub fn taken(&self) -> usize {
        (self.size as usize).saturating_sub(self.whole.available_permits())
    }

    /// Resolves once nothing is taken.
    pub async fn all_back(&self) {
        let _all = self.whole.acquire_many(self.size).await;
    }
}

impl PoolShare {
    /// Takes so much, at once or not at all.
    ///
    /// # Errors
    /// Which of the two limits stands against it.
    pub fn take(&self, count: u32) -> Result<PoolPermit, PoolFull> {
        let take = |of: &Arc<Semaphore>| of.clone().try_acquire_many_owned(count);
        let far = self.far.as_ref().map(take).transpose();
        Ok(PoolPermit {
            far: far.map_err(|_| PoolFull::Far)?,
            whole: take(&self.whole).map_err(|_| PoolFull::Whole)?,
        })
    }

    /// Whether so much could be taken now.
    ///
    /// # Errors
    /// As of [`take`](Self::take).
    pub fn check(&self, count: u32) -> Result<(), PoolFull> {
        let lacks = |of: &Arc<Semaphore>| of.available_permits() < count as usize;
        match &self.far {
            Some(far) if lacks(far) => Err(PoolFull::Far),
            _ if lacks(&self.whole) => Err(PoolFull::Whole),
            _ => Ok(()),
        }
    }
}

impl PoolPermit {
    /// How much it is.
    pub fn count(&self) -> u32 {
        u32::try_from(self.whole.num_permits()).unwrap_or(u32::MAX)
    }

    /// Adds what was taken of the same share.
    pub fn merge(&mut self, more: Self) {
        self.whole.merge(more.whole);
        if let (Some(far), Some(more)) = (&mut self.far, more.far) {
            far.merge(more);
        }
    }
}

impl PoolFull {
    /// The problem of that kind, for the reason `whole` where it is not other machines' share that is taken.
    pub fn problem(self, kind: Kind, whole: impl Into<String>) -> Problem {
        match self {
            Self::Whole => kind.because(whole),
            Self::Far => {
                kind.because("Other machines have all that they may: half of what there is.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const FAR: CameBy = CameBy::Far(IpAddr::V4(Ipv4Addr::LOCALHOST));

    #[test]
    fn other_machines_have_half_rounded_down_and_this_one_all_of_it() {
        for (size, half) in [(1, 1), (2, 1), (3, 1), (4, 2), (9, 4)] {
            let pool = SharedPool::new(size);
            let (near, far) = (pool.share(CameBy::Near), pool.share(FAR));
            let theirs = far.take(half).unwrap();
            assert_eq!(far.check(1), Err(PoolFull::Far), "{size}");
            assert_eq!(near.check(size - half), Ok(()), "{size}");
            assert_eq!(near.check(size - half + 1), Err(PoolFull::Whole), "{size}");
            assert_eq!(pool.taken(), half as usize);
            drop(theirs);
            assert_eq!(pool.taken(), 0);
            let ours = near.take(size).unwrap();
            assert_eq!(far.check(1), Err(PoolFull::Whole), "{size}");
            drop(ours);
            // What was refused for want of the whole did not keep anything of the half.
            assert_eq!(far.check(half), Ok(()), "{size}");
        }
    }

    #[test]
    fn of_what_leads_to_less_they_have_half_of_that() {
        let pool = SharedPool::before(6, 16);
        assert_eq!(pool.share(FAR).check(3), Ok(()));
        assert_eq!(pool.share(FAR).check(4), Err(PoolFull::Far));
        assert_eq!(pool.share(CameBy::Near).check(16), Ok(()));
        let wide = SharedPool::before(64, 16);
        assert_eq!(wide.share(FAR).check(9), Err(PoolFull::Far));
    }

    #[test]
    fn what_is_added_is_given_back_with_the_rest() {
        let pool = SharedPool::new(8);
        let far = pool.share(FAR);
        let mut permit = far.take(1).unwrap();
        permit.merge(far.take(3).unwrap());
        assert_eq!((permit.count(), pool.taken()), (4, 4));
        assert_eq!(far.check(1), Err(PoolFull::Far));
        drop(permit);
        assert_eq!(pool.taken(), 0);
        assert_eq!(far.check(4), Ok(()));
    }
}
