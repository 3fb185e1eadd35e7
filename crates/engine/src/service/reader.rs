use std::sync::Arc;

use picture::segmenter::{Entrance, HeldPlace, Job, Unread};

use super::post::{Duty, Reply};
use super::shared::Shared;
use super::worker::guarded;
use crate::flow::Reading;

/// One thread that decodes pictures, so that no worker waits for that.
pub(super) struct FileReader {
    /// Which of [`Shared::posts`] is its own.
    pub post: usize,
    pub reading: Reading,
    pub shared: Arc<Shared>,
}

impl FileReader {
    /// Until the inbox is closed and nothing is left to read.
    pub(super) fn run(self) {
        while let Some(unread) = self.shared.inbox.take_unread() {
            self.serve(unread);
        }
    }

    fn serve(&self, unread: Unread) {
        let large = guarded(|| Ok(self.reading.is_large(&unread.job.picture)));
        let unread = match large {
            Ok(true) => unread.large(),
            _ => Some(unread),
        };
        let Some(Unread { job, done, place }) = unread else {
            return;
        };
        let reply = Reply::new(done);
        let _duty = self.shared.posts[self.post].begin(Duty {
            what: "reading one picture",
            since: self.shared.clock.now(),
            stop: job.stop.clone(),
            reply: Some(reply.clone()),
        });
        match guarded(|| self.reading.read(&job)) {
            Ok(picture) => hand_on(place, Job { picture, ..job }, reply),
            Err(error) => {
                let outcome = Err(error);
                self.shared.record(Entrance::Queue, &outcome);
                // First, as a callback may take its time.
                drop(place);
                reply.answer(outcome);
            }
        }
    }
}

fn hand_on(place: HeldPlace, job: Job, reply: Reply) {
    place.take(job, Box::new(move |outcome| reply.answer(outcome)));
}
