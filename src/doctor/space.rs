//! Memory and disk.

use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};

use super::report::ReportSection;
use crate::config::Config;

/// With less than this free, MiB, a model that is loaded on demand may not fit.
const MEMORY: u64 = 256;
/// With less than this free, MiB, a clip may not fit.
const DISK: u64 = 256;

pub(super) fn section(root: &Path, config: &Config) -> ReportSection {
    let mut section = ReportSection::new("memory and disk");
    memory(root, &mut section);
    let state = config.live.clips.clone();
    let state = state.unwrap_or_else(|| "/var/lib/espmedsam".into());
    for (name, folder) in [("system", PathBuf::from("/")), ("state", state)] {
        disk(name, &below(root, &folder), &mut section);
    }
    section
}

pub(super) fn below(root: &Path, folder: &Path) -> PathBuf {
    root.join(folder.strip_prefix("/").unwrap_or(folder))
}

fn memory(root: &Path, section: &mut ReportSection) {
    let text = std::fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    let mib = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        let kib = line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?;
        Some(kib >> 10)
    };
    let Some((free, all)) = mib("MemAvailable:").zip(mib("MemTotal:")) else {
        section.warning("/proc/meminfo cannot be read", "mount /proc");
        return;
    };
    section.fact("memory", format!("{free} of {all} MiB available"));
    if free < MEMORY {
        section.warning(
            format!("only {free} MiB of memory are available"),
            "end other programs; list fewer modalities in engine.preload; lower clip_mib and image.budget_mib",
        );
    }
}

fn disk(name: &str, folder: &Path, section: &mut ReportSection) {
    let Ok(found) = statvfs(folder) else {
        section.fact(name, "not there");
        return;
    };
    let mib = |blocks: u64| blocks.saturating_mul(found.f_frsize) >> 20;
    let (free, all) = (mib(found.f_bavail), mib(found.f_blocks));
    let fixed = found.f_flag.contains(StatVfsMountFlags::RDONLY);
    let suffix = if fixed { ", read-only" } else { "" };
    section.fact(name, format!("{free} of {all} MiB free{suffix}"));
    if free < DISK && !fixed {
        section.warning(
            format!("{name}: only {free} MiB are free"),
            "delete clips that are no longer needed, or use a larger card",
        );
    }
}
