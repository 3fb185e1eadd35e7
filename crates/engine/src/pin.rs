//! Threads kept on one core each, where asked: on a board with little else to do this keeps caches warm and times even.

/// Keeps the calling thread on one of the cores this process may use: the `number`-th, counted round. Does nothing
/// where the system cannot (not Linux), and says so in the log if it refuses.
pub(super) fn to_core(number: usize) {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let pin = || {
            let allowed = sched_getaffinity(None)?;
            let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
            let wanted = number % (allowed.count() as usize).max(1);
            let mut set = CpuSet::new();
            set.set(cores.nth(wanted).unwrap_or(0));
            sched_setaffinity(None, &set)
        };
        if let Err(error) = pin() {
            tracing::warn!(%error, number, "cannot keep a thread on one core");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = number;
}
