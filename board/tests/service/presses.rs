//! Edges → presses, by their times alone, and through the queue.

use std::time::{Duration, Instant};

use espmedsam_board::gpio::{Edge, LONG_PRESS, Press, PressReader};
use espmedsam_board::panel::{EDGES, EdgeLine, Heard, next_press};
use heapless::spsc::Queue;
use live::EdgeCounts;
use proptest::prelude::*;

use super::stage::DEBOUNCE;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The presses that edges (down or up, ms) make, if it is quiet for a minute after them.
fn presses(edges: &[(bool, u64)]) -> Vec<Press> {
    let (start, mut reader) = (Instant::now(), PressReader::new(DEBOUNCE));
    let mut told: Vec<Press> = (edges.iter())
        .filter_map(|(down, at)| {
            reader.edge(Edge {
                down: *down,
                at: start + ms(*at),
                lost: 0,
            })
        })
        .collect();
    told.extend(reader.quiet_until(start + ms(60_000)));
    told
}

/// What happens, its edges (down or up, ms), and the presses that they are.
type PressCase<'a> = (&'a str, &'a [(bool, u64)], &'a [Press]);

#[test]
fn presses_are_told_by_how_long_they_stand() {
    let (down, up) = (true, false);
    let table: [PressCase<'_>; 9] = [
        ("down and up", &[(down, 0), (up, 100)], &[Press::Short]),
        ("a spike", &[(down, 0), (up, 19)], &[]),
        (
            "a spike upwards",
            &[(down, 0), (up, 300), (down, 310), (up, 400)],
            &[Press::Short],
        ),
        (
            "bouncing",
            &[
                (down, 0),
                (up, 3),
                (down, 5),
                (up, 9),
                (down, 12),
                (up, 200),
                (down, 201),
                (up, 205),
            ],
            &[Press::Short],
        ),
        (
            "long, told though it is still down",
            &[(down, 0)],
            &[Press::Long],
        ),
        (
            "long, and nothing more when it goes up",
            &[(down, 0), (up, 5000)],
            &[Press::Long],
        ),
        ("just not long", &[(down, 0), (up, 799)], &[Press::Short]),
        ("just long", &[(down, 0), (up, 800)], &[Press::Long]),
        (
            "two",
            &[(down, 0), (up, 50), (down, 100), (up, 150)],
            &[Press::Short, Press::Short],
        ),
    ];
    for (what, edges, expected) in table {
        assert_eq!(presses(edges), expected, "{what}");
    }
}

#[test]
fn it_is_known_when_the_time_has_come_and_not_before() {
    let (start, mut reader) = (Instant::now(), PressReader::new(DEBOUNCE));
    reader.edge(Edge {
        down: true,
        at: start,
        lost: 0,
    });
    assert_eq!(reader.quiet_until(start + ms(19)), None);
    assert!(!reader.is_down());
    assert_eq!(reader.quiet_until(start + ms(20)), None);
    assert!(reader.is_down());
    let almost = start + LONG_PRESS - Duration::from_nanos(1);
    assert_eq!(reader.quiet_until(almost), None);
    assert_eq!(reader.quiet_until(start + LONG_PRESS), Some(Press::Long));
    assert_eq!(reader.quiet_until(start + 2 * LONG_PRESS), None);
}

/// The edges of a press from that time on, which bounces at both ends as the numbers say; and when it is over.
fn bouncing(start: Instant, held: u64, bounces: &[u64]) -> (Vec<Edge>, Instant) {
    let (mut edges, mut at) = (Vec::new(), start);
    for down in [true, false] {
        edges.push(Edge { down, at, lost: 0 });
        for (i, bounce) in (0..).zip(bounces) {
            at += ms(*bounce);
            edges.push(Edge {
                down: down == (i % 2 == 1),
                at,
                lost: 0,
            });
        }
        // It ends where it is to be.
        at += ms(1);
        edges.push(Edge { down, at, lost: 0 });
        at += ms(held);
    }
    (edges, at)
}

proptest! {
    /// A thousand presses that bounce, none for so long that with its bouncing it would be a long one, read by somebody who comes late, up to as late as the queue bears: each is told once.
    #[test]
    fn none_of_a_thousand_presses_is_lost_or_doubled(
        seed in prop::collection::vec((prop::collection::vec(0_u64..DEBOUNCE.as_millis() as u64, 0..8), 25_u64..600, 1_usize..12), 20),
    ) {
        let mut queue: Queue<Heard, EDGES> = Queue::new();
        let (into, mut from) = queue.split();
        let (mut line, mut reader) = (EdgeLine::new(into), PressReader::new(DEBOUNCE));
        let (mut now, mut told, mut sent) = (Instant::now(), 0, 0);
        while sent < 1000 {
            for (bounces, held, late) in &seed {
                for _ in 0..*late {
                    let (edges, over) = bouncing(now, *held, bounces);
                    edges.into_iter().for_each(|edge| line.edge(edge));
                    sent += 1;
                    now = over;
                    line.quiet(now);
                }
                // Whoever acts has come back at last.
                while let Some(press) = next_press(&mut from, &mut reader) {
                    prop_assert_eq!(press, Press::Short);
                    told += 1;
                }
            }
        }
        line.quiet(now + DEBOUNCE);
        told += u32::from(next_press(&mut from, &mut reader).is_some());
        prop_assert_eq!((told, line.counts().overflowed), (sent, 0));
    }

    /// Whatever comes, in whatever order of levels: between two presses the switch has been down and up for long enough.
    #[test]
    fn no_press_is_made_up(edges in prop::collection::vec((any::<bool>(), 0_u64..60), 0..200)) {
        let (mut at, mut last) = (0, None);
        let edges: Vec<(bool, u64)> = edges.into_iter().map(|(down, after)| { at += after; (down, at) }).collect();
        let (mut downs, mut ups) = (0, 0);
        for (i, (down, at)) in edges.iter().enumerate() {
            let until = edges.get(i + 1).map_or(u64::MAX, |(_, next)| *next);
            let stands = until.saturating_sub(*at) >= DEBOUNCE.as_millis() as u64;
            if stands && last != Some(*down) && (*down || last.is_some()) {
                last = Some(*down);
                downs += usize::from(*down);
                ups += usize::from(!*down);
            }
        }
        let told = presses(&edges);
        prop_assert!(told.len() <= downs && told.len() >= ups, "{told:?}");
    }
}

