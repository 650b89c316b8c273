//! Temporal units on their way from a stream that is still coming to the stage that decodes them.
//!
//! ```text
//! UnitInput -> UnitFeed -> BaseStage (a thread of its own)
//! ```
//! The stream is asked for a unit where that does not wait, or where no frame is under way but those that wait for the next: so a
//! frame never waits for bytes that it does not need.

use std::sync::mpsc::{Receiver, Sender, channel};

use crate::error::{Error, Result};

/// Units that may be under way: as many as frames fit between the decoder and who takes them.
const MOST_UNITS: usize = 12;

/// A scene's units, as they come.
pub(super) trait UnitInput {
    /// The next one, `None` after the last; waits for its bytes.
    fn next_unit(&mut self) -> Result<Option<Vec<u8>>>;

    /// Whether that would not wait.
    fn is_at_hand(&self) -> bool;
}

/// Units on their way.
pub(super) struct UnitFeed {
    /// So many units after a frame's own are in before it comes out.
    held: usize,
    /// `None` once the last unit or an error came.
    queue: Option<Sender<Vec<u8>>>,
    sent: usize,
    failure: Option<Error>,
}

impl UnitFeed {
    /// A feed and its end, which the decoder takes from. `held`: how many units after a frame's own are in before it comes out.
    pub(super) fn new(held: usize) -> (Self, Receiver<Vec<u8>>) {
        let (sender, units) = channel();
        (Self { held, queue: Some(sender), sent: 0, failure: None }, units)
    }

    /// Sends what is here; waits for a unit where all frames that those before give were taken.
    pub(super) fn fill(&mut self, input: &mut dyn UnitInput, frames_taken: usize) {
        while let Some(queue) = self.queue.as_ref().filter(|_| self.failure.is_none()) {
            let under_way = self.sent.saturating_sub(frames_taken);
            if under_way >= MOST_UNITS || (under_way > self.held && !input.is_at_hand()) {
                return;
            }
            match input.next_unit() {
                Ok(Some(unit)) => {
                    // A decoder that has ended says why in place of its next frame.
                    let _ = queue.send(unit);
                    self.sent += 1;
                }
                Ok(None) => self.queue = None,
                // The decoder is left waiting: its end would be that of a scene.
                Err(error) => self.failure = Some(error),
            }
        }
    }

    /// What reading units met, once the frames that all units before it give were taken.
    pub(super) fn failure(&mut self, frames_taken: usize) -> Option<Error> {
        if self.sent > frames_taken + self.held { None } else { self.failure.take() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many units are here; then more are waited for, or the last fails.
    struct Input {
        here: usize,
        left: usize,
        waits: usize,
        fails: bool,
    }

    impl UnitInput for Input {
        fn next_unit(&mut self) -> Result<Option<Vec<u8>>> {
            if self.here == 0 && self.left > 0 {
                self.waits += 1;
            }
            self.here = self.here.saturating_sub(1);
            match self.left {
                0 if self.fails => Err(Error::Cancelled),
                0 => Ok(None),
                _ => {
                    self.left -= 1;
                    Ok(Some(vec![1]))
                }
            }
        }

        fn is_at_hand(&self) -> bool {
            self.here > 0 || self.left == 0
        }
    }

    #[test]
    fn a_unit_is_waited_for_only_when_no_frame_is_under_way() {
        let mut input = Input { here: 3, left: 5, waits: 0, fails: false };
        let (mut feed, units) = UnitFeed::new(0);
        feed.fill(&mut input, 0);
        assert_eq!((units.try_iter().count(), input.waits), (3, 0));
        feed.fill(&mut input, 2);
        assert_eq!((units.try_iter().count(), input.waits), (0, 0));
        feed.fill(&mut input, 3);
        assert_eq!((units.try_iter().count(), input.waits), (1, 1));
        feed.fill(&mut input, 4);
        assert_eq!((units.try_iter().count(), input.waits), (1, 2));
        assert!(units.recv().is_err(), "the feed has ended");
    }

    #[test]
    fn a_frame_that_waits_for_the_next_is_none_under_way() {
        let mut input = Input { here: 1, left: 3, waits: 0, fails: true };
        let (mut feed, units) = UnitFeed::new(1);
        feed.fill(&mut input, 0);
        assert_eq!((units.try_iter().count(), input.waits), (2, 1));
        assert!(feed.failure(0).is_none());
        feed.fill(&mut input, 1);
        assert_eq!((units.try_iter().count(), input.waits), (1, 2));
        assert!(feed.failure(1).is_none());
        assert!(matches!(feed.failure(2), Some(Error::Cancelled)));
    }

    #[test]
    fn no_more_units_are_under_way_than_frames_have_room() {
        let mut input = Input { here: 100, left: 100, waits: 0, fails: false };
        let (mut feed, units) = UnitFeed::new(0);
        feed.fill(&mut input, 0);
        feed.fill(&mut input, 5);
        assert_eq!(units.try_iter().count(), MOST_UNITS + 5);
    }

    #[test]
    fn a_failure_comes_after_the_frames_before_it() {
        let mut input = Input { here: 2, left: 2, waits: 0, fails: true };
        let (mut feed, units) = UnitFeed::new(0);
        feed.fill(&mut input, 0);
        assert_eq!(units.try_iter().count(), 2);
        assert!(feed.failure(0).is_none() && feed.failure(1).is_none());
        assert!(matches!(feed.failure(2), Some(Error::Cancelled)));
    }
}
