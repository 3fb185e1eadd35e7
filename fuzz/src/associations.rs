//! What a peer says over a DICOM association.

use std::sync::{Arc, LazyLock};

use dimse::{FolderBounds, Spool, fuzz_association, fuzz_user};
use tempfile::TempDir;

const BOUNDS: FolderBounds = FolderBounds {
    entries: 4,
    bytes: 1 << 20,
};

static SPOOL: LazyLock<(TempDir, Arc<Spool>)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::open(folder.path(), BOUNDS).expect("an empty folder");
    (folder, Arc::new(spool))
});

/// Serves a peer that says these bytes: whatever they are, the association ends, nothing of an object that did not come whole is
/// left, and no more is kept than may be. Who is sent to may say them as well.
pub fn check(data: &[u8]) {
    let (folder, spool) = &*SPOOL;
    fuzz_association(data, spool).expect("a title");
    let told = fuzz_user(data).expect("a title");
    // One answer is to one question.
    assert!(told.iter().any(Result::is_err));
    let waiting = spool.waiting();
    let there = std::fs::read_dir(folder.path()).expect("the folder");
    assert_eq!(there.count(), waiting.len());
    assert!(waiting.len() <= BOUNDS.entries);
    for object in waiting {
        spool.remove(&object).expect("an object that waits");
    }
}
