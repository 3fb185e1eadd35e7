//! A process that is killed (SIGKILL) in the middle of it: nothing acknowledged is lost, nothing is sent twice without need, and no
//! report names a segmentation that was not sent.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::archive::Archive;
use crate::support::{a_loop, scanner, settings};

const OBJECTS: usize = 24;
const KILLS: usize = 7;

/// The example, which is built with the tests, and where it listens.
fn start(config: &Path) -> (Child, u16) {
    let tests = std::env::current_exe().unwrap();
    let built = tests.parent().and_then(Path::parent).unwrap();
    let path = built.join("examples/gateway_fake");
    assert!(
        path.exists(),
        "cargo build --release -p espmedsam-gateway --examples"
    );
    let mut command = Command::new(path);
    command
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stdout.as_mut().unwrap())
        .lines()
        .next();
    let port = said.unwrap().unwrap().rsplit(' ').next().unwrap().parse();
    (child, port.unwrap())
}

#[test]
fn of_what_was_acknowledged_all_is_answered_once() {
    let here = tempfile::tempdir().unwrap();
    let archive = Archive::start();
    let config = here.path().join("dicom.toml");
    std::fs::write(&config, settings(here.path(), archive.port)).unwrap();
    let files: Vec<PathBuf> = (0..OBJECTS)
        .map(|number| {
            let path = here.path().join(format!("{number}.dcm"));
            std::fs::write(&path, a_loop(&format!("1.2.3.4.{number}"))).unwrap();
            path
        })
        .collect();
    let mut left: BTreeSet<usize> = (0..OBJECTS).collect();
    for round in 0..KILLS {
        let (mut child, port) = start(&config);
        let came = archive.count();
        let mut pushed = 0;
        for number in left.clone() {
            // One that is cut off is pushed again in the next round, as a scanner does.
            if scanner(port).store(&files[number]).is_err() {
                break;
            }
            left.remove(&number);
            pushed += 1;
            if pushed == 3 {
                break;
            }
        }
        // After another number of answers each time: in the middle of an object as often as not.
        archive.arrived(came + round % 4);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (mut child, port) = start(&config);
    for number in left {
        scanner(port).store(&files[number]).unwrap();
    }
    let of_kind = |kind| {
        let arrived = archive.arrived(0).into_iter();
        let of_kind = arrived.filter(move |object| object.kind() == kind);
        of_kind.fold(BTreeMap::<String, Vec<_>>::new(), |mut found, object| {
            found.entry(object.instance()).or_default().push(object);
            found
        })
    };
    let mut expected = 2 * OBJECTS;
    let (segs, reports) = loop {
        archive.arrived(expected);
        let (segs, reports) = (of_kind("seg"), of_kind("sr"));
        if segs.len() == OBJECTS && reports.len() == OBJECTS {
            break (segs, reports);
        }
        // One of them came twice.
        expected = archive.count() + 1;
    };
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    // An acknowledgement that was under way at a kill is all that may be asked for again, and what is sent again is the same file.
    assert!(
        archive.count() <= 2 * OBJECTS + KILLS,
        "{}",
        archive.count()
    );
    for copies in segs.values().chain(reports.values()) {
        assert!(copies.iter().all(|copy| *copy == copies[0]));
    }
    let mut named = BTreeSet::new();
    for report in reports.values() {
        let seg = segs.keys().find(|seg| report[0].says(seg));
        named.insert(seg.unwrap());
    }
    assert_eq!(named.len(), OBJECTS);
    // A source each.
    for number in 0..OBJECTS {
        let source = format!("1.2.3.4.{number}");
        // With what follows it: 1.2.3.4.1 is in 1.2.3.4.12 too.
        let ends = [0, 8].map(|after| [source.as_bytes(), &[after]].concat());
        let of_it = |seg: &&Vec<crate::archive::Arrived>| {
            ends.iter()
                .any(|end| seg[0].0.windows(end.len()).any(|bytes| bytes == end))
        };
        assert_eq!(segs.values().filter(of_it).count(), 1, "{source}");
    }
    for folder in ["dicom/spool", "dicom/outbox"] {
        let files = std::fs::read_dir(here.path().join(folder)).unwrap();
        let waiting =
            files.filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "dcm");
        assert_eq!(waiting.count(), 0, "{folder}");
    }
}
