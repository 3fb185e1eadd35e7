//! A peer that says what was written down, for tests and fuzzing.

use std::io::{Read, Result, Write};
use std::time::Duration;

use crate::wire::Connection;

/// What it says, and what was said to it.
#[derive(Default)]
pub(crate) struct ScriptedPeer<'a> {
    pub says: &'a [u8],
    pub heard: Vec<u8>,
}

impl Read for ScriptedPeer<'_> {
    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        self.says.read(room)
    }
}

impl Write for ScriptedPeer<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.heard.write(bytes)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Connection for ScriptedPeer<'_> {
    fn set_patience(&mut self, _: Duration) -> Result<()> {
        Ok(())
    }

    fn end(&mut self) {}
}
