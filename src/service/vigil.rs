//! What the service manager hears of the flow: ready once pictures are served, alive only while they are.

use std::time::Duration;

use picture::segmenter::{Readiness, Segmenter};

use super::manager::Word;

/// How soon a start is noticed.
const STARTING: Duration = Duration::from_millis(50);
/// How soon a fault is noticed, where nobody asked for more.
const SERVING: Duration = Duration::from_secs(5);

/// Looks at the flow again and again.
///
/// A service whose model cannot be used is never ready: it says why wherever it is asked, until its manager starts it anew,
/// for a fault of the medium may pass. One with an engine thread that does not come back is not alive any more.
#[derive(Debug, Default)]
pub struct Vigil {
    seen: Option<Readiness>,
    announced: bool,
}

impl Vigil {
    /// What to say of the flow as it is now. Asking it for its queue takes the lock that every frame takes: who cannot have it
    /// does not come back from here either.
    pub fn look(&mut self, flow: &dyn Segmenter) -> Vec<Word> {
        let (now, _) = (flow.readiness(), flow.queue());
        let mut words = Vec::new();
        if now == Readiness::Ready {
            // Once it was heard: there is no word for not being ready any more, nor for being so again (sd_notify(3)).
            words.push(match self.announced {
                true => Word::Alive,
                false => Word::Ready,
            });
            self.announced = true;
        }
        if self.seen.as_ref() != Some(&now) {
            words.push(Word::Status(status(&now)));
            self.seen = Some(now);
        }
        words
    }

    /// That was said, and did not arrive: it is said again. A manager that never hears of readiness ends the service.
    pub fn not_heard(&mut self, words: &[Word]) {
        self.seen = None;
        self.announced &= !words.contains(&Word::Ready);
    }

    /// What to say when a reload begins: nothing, before the service was ready.
    #[must_use]
    pub fn reloading(&self) -> Vec<Word> {
        self.only_once_ready(vec![Word::Reloading])
    }

    /// What to say when it is over, with what became of it, if there is something to say. [`Word::Ready`] ends it, also of a
    /// service that is stuck, which is said on.
    #[must_use]
    pub fn reloaded(&self, outcome: Option<&str>) -> Vec<Word> {
        let mut text = status(self.seen.as_ref().unwrap_or(&Readiness::Starting));
        if let Some(outcome) = outcome {
            text = format!("{text}; {outcome}");
        }
        self.only_once_ready(vec![Word::Ready, Word::Status(text)])
    }

    fn only_once_ready(&self, words: Vec<Word>) -> Vec<Word> {
        match self.announced {
            true => words,
            false => Vec::new(),
        }
    }

    /// When to look next: twice within the watchdog's time.
    #[must_use]
    pub fn pause(&self, watchdog: Option<Duration>) -> Duration {
        match self.seen {
            None | Some(Readiness::Starting) => STARTING,
            Some(_) => watchdog.map_or(SERVING, |time| (time / 2).min(SERVING)),
        }
    }
}

fn status(readiness: &Readiness) -> String {
    match readiness {
        Readiness::Starting => "the model is loading".into(),
        Readiness::Ready => "serving".into(),
        Readiness::Failed(reason) => format!("the model cannot be used: {reason}"),
        Readiness::Stuck(reason) => format!("stuck: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use testing::fake::Fake;

    use super::*;

    fn said(text: &str) -> Word {
        Word::Status(text.into())
    }

    #[test]
    fn it_is_alive_only_while_pictures_are_served() {
        let flow = Fake::new(1);
        let mut vigil = Vigil::default();
        flow.set_readiness(Readiness::Starting);
        assert_eq!(vigil.look(flow.as_ref()), [said("the model is loading")]);
        assert_eq!(vigil.look(flow.as_ref()), []);
        assert_eq!(vigil.reloading(), []);
        flow.set_readiness(Readiness::Ready);
        assert_eq!(vigil.look(flow.as_ref()), [Word::Ready, said("serving")]);
        assert_eq!(vigil.look(flow.as_ref()), [Word::Alive]);
        flow.set_readiness(Readiness::Stuck("an engine thread".into()));
        assert_eq!(vigil.look(flow.as_ref()), [said("stuck: an engine thread")]);
        assert_eq!(vigil.look(flow.as_ref()), []);
        assert_eq!(vigil.reloading(), [Word::Reloading]);
        assert_eq!(
            vigil.reloaded(Some("refused")),
            [Word::Ready, said("stuck: an engine thread; refused")]
        );
        flow.set_readiness(Readiness::Ready);
        assert_eq!(vigil.look(flow.as_ref()), [Word::Alive, said("serving")]);
        assert_eq!(vigil.reloaded(None), [Word::Ready, said("serving")]);
    }

    #[test]
    fn what_was_not_heard_is_said_again() {
        let flow = Fake::new(1);
        let mut vigil = Vigil::default();
        for _ in 0..2 {
            let words = vigil.look(flow.as_ref());
            assert_eq!(words, [Word::Ready, said("serving")]);
            vigil.not_heard(&words);
        }
        vigil.look(flow.as_ref());
        vigil.not_heard(&[Word::Alive]);
        assert_eq!(vigil.look(flow.as_ref()), [Word::Alive, said("serving")]);
        // The end of a reload, without which it is one for ever.
        vigil.not_heard(&vigil.reloaded(None));
        assert_eq!(vigil.look(flow.as_ref()), [Word::Ready, said("serving")]);
    }

    #[test]
    fn a_model_that_cannot_be_used_is_never_ready() {
        let flow = Fake::new(1);
        flow.set_readiness(Readiness::Failed("cut off".into()));
        let mut vigil = Vigil::default();
        let words = vigil.look(flow.as_ref());
        assert_eq!(words, [said("the model cannot be used: cut off")]);
        assert_eq!(vigil.look(flow.as_ref()), []);
        assert_eq!(vigil.reloaded(None), []);
    }

    #[test]
    fn it_looks_twice_within_the_watchdog_s_time() {
        let flow = Fake::new(1);
        let mut vigil = Vigil::default();
        assert_eq!(vigil.pause(None), STARTING);
        vigil.look(flow.as_ref());
        assert_eq!(vigil.pause(None), SERVING);
        let second = Some(Duration::from_secs(1));
        assert_eq!(vigil.pause(second), Duration::from_millis(500));
    }
}
