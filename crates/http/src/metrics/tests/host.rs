//! The process.

use std::path::Path;

use testing::exposition::Scrape;

use super::super::{Exposition, render_host};

/// The system's files, as a folder.
fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

/// A process, as a folder.
pub fn process() -> tempfile::TempDir {
    files(&[
        (
            "proc/self/status",
            "Name:\tespmedsam\nVmRSS:\t  51200 kB\nThreads:\t9\n",
        ),
        (
            "proc/self/stat",
            "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 1234 66 0 0 20 0 9 0 5000 1 1\n",
        ),
        ("proc/uptime", "350.25 700.00\n"),
    ])
}

#[test]
fn the_process_is_told_as_the_system_tells_of_it() {
    let scrape = |root: &Path| {
        let mut out = Exposition::new();
        render_host(&mut out, root);
        out.finish()
    };
    let root = process();
    let scraped = Scrape::read(&scrape(root.path())).unwrap();
    for (name, expected) in [
        ("process_resident_memory_bytes", 52_428_800.0),
        ("process_threads", 9.0),
        ("process_cpu_seconds_total", 13.0),
        ("espmedsam_uptime_seconds", 300.25),
    ] {
        assert_eq!(scraped.value(name, &[]), Some(expected), "{name}");
    }

    // What is not there, or makes no sense, is left out; the comment alone is left.
    let odd = files(&[
        ("proc/self/status", "VmRSS: much\n"),
        ("proc/self/stat", "7 (x) S\n"),
        ("proc/uptime", "inf inf\n"),
    ]);
    for root in [odd.path(), Path::new("/nowhere")] {
        assert_eq!(scrape(root).lines().count(), 1);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn this_machine_tells_of_this_process() {
    let mut out = Exposition::new();
    render_host(&mut out, Path::new("/"));
    let scrape = Scrape::read(&out.finish()).unwrap();
    assert!(scrape.value("process_resident_memory_bytes", &[]).unwrap() > 100_000.0);
    assert!(scrape.value("process_threads", &[]).unwrap() >= 1.0);
    assert!(scrape.value("espmedsam_uptime_seconds", &[]).unwrap() < 86_400.0);
    assert!(scrape.names().contains("process_cpu_seconds_total"));
}
