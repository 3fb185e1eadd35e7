//! The `espmedsam` command. Everything it does is in the library.

fn main() -> std::process::ExitCode {
    espmedsam::cli::main()
}
