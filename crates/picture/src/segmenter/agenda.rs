//! What is to be done next, and what was passed over: the rule alone, without threads and without time.

use std::collections::VecDeque;

use super::live::LaneCounts;

mod reading_list;
#[cfg(test)]
mod tests;

use reading_list::ReadingList;
pub(super) use reading_list::Size;

/// Jobs that may be read and wait for their turn, while others wait to be read: decoded pictures are large.
const MOST_AHEAD: usize = 2;

/// Jobs `J` in a bounded queue, and lanes that each keep their newest frame `F` alone, in the order that
/// [`super::Inbox`] promises.
#[derive(Debug)]
pub(super) struct Agenda<J, F> {
    jobs: VecDeque<J>,
    /// Jobs whose pictures are to be read first.
    unread: ReadingList<J>,
    /// Of both together.
    most_jobs: usize,
    /// Places for lanes, some of them free.
    lanes: Vec<Option<LaneState<F>>>,
    /// Where the round of lanes goes on.
    round: usize,
    /// Whether a frame is to come before a job.
    frames_turn: bool,
    closed: bool,
    /// Of lanes that are gone.
    past: LaneCounts,
}

/// What is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next<J, F> {
    /// The oldest job.
    Job(J),
    /// A lane's newest frame. To be settled, then the lane released.
    Frame(usize, F),
}

/// Why a job is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// As many wait as may.
    Full,
    /// Nothing is taken any more.
    Closed,
}

/// How a frame in work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// With a mask.
    Computed,
    /// With an error.
    Failed,
}

/// One lane.
#[derive(Debug)]
struct LaneState<F> {
    newest: Option<F>,
    stage: LaneStage,
    /// Whether its owner has gone.
    left: bool,
    /// Of frames that neither wait nor are in work.
    past: LaneCounts,
}

/// What a lane's last frame is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LaneStage {
    /// It is done with.
    Free,
    /// It is computed.
    InWork,
    /// Its answer is being told.
    Told,
}

impl<F> LaneState<F> {
    fn counts(&self) -> LaneCounts {
        LaneCounts {
            waiting: self.newest.is_some().into(),
            in_work: (self.stage == LaneStage::InWork).into(),
            ..self.past
        }
    }
}

impl<J, F> Agenda<J, F> {
    /// With room for so many jobs that wait, and for so many lanes.
    pub(super) fn new(most_jobs: usize, most_lanes: usize) -> Self {
        Self {
            jobs: VecDeque::with_capacity(most_jobs),
            unread: ReadingList::new(),
            most_jobs,
            lanes: (0..most_lanes).map(|_| None).collect(),
            round: 0,
            frames_turn: false,
            closed: false,
            past: LaneCounts::default(),
        }
    }

    /// Queues a job, or gives it back.
    pub(super) fn push(&mut self, job: J) -> Result<(), (Refused, J)> {
        let job = self.admit(job)?;
        self.jobs.push_back(job);
        Ok(())
    }

    /// As [`Agenda::push`], a job whose picture is to be read first.
    pub(super) fn push_unread(&mut self, job: J) -> Result<(), (Refused, J)> {
        let job = self.admit(job)?;
        self.unread.push(job);
        Ok(())
    }

    fn admit(&self, job: J) -> Result<J, (Refused, J)> {
        match self.jobs() {
            _ if self.closed => Err((Refused::Closed, job)),
            waiting if waiting >= self.most_jobs => Err((Refused::Full, job)),
            _ => Ok(job),
        }
    }

    /// A job to read the picture of now; to be given back by [`Agenda::has_read`], [`Agenda::set_aside`] or
    /// [`Agenda::dismiss`].
    pub(super) fn next_unread(&mut self) -> Option<(Size, J)> {
        self.is_readable().then(|| self.unread.next()).flatten()
    }

    /// Whether [`Agenda::next_unread`] would give something.
    pub(super) fn is_readable(&self) -> bool {
        self.jobs.len() < MOST_AHEAD && self.unread.is_due()
    }

    /// Whether a job that a reader has turns out large and may be read now; otherwise it is to be set aside.
    pub(super) fn may_be_large(&mut self) -> bool {
        self.unread.may_be_large()
    }

    /// Puts a job back, until another large one has been read.
    pub(super) fn set_aside(&mut self, job: J) {
        self.unread.set_aside(job);
    }

    /// A job whose picture has been read takes its place among those that wait, even after the end.
    pub(super) fn has_read(&mut self, size: Size, job: J) {
        self.unread.done(size);
        self.jobs.push_back(job);
    }

    /// A job that was being read has been answered otherwise.
    pub(super) fn dismiss(&mut self, size: Size) {
        self.unread.done(size);
    }

    /// Whether readers have jobs in their hands, or some to take.
    pub(super) fn expects_jobs(&self) -> bool {
        self.unread.len() > 0
    }

