//! A process of the benchmark beside the first: the same program by a hidden command, what it shall do on its standard input,
//! what came of it on its standard output.

use super::BenchError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

/// Ended when dropped.
pub(super) struct Process {
    child: Child,
    /// Reads what it prints, so that it never waits for us.
    told: Option<JoinHandle<io::Result<String>>>,
}

impl Process {
    /// Starts `current_exe() bench NAME` and tells it what to do.
    pub fn start(name: &str, order: &impl Serialize) -> Result<Process, BenchError> {
        let order = serde_json::to_string(order).map_err(io::Error::other)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take();
        let told = output.map(|mut output| {
            thread::spawn(move || {
                let mut text = String::new();
                output.read_to_string(&mut text).map(|_| text)
            })
        });
        // Written to the end and closed.
        if let Some(mut input) = child.stdin.take() {
            input.write_all(order.as_bytes())?;
        }
        Ok(Process { child, told })
    }

    /// Whether it has told all and ended.
    pub fn is_finished(&self) -> bool {
        self.told.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// What it told; an error if it has not yet.
    pub fn finish<T: DeserializeOwned>(mut self) -> Result<T, BenchError> {
        let told = self.told.take().filter(JoinHandle::is_finished);
        let text = told.and_then(|told| told.join().ok()).ok_or(BenchError::Process)??;
        serde_json::from_str(&text).map_err(|_| BenchError::Process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

/// What this process shall do.
pub(super) fn told<T: DeserializeOwned>() -> Result<T, BenchError> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(|_| BenchError::Process)
}

/// Tells what came of it.
pub(super) fn tell(result: &impl Serialize) -> Result<(), BenchError> {
    println!("{}", serde_json::to_string(result).map_err(io::Error::other)?);
    Ok(())
}
