use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, UnixListener};

use super::dicom_node::DicomNode;
use super::failure::Failure;
use super::mqtt_reporter::BrokerPlan;
use super::other_machines::OtherMachines;
use super::updates::models_to_serve;
use crate::config::Config;
use crate::fittings::Fittings;
use crate::service::attend::attend;
use crate::service::log::Verbosity;
use crate::service::manager::{ServiceManager, Word};
use crate::service::reload::{ConfigOrigin, Reloader};
use crate::service::signals::Signals;
use crate::service::socket::HandedSocket;
use crate::workshop::LocalWorkshop;
use engine::model::store::Store;
use engine::service::Engine;
use guidance::GuidanceServer;
use http::{Door, Doors, ServedParts, ServerConfig};
use live::{Asker, ClipShelf, LiveSourceSpec, SessionSpec, ShelfBounds, Studio, vet};
use picture::NOTICE;
use picture::segmenter::SystemClock;

/// What each of the others gets to end in, however long the HTTP side took.
const LAST_PATIENCE: Duration = Duration::from_millis(250);

#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Configuration (TOML); every key has a default that works. SIGHUP has it read anew.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port [default: the configuration's, else 127.0.0.1:8080]; port 0 takes a free one. A socket that systemd
    /// hands over outweighs it.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Listen where other machines reach it, and ask nobody who they are: something in front does, or all neighbours are trusted.
    #[arg(long)]
    trust_network: bool,
}

pub(super) fn run(args: &ServeArgs, models: Option<&Path>) -> Result<(), Failure> {
    let (listen, trusted) = (args.listen, args.trust_network);
    serve_as(
        ConfigOrigin {
            file: args.config.clone(),
            adjust: Box::new(move |config| {
                config.server.listen = listen.unwrap_or(config.server.listen);
                config.server.trust_network |= trusted;
            }),
        },
        models,
    )
}

/// A service, before it has begun.
struct Beginning {
    origin: ConfigOrigin,
    config: Config,
    sources: WatchedSources,
    broker: BrokerPlan,
    store: Arc<Store>,
    verbosity: Verbosity,
    manager: Arc<ServiceManager>,
    handed: Option<HandedSocket>,
}

/// Serves as a configuration says.
pub(super) fn serve_as(origin: ConfigOrigin, models: Option<&Path>) -> Result<(), Failure> {
    let usage = |error: String| Failure::Usage(error);
    let manager = ServiceManager::of_this_process();
    let manager = manager.map_err(|error| usage(format!("NOTIFY_SOCKET: {error}")))?;
    let manager = Arc::new(manager);
    let handed = HandedSocket::take().map_err(|error| usage(format!("LISTEN_FDS: {error}")))?;
    let again = handed.as_ref().map(HandedSocket::try_clone).transpose();
    let again = again.map_err(|error| Failure::Failed(error.to_string()))?;
    let by_file = origin.file.is_some();
    match begin(origin, models, manager.clone(), handed) {
        Err(Failure::Usage(why)) if by_file => {
            let first = why.lines().next().unwrap_or_default();
            manager.tell(&[Word::Status(format!(
                "the configuration cannot be used: {first}"
            ))]);
            // Whoever waits would have the service started again, and again in vain.
            if let Some(socket) = again {
                socket.turn_away();
            }
            Err(Failure::Configuration(why))
        }
        ended => ended,
    }
}

