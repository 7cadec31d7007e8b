//! The `mixedmode` program.

fn main() -> std::process::ExitCode {
    mixedmode::run_program(std::env::args_os()).into()
}
