//! The `mixedmode` program.

fn main() -> std::process::ExitCode {
    mixedmode::run(std::env::args_os(), &mut std::io::stdout(), &mut std::io::stderr()).into()
}
