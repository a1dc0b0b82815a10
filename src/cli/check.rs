//! `holdfast check-config`: every mistake at once, then what the configuration amounts to.

use super::{CheckArgs, exit};
use crate::config::Config;

/// Reads the file and says what is wrong with it, or what it amounts to. Returns the exit code.
pub fn check_config(args: &CheckArgs) -> u8 {
    match Config::load(&args.file) {
        Ok(config) => {
            for warning in &config.warnings {
                eprintln!("warning: {warning}");
            }
            println!("{}", summary(&args.file.display().to_string(), &config));
            exit::OK
        }
        Err(errors) => {
            let count = errors.problems.len();
            eprintln!("{errors}\n{count} {} to correct", if count == 1 { "mistake" } else { "mistakes" });
            exit::CONFIG
        }
    }
}

fn summary(file: &str, config: &Config) -> String {
    let settings = &config.settings;
    let agents = settings.agents.len();
    let (queues, numbers) = (settings.queues.len(), settings.numbers.len());
    let warnings = match config.warnings.len() {
        0 => "no warnings".to_owned(),
        1 => "1 warning".to_owned(),
        more => format!("{more} warnings"),
    };
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let (queues, agents, numbers) =
        (count(queues, "queue"), count(agents, "agent"), count(numbers, "number"));
    format!("{file}: correct: {queues}, {agents}, {numbers}; {warnings}")
}
