//! A viewer's watch over a source: something new, or nothing for a while, and then what may be shown at that moment.

use std::sync::Arc;
use std::time::Duration;

use live::{Listener, LiveView, Session};
use tokio::sync::Notify;

use crate::pool::PoolPermit;

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
    /// A place among all viewers.
    _place: PoolPermit,
    /// The newest answer that was sent.
    sent: Option<u64>,
    heartbeat: Duration,
    /// Whether the source's end was seen.
    over: bool,
}

impl LiveWatch {
    /// Begins to look, from that place among all viewers.
    pub fn begin(place: PoolPermit, name: String, session: Arc<Session>) -> Self {
        let news = Arc::new(Notify::new());
        // There is something to look at from the start.
        news.notify_one();
        let told = news.clone();
        let listener: Arc<dyn Listener> = Arc::new(move || told.notify_one());
        session.listen(&listener);
        let heartbeat = HEARTBEAT.min(session.settings().patience.budget / 2);
        Self {
            name,
            session,
            news,
            _listener: listener,
            _place: place,
            sent: None,
            heartbeat,
            over: false,
        }
    }

    /// Looks so often at least.
    pub fn hasten(&mut self, heartbeat: Duration) {
        self.heartbeat = self.heartbeat.min(heartbeat);
    }

    /// Waits until there is something new, or for a while, and looks.
    pub async fn next(&mut self) -> Option<LiveView> {
        tokio::select! {
            () = self.news.notified() => {}
            () = tokio::time::sleep(self.heartbeat) => {}
        }
        self.look()
    }

    /// What there is to see now; the end of the source, which that of this server is too, once, and then `None`.
    pub fn look(&mut self) -> Option<LiveView> {
        if self.over {
            return None;
        }
        self.over = self.session.has_ended();
        Some(self.session.look())
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
