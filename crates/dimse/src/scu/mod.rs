//! Objects sent on (PS3.4, B), and asking whether anybody is there (PS3.4, A).

mod association;
#[cfg(feature = "fuzzing")]
mod fuzz;
mod node;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use dicom::Uid;
use picture::segmenter::SystemClock;

use crate::command::{DimseCommand, Operation, status};
use crate::error::{SendError, Sent};
use crate::part10::{FileMeta, MetaError};
use crate::sop::{EXPLICIT, IMPLICIT, VERIFICATION};
use crate::wire::{Connection, PduWire};
use association::UserAssociation;
#[cfg(feature = "fuzzing")]
pub use fuzz::fuzz_user;
pub use node::RemoteNode;

impl RemoteNode {
    /// C-ECHO: whether the node is there and lets this one in.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn echo(&self) -> Result<(), SendError> {
        self.echo_over(self.wire()?)
    }

    fn echo_over<C: Connection>(&self, wire: PduWire<C>) -> Result<(), SendError> {
        let syntaxes = [EXPLICIT, IMPLICIT];
        let mut association = UserAssociation::open(wire, self, VERIFICATION, &syntaxes)?;
        let command = DimseCommand {
            operation: Operation::Echo,
            message: 1,
            has_data: false,
            status: None,
            class: Uid::new(VERIFICATION),
            instance: None,
        };
        association.say(&command)?;
        let answer = association.answer(&command)?;
        association.release();
        match answer {
            status::SUCCESS => Ok(()),
            status => Err(SendError::Refused { status }),
        }
    }

    /// C-STORE of a Part 10 file, written as it is: the one transfer syntax that is proposed is the file's own. No more of it
    /// is in memory than a PDU.
    ///
    /// # Errors
    /// [`SendError`]; without one, the node has acknowledged the object.
    pub fn store(&self, file: &Path) -> Result<Sent, SendError> {
        let mut file = File::open(file).map_err(MetaError::Io)?;
        let meta = FileMeta::read(&mut file)?;
        self.store_over(self.wire()?, meta, &mut file)
    }

    /// What is left of a file after its meta information.
    fn store_over<C: Connection>(
        &self,
        wire: PduWire<C>,
        meta: FileMeta,
        file: &mut impl Read,
    ) -> Result<Sent, SendError> {
        let (class, syntaxes) = (meta.class.as_str(), [meta.syntax.as_str()]);
        let mut association = UserAssociation::open(wire, self, class, &syntaxes)?;
        let command = DimseCommand {
            operation: Operation::Store,
            message: 1,
            has_data: true,
            status: None,
            class: Some(meta.class),
            instance: Some(meta.instance),
        };
        association.say(&command)?;
        association.send_data(file)?;
        let answer = association.answer(&command)?;
        association.release();
        match answer {
            status::SUCCESS => Ok(Sent::Stored),
            // It has it: an acknowledgement was lost, or somebody else has sent it.
            status::DUPLICATE => Ok(Sent::WithWarning(answer)),
            // PS3.7, C.4: attributes were changed, elements left out, or another warning.
            0x0001 | 0x0107 | 0x0116 | 0xb000..=0xbfff => Ok(Sent::WithWarning(answer)),
            status => Err(SendError::Refused { status }),
        }
    }

    fn wire(&self) -> Result<PduWire<Box<dyn Connection + Send>>, SendError> {
        let connection = self.connect()?;
        Ok(PduWire::new(connection, self.times, Arc::new(SystemClock)))
    }
}
