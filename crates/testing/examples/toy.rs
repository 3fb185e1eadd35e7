//! Writes the toy model with its guard and a presence score to a folder: what fuzzing starts from.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool of tests")]

fn main() {
    let folder = std::env::args_os().nth(1).expect("usage: toy FOLDER");
    let folder = std::path::PathBuf::from(folder);
    std::fs::create_dir_all(&folder).unwrap();
    espmedsam_testing::toy::write_model(&folder);
    espmedsam_testing::toy::add_presence(&folder, 0.25, 0.75);
    espmedsam_testing::toy::add_guard(&folder, 0.5);
}