    /// A job that no reader has taken, whatever else.
    pub(super) fn take_unread(&mut self) -> Option<J> {
        self.unread.take()
    }

    /// A new lane's number; `None` if there is no place for it.
    pub(super) fn open(&mut self) -> Option<usize> {
        let free = self.lanes.iter().position(Option::is_none)?;
        self.lanes[free] = Some(LaneState {
            newest: None,
            stage: LaneStage::Free,
            left: false,
            past: LaneCounts::default(),
        });
        Some(free)
    }

    /// Puts a frame in its lane's place: gives back the one that waited there, or this one if nothing is taken any more.
    pub(super) fn offer(&mut self, lane: usize, frame: F) -> Result<Option<F>, F> {
        let closed = self.closed;
        match self.state(lane) {
            Some(state) if !closed => {
                let replaced = state.newest.replace(frame);
                state.past.offered += 1;
                state.past.replaced += u64::from(replaced.is_some());
                Ok(replaced)
            }
            _ => Err(frame),
        }
    }

    /// What is to be done now, if anything.
    pub(super) fn next(&mut self) -> Option<Next<J, F>> {
        let next = match self.frames_turn {
            true => self.frame().or_else(|| self.job()),
            false => self.job().or_else(|| self.frame()),
        }?;
        self.frames_turn = matches!(next, Next::Job(_));
        Some(next)
    }

    /// Whether [`Agenda::next`] would give something.
    pub(super) fn is_due(&self) -> bool {
        let due = |state: &LaneState<F>| state.stage == LaneStage::Free && state.newest.is_some();
        !self.jobs.is_empty() || self.lanes.iter().flatten().any(due)
    }

    fn job(&mut self) -> Option<Next<J, F>> {
        self.jobs.pop_front().map(Next::Job)
    }

    fn frame(&mut self) -> Option<Next<J, F>> {
        let lanes = self.lanes.len();
        for lane in (self.round..lanes).chain(0..self.round) {
            let Some(state) = self
                .state(lane)
                .filter(|state| state.stage == LaneStage::Free)
            else {
                continue;
            };
            if let Some(frame) = state.newest.take() {
                state.stage = LaneStage::InWork;
                self.round = (lane + 1) % lanes;
                return Some(Next::Frame(lane, frame));
            }
        }
        None
    }

    /// Counts the end of a lane's frame in work; whether anybody is to be told of it.
    pub(super) fn settle(&mut self, lane: usize, fate: Fate) -> bool {
        let Some(state) = self.state(lane) else {
            return false;
        };
        state.stage = LaneStage::Told;
        match fate {
            _ if state.left => state.past.dropped += 1,
            Fate::Computed => state.past.computed += 1,
            Fate::Failed => state.past.failed += 1,
        }
        !state.left
    }

    /// Lets a lane have its next turn; whether a frame waits for it. One that was never settled has failed.
    pub(super) fn release(&mut self, lane: usize) -> bool {
        if self
            .state(lane)
            .is_some_and(|state| state.stage == LaneStage::InWork)
        {
            self.settle(lane, Fate::Failed);
        }
        let Some(state) = self.state(lane) else {
            return false;
        };
        state.stage = LaneStage::Free;
        let waits = state.newest.is_some();
        self.retire(lane);
        waits
    }

    /// Ends a lane: gives back the frame that waited. Its place is free once nothing of it is in work.
    pub(super) fn leave(&mut self, lane: usize) -> Option<F> {
        let state = self.state(lane)?;
        state.left = true;
        let waited = state.newest.take();
        state.past.dropped += u64::from(waited.is_some());
        self.retire(lane);
        waited
    }

    fn retire(&mut self, lane: usize) {
        let gone = |state: &mut LaneState<F>| state.left && state.stage == LaneStage::Free;
        let gone = self
            .lanes
            .get_mut(lane)
            .and_then(|state| state.take_if(gone));
        if let Some(state) = gone {
            self.past = [self.past, state.counts()].into_iter().sum();
        }
    }

    /// Takes nothing more. What was taken still has its turn.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Jobs that wait, to be read among them.
    pub(super) fn jobs(&self) -> usize {
        self.jobs.len() + self.unread.len()
    }

    /// One lane's.
    pub(super) fn counts(&self, lane: usize) -> LaneCounts {
        let state = self.lanes.get(lane).and_then(Option::as_ref);
        state.map(LaneState::counts).unwrap_or_default()
    }

    /// All lanes', those that are gone among them.
    pub(super) fn all_counts(&self) -> LaneCounts {
        let open = self.lanes.iter().flatten().map(LaneState::counts);
        open.chain([self.past]).sum()
    }

    fn state(&mut self, lane: usize) -> Option<&mut LaneState<F>> {
        self.lanes.get_mut(lane).and_then(Option::as_mut)
    }
}
