//! What this process is asked by signals: to end, or to read its configuration anew.

use std::io::{self, IsTerminal};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that are heeded. From when they are made, none of them kills the process.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    /// Within the runtime.
    ///
    /// # Errors
    /// The system's.
    pub fn heed() -> io::Result<Self> {
        // Under `nohup` it stays ignored: it was told to outlive its terminal.
        let hangup = !is_ignored(SignalKind::hangup());
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: hangup.then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    /// Takes SIGHUP out, as a wish for the configuration to be read anew. Left in, it asks for the end: of who has no file,
    /// or sits at a terminal that is closed.
    pub fn reloads(&mut self, file: bool) -> Reloads {
        let wish = file && !io::stderr().is_terminal();
        Reloads(self.hangup.take_if(|_| wish))
    }

    /// Resolves when this process is asked to end: by SIGTERM, SIGINT, or SIGHUP, unless that was taken out.
    pub async fn end(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = next(&mut self.hangup) => {}
        }
    }
}

/// Wishes for the configuration to be read anew.
pub struct Reloads(Option<Signal>);

impl Reloads {
    /// Resolves at the next one.
    pub async fn next(&mut self) {
        next(&mut self.0).await;
    }
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether this process was started with the signal ignored (`SigIgn`, proc(5)); only Linux tells.
fn is_ignored(signal: SignalKind) -> bool {
    let ignored = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let mut lines = status.lines();
        let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"))?;
        let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
        Some(mask >> (signal.as_raw_value() - 1) & 1 == 1)
    };
    ignored().unwrap_or(false)
}
