//! One association, asked for: one context, one message.

use std::io::Read;

use super::node::RemoteNode;
use crate::command::{DimseCommand, MOST_COMMAND};
use crate::error::SendError;
use crate::part10::MetaError;
use crate::pdu::{
    Abort, AbortReason, AssociateAccept, AssociateRequest, ContextAnswer, DataValue, PduFault,
    PduKind, ProposedContext, Rejection, data_values, pdu, put_data_value,
};
use crate::wire::{Connection, MOST_DATA, PduWire};

/// The one presentation context's number.
const CONTEXT: u8 = 1;
/// Bytes of a data value beside its own.
const VALUE_HEADER: u32 = 6;
/// What a peer that names no limit is sent, and one that names a larger one.
const LONGEST: u32 = MOST_DATA;
/// The shortest PDU that is worth sending: a peer that takes no more takes nothing.
const SHORTEST: u32 = 256;

pub(super) struct UserAssociation<C: Connection> {
    wire: PduWire<C>,
    /// Bytes of a PDU's body.
    most: u32,
    released: bool,
}

impl<C: Connection> UserAssociation<C> {
    pub fn open(
        wire: PduWire<C>,
        node: &RemoteNode,
        class: &str,
        syntaxes: &[&str],
    ) -> Result<Self, SendError> {
        let mut association = Self {
            wire,
            most: LONGEST,
            released: false,
        };
        let proposed = ProposedContext {
            id: CONTEXT,
            abstract_syntax: class,
            transfer_syntaxes: syntaxes.into(),
        };
        let request = AssociateRequest::pdu(&node.title, &node.own_title, &[proposed], MOST_DATA);
        association.wire.send(&request)?;
        match association.wire.receive()? {
            PduKind::AssociateAccept => {}
            PduKind::AssociateReject => {
                let rejection = Rejection::read(association.wire.body())?;
                association.released = true;
                return Err(SendError::Rejected(rejection.reason));
            }
            kind => return Err(association.unexpected(kind)),
        }
        let accept = AssociateAccept::read(association.wire.body())?;
        let own = accept.contexts.iter().find(|context| context.id == CONTEXT);
        let own = own.ok_or(PduFault::Bad(
            "the one context that was proposed was not answered",
        ))?;
        if own.answer != ContextAnswer::Accepted {
            association.release();
            return Err(SendError::NotAccepted);
        }
        if !syntaxes.contains(&own.transfer_syntax) {
            return Err(PduFault::Bad("a transfer syntax was chosen that was not proposed").into());
        }
        let most = if accept.most == 0 {
            LONGEST
        } else {
            accept.most.min(LONGEST)
        };
        if most < SHORTEST {
            return Err(PduFault::Bad("it takes no PDU that is long enough for anything").into());
        }
        association.most = most;
        Ok(association)
    }

    /// Sends a command.
    pub fn say(&mut self, command: &DimseCommand) -> Result<(), SendError> {
        let bytes = command.bytes();
        let room = (self.most - VALUE_HEADER) as usize;
        let mut pieces = bytes.chunks(room).peekable();
        while let Some(piece) = pieces.next() {
            let is_last = pieces.peek().is_none();
            self.send_value(true, is_last, piece)?;
        }
        Ok(())
    }

    /// Sends what is left of a file, a PDU of it at a time.
    pub fn send_data(&mut self, file: &mut impl Read) -> Result<(), SendError> {
        let room = (self.most - VALUE_HEADER) as usize;
        let (mut piece, mut next) = (vec![0; room], vec![0; room]);
        let mut count = fill(file, &mut piece)?;
        loop {
            let following = match count == room {
                true => fill(file, &mut next)?,
                false => 0,
            };
            let bytes = piece.get(..count).unwrap_or_default();
            self.send_value(false, following == 0, bytes)?;
            if following == 0 {
                return Ok(());
            }
            std::mem::swap(&mut piece, &mut next);
            count = following;
        }
    }

    fn send_value(
        &mut self,
        is_command: bool,
        is_last: bool,
        bytes: &[u8],
    ) -> Result<(), SendError> {
        let mut body = Vec::with_capacity(bytes.len() + VALUE_HEADER as usize);
        let value = DataValue {
            context: CONTEXT,
            is_command,
            is_last,
            bytes,
        };
        put_data_value(value, &mut body);
        Ok(self.wire.send(&pdu(PduKind::Data, &body))?)
    }

    /// The status that is given to a request.
    pub fn answer(&mut self, request: &DimseCommand) -> Result<u16, SendError> {
        let mut bytes = Vec::new();
        loop {
            match self.wire.receive()? {
                PduKind::Data => {}
                kind => return Err(self.unexpected(kind)),
            }
            for value in data_values(self.wire.body()) {
                let value = value?;
                if !value.is_command || value.context != CONTEXT {
                    return Err(PduFault::OutOfOrder.into());
                }
                if bytes.len() + value.bytes.len() > MOST_COMMAND {
                    return Err(PduFault::Bad("a command is longer than any is").into());
                }
                bytes.extend(value.bytes);
                if value.is_last {
                    return of_answer(&bytes, request);
                }
            }
        }
    }

    fn unexpected(&mut self, kind: PduKind) -> SendError {
        if kind != PduKind::Abort {
            return PduFault::OutOfOrder.into();
        }
        self.released = true;
        match Abort::read(self.wire.body()) {
            Ok(Abort(reason)) => SendError::Aborted(reason),
            Err(fault) => fault.into(),
        }
    }

    /// Ends it as one should. What there was to know is known, so that nobody asks how that went.
    pub fn release(&mut self) {
        self.released = true;
        if self
            .wire
            .send(&pdu(PduKind::ReleaseRequest, &[0; 4]))
            .is_ok()
        {
            let _ = self.wire.receive();
        }
    }
}

impl<C: Connection> Drop for UserAssociation<C> {
    fn drop(&mut self) {
        if !self.released {
            self.wire.abort(AbortReason::User);
        }
    }
}

fn of_answer(bytes: &[u8], request: &DimseCommand) -> Result<u16, SendError> {
    let answer = DimseCommand::read(bytes)?;
    match answer.status {
        Some(status)
            if answer.operation == request.operation && answer.message == request.message =>
        {
            Ok(status)
        }
        _ => Err(PduFault::Bad("what was answered was not asked").into()),
    }
}

/// Fills a buffer as far as there are bytes: how many.
fn fill(from: &mut impl Read, room: &mut [u8]) -> Result<usize, MetaError> {
    let mut count = 0;
    while let Some(rest) = room.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(count)
}
