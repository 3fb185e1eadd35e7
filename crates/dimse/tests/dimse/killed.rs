//! Processes that are killed (SIGKILL) in the middle of it: nothing acknowledged is lost, nothing is sent twice without need.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dimse::{Sent, Spool};

use crate::support::{BOUNDS, Provider, file, node, title};

/// The example, which is built with the tests.
fn example() -> Command {
    let tests = std::env::current_exe().unwrap();
    let built = tests.parent().and_then(Path::parent).unwrap();
    let path = built.join("examples/dicom_node");
    assert!(
        path.exists(),
        "cargo build --release -p espmedsam-dimse --examples"
    );
    let mut command = Command::new(path);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn of_a_provider_that_is_killed_all_that_was_acknowledged_is_there() {
    let here = tempfile::tempdir().unwrap();
    let folder = here.path().join("spool");
    let files: Vec<PathBuf> = (0..40)
        .map(|number| file(here.path(), number, 150_000))
        .collect();
    let mut acknowledged = BTreeSet::new();
    for round in 0..4 {
        let mut child = example()
            .arg("scp")
            .arg(&folder)
            .arg("SCP")
            .spawn()
            .unwrap();
        let mut said = lines(&mut child);
        let port = said
            .next()
            .unwrap()
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        // Two senders, so that there is always one in the middle of an object; killed right after an acknowledgement.
        let (done, first) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for sender in 0..2 {
                let (done, files) = (done.clone(), &files);
                scope.spawn(move || {
                    let mut node = node(port);
                    node.own_title = title("ANY");
                    for number in (sender..files.len()).step_by(2) {
                        match node.store(&files[number]) {
                            Ok(sent) => {
                                assert_eq!(sent, Sent::Stored);
                                if done.send(number).is_err() {
                                    return;
                                }
                            }
                            Err(_) => return,
                        }
                    }
                });
            }
            acknowledged.extend(first.iter().take(5 + 7 * round));
            kill(child);
            drop(done);
            acknowledged.extend(first.iter());
        });
        let spool = Spool::open(&folder, BOUNDS).unwrap();
        let there: BTreeSet<Vec<u8>> = (spool.waiting().iter())
            .map(|object| std::fs::read(&object.path).unwrap())
            .map(|bytes| bytes[bytes.len() - 150_000..].into())
            .collect();
        for number in &acknowledged {
            let sent = std::fs::read(&files[*number]).unwrap();
            assert!(
                there.contains(&sent[sent.len() - 150_000..]),
                "{number} is lost"
            );
        }
        // What was cut off is swept away, and nothing is there in halves.
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), there.len());
    }
    assert!(acknowledged.len() >= 26);
}

#[test]
fn of_an_outbox_that_is_killed_all_arrives_and_nothing_twice_without_need() {
    let provider = Provider::with(|settings| settings.callers[0].title = None, BOUNDS);
    let here = tempfile::tempdir().unwrap();
    let folder = here.path().join("out");
    let files: Vec<PathBuf> = (0..30)
        .map(|number| file(here.path(), number, 100_000))
        .collect();
    let port = provider.scp.address().port().to_string();
    let start = || {
        let mut command = example();
        command
            .arg("outbox")
            .arg(&folder)
            .args(["127.0.0.1", &port, "SCP"]);
        command.spawn().unwrap()
    };
    let mut put = BTreeSet::new();
    let kills = 6;
    for round in 0..kills {
        let mut child = start();
        let mut said = lines(&mut child);
        let mut stdin = child.stdin.take().unwrap();
        // All of them each time, as who does not know how far it came does.
        for path in &files {
            writeln!(stdin, "{}", path.display()).unwrap();
        }
        put.extend((&mut said).take(3 + 5 * round));
        kill(child);
        put.extend(said);
    }
    let put: BTreeSet<&str> = put
        .iter()
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    let mut child = start();
    let said = lines(&mut child);
    drop(child.stdin.take());
    assert_eq!(said.last().as_deref(), Some("sent all, 0 refused"));
    child.wait().unwrap();
    let arrived = provider.spool.waiting().len();
    assert!(arrived >= put.len().max(28), "{arrived} of {}", put.len());
    // An acknowledgement that was under way when it was killed is all that may be asked for again.
    let heard = provider.heard.try_iter().count();
    assert!(heard <= arrived + kills, "{heard} came, of {arrived}");
}
