//! The outbox, by a clock that a test turns.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dimse::{
    Backoff, Courier, Deliver, EntryKey, FolderBounds, FolderError, Outbox, OutboxError, Posted,
    RouteName, SendError, Sent,
};
use picture::segmenter::{Clock, ManualClock};

use crate::support::{BOUNDS, file};

/// Destinations that do as they are told, and tell what came.
struct Told {
    answers: Mutex<VecDeque<Result<Sent, SendError>>>,
    came: Mutex<Sender<(String, Vec<u8>)>>,
}

impl Deliver for Told {
    fn deliver(&self, route: &RouteName, file: &Path) -> Result<Sent, SendError> {
        let bytes = std::fs::read(file).unwrap();
        let answer = self
            .answers
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Ok(Sent::Stored));
        self.came
            .lock()
            .unwrap()
            .send((route.to_string(), bytes))
            .unwrap();
        answer
    }
}

struct Bench {
    clock: Arc<ManualClock>,
    outbox: Arc<Outbox>,
    courier: Courier,
    came: Receiver<(String, Vec<u8>)>,
}

fn route(name: &str) -> RouteName {
    RouteName::new(name).unwrap()
}

fn start(outbox: Outbox, answers: Vec<Result<Sent, SendError>>) -> Bench {
    let (came, told) = mpsc::channel();
    let deliver = Told {
        answers: Mutex::new(answers.into()),
        came: Mutex::new(came),
    };
    let clock = Arc::new(ManualClock::default());
    let outbox = Arc::new(outbox);
    let courier = Courier::start(
        outbox.clone(),
        Arc::new(deliver),
        Backoff::default(),
        clock.clone(),
    );
    Bench {
        clock,
        outbox,
        courier: courier.unwrap(),
        came: told,
    }
}

fn put(outbox: &Outbox, to: &str, path: &Path) -> Posted {
    let key = EntryKey::named(&path.to_string_lossy());
    outbox
        .put(&route(to), &key, File::open(path).unwrap())
        .unwrap()
}

impl Bench {
    /// Until the courier waits for a time that is to come.
    fn settled(&self) {
        assert!(self.clock.wait_for_sleepers(1));
    }

    fn came(&self) -> Vec<(String, Vec<u8>)> {
        self.came.try_iter().collect()
    }

    fn end(self) {
        self.courier.end();
        while !self.courier.is_over() {
            std::thread::yield_now();
        }
    }
}

#[test]
fn what_fails_is_tried_again_after_a_while_in_its_order_and_holds_nobody_up() {
    let here = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(&here.path().join("out"), BOUNDS).unwrap();
    let files = [1, 2, 3].map(|number| file(here.path(), number, 10 + number));
    let bytes = files.each_ref().map(|file| std::fs::read(file).unwrap());
    put(&outbox, "a", &files[0]);
    put(&outbox, "a", &files[1]);
    put(&outbox, "b", &files[2]);
    let bench = start(
        outbox,
        vec![
            Err(SendError::CutOff),
            Ok(Sent::Stored),
            Err(SendError::TooSlow),
        ],
    );
    bench.settled();
    assert_eq!(
        bench.came(),
        [
            ("a".into(), bytes[0].clone()),
            ("b".into(), bytes[2].clone())
        ]
    );
    let state = bench.outbox.state();
    assert_eq!((state.waiting, state.refused), (2, 0));
    let a = &state.routes[&route("a")];
    assert_eq!((a.waiting, a.attempts), (2, 1));
    assert_eq!(
        a.last_error.as_deref(),
        Some("the connection to the node was cut off")
    );
    assert_eq!(
        bench.clock.next_waking(),
        Some(bench.clock.now() + Duration::from_secs(1))
    );
    bench.clock.advance(Duration::from_secs(1));
    bench.settled();
    assert_eq!(bench.came(), [("a".into(), bytes[0].clone())]);
    assert_eq!(
        bench.clock.next_waking(),
        Some(bench.clock.now() + Duration::from_secs(2))
    );
    bench.clock.advance(Duration::from_secs(2));
    bench.settled();
    assert_eq!(
        bench.came(),
        [
            ("a".into(), bytes[0].clone()),
            ("a".into(), bytes[1].clone())
        ]
    );
    assert_eq!(bench.outbox.state(), dimse::OutboxState::default());
    // What is put in while nothing waits is sent at once.
    put(&bench.outbox, "b", &files[0]);
    assert_eq!(bench.came.recv().unwrap(), ("b".into(), bytes[0].clone()));
    bench.end();
}

