//! `bursar config`: is the configuration right, and what is in force.
//!
//! `check` is for scripts that deploy: it exits with 1 when the server would not take the file,
//! environment and flags it is given. `print` shows every key with the value in force, wherever it
//! came from. Neither touches the data directory.

use clap::Subcommand;

use super::{Exit, serve};

/// Options of `bursar config`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Read file, environment and flags and say whether they are right
    Check(serve::Arguments),
    /// Print what is in force, as TOML-like lines or, with --json, as one JSON document
    Print {
        #[command(flatten)]
        arguments: serve::Arguments,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs `bursar config`.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let (serve, print) = match &arguments.action {
        Action::Check(serve) => (serve, None),
        Action::Print { arguments, json } => (arguments, Some(*json)),
    };
    let config = match serve.configuration() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("bursar: {error}");
            return if print.is_some() { Exit::Usage } else { Exit::No };
        }
    };
    let value = serde_json::to_value(&config).expect("the configuration has a JSON form");
    match print {
        None => println!("the configuration is right"),
        Some(true) => println!("{value:#}"),
        Some(false) => print_sections(&value),
    }
    Exit::Done
}

fn print_sections(value: &serde_json::Value) {
    let sections = value.as_object().into_iter().flatten();
    for (index, (section, keys)) in sections.enumerate() {
        if index > 0 {
            println!();
        }
        println!("[{section}]");
        for (key, value) in keys.as_object().into_iter().flatten() {
            println!("{key} = {value}");
        }
    }
}
