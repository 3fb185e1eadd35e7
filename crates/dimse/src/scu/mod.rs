//! Objects sent on (PS3.4, B), and asking whether anybody is there (PS3.4, A).

mod association;
mod node;

use std::fs::File;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use dicom::Uid;
use picture::segmenter::SystemClock;

use crate::command::{DimseCommand, Operation, status};
use crate::error::{SendError, Sent};
use crate::part10::{FileMeta, MetaError};
use crate::sop::{EXPLICIT, IMPLICIT, VERIFICATION};
use crate::wire::PduWire;
use association::UserAssociation;
pub use node::RemoteNode;

impl RemoteNode {
    /// C-ECHO: whether the node is there and lets this one in.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn echo(&self) -> Result<(), SendError> {
        let mut association = self.associate(VERIFICATION, &[EXPLICIT, IMPLICIT])?;
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
        let mut association = self.associate(meta.class.as_str(), &[meta.syntax.as_str()])?;
        let command = DimseCommand {
            operation: Operation::Store,
            message: 1,
            has_data: true,
            status: None,
            class: Some(meta.class),
            instance: Some(meta.instance),
        };
        association.say(&command)?;
        association.send_data(&mut file)?;
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

    fn associate(
        &self,
        class: &str,
        syntaxes: &[&str],
    ) -> Result<UserAssociation<TcpStream>, SendError> {
        let stream = self.connect()?;
        let wire = PduWire::new(stream, self.times, Arc::new(SystemClock));
        UserAssociation::open(wire, self, class, syntaxes)
    }
}