#[test]
fn what_nobody_wants_is_set_aside_until_somebody_says_what_to_do() {
    let here = tempfile::tempdir().unwrap();
    let folder = here.path().join("out");
    let outbox = Outbox::open(&folder, BOUNDS).unwrap();
    let files = [1, 2].map(|number| file(here.path(), number, 10));
    for file in &files {
        assert_eq!(put(&outbox, "a", file), Posted::New);
    }
    let bench = start(outbox, vec![Err(SendError::Refused { status: 0xc000 })]);
    bench.settled();
    assert_eq!(bench.came().len(), 2);
    let state = bench.outbox.state();
    assert_eq!((state.waiting, state.refused), (0, 1));
    bench.end();
    // It is so after a restart.
    let bench = start(
        Outbox::open(&folder, BOUNDS).unwrap(),
        vec![Err(SendError::NotAccepted)],
    );
    bench.settled();
    assert_eq!(bench.came().len(), 0);
    assert_eq!(bench.outbox.state().refused, 1);
    bench.outbox.retry_refused().unwrap();
    let (_, again) = bench.came.recv().unwrap();
    assert_eq!(again, std::fs::read(&files[0]).unwrap());
    while bench.outbox.state().refused == 0 {
        std::thread::yield_now();
    }
    bench.outbox.discard_refused().unwrap();
    assert_eq!(bench.outbox.state().refused, 0);
    assert_eq!(put(&bench.outbox, "a", &files[0]), Posted::New);
    bench.end();
}

#[test]
fn one_key_is_sent_to_one_destination_once_also_after_a_restart() {
    let here = tempfile::tempdir().unwrap();
    let folder = here.path().join("out");
    let path = file(here.path(), 1, 100);
    let outbox = Outbox::open(&folder, BOUNDS).unwrap();
    assert!(matches!(
        Outbox::open(&folder, BOUNDS),
        Err(FolderError::Busy(_))
    ));
    assert_eq!(put(&outbox, "a", &path), Posted::New);
    assert_eq!(put(&outbox, "a", &path), Posted::Known);
    assert_eq!(put(&outbox, "b", &path), Posted::New);
    drop(outbox);
    let bench = start(Outbox::open(&folder, BOUNDS).unwrap(), vec![]);
    bench.settled();
    assert_eq!(bench.came().len(), 2);
    assert_eq!(put(&bench.outbox, "a", &path), Posted::Known);
    bench.end();
    let outbox = Outbox::open(&folder, BOUNDS).unwrap();
    assert_eq!(put(&outbox, "b", &path), Posted::Known);
    assert_eq!(outbox.state().bytes, 0);
}

#[test]
fn it_is_bounded_and_what_is_no_object_does_not_get_in() {
    let here = tempfile::tempdir().unwrap();
    let small = FolderBounds {
        entries: 2,
        bytes: 1000,
    };
    let outbox = Outbox::open(&here.path().join("out"), small).unwrap();
    let placed = |key: &str, bytes: &[u8]| outbox.put(&route("a"), &EntryKey::named(key), bytes);
    let no_object = placed("x", b"no DICOM");
    assert!(
        matches!(no_object, Err(OutboxError::Object(_))),
        "{no_object:?}"
    );
    let long = std::fs::read(file(here.path(), 1, 1000)).unwrap();
    let full = placed("x", &long);
    assert!(
        matches!(full, Err(OutboxError::Folder(FolderError::Full { .. }))),
        "{full:?}"
    );
    let short = std::fs::read(file(here.path(), 1, 10)).unwrap();
    assert_eq!(placed("x", &short).unwrap(), Posted::New);
    assert_eq!(placed("y", &short).unwrap(), Posted::New);
    let full = placed("z", &short);
    assert!(
        matches!(
            full,
            Err(OutboxError::Folder(FolderError::Full { entries: 2, .. }))
        ),
        "{full:?}"
    );
    assert_eq!(outbox.state().waiting, 2);
    assert_eq!(
        std::fs::read_dir(here.path().join("out")).unwrap().count(),
        2
    );
}
