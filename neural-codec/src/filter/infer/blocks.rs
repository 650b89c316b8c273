//! The block map: where a filter works.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::filter::TEMPORAL_LAYERS;
use crate::frame::{Frame, Layout};

/// Side of a block of the map, in luma samples.
pub const BLOCK_SIDE: usize = 64;

/// Side of a block, in sites.
const BLOCK_SITES: usize = BLOCK_SIDE / 2;

/// Columns and rows of the block map of a picture.
pub fn block_count(width: usize, height: usize) -> (usize, usize) {
    (width.div_ceil(BLOCK_SIDE), height.div_ceil(BLOCK_SIDE))
}

/// Checks what the caller of a filter for pictures of `layout` gives.
///
/// # Errors
///
/// `InvalidArgument`.
pub(super) fn check(
    layout: Layout,
    frame: &Frame,
    temporal_layer: usize,
    blocks: Option<&[bool]>,
) -> Result<()> {
    if frame.format().layout != layout {
        let expected = if layout == Layout::Yuv444 { "4:4:4" } else { "4:2:0" };
        return Err(Error::invalid("layout of a frame to filter", expected, frame.format()));
    }
    if temporal_layer >= TEMPORAL_LAYERS {
        return Err(Error::invalid("temporal layer", format!("below {TEMPORAL_LAYERS}"), temporal_layer));
    }
    let (columns, rows) = block_count(frame.width(), frame.height());
    match blocks {
        Some(blocks) if blocks.len() != columns * rows => {
            Err(Error::invalid("length of the block map", format!("{columns} x {rows}"), blocks.len()))
        }
        _ => Ok(()),
    }
}

/// A block map over sites; without one, every block is filtered.
#[derive(Clone, Copy)]
pub(super) struct Map<'a> {
    blocks: Option<&'a [bool]>,
    columns: usize,
    /// Sites in a row of the picture.
    width: usize,
}

impl<'a> Map<'a> {
    /// Of a picture of `width` luma samples a row.
    pub(super) fn new(blocks: Option<&'a [bool]>, width: usize) -> Self {
        Self { blocks, columns: width.div_ceil(BLOCK_SIDE), width: width.div_ceil(2) }
    }

    /// Puts into `spans` the columns of sites within `reach` of a filtered site in `rows`, from left to right.
    ///
    /// Spans neither touch nor overlap, and extend up to `reach` beyond the picture.
    pub(super) fn spans(&self, rows: Range<usize>, reach: usize, spans: &mut Vec<Range<isize>>) {
        spans.clear();
        let reach = reach as isize;
        let Some(blocks) = self.blocks else {
            spans.push(-reach..self.width as isize + reach);
            return;
        };
        let rows = rows.start / BLOCK_SITES..rows.end.div_ceil(BLOCK_SITES);
        for column in 0..self.columns {
            if !rows.clone().any(|row| blocks[row * self.columns + column]) {
                continue;
            }
            let start = (column * BLOCK_SITES) as isize - reach;
            let end = ((column + 1) * BLOCK_SITES).min(self.width) as isize + reach;
            match spans.last_mut() {
                Some(last) if last.end >= start => last.end = end,
                _ => spans.push(start..end),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_grow_by_the_reach_and_merge_where_they_meet() {
        let blocks = [true, false, true, true, false, false, false, false];
        let map = Map::new(Some(&blocks), 200);
        let spans = |rows, reach| {
            let mut spans = Vec::new();
            map.spans(rows, reach, &mut spans);
            spans
        };
        assert_eq!(spans(0..1, 0), [0..32, 64..100]);
        assert_eq!(spans(31..40, 3), [-3..35, 61..103]);
        assert_eq!(spans(0..1, 16).as_slice(), std::slice::from_ref(&(-16..116)));
        assert_eq!(spans(32..64, 3), []);
    }

    #[test]
    fn without_a_map_the_whole_row_is_a_span() {
        let mut spans = Vec::new();
        Map::new(None, 7).spans(0..1, 2, &mut spans);
        assert_eq!(spans.as_slice(), std::slice::from_ref(&(-2..6)));
    }
}
