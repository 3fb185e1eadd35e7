//! Writes the toy model with its guard to a folder: what fuzzing starts from.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool of tests")]

fn main() {
    let folder = std::env::args_os().nth(1).expect("usage: toy FOLDER");
    let folder = std::path::PathBuf::from(folder);
    std::fs::create_dir_all(&folder).unwrap();
    espmedsam_testing::toy::write_model(&folder);
    espmedsam_testing::toy::add_guard(&folder, 0.5);
}