#[test]
fn what_the_queue_cannot_take_is_counted_and_makes_no_press_up() {
    let mut queue: Queue<Heard, EDGES> = Queue::new();
    let (into, mut from) = queue.split();
    let (mut line, mut reader) = (EdgeLine::new(into), PressReader::new(DEBOUNCE));
    let mut now = Instant::now();
    let mut press = |line: &mut EdgeLine<'_>| {
        let (edges, over) = bouncing(now, 100, &[2, 3]);
        edges.into_iter().for_each(|edge| line.edge(edge));
        now = over;
        line.quiet(now);
    };
    // Nobody reads.
    (0..100).for_each(|_| press(&mut line));
    let counts = line.counts();
    assert_eq!(counts.queued + counts.overflowed, 800);
    // The rest of the room have words that it was quiet in between.
    let half = EDGES as u64 / 2;
    assert!((half..half * 2).contains(&counts.queued), "{counts:?}");
    let mut told = Vec::new();
    while let Some(press) = next_press(&mut from, &mut reader) {
        told.push(press);
    }
    assert!(
        told.len() <= 255 / 8 && told.iter().all(|press| *press == Press::Short),
        "{told:?}"
    );
    // From then on everything counts again.
    (0..3).for_each(|_| press(&mut line));
    let mut later = 0;
    while next_press(&mut from, &mut reader).is_some() {
        later += 1;
    }
    assert_eq!((later, line.counts().overflowed), (3, counts.overflowed));
}

/// What the switch's thread does, and the presses that come of it.
fn told(act: impl FnOnce(&mut EdgeLine<'_>, Instant)) -> (Vec<Press>, EdgeCounts) {
    let mut queue: Queue<Heard, EDGES> = Queue::new();
    let (into, mut from) = queue.split();
    let (mut line, mut reader) = (EdgeLine::new(into), PressReader::new(DEBOUNCE));
    let start = Instant::now();
    act(&mut line, start);
    line.quiet(start + ms(60_000));
    let presses = std::iter::from_fn(|| next_press(&mut from, &mut reader)).collect();
    (presses, line.counts())
}

fn edge(down: bool, at: Instant, lost: u32) -> Edge {
    Edge { down, at, lost }
}

#[test]
fn what_was_lost_before_it_could_be_read_is_counted_and_makes_no_press_up() {
    // Up and down again in between, for all that is known: one long press would be made up of two.
    let (presses, counts) = told(|line, start| {
        line.edge(edge(true, start, 0));
        line.edge(edge(false, start + ms(900), 2));
    });
    assert_eq!(presses, []);
    assert_eq!((counts.queued, counts.overflowed), (2, 2));
    // The same without a loss is a press.
    let (presses, counts) = told(|line, start| {
        line.edge(edge(true, start, 0));
        line.edge(edge(false, start + ms(900), 0));
    });
    assert_eq!((presses, counts.overflowed), (vec![Press::Long], 0));
}

#[test]
fn a_press_during_which_the_switch_could_not_be_read_is_none() {
    let (presses, _) = told(|line, start| {
        line.edge(edge(true, start, 0));
        line.unreadable();
        line.edge(edge(false, start + ms(100), 0));
        line.edge(edge(true, start + ms(300), 0));
        line.edge(edge(false, start + ms(400), 0));
    });
    assert_eq!(presses, [Press::Short]);
}

#[test]
fn no_time_in_the_queue_comes_before_the_last_one() {
    let mut queue: Queue<Heard, EDGES> = Queue::new();
    let (into, mut from) = queue.split();
    let (mut line, start) = (EdgeLine::new(into), Instant::now());
    let late = start + ms(50);
    line.edge(edge(true, late, 0));
    line.edge(edge(false, start, 0));
    line.quiet(start + ms(20));
    let heard: Vec<_> = std::iter::from_fn(|| from.dequeue()).collect();
    let expected = [
        Heard::Edge(edge(true, late, 0)),
        Heard::Edge(edge(false, late, 0)),
        Heard::Quiet(late),
    ];
    assert_eq!(heard, expected);
}
