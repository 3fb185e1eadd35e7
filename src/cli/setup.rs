use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::failure::Failure;
use super::files::{check_writable, write_durably};
use super::serve::WatchedSources;
use crate::config::{Config, INSTALLED};
use crate::fittings::Fittings;
use crate::setup::{self, Console, Draft, Preview, Surroundings};
use crate::workshop;
use board::gpio::BOARD_NAMES;
use embed::find_models;
use engine::model::store::Store;
use engine::service::Engine;
use http::Door;
use live::{OfferedCamera, Session};
use picture::frame::PixelRect;
use picture::scale::{PixelSize, Scale};

/// How often the foot switch is looked for: shorter than any press.
const LOOK: Duration = Duration::from_millis(50);
/// What the engine gets to end in.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(super) struct SetupArgs {
    /// The configuration that is made, or changed: comments and all that is not asked about stay.
    #[arg(
        long,
        value_name = "FILE",
        default_value = INSTALLED
    )]
    config: PathBuf,
    /// Address and port of the preview [default: the configuration's]; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

pub(super) fn run(args: &SetupArgs, models: Option<&Path>) -> Result<(), Failure> {
    let path = args.config.display();
    let failed = |error: String| Failure::Failed(format!("{path}: {error}"));
    let mut draft = Draft::open(&args.config).map_err(|error| failed(error.to_string()))?;
    // Known before anything is asked: who may not write it would be asked in vain.
    check_writable(&args.config)?;
    let room = ThisBoard {
        file: args.config.clone(),
        models: models.map(Path::to_path_buf),
        listen: args.listen,
    };
    let mut console = Console::new(io::stdin().lock(), io::stdout().lock());
    let agreed = setup::run(&mut draft, &room, &mut console);
    if !agreed.map_err(|error| Failure::Failed(error.to_string()))? {
        println!("Nothing was changed.");
        return Ok(());
    }
    write_durably(&args.config, draft.text().as_bytes())?;
    println!("Written to {path}. The service takes it up: sudo systemctl restart espmedsam");
    Ok(())
}

/// This machine, its cameras and models.
struct ThisBoard {
    /// The configuration's.
    file: PathBuf,
    models: Option<PathBuf>,
    listen: Option<SocketAddr>,
}

impl ThisBoard {
    fn store(&self, config: &Config) -> Result<Store, Failure> {
        let mut config = config.clone();
        config.found_at(&self.file);
        let dir = find_models(self.models.as_deref(), config.engine.models.as_deref())?;
        Ok(Store::open(&dir, config.engine.model.as_deref())?)
    }
}

impl Surroundings for ThisBoard {
    fn cameras(&self) -> Result<Vec<OfferedCamera>, String> {
        workshop::cameras().map_err(|error| format!("cameras cannot be listed: {error}"))
    }

    fn modalities(&self, config: &Config) -> Result<Vec<(String, String)>, String> {
        let store = self.store(config).map_err(|error| error.to_string())?;
        let mut found: Vec<(String, String)> = Vec::new();
        for modality in store
            .manifest()
            .models
            .iter()
            .flat_map(|model| &model.modalities)
        {
            if found.iter().all(|(name, _)| *name != modality.name) {
                found.push((modality.name.clone(), modality.label.clone()));
            }
        }
        Ok(found)
    }

    fn boards(&self) -> Vec<String> {
        BOARD_NAMES.iter().map(|name| (*name).to_owned()).collect()
    }

    fn preview(&self, mut config: Config, source: &str) -> Result<Box<dyn Preview>, String> {
        config.server.listen = self.listen.unwrap_or(config.server.listen);
        let served = self.serve(config, source);
        served
            .map(|preview| Box::new(preview) as _)
            .map_err(|error| error.to_string())
    }
}

impl ThisBoard {
    fn serve(&self, config: Config, source: &str) -> Result<ServedPreview, Failure> {
        let failed = |error: io::Error| Failure::Failed(error.to_string());
        let sources = WatchedSources::of(&config)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .worker_threads(2)
            .build()
            .map_err(failed)?;
        let listen = config.server.listen;
        let listener = runtime
            .block_on(TcpListener::bind(listen))
            .map_err(|error| {
                let stop = "is the service running? sudo systemctl stop espmedsam.socket espmedsam";
                Failure::Failed(format!("{listen}: {error} ({stop})"))
            })?;
        let address = listener.local_addr().map_err(failed)?;
        let engine = Arc::new(Engine::start(
            Arc::new(self.store(&config)?),
            &config.engine_options(),
        )?);
        let studio = sources.begin(engine.clone())?;
        let session = studio.find(Some(source));
        let (_, session) = session.map_err(|error| Failure::Failed(error.to_string()))?;
        let fittings = Fittings::begin(&config.gpio, &studio).map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("setup-preview".into());
        let server = thread.spawn(move || {
            let end = async {
                // Dropped, or told: both mean the end.
                let _ = stopped.await;
            };
            let _ = runtime.block_on(http::serve(
                Door::from(listener),
                config.server,
                studio,
                end,
            ));
            runtime.shutdown_background();
        });
        Ok(ServedPreview {
            address: format!("http://{address}/live?source={source}"),
            session,
            fittings: Some(fittings),
            engine,
            stop: Some(stop),
            server: Some(server.map_err(failed)?),
        })
    }
}

/// The service, in this process.
struct ServedPreview {
    address: String,
    session: Arc<Session>,
    fittings: Option<Fittings>,
    engine: Arc<Engine>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Preview for ServedPreview {
    fn address(&self) -> &str {
        &self.address
    }

    fn sees(&self) -> bool {
        self.session.look().rates.captured > 0.0
    }

    fn region(&self) -> Option<PixelRect> {
        self.session.region()
    }

    fn modality(&self) -> String {
        self.session.asked().modality.to_string()
    }

    fn pixel(&self) -> Option<PixelSize> {
        match self.session.scale() {
            Scale::Uniform(pixel) => Some(pixel),
            Scale::Unknown | Scale::Regions(_) => None,
        }
    }

    /// A short press holds the picture or lets it go, a long one hides the mask or shows it.
    fn pressed(&self, patience: Duration) -> bool {
        let held = || {
            let view = self.session.look();
            (view.frozen.is_some(), view.hidden)
        };
        let (before, until) = (held(), Instant::now() + patience);
        while held() == before {
            if Instant::now() > until {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }
}

impl Drop for ServedPreview {
    fn drop(&mut self) {
        self.session.end();
        self.fittings = None;
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
        let _ = self.engine.shutdown(PATIENCE);
    }
}
