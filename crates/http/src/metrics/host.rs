//! The process, as Linux tells of it in `/proc` when somebody asks. What cannot be read there (another system, a container) is
//! left out.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::exposition::Exposition;

/// Times in `/proc` are in hundredths of a second: `USER_HZ`, which is part of Linux' interface on every machine that this
/// program runs on, whatever the kernel counts by.
const USER_HZ: f64 = 100.0;
/// Longest file read. They are a few lines long.
const LONGEST: u64 = 16 << 10;

/// Memory, processor time, threads; as the folder says that is `/` but in tests.
pub fn render(out: &mut Exposition, root: &Path) {
    let status = read(&root.join("proc/self/status")).unwrap_or_default();
    // In kB there, and so without the size of a page, which is not the same on every board.
    if let Some(kib) = field(&status, "VmRSS:") {
        let (name, help) = (
            "process_resident_memory_bytes",
            "Memory in RAM, the weights among it.",
        );
        out.gauge(name, help).put(&[], kib.saturating_mul(1024));
    }
    if let Some(threads) = field(&status, "Threads:") {
        out.gauge("process_threads", "Threads of the process.")
            .put(&[], threads);
    }
    let Some(stat) = read(&root.join("proc/self/stat")) else {
        return;
    };
    // Before the last bracket stands the program's name, which may hold anything; what follows is from field 3 on (proc(5)).
    let Some((_, stat)) = stat.rsplit_once(')') else {
        return;
    };
    let seconds = |number: usize| {
        let ticks: u64 = stat
            .split_ascii_whitespace()
            .nth(number - 3)?
            .parse()
            .ok()?;
        Some(ticks as f64 / USER_HZ)
    };
    if let Some((user, system)) = seconds(14).zip(seconds(15)) {
        out.counter(
            "process_cpu_seconds_total",
            "Processor time, user and system.",
        )
        .put(&[], user + system);
    }
    let up = read(&root.join("proc/uptime"));
    let up: Option<f64> = up.and_then(|up| up.split_ascii_whitespace().next()?.parse().ok());
    // Since the board was started: its clock may be set meanwhile, this one not.
    if let Some((up, began)) = up.filter(|up| up.is_finite()).zip(seconds(22)) {
        out.gauge("espmedsam_uptime_seconds", "Since the program was started.")
            .put(&[], (up - began).max(0.0));
    }
}

/// The number after a line's name, as in `/proc/self/status`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}
