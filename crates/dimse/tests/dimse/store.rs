//! A user and a provider.

use dimse::{FolderBounds, RejectReason, SendError, Sent};

use crate::support::{BOUNDS, EXPLICIT, Provider, ULTRASOUND, data, file, object, title};

#[test]
fn an_echo_is_answered() {
    let provider = Provider::start();
    provider.node().echo().unwrap();
    provider.node().echo().unwrap();
}

#[test]
fn objects_of_every_length_come_over_as_they_are_and_the_same_one_is_kept_once() {
    let provider = Provider::start();
    let here = tempfile::tempdir().unwrap();
    // About the length of a PDU's data: one byte less, as long, one more; none at all.
    for (number, length) in [0, 1, 65529, 65530, 65531, 200_000].into_iter().enumerate() {
        let path = file(here.path(), number, length);
        for _ in 0..2 {
            assert_eq!(provider.node().store(&path).unwrap(), Sent::Stored);
            let heard = provider.heard.recv().unwrap();
            assert_eq!(heard.caller, title("SCU"));
            let bytes = std::fs::read(heard.object.path).unwrap();
            assert!(bytes.ends_with(&data(number, length)), "{length}");
            assert_eq!(&bytes[128..132], b"DICM");
            assert!(bytes.len() - length < 500, "{length}");
        }
    }
    let waiting = provider.spool.waiting();
    assert_eq!(waiting.len(), 6);
    assert!(waiting.is_sorted_by(|a, b| a.arrival < b.arrival));
    // Nobody's number is in a name.
    let names = waiting.iter().map(|object| object.path.to_string_lossy());
    assert!(names.into_iter().all(|name| !name.contains("1.2.3")));
    // An object that was worked on and is sent anew has arrived anew.
    let sent = || {
        provider.node().store(&here.path().join("0.dcm")).unwrap();
        provider.heard.recv().unwrap().object
    };
    let first = sent();
    assert!(waiting.contains(&first));
    provider.spool.remove(&first).unwrap();
    let anew = sent();
    assert_eq!(provider.spool.waiting().len(), 6);
    assert_eq!(anew.path, first.path);
    assert_ne!(anew.arrival, first.arrival);
}

#[test]
fn what_is_not_taken_is_said() {
    let provider = Provider::start();
    let here = tempfile::tempdir().unwrap();
    let path = here.path().join("object");
    let sent = |class, syntax| {
        std::fs::write(&path, object(class, "1.2", syntax, b"")).unwrap();
        provider.node().store(&path)
    };
    let plan = sent("1.2.840.10008.5.1.4.1.1.481.5", EXPLICIT);
    assert!(matches!(plan, Err(SendError::NotAccepted)), "{plan:?}");
    let mpeg = sent(ULTRASOUND, "1.2.840.10008.1.2.4.102");
    assert!(matches!(mpeg, Err(SendError::NotAccepted)), "{mpeg:?}");
    std::fs::write(&path, b"no DICOM").unwrap();
    let other = provider.node().store(&path);
    assert!(matches!(other, Err(SendError::File(_))), "{other:?}");
    assert_eq!(provider.spool.waiting(), []);
}

#[test]
fn who_is_not_listed_is_refused() {
    let provider = Provider::start();
    let mut node = provider.node();
    node.own_title = title("OTHER");
    let calling = node.echo();
    assert!(
        matches!(calling, Err(SendError::Rejected(RejectReason::Calling))),
        "{calling:?}"
    );
    node.title = title("OTHER");
    let called = node.echo();
    assert!(
        matches!(called, Err(SendError::Rejected(RejectReason::Called))),
        "{called:?}"
    );
    let nobody = Provider::with(|settings| settings.callers.clear(), BOUNDS);
    let closed = nobody.node().echo();
    assert!(matches!(closed, Err(SendError::CutOff)), "{closed:?}");
}

#[test]
fn a_full_spool_and_an_object_too_large_are_said_and_what_comes_next_is_served() {
    let small = FolderBounds {
        entries: 2,
        bytes: 100_000,
    };
    let provider = Provider::with(|settings| settings.object_bytes = 50_000, small);
    let here = tempfile::tempdir().unwrap();
    let sent = |number, length| provider.node().store(&file(here.path(), number, length));
    let no_room = |sent: Result<Sent, SendError>| match sent {
        Err(error @ SendError::Refused { status: 0xa700 }) => assert!(!error.is_lasting()),
        other => panic!("{other:?}"),
    };
    no_room(sent(1, 50_001));
    no_room(sent(1, 500_000));
    assert_eq!(sent(1, 50_000).unwrap(), Sent::Stored);
    no_room(sent(2, 50_000));
    assert_eq!(sent(2, 40_000).unwrap(), Sent::Stored);
    no_room(sent(3, 1));
    // What is there already needs no room.
    assert_eq!(sent(1, 50_000).unwrap(), Sent::Stored);
    assert_eq!(
        std::fs::read_dir(provider.folder.path()).unwrap().count(),
        2
    );
}

#[test]
fn nobody_there_is_said() {
    let provider = Provider::start();
    let node = provider.node();
    drop(provider);
    let sent = node.echo();
    assert!(
        matches!(sent, Err(SendError::Unreachable { .. })),
        "{sent:?}"
    );
}
