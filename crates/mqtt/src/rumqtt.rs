//! A real broker, by rumqttc: the one place that knows it.
//!
//! An event loop of rumqttc's is used for one connection and then dropped: it would keep what was not acknowledged, and send that
//! after the next connection as if it were so still.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions,
    NetworkOptions, Outgoing, Packet, QoS, StateError,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{timeout, timeout_at};

use crate::broker::{Broker, BrokerLink, LinkError, LinkNews};
use crate::message::{MOST_BYTES, MqttDelivery, MqttMessage};
use crate::plan::{MqttLogin, MqttPlan};

/// Messages that wait to be sent, and those that wait to be acknowledged: all that is due of all sources, twice.
const QUEUE: u16 = 32;
/// Longest packet that is read, bytes: a broker has nothing to say to who subscribes to nothing.
const MOST_HEARD: usize = 256;
/// How long a connection may take until the broker has let this client in, and a message until it went out, seconds.
const PATIENCE_S: u64 = 5;
/// Longest topic, and what stands around it and the payload, bytes.
const MOST_AROUND: usize = 1024;
/// Threads that look up hosts' names, each for as long as the system takes.
const RESOLVERS: usize = 2;

/// A broker at an address.
pub struct RumqttBroker {
    options: MqttOptions,
    runtime: Arc<QuickRuntime>,
}

/// Drives a connection while somebody waits for its news. Dropped without waiting: a host's name may still be looked up.
struct QuickRuntime(Option<Runtime>);

impl Drop for QuickRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl RumqttBroker {
    /// That of a plan. Nothing is connected yet.
    ///
    /// # Errors
    /// The system's, if it has no room for another poll of sockets.
    pub fn new(plan: &MqttPlan) -> std::io::Result<Self> {
        let mut options = MqttOptions::new(&plan.client_id, &plan.host, plan.port);
        let MqttMessage { topic, payload, .. } = plan.last_will();
        options
            .set_keep_alive(plan.keep_alive)
            .set_clean_session(true)
            .set_inflight(QUEUE)
            .set_max_packet_size(MOST_HEARD, MOST_BYTES + MOST_AROUND)
            .set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, true));
        if let Some(MqttLogin { user, password }) = &plan.login {
            options.set_credentials(user, password);
        }
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(RESOLVERS)
            .build()?;
        let runtime = Arc::new(QuickRuntime(Some(runtime)));
        Ok(Self { options, runtime })
    }
}

impl Broker for RumqttBroker {
    fn dial(&mut self) -> Result<Box<dyn BrokerLink>, LinkError> {
        let over = || LinkError::Fault("its runtime is over".into());
        let runtime = self.runtime.0.as_ref().ok_or_else(over)?;
        let (client, mut connection) = AsyncClient::new(self.options.clone(), QUEUE.into());
        let mut network = NetworkOptions::new();
        network
            .set_connection_timeout(PATIENCE_S)
            .set_tcp_nodelay(true);
        connection.set_network_options(network);
        // Something happens at each ping, if nothing else does.
        let silence = self.options.keep_alive() + 2 * Duration::from_secs(PATIENCE_S);
        let (tell, news) = channel(QUEUE.into());
        runtime.spawn(drive(connection, tell, silence));
        Ok(Box::new(RumqttLink {
            runtime: self.runtime.clone(),
            client,
            news,
            unacknowledged: 0,
        }))
    }
}

/// A connection, whose event loop is a task of the runtime.
struct RumqttLink {
    runtime: Arc<QuickRuntime>,
    client: AsyncClient,
    news: Receiver<DriveNews>,
    /// Messages that the broker has to acknowledge, and has not yet.
    unacknowledged: usize,
}

/// What the task says.
enum DriveNews {
    News(LinkNews),
    /// A message was acknowledged.
    Acknowledged,
    /// Leave was taken.
    Left,
}

/// Polls the event loop until its first connection is over, or nobody listens.
async fn drive(mut connection: EventLoop, tell: Sender<DriveNews>, silence: Duration) {
    loop {
        let event = match timeout(silence, connection.poll()).await {
            Ok(Ok(event)) => match happening(event) {
                Some(happening) => happening,
                None => continue,
            },
            Ok(Err(error)) => DriveNews::News(LinkNews::Lost(why(&error))),
            Err(_) => DriveNews::News(LinkNews::Lost(LinkError::Silent)),
        };
        let over = matches!(event, DriveNews::Left | DriveNews::News(LinkNews::Lost(_)));
        if tell.send(event).await.is_err() || over {
            return;
        }
    }
}

