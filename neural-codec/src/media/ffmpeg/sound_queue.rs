//! Decoded sound between decoder and encoder: pieces of any length in, pieces of one length out, each at its time.

/// Samples that wait, plane by plane, as bytes.
pub(super) struct SoundQueue {
    planes: Vec<Vec<u8>>,
    /// Bytes of one sample of a plane, all its channels together.
    sample_bytes: usize,
    /// Samples of a piece.
    piece: usize,
    /// Samples by which a time may be off before it is believed: clocks are coarse.
    tolerance: i64,
    /// When the first sample that waits is heard. Units: samples.
    start: i64,
    is_empty_so_far: bool,
    /// Pieces before a pause, which were filled up with silence.
    ready: Vec<Piece>,
}

/// Samples that are encoded together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// When the first is heard. Units: samples.
    pub(super) time: i64,
    pub(super) planes: Vec<Vec<u8>>,
}

impl SoundQueue {
    pub(super) fn new(planes: usize, sample_bytes: usize, piece: usize, tolerance: i64) -> Self {
        Self {
            planes: vec![Vec::new(); planes],
            sample_bytes: sample_bytes.max(1),
            piece: piece.max(1),
            tolerance,
            start: 0,
            is_empty_so_far: true,
            ready: Vec::new(),
        }
    }

    fn waiting(&self) -> usize {
        self.planes.first().map_or(0, |plane| plane.len() / self.sample_bytes)
    }

    /// Takes samples that are heard at `time`, where that is known. A pause stays one; what would be heard twice is left out.
    pub(super) fn push(&mut self, time: Option<i64>, planes: &[&[u8]]) {
        let end = self.start.saturating_add(self.waiting() as i64);
        let time = time.unwrap_or(end);
        if std::mem::take(&mut self.is_empty_so_far) {
            self.start = time;
        }
        let end = self.start.saturating_add(self.waiting() as i64);
        let gap = time.saturating_sub(end);
        let mut skipped = 0;
        if gap > self.tolerance {
            self.pause(gap, time);
        } else if gap < -self.tolerance {
            skipped =
                usize::try_from(gap.unsigned_abs()).unwrap_or(usize::MAX).saturating_mul(self.sample_bytes);
        }
        for (waiting, plane) in self.planes.iter_mut().zip(planes) {
            waiting.extend(plane.get(skipped..).unwrap_or_default());
        }
    }

    /// Silence up to the end of a piece or of the pause, whichever comes first.
    fn pause(&mut self, gap: i64, time: i64) {
        let missing = (self.piece - self.waiting() % self.piece) % self.piece;
        let silence = usize::try_from(gap).unwrap_or(usize::MAX).min(missing);
        let length = (self.waiting() + silence) * self.sample_bytes;
        self.planes.iter_mut().for_each(|plane| plane.resize(length, 0));
        if silence == missing {
            while let Some(piece) = self.take_whole() {
                self.ready.push(piece);
            }
            self.start = time;
        }
    }

    /// The next whole piece.
    pub(super) fn next(&mut self) -> Option<Piece> {
        if self.ready.is_empty() { self.take_whole() } else { Some(self.ready.remove(0)) }
    }

    fn take_whole(&mut self) -> Option<Piece> {
        (self.waiting() >= self.piece).then(|| self.take(self.piece))
    }

    /// What remains, shorter than a piece; none where nothing does.
    pub(super) fn rest(&mut self) -> Option<Piece> {
        (self.waiting() > 0).then(|| self.take(self.waiting()))
    }

    fn take(&mut self, samples: usize) -> Piece {
        let time = self.start;
        self.start = self.start.saturating_add(samples as i64);
        let bytes = samples * self.sample_bytes;
        Piece { time, planes: self.planes.iter_mut().map(|plane| plane.drain(..bytes).collect()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times and samples of all pieces of four, one byte a sample.
    fn pieces(pushed: &[(i64, &[u8])]) -> Vec<(i64, Vec<u8>)> {
        let mut queue = SoundQueue::new(1, 1, 4, 1);
        let mut found = Vec::new();
        for &(time, samples) in pushed {
            queue.push(Some(time), &[samples]);
            found.extend(std::iter::from_fn(|| queue.next()));
        }
        found.extend(queue.rest());
        found.into_iter().map(|piece| (piece.time, piece.planes[0].clone())).collect()
    }

    #[test]
    fn pieces_are_of_one_length_whatever_comes() {
        let found = pieces(&[(-3, &[1, 2, 3]), (0, &[4, 5, 6, 7, 8, 9])]);
        assert_eq!(found, [(-3, vec![1, 2, 3, 4]), (1, vec![5, 6, 7, 8]), (5, vec![9])]);
    }

    #[test]
    fn a_coarse_clock_moves_nothing() {
        assert_eq!(pieces(&[(0, &[1, 2]), (3, &[3, 4]), (3, &[5])]), [(0, vec![1, 2, 3, 4]), (4, vec![5])]);
    }

    #[test]
    fn a_pause_stays_and_what_would_be_heard_twice_is_left_out() {
        assert_eq!(pieces(&[(0, &[1, 2]), (100, &[3])]), [(0, vec![1, 2, 0, 0]), (100, vec![3])]);
        assert_eq!(pieces(&[(0, &[1, 1]), (4, &[3])]), [(0, vec![1, 1, 0, 0]), (4, vec![3])]);
        assert_eq!(pieces(&[(0, &[1]), (3, &[3])]), [(0, vec![1, 0, 0, 3])]);
        assert_eq!(pieces(&[(0, &[1, 2, 3]), (0, &[1, 2, 3, 4])]), [(0, vec![1, 2, 3, 4])]);
        assert_eq!(pieces(&[(0, &[1, 2, 3]), (0, &[9])]), [(0, vec![1, 2, 3])]);
    }
}
