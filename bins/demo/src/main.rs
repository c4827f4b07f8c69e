#![doc = include_str!("../README.md")]

mod announcement;
mod api;
mod arguments;
mod check;
mod console;
mod identity;
mod import;
mod kill;
mod place;
mod running;
mod sample;
mod sealer;
mod server;
mod stage;

use arguments::{Arguments, Command};
use clap::Parser as _;
use console::Console;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments::without_leading_dashes(std::env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody to tell is no reason for another exit code.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    if let Some(Command::Serve(serve)) = arguments.command {
        return server::serve(serve);
    }
    let console = Arc::new(Console::new());
    match in_runtime(&arguments, &console) {
        Ok(code) => code,
        Err(error) => {
            console.complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn in_runtime(arguments: &Arguments, console: &Arc<Console>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(stage::run(arguments, console))
}