fn happening(event: Event) -> Option<DriveNews> {
    match event {
        Event::Incoming(Packet::ConnAck(_)) => Some(DriveNews::News(LinkNews::Up)),
        Event::Incoming(Packet::Publish(_)) => {
            let error = LinkError::Protocol("a message that nobody subscribed to".into());
            Some(DriveNews::News(LinkNews::Lost(error)))
        }
        Event::Incoming(Packet::PubAck(_)) => Some(DriveNews::Acknowledged),
        Event::Outgoing(Outgoing::Publish(_)) => Some(DriveNews::News(LinkNews::Sent)),
        Event::Outgoing(Outgoing::Disconnect) => Some(DriveNews::Left),
        _ => None,
    }
}

impl RumqttLink {
    fn happens(&mut self, until: Instant) -> Option<DriveNews> {
        let gone = || DriveNews::News(LinkNews::Lost(LinkError::Fault("its task is over".into())));
        let Some(runtime) = &self.runtime.0 else {
            return Some(gone());
        };
        let news = &mut self.news;
        let waited = runtime.block_on(async { timeout_at(until.into(), news.recv()).await });
        let happening = waited.ok()?.unwrap_or_else(gone);
        if matches!(happening, DriveNews::Acknowledged) {
            self.unacknowledged = self.unacknowledged.saturating_sub(1);
        }
        Some(happening)
    }
}

impl BrokerLink for RumqttLink {
    fn offer(&mut self, message: MqttMessage) -> bool {
        let MqttMessage {
            topic,
            payload,
            delivery,
        } = message;
        let (qos, retain) = match delivery {
            MqttDelivery::Retained => (QoS::AtLeastOnce, true),
            MqttDelivery::Passing => (QoS::AtMostOnce, false),
        };
        let taken = self.client.try_publish(topic, qos, retain, payload);
        let awaited = taken.is_ok() && delivery == MqttDelivery::Retained;
        self.unacknowledged += usize::from(awaited);
        taken.is_ok()
    }

    fn next(&mut self, until: Instant) -> Option<LinkNews> {
        loop {
            match self.happens(until)? {
                DriveNews::News(news) => return Some(news),
                DriveNews::Acknowledged => {}
                DriveNews::Left => {
                    return Some(LinkNews::Lost(LinkError::Lost("leave was taken".into())));
                }
            }
        }
    }

    fn close(mut self: Box<Self>, until: Instant) -> bool {
        let mut asked = false;
        loop {
            // A broker that finds nobody to acknowledge to reads no further, and publishes the last will.
            if self.unacknowledged == 0 && !asked {
                asked = self.client.try_disconnect().is_ok();
            }
            match self.happens(until) {
                Some(DriveNews::Left) => return true,
                Some(DriveNews::News(LinkNews::Lost(_))) | None => return false,
                Some(DriveNews::News(_) | DriveNews::Acknowledged) => {}
            }
        }
    }
}

/// In our words. None of rumqttc's holds what was sent.
fn why(error: &ConnectionError) -> LinkError {
    use ConnectReturnCode as Code;
    match error {
        ConnectionError::ConnectionRefused(code) => LinkError::Refused(
            match code {
                Code::RefusedProtocolVersion => "it speaks no MQTT 3.1.1",
                Code::BadClientId => "it takes no client of this name (mqtt.client_id)",
                Code::ServiceUnavailable => "it is not in service",
                Code::BadUserNamePassword => "user or password is wrong",
                Code::NotAuthorized | Code::Success => "it is not allowed",
            }
            .into(),
        ),
        ConnectionError::Io(error) => LinkError::Unreachable(error.to_string()),
        ConnectionError::NetworkTimeout
        | ConnectionError::FlushTimeout
        | ConnectionError::MqttState(StateError::AwaitPingResp | StateError::CollisionTimeout) => {
            LinkError::Silent
        }
        ConnectionError::MqttState(StateError::Io(error)) => LinkError::Lost(error.to_string()),
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            LinkError::Lost("it hung up".into())
        }
        ConnectionError::MqttState(StateError::Deserialization(rumqttc::mqttbytes::Error::Io(
            error,
        ))) => LinkError::Lost(error.to_string()),
        ConnectionError::MqttState(error) => LinkError::Protocol(error.to_string()),
        ConnectionError::NotConnAck(_) => {
            LinkError::Protocol("it begins with another packet".into())
        }
        ConnectionError::RequestsDone => LinkError::Fault("its client is gone".into()),
    }
}
