//! The stored codings of a scene nearest to its floor on both sides, and what one between them would save.

use super::quality_curve::{STEP, middle};

/// One coding of the whole scene.
#[derive(Debug, Clone, Copy)]
struct Side {
    quantizer: f64,
    bytes: u64,
    /// By how many dB it lies above the floor.
    margin: f64,
}

/// Quantizers between two codings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Between {
    /// Nearest to what was wanted.
    pub(super) nearest: f64,
    /// Half way between the two, on the scale on which quality falls evenly.
    pub(super) half_way: f64,
    /// The share of the bytes that one on the floor is expected to save: bytes fall with quality as they do between the two.
    pub(super) saving: f64,
}

/// Codings on both sides of a floor.
#[derive(Debug, Default)]
pub(super) struct Bracket {
    met: Option<Side>,
    missed: Option<Side>,
}

impl Bracket {
    /// Takes a coding; `margin` in dB above the floor.
    pub(super) fn add(&mut self, quantizer: f64, bytes: u64, margin: f64, is_met: bool) {
        let new = Side { quantizer, bytes, margin };
        let is_nearer = |old: &Side| if is_met { new.bytes < old.bytes } else { new.margin > old.margin };
        let side = if is_met { &mut self.met } else { &mut self.missed };
        if side.as_ref().is_none_or(is_nearer) {
            *side = Some(new);
        }
    }

    pub(super) fn is_met(&self) -> bool {
        self.met.is_some()
    }

    /// By how many dB the nearest coding lies off the floor.
    pub(super) fn distance(&self) -> f64 {
        [self.met, self.missed]
            .into_iter()
            .flatten()
            .map(|side| side.margin.abs())
            .fold(f64::INFINITY, f64::min)
    }

    /// What lies between a coding that meets the floor and one that misses it. None without both, or without room between them.
    pub(super) fn between(&self, wanted: f64) -> Option<Between> {
        let (met, missed) = self.met.zip(self.missed)?;
        let (finest, coarsest) = (met.quantizer + STEP, missed.quantizer - STEP);
        if finest > coarsest || missed.bytes >= met.bytes {
            return None;
        }
        let above = (met.margin / (met.margin - missed.margin)).clamp(0.0, 1.0);
        let saving = 1.0 - (missed.bytes as f64 / met.bytes as f64).powf(above);
        let half_way = middle(finest, coarsest);
        Some(Between { nearest: wanted.clamp(finest, coarsest), half_way, saving })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_codings_bytes_fall_with_quality() {
        let mut bracket = Bracket::default();
        bracket.add(67.25, 8_000, -1.0, false);
        assert!(bracket.between(65.0).is_none() && !bracket.is_met());
        bracket.add(63.0, 16_000, 2.0, true);
        let Between { nearest, half_way, saving } = bracket.between(65.0).unwrap();
        assert!(nearest == 65.0 && (64.5..65.5).contains(&half_way), "{half_way}");
        assert!((saving - 0.37).abs() < 0.005, "{saving}");
        assert_eq!(bracket.distance(), 1.0);
        // What lies outside is drawn in.
        let nearest = |wanted| bracket.between(wanted).unwrap().nearest;
        assert_eq!((nearest(50.0), nearest(70.0)), (63.25, 67.0));
    }

    #[test]
    fn the_nearest_on_each_side_count_and_need_room_between_them() {
        let mut bracket = Bracket::default();
        for (quantizer, bytes, margin) in
            [(60.0, 900, 0.6), (61.0, 800, 0.3), (62.0, 700, -0.1), (63.0, 600, -0.5)]
        {
            bracket.add(quantizer, bytes, margin, margin >= 0.0);
        }
        let Between { nearest, saving, .. } = bracket.between(61.9).unwrap();
        assert!(nearest == 61.75 && saving > 0.09 && saving < 0.1, "{saving}");
        bracket.add(61.75, 720, 0.01, true);
        assert!(bracket.between(61.9).is_none());
    }
}
