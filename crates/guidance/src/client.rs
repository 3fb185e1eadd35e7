//! One client: what it asks for, and what it is told of every source that is watched.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use igtl::{
    DeviceName, HeaderVersion, IgtlFault, IgtlHeader, IgtlStamp, MessageBody, MessageSplitter,
    OutMessage, SplitBounds, SplitStep, StatusCode, StatusMessage, TypeName,
};
use live::{Listener, LiveView, Session, Studio};
use picture::NOTICE;
use picture::segmenter::{Bell, Clock};

use crate::names::{DeviceNames, SentKind};
use crate::socket::LinkSocket;
use crate::teller::{LogitWish, Teller, Telling};

/// How often it is looked for what a client says, and what has changed by time alone.
const LOOK: Duration = Duration::from_millis(100);
/// A client that takes nothing for so long is cut.
const TAKES: Duration = Duration::from_secs(3);
/// And one that has not taken what there was to say after this.
const TOOK: Duration = Duration::from_secs(10);
/// Longest question, and longest message of another kind that is passed over.
const BOUNDS: SplitBounds = SplitBounds {
    kept: 64 << 10,
    passed: 256 << 20,
};
/// Most pieces that are heard before something is said again.
const TURN: usize = 64;

/// Why a client is listened to no longer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Parted {
    #[error("it hung up")]
    HungUp,
    #[error("it took too little of what it was sent")]
    TooSlow,
    #[error("what it says is no OpenIGTLink: {0}")]
    Fault(#[from] IgtlFault),
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// What clients share.
pub(crate) struct GuidanceHouse {
    pub studio: Arc<Studio>,
    pub clock: Arc<dyn Clock>,
    /// Of headers that are sent.
    pub version: HeaderVersion,
    pub pictures: bool,
    pub ends: AtomicBool,
}

/// A client, and what it was told.
pub(crate) struct GuidanceClient<S> {
    house: Arc<GuidanceHouse>,
    socket: S,
    splitter: MessageSplitter,
    version: HeaderVersion,
    sources: BTreeMap<u64, ToldSource>,
    /// What is to be sent; used again.
    out: Vec<u8>,
    bell: Bell,
    listener: Arc<dyn Listener>,
}

/// A source that it is told of.
struct ToldSource {
    session: Arc<Session>,
    teller: Teller,
    logits: LogitWish,
    /// Whether it asked how the source does.
    asked: bool,
}

impl<S: LinkSocket> GuidanceClient<S> {
    pub fn new(house: Arc<GuidanceHouse>, socket: S) -> Self {
        let bell = Bell::default();
        let ring = bell.clone();
        Self {
            version: house.version,
            house,
            socket,
            splitter: MessageSplitter::new(BOUNDS),
            sources: BTreeMap::new(),
            out: Vec::new(),
            bell,
            listener: Arc::new(move || ring.ring()),
        }
    }

    /// Tells it until it goes, or all end.
    pub fn serve(&mut self) -> Parted {
        loop {
            if self.house.ends.load(Ordering::Acquire) {
                return Parted::HungUp;
            }
            self.bell.hush();
            if let Err(parted) = self.turn() {
                return parted;
            }
            let clock = &self.house.clock;
            clock.wait(clock.now() + LOOK, &self.bell);
        }
    }

    /// Hears it, and tells it what is news.
    pub fn turn(&mut self) -> Result<(), Parted> {
        self.meet();
        self.hear()?;
        self.send()?;
        self.tell()
    }

    /// Looks which sources there are.
    fn meet(&mut self) {
        for (name, session) in self.house.studio.all() {
            let number = session.number();
            self.sources.entry(number).or_insert_with(|| {
                session.listen(&self.listener);
                let names = DeviceNames::of(&name, number);
                ToldSource {
                    session,
                    teller: Teller::new(names, self.house.pictures),
                    logits: LogitWish::No,
                    asked: false,
                }
            });
        }
    }

    fn hear(&mut self) -> Result<(), Parted> {
        for _ in 0..TURN {
            let count = match self.socket.hear(self.splitter.room())? {
                None => return Ok(()),
                Some(0) => return Err(Parted::HungUp),
                Some(count) => count,
            };
            let question = |header: &IgtlHeader| {
                let asks = |verb| header.kind.after(verb).is_some();
                asks("GET_") || asks("STT_") || asks("STP_")
            };
            if let SplitStep::Whole(header) = self.splitter.filled(count, question)? {
                // A question that was damaged on its way is none.
                if MessageBody::read(&header, self.splitter.body()).is_ok() {
                    self.asked(&header);
                }
            }
        }
        Ok(())
    }

    /// Takes a question. By how it is put the client says what it understands.
    fn asked(&mut self, header: &IgtlHeader) {
        self.version = self.house.version.min(header.version);
        let kind = header.kind.to_string();
        let (wanted, sent) = match kind.as_str() {
            "GET_STATUS" => (None, SentKind::Status),
            "GET_NDARRAY" => (Some(LogitWish::Once), SentKind::Logits),
            "STT_NDARRAY" => (Some(LogitWish::Always), SentKind::Logits),
            "STP_NDARRAY" => (Some(LogitWish::No), SentKind::Logits),
            _ => return self.refuse(header, StatusCode::Instruction, "unknown-question"),
        };
        let mut found = false;
        for told in self.sources.values_mut() {
            if told.teller.names().is_meant(&header.device, sent) {
                found = true;
                told.asked |= wanted.is_none_or(|wanted| wanted == LogitWish::Once);
                told.logits = wanted.unwrap_or(told.logits);
            }
        }
        match wanted {
            Some(LogitWish::Always | LogitWish::No) => {
                let done = u8::from(!found);
                self.answer(header, "RTS_NDARRAY", |content| content.push(done));
            }
            Some(LogitWish::Once) | None if !found => {
                self.refuse(header, StatusCode::NotFound, "no-such-source");
            }
            Some(LogitWish::Once) | None => {}
        }
    }

    fn refuse(&mut self, question: &IgtlHeader, code: StatusCode, why: &str) {
        let status = StatusMessage {
            code,
            sub_code: 0,
            name: DeviceName::new(why),
            text: NOTICE.as_bytes(),
        };
        self.answer(question, "STATUS", |content| status.write(content));
    }

    fn answer(&mut self, to: &IgtlHeader, kind: &str, content: impl FnOnce(&mut Vec<u8>)) {
        let message = OutMessage {
            version: self.version,
            kind: TypeName::new(kind),
            device: to.device,
            stamp: IgtlStamp::of(SystemTime::now()),
            id: 0,
            metadata: &[("Notice", NOTICE)],
        };
        message.write(&mut self.out, content);
    }

    /// Sends what is news of each source, one after the other: what waits is never more than of one.
    fn tell(&mut self) -> Result<(), Parted> {
        let mut over = Vec::new();
        let numbers: Vec<u64> = self.sources.keys().copied().collect();
        for number in numbers {
            let Some(told) = self.sources.get_mut(&number) else {
                continue;
            };
            let view = told.session.look();
            let telling = Telling {
                version: self.version,
                day: SystemTime::now(),
                asked: std::mem::take(&mut told.asked),
                logits: told.logits,
            };
            let sent = told.teller.tell(&view, telling, &mut self.out);
            if sent && told.logits == LogitWish::Once {
                told.logits = LogitWish::No;
            }
            if told.session.has_ended() && is_over(&view) {
                over.push(number);
            }
            self.send()?;
        }
        // What is watched no more was said so, and its mask taken away.
        let watched: Vec<u64> = (self.house.studio.all().iter())
            .map(|(_, session)| session.number())
            .collect();
        over.retain(|number| !watched.contains(number));
        for number in over {
            self.sources.remove(&number);
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), Parted> {
        let until = Instant::now() + TOOK;
        let mut rest = self.out.as_slice();
        while !rest.is_empty() {
            match self.socket.say(rest, TAKES)? {
                None | Some(0) => return Err(Parted::TooSlow),
                Some(taken) => rest = rest.get(taken..).unwrap_or_default(),
            }
            if !rest.is_empty() && Instant::now() >= until {
                return Err(Parted::TooSlow);
            }
        }
        self.out.clear();
        Ok(())
    }
}

/// Whether it was told as ended.
fn is_over(view: &LiveView) -> bool {
    view.state == live::State::Ended
}

#[cfg(test)]
mod tests;
