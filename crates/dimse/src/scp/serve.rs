//! One association, from its request to its end.

use std::net::IpAddr;

use super::negotiate::{Agreed, Granted, negotiate};
use super::settings::{Receive, ReceivedObject, ScpSettings};
use crate::command::{DimseCommand, MOST_COMMAND, Operation, status};
use crate::folder::{ArrivingFile, FolderError};
use crate::part10::FileMeta;
use crate::pdu::{
    AssociateRequest, DataValue, PduFault, PduKind, data_values, pdu, put_data_value,
};
use crate::sop::VERIFICATION;
use crate::spool::Spool;
use crate::wire::{Connection, PduWire, WireError};

/// What all associations share.
pub(super) struct ScpHouse {
    pub settings: ScpSettings,
    pub spool: std::sync::Arc<Spool>,
    pub receive: std::sync::Arc<dyn Receive>,
}

/// Where in a message an association is.
enum MessageStage<'a> {
    /// A command comes, or is waited for; `None`: of no context yet.
    Command { context: Option<u8>, bytes: Vec<u8> },
    /// Its data set comes.
    Data(Incoming<'a>),
}

/// A data set on its way in.
struct Incoming<'a> {
    context: u8,
    command: DimseCommand,
    fate: DataFate<'a>,
    bytes: u64,
}

/// What becomes of a data set.
enum DataFate<'a> {
    /// It is written down.
    Written(ArrivingFile<'a>, FileMeta),
    /// It is there already.
    There,
    /// It is stepped over, and its sender told why.
    Refused(u16),
}

impl MessageStage<'_> {
    fn start() -> Self {
        Self::Command {
            context: None,
            bytes: Vec::new(),
        }
    }
}

impl ScpHouse {
    /// Serves whoever is at the other end until the association is over; what it did wrong, it is told.
    pub fn serve<C: Connection>(
        &self,
        wire: &mut PduWire<C>,
        address: IpAddr,
    ) -> Result<(), WireError> {
        let served = self.associate(wire, address);
        match &served {
            Err(WireError::Fault(fault)) => wire.abort((*fault).into()),
            Err(WireError::TooSlow) => wire.abort(crate::pdu::AbortReason::NoReason),
            Err(_) => {}
            Ok(()) => wire.part(),
        }
        served
    }

    fn associate<C: Connection>(
        &self,
        wire: &mut PduWire<C>,
        address: IpAddr,
    ) -> Result<(), WireError> {
        if wire.receive()? != PduKind::AssociateRequest {
            return Err(PduFault::OutOfOrder.into());
        }
        let request = AssociateRequest::read(wire.body())?;
        let agreed = match negotiate(&self.settings, &request, address) {
            Ok(agreed) => agreed,
            Err(rejection) => {
                tracing::info!(reason = %rejection.reason, "an association was refused");
                return wire.send(&rejection.pdu());
            }
        };
        wire.send(&agreed.accept)?;
        let mut stage = MessageStage::start();
        loop {
            match wire.receive()? {
                PduKind::Data => {
                    let mut replies = Vec::new();
                    for value in data_values(wire.body()) {
                        stage = self.step(stage, value?, &agreed, &mut replies)?;
                    }
                    replies.iter().try_for_each(|reply| wire.send(reply))?;
                }
                PduKind::ReleaseRequest => {
                    return wire.send(&pdu(PduKind::ReleaseReply, &[0; 4]));
                }
                PduKind::Abort => return Ok(()),
                _ => return Err(PduFault::OutOfOrder.into()),
            }
        }
    }

