//! Names are where they have to be, and nowhere else: marks are planted in every text of a file, and everything that is said is
//! searched for them.

use std::io::Write;
use std::sync::{Mutex, OnceLock};

use gateway::{AnswerKind, SentIdentity};
use picture::sync::lock;
use testing::dicom::DicomSketch;
use tracing_subscriber::filter::LevelFilter;

use crate::support::{Bench, SKETCH, squares};

/// What an archive files answers by, and what nobody needs; and the UIDs, which lead to a person as a name does.
const PLANTED: [(u32, &str, &str); 29] = [
    (0x0008_0020, "DA", "19991231"),
    (0x0008_0050, "SH", "KEPT-1"),
    (0x0008_0080, "LO", "MARK-1"),
    (0x0008_0081, "ST", "MARK-2"),
    (0x0008_0090, "PN", "KEPT-2^X"),
    (0x0008_1010, "SH", "MARK-3"),
    (0x0008_1030, "LO", "KEPT-3"),
    (0x0008_103e, "LO", "MARK-4"),
    (0x0008_1040, "LO", "MARK-5"),
    (0x0008_1050, "PN", "MARK-6^X"),
    (0x0008_1070, "PN", "MARK-7^X"),
    (0x0008_2111, "ST", "MARK-8"),
    (0x0010_0010, "PN", "KEPT-4^X"),
    (0x0010_0020, "LO", "KEPT-5"),
    (0x0010_1000, "LO", "MARK-9"),
    (0x0010_1001, "PN", "MARK-10^X"),
    (0x0010_1040, "LO", "MARK-11"),
    (0x0010_2154, "SH", "MARK-12"),
    (0x0010_21b0, "LT", "MARK-13"),
    (0x0010_4000, "LT", "MARK-14"),
    (0x0018_1000, "LO", "MARK-15"),
    (0x0018_1030, "LO", "MARK-16"),
    (0x0020_000d, "UI", "1.2.77.100"),
    (0x0020_000e, "UI", "1.2.77.101"),
    (0x0020_0010, "SH", "KEPT-6"),
    (0x0020_4000, "LT", "MARK-17"),
    (0x0032_1032, "PN", "MARK-18^X"),
    (0x0040_0254, "LO", "MARK-19"),
    (0x0040_a123, "PN", "MARK-20^X"),
];
const INSTANCE: &str = "1.2.77.1";
/// What no text may hold that is not an answer to who may know it.
const MARKS: [&str; 4] = ["MARK-", "KEPT-", "19991231", "1.2.77"];

/// All that is logged in this process, at the level that says most.
fn log() -> &'static Mutex<Vec<u8>> {
    static LOG: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE);
        log.with_writer(|| Logged).init();
        Mutex::default()
    })
}

struct Logged;

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(log()).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn planted(modality: &str) -> Vec<u8> {
    let sketch = DicomSketch {
        more: &PLANTED,
        modality,
        ..SKETCH
    };
    sketch.write_as(INSTANCE, squares)
}

fn marks_in(text: &[u8]) -> Vec<&'static str> {
    let holds = |mark: &&str| text.windows(mark.len()).any(|part| part == mark.as_bytes());
    MARKS.into_iter().filter(holds).collect()
}

/// Pushes whole and broken files; the answers to the whole one.
fn answers_of(bench: &Bench) -> Vec<Vec<u8>> {
    let whole = planted("US");
    assert_eq!(marks_in(&whole), MARKS);
    bench.push(&whole).unwrap();
    let arrived = bench.archive.arrived(2);
    let mut said = Vec::new();
    let mut broken = whole.clone();
    broken.truncate(whole.len() / 2);
    for (count, file) in [(2, broken), (3, planted("MR")), (4, planted("CR"))] {
        bench.fates(count - 1);
        bench.push(&file).unwrap();
        let fates = bench.fates(count);
        said.extend(format!("{fates:?} {:?}", bench.gateway().look()).into_bytes());
    }
    // A file that no scanner should send: its error.
    let refused = bench.push(&whole[..200]).unwrap_err();
    said.extend(format!("{refused} {refused:?}").into_bytes());
    for folder in ["", "spool", "outbox"] {
        said.extend(format!("{:?}", bench.lies_in(folder)).into_bytes());
    }
    assert_eq!(marks_in(&said), [""; 0]);
    arrived.into_iter().map(|object| object.0).collect()
}

#[test]
fn marks_are_found_in_answers_that_may_have_them_alone() {
    // From here on all is written down.
    log();
    let answers = answers_of(&Bench::start());
    for answer in &answers {
        assert!(!marks_in(answer).contains(&"MARK-"));
        assert_eq!(marks_in(answer), MARKS[1..]);
    }
    let removed = Bench::with(|config| config.identity = SentIdentity::Removed, []);
    for answer in answers_of(&removed) {
        assert_eq!(marks_in(&answer), [""; 0]);
    }
    // Where nobody can send to the archive, that is said at length.
    let down = Bench::with(
        |config| config.destinations[0].answers = vec![AnswerKind::Seg],
        [],
    );
    down.archive.is_down(true);
    down.push(&planted("US")).unwrap();
    let problems = down.until(|gateway| {
        let problems = gateway.look().problems();
        (!problems.is_empty()).then_some(problems)
    });
    // While answers wait they are there, under names that say nothing.
    assert_eq!(down.lies_in("outbox").len(), 1);
    let names = format!("{:?} {problems:?}", down.lies_in("outbox"));
    assert_eq!(marks_in(names.as_bytes()), [""; 0]);
    let log = lock(log());
    let words = String::from_utf8_lossy(&log);
    for said in ["answered", "other-modality", "damaged", "not sent yet"] {
        assert!(words.contains(said), "{words}");
    }
    assert_eq!(marks_in(&log), [""; 0]);
}
