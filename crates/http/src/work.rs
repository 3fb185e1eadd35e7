//! Work on a request's picture: a place for it, the engine, a desk. All bounded, and the same for every way in.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::app::App;
use super::config::seconds;
use super::door::CameBy;
use super::pool::PoolPermit;
use super::problem::{Kind, Problem, internal};
use picture::frame::Stop;
use picture::segmenter::{EngineError, Job, Segmentation};

/// Refuses at once what the engine's queue could not take: before a body is read.
///
/// # Errors
/// [`Kind::QueueFull`].
pub fn check_queue(app: &App) -> Result<(), Problem> {
    let (waiting, capacity) = app.engine.queue();
    if waiting >= capacity {
        return Err(EngineError::Overloaded { capacity }.into());
    }
    Ok(())
}

/// A request's place among those being worked on, and its share of the upload budget. They travel with the work: a client that
/// hangs up does not make room before the work is done.
pub type Room = Arc<(PoolPermit, Option<PoolPermit>)>;

/// Room for a request that came by that door, whose upload has that share.
///
/// # Errors
/// [`Kind::QueueFull`].
pub fn room(app: &App, came_by: CameBy, share: Option<PoolPermit>) -> Result<Room, Problem> {
    let all = || format!("{} requests are being worked on.", app.config.max_in_flight);
    let place = app.in_flight.share(came_by).take(1);
    let place = place.map_err(|full| full.problem(Kind::QueueFull, all()))?;
    Ok(Arc::new((place, share)))
}

/// Work that takes milliseconds to seconds, away from the threads that move bytes.
pub async fn at_desk<R: Send + 'static>(
    app: &App,
    room: Room,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Problem> {
    let desk = app.desks.clone().acquire_owned().await;
    let desk = desk.map_err(|closed| internal(&closed.to_string()))?;
    let working = tokio::task::spawn_blocking(move || (work(), room, desk)).await;
    let (done, ..) = working.map_err(|panic| internal(&panic.to_string()))?;
    Ok(done)
}

/// Gives a job up when dropped: nobody waits for it any more.
struct Waiting(Stop);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Gives the job to the engine and waits for its outcome. If the client hangs up meanwhile, the job is given up.
pub async fn run(app: &App, job: Job, room: Room) -> Result<Segmentation, Problem> {
    let _waiting = Waiting(job.stop.clone());
    let (tell, told) = oneshot::channel::<Result<Segmentation, Problem>>();
    let (jobs, asked) = (app.meters.jobs.clone(), job.ask.modality.to_string());
    let done = Box::new(move |outcome: Result<Segmentation, EngineError>| {
        drop(room);
        let outcome = outcome.map_err(Problem::from);
        jobs.job(
            &asked,
            outcome.as_ref().map_err(|problem| problem.kind.name()),
        );
        // The client may be gone by now; its result goes with it.
        let _ = tell.send(outcome);
    });
    app.engine.submit(job, done)?;
    let late = || {
        Kind::TimedOut.because(format!(
            "There was no result after {} s.",
            app.config.request_timeout_s
        ))
    };
    let outcome = tokio::time::timeout(seconds(app.config.request_timeout_s), told)
        .await
        .map_err(|_| late())?;
    outcome.map_err(|_| internal("the engine dropped a job"))?
}
