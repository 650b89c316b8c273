//! Steers a coding to its share of the bytes: what its first frames took moves those to come, so that all together take the share.

use super::attempt::CodedFrame;
use crate::defaults::SteeringRules;

/// Bytes of frames vary more than their quality: those of so many times the frames to come count half.
const TRUSTED_MORE: f64 = 3.0;

/// A share of the bytes, and what is expected of the frames.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BytesAim {
    /// Bytes that the stored preset is expected to take at the quantizers to be moved, by frame.
    pub(crate) expected: Vec<f64>,
    /// What a position changes, in the natural logarithm of the bytes.
    pub(crate) slope: f64,
    /// Bytes for all frames.
    pub(crate) share: f64,
}

impl BytesAim {
    /// Whether the scene is expected to take more than its share where the frames to come are moved so many positions.
    ///
    /// `sent`: by how many those were moved that are on their way or measured.
    pub(super) fn exceeds<'a>(
        &'a self,
        sent: &'a [f64],
        measured: &'a [CodedFrame],
        rules: &SteeringRules,
    ) -> impl Fn(f64) -> bool + 'a {
        let taken = |from: usize| measured.iter().skip(from).map(|frame| frame.bytes as f64).sum::<f64>();
        let (known, coming) = self.expected.split_at(measured.len().min(self.expected.len()));
        // The key frame is like no other, and frames of few bytes say little of those of many.
        let expected: f64 = (1..measured.len()).map(|i| self.expected_at(i, sent[i])).sum();
        let a_frame = coming.iter().sum::<f64>() / coming.len().max(1) as f64;
        let count = known.iter().skip(1).sum::<f64>() / a_frame.max(1.0);
        let trust = count / (count + TRUSTED_MORE * rules.trusted_frames);
        let more = if expected > 0.0 && taken(1) > 0.0 { (taken(1) / expected).powf(trust) } else { 1.0 };
        let taken = taken(0);
        move |moved| {
            let to_come = (measured.len()..self.expected.len())
                .map(|i| self.expected_at(i, sent.get(i).copied().unwrap_or(moved)));
            taken + more * to_come.sum::<f64>() > self.share
        }
    }

    /// Bytes that are expected of a frame that is moved so many positions.
    pub(super) fn expected_at(&self, index: usize, moved: f64) -> f64 {
        self.expected.get(index).map_or(0.0, |bytes| bytes * (self.slope * moved).exp())
    }
}
