use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::failure::Failure;
use crate::config::{Config, find_models};
use crate::fittings::Fittings;
use crate::workshop::LocalWorkshop;
use engine::model::store::Store;
use engine::service::Engine;
use http;
use live::{Asker, ClipShelf, ShelfBounds, Studio};
use picture::NOTICE;
use picture::segmenter::SystemClock;

/// What the engine gets to end in, however long the HTTP side took.
const LAST_PATIENCE: Duration = Duration::from_millis(250);

#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    /// Configuration (TOML); every key has a default that works.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port [default: the configuration's, else 127.0.0.1:8080]; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

pub(super) fn run(args: &ServeArgs, models: Option<&Path>) -> Result<(), Failure> {
    log_to_stderr();
    let mut config = read_config(args.config.as_deref())?;
    config.server.listen = args.listen.unwrap_or(config.server.listen);
    serve_as(&config, models)
}

/// The configuration of that file, or the default one.
pub(super) fn read_config(path: Option<&Path>) -> Result<Config, Failure> {
    path.map_or_else(
        || Ok(Config::default()),
        |path| Config::read(path).map_err(|error| Failure::Usage(error.to_string())),
    )
}

/// Has everything logged there, until the end of this process.
pub(super) fn log_to_stderr() {
    tracing_subscriber::registry()
        .with(log_filter())
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(std::io::stderr().is_terminal())
                .with_writer(std::io::stderr),
        )
        .init();
}

/// Serves as a configuration says.
pub(super) fn serve_as(config: &Config, models: Option<&Path>) -> Result<(), Failure> {
    let dir = find_models(models, config.engine.models.as_deref())?;
    let store = Arc::new(Store::open(&dir, config.engine.model.as_deref())?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // The model has the cores; the API only moves bytes.
        .worker_threads(2)
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start the runtime: {error}")))?;
    let served = runtime.block_on(serve(config, store));
    // What still runs has had its time: the process ends with it.
    runtime.shutdown_background();
    served
}

/// What is logged: as `RUST_LOG` says (`debug`, `info,hyper=off`), else faults and what the operator should know.
fn log_filter() -> Targets {
    let told = std::env::var("RUST_LOG").ok();
    // tract warns of every opset it has not been tested with; ours is, by our own tests. A 503 while starting or
    // full is an answer, not a failure: faults are logged where they happen.
    told.and_then(|told| told.parse().ok()).unwrap_or_else(|| {
        Targets::new()
            .with_default(LevelFilter::INFO)
            .with_target("tract", LevelFilter::ERROR)
            .with_target("tower_http::trace::on_failure", LevelFilter::OFF)
    })
}

async fn serve(config: &Config, store: Arc<Store>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Failed(error.to_string());
    // The signals first: from here on, a stop is orderly. The port next: a taken one should not cost a model load.
    let stop = stop_signal().map_err(failed)?;
    let address = config.server.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Failed(format!("{address}: {error}")))?;
    let bound = listener.local_addr().map_err(failed)?;
    let engine = Arc::new(Engine::start(store, &config.engine_options())?);
    tracing::info!("listening on http://{bound} – {NOTICE}");
    let rights = config.live.clients.clone();
    let workshop = LocalWorkshop::new(config.image.into(), rights);
    let studio = Studio::new(engine.clone(), Arc::new(SystemClock), Arc::new(workshop));
    if let Some(folder) = &config.live.clips {
        let shelf = ClipShelf::open(folder, ShelfBounds::default());
        studio.keep_clips(shelf.map_err(|error| Failure::Usage(format!("live.clips: {error}")))?);
    }
    for source in &config.live.sources {
        let begun = studio.begin_described(source, Asker::Owner);
        begun.map_err(|error| Failure::Usage(format!("source '{}': {error}", source.name)))?;
        tracing::info!(
            "watching '{}': http://{bound}/live?source={}",
            source.name,
            source.name
        );
    }
    let fittings = Fittings::begin(&config.gpio, &studio).map_err(failed)?;
    let asked = OnceLock::new();
    let stop = async {
        stop.await;
        asked.get_or_init(Instant::now);
    };
    let served = http::serve(listener, config.server.clone(), studio.clone(), stop).await;
    drop((fittings, studio));
    // The time to stop in counts from the signal, and the HTTP side has had its part of it.
    let patience = Duration::from_secs(config.server.shutdown_timeout_s.into());
    let gone = asked.get().map_or(Duration::ZERO, Instant::elapsed);
    let patience = patience.saturating_sub(gone).max(LAST_PATIENCE);
    let ended = tokio::task::spawn_blocking(move || engine.shutdown(patience)).await;
    ended
        .map_err(|error| Failure::Failed(format!("the engine did not stop: {error}")))?
        .map_err(|left| Failure::Failed(left.to_string()))?;
    tracing::info!("stopped");
    served.map_err(failed)
}

/// Resolves when this process is asked to end: SIGTERM, SIGINT, or SIGHUP, as there is nothing to read anew.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    // Under `nohup` it stays ignored: it was told to outlive its terminal.
    let mut hangup = match is_ignored(SignalKind::hangup()) {
        true => None,
        false => Some(signal(SignalKind::hangup())?),
    };
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            Some(_) = async { hangup.as_mut()?.recv().await } => {}
        }
        tracing::info!("stopping: no new requests, finishing the accepted ones");
    })
}

/// Whether this process was started with the signal ignored (`SigIgn`, proc(5)); only Linux tells.
fn is_ignored(signal: tokio::signal::unix::SignalKind) -> bool {
    let ignored = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let mut lines = status.lines();
        let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"))?;
        let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
        Some(mask >> (signal.as_raw_value() - 1) & 1 == 1)
    };
    ignored().unwrap_or(false)
}
