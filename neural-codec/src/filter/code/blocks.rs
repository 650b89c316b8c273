//! Block maps: which blocks of each frame are filtered.
//!
//! ```text
//! frame   everywhere?   if not, for each block, row by row: filtered?
//! ```
//! A block's model is chosen by its left and upper neighbors and by the same block of the frame before; what lies
//! outside counts as filtered.

use crate::error::Result;
use crate::memory;
use crate::range_coder::bits::{Bit, BitCoder, BitReader, BitWriter};

/// Models of the maps of a scene, and the map before.
#[derive(Debug, Clone)]
struct Maps {
    everywhere: Bit,
    filtered: [Bit; 8],
    before: Vec<bool>,
}

impl Maps {
    fn new() -> Self {
        let filtered =
            std::array::from_fn(|context: usize| Bit::likely(20 + 20 * context.count_ones() as i32));
        Self { everywhere: Bit::likely(50), filtered, before: Vec::new() }
    }

    /// Codes the map of a frame; `choose` sees the model of each block and says what a writer writes.
    fn code(
        &mut self,
        coder: &mut impl BitCoder,
        columns: usize,
        everywhere: bool,
        map: &mut [bool],
        mut choose: impl FnMut(usize, Bit) -> bool,
    ) -> Result<()> {
        if coder.bit(&mut self.everywhere, everywhere)? {
            map.fill(true);
        } else {
            for at in 0..map.len() {
                let left = at % columns == 0 || map[at - 1];
                let above = at < columns || map[at - columns];
                let before = self.before.get(at).copied().unwrap_or(true);
                let context = usize::from(left) + 2 * usize::from(above) + 4 * usize::from(before);
                let model = &mut self.filtered[context];
                map[at] = coder.bit(model, choose(at, *model))?;
            }
        }
        self.before.clear();
        memory::grow("blocks of a frame", &mut self.before, map.len())?;
        self.before.extend_from_slice(map);
        Ok(())
    }
}

/// Reads maps frame by frame.
pub(crate) struct MapReader {
    reader: BitReader,
    maps: Maps,
}

impl MapReader {
    /// # Errors
    ///
    /// `Corrupt` for bytes that cannot be maps.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self> {
        Ok(Self { reader: BitReader::new(bytes)?, maps: Maps::new() })
    }

    /// The map of the next frame. Shape: `[rows][columns]` blocks.
    pub(crate) fn next(&mut self, (columns, rows): (usize, usize)) -> Result<Vec<bool>> {
        let mut map = memory::filled("blocks of a frame", columns * rows, true)?;
        self.maps.code(&mut self.reader, columns, false, &mut map, |_, _| false)?;
        Ok(map)
    }

    /// # Errors
    ///
    /// `Corrupt` where bytes are left after the last frame.
    pub(crate) fn expect_end(&self) -> Result<()> {
        self.reader.expect_end()
    }
}

/// Chooses and writes maps frame by frame.
pub(crate) struct MapWriter {
    writer: BitWriter,
    maps: Maps,
    /// What a bit is worth, in the units of the changes.
    bit_price: f64,
    anywhere_off: bool,
}

/// Adds up what coding would cost.
#[derive(Default)]
struct Cost(f64);

impl BitCoder for Cost {
    fn bit(&mut self, model: &mut Bit, bit: bool) -> Result<bool> {
        self.0 += model.cost(bit);
        Ok(bit)
    }
}

impl MapWriter {
    pub(crate) fn new(bit_price: f64) -> Self {
        Self { writer: BitWriter::default(), maps: Maps::new(), bit_price, anywhere_off: false }
    }

    /// Chooses where the next frame is filtered. `changes`: by how much the filter changes the error of each block.
    pub(crate) fn next(&mut self, columns: usize, changes: &[f64]) -> Result<Vec<bool>> {
        let price = self.bit_price;
        // A block is filtered if that is cheaper by its own model; what follows from its choice is left out.
        let choose =
            |at: usize, model: Bit| changes[at] + price * (model.cost(true) - model.cost(false)) <= 0.0;
        let mut best: Option<(f64, bool, Vec<bool>)> = None;
        for everywhere in [true, false] {
            let (mut cost, mut map) = (Cost::default(), vec![true; changes.len()]);
            self.maps.clone().code(&mut cost, columns, everywhere, &mut map, choose)?;
            let error: f64 = changes.iter().zip(&map).filter(|(_, on)| **on).map(|(change, _)| change).sum();
            let total = error + price * cost.0;
            if best.as_ref().is_none_or(|(least, _, _)| total < *least) {
                best = Some((total, everywhere, map));
            }
        }
        let (_, everywhere, wanted) = best.unwrap_or((0.0, true, vec![true; changes.len()]));
        let mut map = wanted.clone();
        self.maps.code(&mut self.writer, columns, everywhere, &mut map, |at, _| wanted[at])?;
        self.anywhere_off |= !everywhere;
        Ok(map)
    }

    /// The bytes, none where every block of every frame is filtered.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        if self.anywhere_off { self.writer.finish() } else { Ok(Vec::new()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn maps_read_back_and_leave_out_what_the_filter_harms() {
        let mut random = Random::new(5);
        let mut writer = MapWriter::new(0.1);
        let changes: Vec<Vec<f64>> =
            (0..9).map(|_| (0..35).map(|_| f64::from(random.normal()) * 3.0).collect()).collect();
        let maps: Vec<Vec<bool>> = changes.iter().map(|changes| writer.next(7, changes).unwrap()).collect();
        for (changes, map) in changes.iter().zip(&maps) {
            let harmed = changes.iter().zip(map).filter(|(change, on)| **change > 1.5 && **on).count();
            assert_eq!(harmed, 0);
        }
        let bytes = writer.finish().unwrap();
        let mut reader = MapReader::new(&bytes).unwrap();
        maps.iter().for_each(|map| assert_eq!(&reader.next((7, 5)).unwrap(), map));
        reader.expect_end().unwrap();
    }

    #[test]
    fn a_filter_that_helps_everywhere_needs_no_map() {
        let mut writer = MapWriter::new(0.1);
        for _ in 0..5 {
            assert!(writer.next(7, &[-1.0; 35]).unwrap().iter().all(|on| *on));
        }
        assert!(writer.finish().unwrap().is_empty());
    }
}
