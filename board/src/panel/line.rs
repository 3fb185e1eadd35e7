//! From who waits for the switch to who acts: a queue of fixed length, which is never waited for.

use std::time::Instant;

use heapless::spsc::{Consumer, Producer};
use live::EdgeCounts;

use crate::gpio::{Edge, Press, PressReader};

/// The most that wait in the queue. A switch that bounces has some ten edges for each press, and who acts may take a second to
/// save a picture.
pub const EDGES: usize = 256;

/// What is heard of a switch, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An edge.
    Edge(Edge),
    /// None up to that time.
    Quiet(Instant),
    /// Edges that did not come this far.
    Lost,
}

/// The end of the queue that things go into.
pub struct EdgeLine<'a> {
    queue: Producer<'a, Heard>,
    /// Edges were lost, and that has not been said.
    gap: bool,
    /// The last time that was put in.
    last: Option<Instant>,
    counts: EdgeCounts,
}

impl<'a> EdgeLine<'a> {
    /// Of a queue that is empty.
    #[must_use]
    pub fn new(queue: Producer<'a, Heard>) -> Self {
        Self {
            queue,
            gap: false,
            last: None,
            counts: EdgeCounts::default(),
        }
    }

    /// What became of edges so far.
    #[must_use]
    pub fn counts(&self) -> EdgeCounts {
        self.counts
    }

    /// Puts an edge in, or counts it as lost; those that were lost before it are counted, and make a gap.
    pub fn edge(&mut self, mut edge: Edge) {
        edge.at = self.not_before_the_last(edge.at);
        self.counts.overflowed += u64::from(edge.lost);
        self.gap |= edge.lost > 0;
        let taken = self.say_gap() && self.queue.enqueue(Heard::Edge(edge)).is_ok();
        match taken {
            true => self.counts.queued += 1,
            false => {
                self.counts.overflowed += 1;
                self.gap = true;
            }
        }
    }

    /// Says that there was no edge up to that time. While the queue is half full that can wait: edges have the room.
    pub fn quiet(&mut self, until: Instant) {
        let until = self.not_before_the_last(until);
        if self.queue.len() < EDGES / 2 && self.say_gap() {
            let _ = self.queue.enqueue(Heard::Quiet(until));
        }
    }

    /// The switch could not be read: edges may have been lost, and if so, the next one says how many.
    pub fn unreadable(&mut self) {
        self.gap = true;
    }

    /// Times are worked out from two clocks, between which this thread may have to wait: one could come before the last.
    fn not_before_the_last(&mut self, at: Instant) -> Instant {
        let at = self.last.map_or(at, |last| at.max(last));
        self.last = Some(at);
        at
    }

    /// Whether nothing is left unsaid.
    fn say_gap(&mut self) -> bool {
        self.gap = self.gap && self.queue.enqueue(Heard::Lost).is_err();
        !self.gap
    }
}

/// The next press in the queue; `None` if there is none in all that waits.
pub fn next_press(queue: &mut Consumer<'_, Heard>, reader: &mut PressReader) -> Option<Press> {
    while let Some(heard) = queue.dequeue() {
        let press = match heard {
            Heard::Edge(edge) => reader.edge(edge),
            Heard::Quiet(until) => reader.quiet_until(until),
            Heard::Lost => {
                reader.lost();
                None
            }
        };
        if press.is_some() {
            return press;
        }
    }
    None
}