/// Looks over all that a person may have got wrong, and serves. [`Failure::Usage`] is what is wrong with it.
fn begin(
    origin: ConfigOrigin,
    models: Option<&Path>,
    manager: Arc<ServiceManager>,
    handed: Option<HandedSocket>,
) -> Result<(), Failure> {
    let config = origin.read();
    let config = config.map_err(|error| Failure::Usage(error.to_string()))?;
    // Once more: the command line may have said otherwise.
    let checked = config.server.check();
    checked.map_err(|error| Failure::Usage(error.to_string()))?;
    let verbosity = Verbosity::begin(&config.log.level);
    let sources = WatchedSources::of(&config)?;
    let broker = BrokerPlan::of(&config)?;
    let dir = models_to_serve(models, config.engine.models.as_deref())?;
    let store = Arc::new(Store::open(&dir, config.engine.model.as_deref())?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // The model has the cores; the API only moves bytes.
        .worker_threads(2)
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start the runtime: {error}")))?;
    let served = runtime.block_on(serve(Beginning {
        origin,
        config,
        sources,
        broker,
        store,
        verbosity,
        manager,
        handed,
    }));
    // What still runs has had its time: the process ends with it.
    runtime.shutdown_background();
    served
}

async fn serve(beginning: Beginning) -> Result<(), Failure> {
    let Beginning {
        origin,
        config,
        sources,
        broker,
        store,
        verbosity,
        manager,
        handed,
    } = beginning;
    let failed = |error: std::io::Error| Failure::Failed(error.to_string());
    // The signals first: from here on, a stop is orderly. The port next: a taken one should not cost a model load.
    let mut signals = Signals::heed().map_err(failed)?;
    let reloads = signals.reloads(origin.file.is_some());
    let door = open(handed, config.server.listen).await?;
    // A socket that was handed over may listen anywhere.
    if let Door::Tcp(listener) = &door {
        let listen = listener.local_addr().map_err(failed)?;
        let bound = ServerConfig {
            listen,
            ..config.server.clone()
        };
        let checked = bound.check();
        checked.map_err(|error| Failure::Usage(error.to_string()))?;
    }
    let grpc = open_grpc(config.server.grpc).await?;
    let mut others = OtherMachines::begin(&config.access).await?;
    let place = place(&door).map_err(failed)?;
    let engine = Arc::new(Engine::start(store, &config.engine_options())?);
    tracing::info!("listening on {place} – {NOTICE}");
    let studio = sources.begin(engine.clone())?;
    for source in &config.live.sources {
        let name = &source.name;
        tracing::info!("watching '{name}': {place}/live?source={name}");
    }
    let fittings = Fittings::begin(&config.gpio, &studio).map_err(failed)?;
    let node = DicomNode::begin(&config, engine.clone())?;
    let guidance = begin_guidance(&config, &studio)?;
    let telling = broker.begin(&studio)?;
    let server = config.server.clone();
    let reloader = Reloader {
        origin,
        in_force: config,
        studio: studio.clone(),
        verbosity,
    };
    let attending = attend(manager.clone(), engine.clone(), reloader, reloads);
    let attending = tokio::spawn(attending);
    let patience = Duration::from_secs(server.shutdown_timeout_s.into());
    let parts = others.served_with(ServedParts {
        mqtt: telling.meter(),
        ..node.served_with(studio)
    });
    others.note(concat!("started, ", env!("CARGO_PKG_VERSION")));
    let asked = OnceLock::new();
    let node_ends = OnceLock::new();
    let telling_ends = OnceLock::new();
    let stop = async {
        signals.end().await;
        asked.get_or_init(Instant::now);
        tracing::info!("stopping: no new requests, finishing the accepted ones");
        attending.abort();
        manager.tell(&[Word::Stopping]);
        // While the HTTP side finishes what it has accepted.
        let end = move || node.end(patience * 3 / 4);
        node_ends.get_or_init(|| tokio::task::spawn_blocking(end));
        let end = move || telling.end(patience * 3 / 4);
        telling_ends.get_or_init(|| tokio::task::spawn_blocking(end));
    };
    let doors = Doors {
        near: door,
        far: others.take_door(),
        grpc,
    };
    let served = http::serve(doors, server, parts, stop).await;
    others.note("stopped");
    attending.abort();
    // What these hold of the sources goes with them. A reload cannot be interrupted, nor can a driver: neither is waited for longer.
    let fittings = tokio::task::spawn_blocking(move || drop((fittings, guidance)));
    let both = async { tokio::join!(attending, fittings) };
    if tokio::time::timeout(LAST_PATIENCE, both).await.is_err() {
        tracing::warn!("a reload, the lights or OpenIGTLink's clients did not end in time");
    }
    if let Some(ended) = node_ends.into_inner()
        && !ended.await.unwrap_or(false)
    {
        tracing::warn!("the DICOM network did not end in time; what it was at is on the disk");
    }
    if let Some(ended) = telling_ends.into_inner()
        && !ended.await.unwrap_or(false)
    {
        tracing::warn!(
            "MQTT: the broker was not told in time that the service ends; its last will is"
        );
    }
    // The time to stop in counts from the signal, and the HTTP side has had its part of it.
    let gone = asked.get().map_or(Duration::ZERO, Instant::elapsed);
    let patience = patience.saturating_sub(gone).max(LAST_PATIENCE);
    let ended = tokio::task::spawn_blocking(move || engine.shutdown(patience)).await;
    ended
        .map_err(|error| Failure::Failed(format!("the engine did not stop: {error}")))?
        .map_err(|left| Failure::Failed(left.to_string()))?;
    tracing::info!("stopped");
    served.map_err(failed)
}

/// Tells programs of image-guided therapy what may be shown, if the configuration says where.
fn begin_guidance(
    config: &Config,
    studio: &Arc<Studio>,
) -> Result<Option<GuidanceServer>, Failure> {
    let clock = Arc::new(SystemClock);
    let begun = GuidanceServer::begin(&config.openigtlink, studio.clone(), clock);
    let begun = begun.map_err(|error| Failure::Failed(error.to_string()))?;
    if let Some(server) = &begun {
        let address = server.address();
        tracing::info!(
            "OpenIGTLink: what may be shown is sent to who connects to {address} – {NOTICE}"
        );
    }
    Ok(begun)
}

/// The socket that was handed over, else the port that the configuration names.
async fn open(handed: Option<HandedSocket>, address: SocketAddr) -> Result<Door, Failure> {
    let opened = match handed {
        Some(handed) => handed.open(),
        None => TcpListener::bind(address).await.map(Door::from),
    };
    opened.map_err(|error| Failure::Failed(format!("{address}: {error}")))
}

/// The port for gRPC, if there is to be one.
async fn open_grpc(address: Option<SocketAddr>) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = address else {
        return Ok(None);
    };
    let failed =
        |error: std::io::Error| Failure::Failed(format!("server.grpc: {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    tracing::info!("gRPC: listening on {bound} – {NOTICE}");
    Ok(Some(listener))
}

/// Where clients find it, for people.
fn place(door: &Door) -> std::io::Result<String> {
    let path = |listener: &UnixListener| {
        let address = listener.local_addr()?;
        let path = address.as_pathname().unwrap_or(Path::new("(no name)"));
        Ok(format!("unix:{}", path.display()))
    };
    match door {
        Door::Tcp(listener) => Ok(format!("http://{}", listener.local_addr()?)),
        Door::Unix(listener) => path(listener),
    }
}

/// What the configuration has watched from the start, looked over before there is a model.
pub(super) struct WatchedSources {
    workshop: Arc<LocalWorkshop>,
    clips: Option<ClipShelf>,
    specs: Vec<(String, SessionSpec)>,
}

impl WatchedSources {
    /// Those of a configuration. A camera that is not there is no fault of it.
    pub fn of(config: &Config) -> Result<Self, Failure> {
        let rights = config.live.clients.clone();
        let workshop = Arc::new(LocalWorkshop::new(config.image.into(), rights));
        let one = |source: &LiveSourceSpec| {
            let name = source.name.clone();
            match vet(workshop.as_ref(), source, Asker::Owner) {
                Ok(spec) => Ok((name, spec)),
                Err(error) => Err(Failure::Usage(format!("source '{name}': {error}"))),
            }
        };
        let specs = config.live.sources.iter().map(one);
        let specs = specs.collect::<Result<_, _>>()?;
        let clips = config.live.clips.as_ref();
        let clips = clips.map(|folder| ClipShelf::open(folder, ShelfBounds::default()));
        let clips = clips.transpose();
        Ok(Self {
            specs,
            clips: clips.map_err(|error| Failure::Usage(format!("live.clips: {error}")))?,
            workshop,
        })
    }

    pub fn begin(self, engine: Arc<Engine>) -> Result<Arc<Studio>, Failure> {
        let studio = Studio::new(engine, Arc::new(SystemClock), self.workshop);
        if let Some(shelf) = self.clips {
            studio.keep_clips(shelf);
        }
        for (name, spec) in self.specs {
            let begun = studio.begin(&name, spec);
            begun.map_err(|error| Failure::Failed(format!("source '{name}': {error}")))?;
        }
        Ok(studio)
    }
}
