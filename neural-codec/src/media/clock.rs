//! The one clock of a file: what is mended is mended for all of its tracks at once.
//!
//! A file's timestamps are believed, gaps and all. In formats whose clocks may start anew, such as MPEG-TS, a jump moves
//! all tracks by one offset from there on.

/// Going back by more than this is a clock set anew; by less, packets out of order. Units: nanoseconds.
const MOST_BACK: i64 = 100_000_000;

/// A jump ahead by more than this is a clock set anew. FFmpeg's own threshold. Units: nanoseconds.
const MOST_AHEAD: i64 = 10_000_000_000;

/// How many jumps a stream may lie behind others and still be looked for before them.
const MOST_EPOCHS: usize = 8;

/// The clock of a file, in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct FileClock {
    restarts: bool,
    /// Offsets that were taken on, in order; the first is 0.
    shifts: Vec<i64>,
    streams: Vec<StreamClock>,
    /// Where each clock was set anew, in the mended time.
    restarted_at: Vec<i64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct StreamClock {
    /// Index of the shift in use.
    epoch: usize,
    /// Mended start and end of the last packet.
    last: Option<(i64, i64)>,
}

impl FileClock {
    /// `restarts`: whether the format's clocks may start anew.
    pub(super) fn new(restarts: bool) -> Self {
        Self { restarts, shifts: vec![0], ..Self::default() }
    }

    /// The offset of a packet of a stream, which is decoded at `time` for `duration` as the file says.
    pub(super) fn shift_of(&mut self, stream: usize, time: i64, duration: i64) -> i64 {
        if !self.restarts {
            return 0;
        }
        if self.streams.len() <= stream {
            self.streams.resize(stream + 1, StreamClock::default());
        }
        let newest = self.shifts.len() - 1;
        let state = self.streams[stream];
        let mut epoch = newest;
        if let Some((start, end)) = state.last {
            // Of a stream that has not followed yet, packets from before the jump may still come.
            epoch = (state.epoch.max(newest.saturating_sub(MOST_EPOCHS))..=newest)
                .min_by_key(|&epoch| time.saturating_add(self.shifts[epoch]).abs_diff(end))
                .unwrap_or(newest);
            let mended = time.saturating_add(self.shifts[epoch]);
            let latest = self.latest_end();
            if mended < start.saturating_sub(MOST_BACK) || mended > latest.saturating_add(MOST_AHEAD) {
                self.shifts.push(latest.saturating_sub(time));
                self.restarted_at.push(latest);
                epoch = newest + 1;
            }
        }
        let shift = self.shifts[epoch];
        let start = time.saturating_add(shift);
        let end = start.saturating_add(duration.max(0));
        self.streams[stream] = StreamClock { epoch, last: Some((start, end)) };
        shift
    }

    /// Where clocks were set anew so far, in nanoseconds of the mended time.
    pub(super) fn restarted_at(&self) -> &[i64] {
        &self.restarted_at
    }

    fn latest_end(&self) -> i64 {
        self.streams.iter().filter_map(|stream| stream.last).map(|(_, end)| end).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000_000;

    /// Times of `(stream, time)` as they come out, each packet lasting a tenth of a second.
    fn mended(restarts: bool, packets: &[(usize, i64)]) -> Vec<i64> {
        let mut clock = FileClock::new(restarts);
        packets
            .iter()
            .map(|&(stream, tenths)| {
                let time = tenths * SECOND / 10;
                (time + clock.shift_of(stream, time, SECOND / 10)) / (SECOND / 10)
            })
            .collect()
    }

    #[test]
    fn gaps_and_offsets_of_ordinary_files_are_kept() {
        let packets = [(0, 50), (1, 0), (0, 5000), (1, 10), (0, 0), (1, 900_000)];
        assert_eq!(mended(false, &packets), [50, 0, 5000, 10, 0, 900_000]);
    }

    #[test]
    fn a_clock_set_anew_moves_all_streams_by_one_offset() {
        let packets = [(0, 100), (1, 101), (0, 101), (1, 102), (0, 0), (1, 1), (0, 1), (1, 2)];
        assert_eq!(mended(true, &packets), [100, 101, 101, 102, 103, 104, 104, 105]);
    }

    #[test]
    fn what_comes_late_from_before_the_jump_is_not_moved() {
        let packets = [(0, 100), (1, 100), (0, 101), (0, 20), (1, 101), (1, 21), (0, 21)];
        assert_eq!(mended(true, &packets), [100, 100, 101, 102, 101, 103, 103]);
    }

    #[test]
    fn a_pause_of_less_than_the_threshold_is_a_pause() {
        assert_eq!(mended(true, &[(0, 0), (0, 1), (0, 90), (0, 91)]), [0, 1, 90, 91]);
        assert_eq!(mended(true, &[(0, 0), (0, 1), (0, 500), (0, 501)]), [0, 1, 2, 3]);
    }

    #[test]
    fn a_clock_that_is_set_anew_with_every_packet_costs_each_packet_little() {
        let mut clock = FileClock::new(true);
        let began = std::time::Instant::now();
        for packet in 0..200_000 {
            clock.shift_of(0, -SECOND * packet, SECOND / 10);
            clock.shift_of(1, SECOND / 10 * packet, SECOND / 10);
        }
        assert!(clock.restarted_at().len() > 100_000);
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }

    proptest! {
        #[test]
        fn any_times_end_in_an_offset(packets in proptest::collection::vec((0..4_usize, any::<i64>(), any::<i64>()), 0..60)) {
            let mut clock = FileClock::new(true);
            for (stream, time, duration) in packets {
                let _ = clock.shift_of(stream, time, duration);
            }
        }
    }
}