    /// A value further.
    fn step<'a>(
        &'a self,
        stage: MessageStage<'a>,
        value: DataValue<'_>,
        agreed: &Agreed,
        replies: &mut Vec<Vec<u8>>,
    ) -> Result<MessageStage<'a>, PduFault> {
        match stage {
            MessageStage::Command { context, mut bytes } => {
                let same = context.is_none_or(|context| context == value.context);
                if !value.is_command || !same {
                    return Err(PduFault::OutOfOrder);
                }
                if bytes.len() + value.bytes.len() > MOST_COMMAND {
                    return Err(PduFault::Bad("a command is longer than any is"));
                }
                bytes.extend(value.bytes);
                if !value.is_last {
                    let context = Some(value.context);
                    return Ok(MessageStage::Command { context, bytes });
                }
                let granted = agreed
                    .contexts
                    .iter()
                    .find(|granted| granted.id == value.context);
                let granted = granted.ok_or(PduFault::Bad(
                    "a command comes in no context that was granted",
                ))?;
                let command = DimseCommand::read(&bytes)?;
                self.begin(command, granted, agreed, replies)
            }
            MessageStage::Data(mut incoming) => {
                if value.is_command || value.context != incoming.context {
                    return Err(PduFault::OutOfOrder);
                }
                self.take(&mut incoming, value.bytes);
                if !value.is_last {
                    return Ok(MessageStage::Data(incoming));
                }
                let Incoming {
                    context,
                    command,
                    fate,
                    ..
                } = incoming;
                let status = self.finish(&command, fate, agreed);
                replies.push(reply(context, &command, status));
                Ok(MessageStage::start())
            }
        }
    }

    /// A command is there.
    fn begin(
        &self,
        command: DimseCommand,
        granted: &Granted,
        agreed: &Agreed,
        replies: &mut Vec<Vec<u8>>,
    ) -> Result<MessageStage<'_>, PduFault> {
        if command.status.is_some() {
            return Err(PduFault::Bad("a response came that nobody asked for"));
        }
        let verifies = granted.class == VERIFICATION;
        let fate = match (command.operation, verifies, command.has_data) {
            (Operation::Echo, true, false) => {
                replies.push(reply(granted.id, &command, status::SUCCESS));
                return Ok(MessageStage::start());
            }
            (Operation::Store, false, true) => self.fate(&command, granted, agreed),
            (_, _, true) => DataFate::Refused(status::UNRECOGNISED),
            (_, _, false) => {
                replies.push(reply(granted.id, &command, status::UNRECOGNISED));
                return Ok(MessageStage::start());
            }
        };
        Ok(MessageStage::Data(Incoming {
            context: granted.id,
            command,
            fate,
            bytes: 0,
        }))
    }

    fn fate(&self, command: &DimseCommand, granted: &Granted, agreed: &Agreed) -> DataFate<'_> {
        let class = command.class.as_ref();
        let Some(class) = class.filter(|class| class.as_str() == granted.class) else {
            return DataFate::Refused(status::CLASS_NOT_SUPPORTED);
        };
        let Some(instance) = &command.instance else {
            return DataFate::Refused(status::NO_SUCH_INSTANCE_NAME);
        };
        if self.spool.find(instance).is_some() {
            return DataFate::There;
        }
        let meta = FileMeta {
            class: class.clone(),
            instance: instance.clone(),
            syntax: granted.syntax.clone(),
        };
        let begun = self.spool.begin().and_then(|mut part| {
            part.write(&meta.bytes(&agreed.caller))?;
            Ok(part)
        });
        match begun {
            Ok(part) => DataFate::Written(part, meta),
            Err(error) => full(&error),
        }
    }

    fn take(&self, incoming: &mut Incoming<'_>, bytes: &[u8]) {
        incoming.bytes = incoming.bytes.saturating_add(bytes.len() as u64);
        let DataFate::Written(part, _) = &mut incoming.fate else {
            return;
        };
        if incoming.bytes > self.settings.object_bytes {
            tracing::warn!("an object is longer than is taken");
            incoming.fate = DataFate::Refused(status::OUT_OF_RESOURCES);
        } else if let Err(error) = part.write(bytes) {
            incoming.fate = full(&error);
        }
    }

    /// All of it is there: brings it to the disk. Only then is success said.
    fn finish(&self, command: &DimseCommand, fate: DataFate<'_>, agreed: &Agreed) -> u16 {
        match fate {
            DataFate::Refused(status) => return status,
            DataFate::There => {}
            DataFate::Written(part, meta) => {
                if let Err(error) = self.spool.keep(part, &meta.instance) {
                    tracing::error!(%error, "a received object was not kept");
                    return status::OUT_OF_RESOURCES;
                }
            }
        }
        let found = command
            .instance
            .as_ref()
            .and_then(|instance| self.spool.find(instance));
        if let Some(object) = found {
            let caller = agreed.caller.clone();
            self.receive.received(ReceivedObject { object, caller });
        }
        status::SUCCESS
    }
}

fn full<'a>(error: &FolderError) -> DataFate<'a> {
    tracing::error!(%error, "an object is not taken in");
    DataFate::Refused(status::OUT_OF_RESOURCES)
}

/// A whole PDU. Of 300 bytes at most, which every peer takes (PS3.8, D.1, has it at least some thousand).
fn reply(context: u8, command: &DimseCommand, status: u16) -> Vec<u8> {
    let mut body = Vec::new();
    let value = DataValue {
        context,
        is_command: true,
        is_last: true,
        bytes: &command.answer(status).bytes(),
    };
    put_data_value(value, &mut body);
    pdu(PduKind::Data, &body)
}
