//! The board, its processor, and the kernels that were chosen for it.

use std::path::Path;

use compute::kernels::Cpu;

use super::line;
use super::report::ReportSection;

pub(super) fn section(root: &Path) -> ReportSection {
    let mut section = ReportSection::new("processor");
    let board = line(&root.join("proc/device-tree/model")).or_else(|| model_name(root));
    section.fact("board", board.unwrap_or_else(|| "not known".into()));
    if let Some(package) = packaged_for(root) {
        section.fact("package for", package);
    }
    if let Some(kernel) = line(&root.join("proc/sys/kernel/osrelease")) {
        section.fact("Linux", kernel);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    section.fact("cores", cores);
    section.fact("instructions", Cpu::names());
    section.fact("kernels in use", Cpu::best().name());
    if Cpu::all().len() == 1 {
        section.warning(
            "there are no kernels for this processor: plain code is used, many times slower",
            "use a 64-bit ARM board, or an x86-64 machine with AVX2",
        );
    }
    section
}

/// As x86-64 tells of it.
fn model_name(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join("proc/cpuinfo")).ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The board that the installed package was made for.
fn packaged_for(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join("usr/share/espmedsam/board.toml")).ok()?;
    let table: toml::Table = text.parse().ok()?;
    Some(table.get("name")?.as_str()?.to_owned())
}
