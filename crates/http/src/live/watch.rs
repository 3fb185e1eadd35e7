//! A viewer's watch over a source: something new, or nothing for a while, and then what may be shown at that moment.

use std::sync::Arc;
use std::time::Duration;

use live::{Listener, LiveView, Session};
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};

use crate::app::App;
use crate::problem::{Kind, Problem};

/// Something is sent so often at least, so that whoever looks sees that it is alive; oftener where the budget is shorter.
const HEARTBEAT: Duration = Duration::from_millis(200);

/// Looks at a source again and again.
pub struct LiveWatch {
    /// The source's name.
    pub name: String,
    /// The source.
    pub session: Arc<Session>,
    news: Arc<Notify>,
    /// Held, so that the source tells of news.
    _listener: Arc<dyn Listener>,
    closing: watch::Receiver<bool>,
    /// A place among all viewers.
    _place: OwnedSemaphorePermit,
    /// The newest answer that was sent.
    sent: Option<u64>,
    heartbeat: Duration,
}

impl LiveWatch {
    /// Begins to look.
    ///
    /// # Errors
    /// [`Kind::TooManyViewers`].
    pub fn begin(app: &App, name: String, session: Arc<Session>) -> Result<Self, Problem> {
        let place = (app.viewers.clone().try_acquire_owned())
            .map_err(|_| Kind::TooManyViewers.because("Every place for a viewer is taken."))?;
        let news = Arc::new(Notify::new());
        // There is something to look at from the start.
        news.notify_one();
        let told = news.clone();
        let listener: Arc<dyn Listener> = Arc::new(move || told.notify_one());
        session.listen(&listener);
        let heartbeat = HEARTBEAT.min(session.settings().patience.budget / 2);
        Ok(Self {
            name,
            session,
            news,
            _listener: listener,
            closing: app.closing.subscribe(),
            _place: place,
            sent: None,
            heartbeat,
        })
    }

    /// Looks so often at least.
    pub fn hasten(&mut self, heartbeat: Duration) {
        self.heartbeat = self.heartbeat.min(heartbeat);
    }

    /// Waits until there is something new, or for a while; `None` at the end of the source or of this server.
    pub async fn next(&mut self) -> Option<LiveView> {
        if self.session.has_ended() {
            return None;
        }
        tokio::select! {
            _ = self.closing.wait_for(|closing| *closing) => return None,
            () = self.news.notified() => {}
            () = tokio::time::sleep(self.heartbeat) => {}
        }
        Some(self.session.look())
    }

    /// Whether what was seen before may still be told, rendering it having taken its time or waiting for others to; its age
    /// is then that of now. Else it is what there is to see now.
    pub fn holds(&self, view: &mut LiveView) -> bool {
        let now = self.session.look();
        let holds = view.holds(&now, self.session.settings().patience.budget);
        match holds {
            true => view.now = now.now,
            false => *view = now,
        }
        holds
    }

    /// How many answers there were since the one that was sent before, not counting this view's.
    pub fn missed(&mut self, view: &LiveView) -> u64 {
        let Some(number) = view.answer.as_ref().map(|answer| answer.number) else {
            return 0;
        };
        let sent = self.sent.replace(number);
        sent.map_or(0, |sent| number.saturating_sub(sent + 1))
    }
}
