//! The body of every kernel, compiled once per instruction set.
//!
//! A tile is some outputs by some vectors of sites, its sums held in registers. One step loads the vectors of one pair
//! of inputs at one tap, and adds their products with the weights of each output. Tiles go along the row, all
//! outputs of a place before the next place, so that the inputs come from the first-level cache.

/// Makes `convolve` from the operations of an instruction set that are in scope.
///
/// They are `Sums` (32-bit lanes) and `Activations` (as many pairs of 16 bits), with `splat(i32) -> Sums`,
/// `load(&[i16]) -> Activations`, `store(Activations, &mut [i16])`, `dot(Sums, Activations, i32) -> Sums`,
/// `join([Sums; 2], [i32; 2]) -> Activations`, which shifts down, saturates to 16 bits and makes pairs, and
/// `leak(Activations) -> Activations`, which divides what is negative by eight.
/// `LANES`: sites in a vector; `VECTORS`: vectors in a tile, 1 to 3.
macro_rules! kernel_body {
    ($(#[$features:meta])*) => {
        /// Makes a row.
        $(#[$features])*
        pub(in super::super) fn convolve(row: &mut Row<'_>) {
            let end = row.sites.end;
            let mut x = row.sites.start;
            while x + VECTORS * LANES <= end {
                place::<VECTORS>(row, x);
                x += VECTORS * LANES;
            }
            match end.saturating_sub(x).div_ceil(LANES) {
                0 => {}
                1 => place::<1>(row, x),
                2 => place::<2>(row, x),
                _ => place::<3>(row, x),
            }
        }

        /// All outputs of `V` vectors of sites from `x`.
        $(#[$features])*
        #[inline]
        fn place<const V: usize>(row: &mut Row<'_>, x: usize) {
            let layer = row.layer;
            for group in &layer.groups {
                match group.outputs {
                    2 => tile::<2, V>(row, group, x),
                    4 => tile::<4, V>(row, group, x),
                    6 => tile::<6, V>(row, group, x),
                    _ => tile::<8, V>(row, group, x),
                }
            }
        }

        /// The `O` outputs of a group, at `V` vectors of sites from `x`.
        $(#[$features])*
        #[inline]
        fn tile<const O: usize, const V: usize>(row: &mut Row<'_>, group: &Group, x: usize) {
            let start = &group.start[..O];
            let mut sums = [[splat(0); V]; O];
            for o in 0..O {
                sums[o] = [splat(start[o]); V];
            }
            for (pair, weights) in group.weights.chunks_exact(9 * O).enumerate() {
                let first = 2 * (pair * row.stride + x - 1);
                for dy in 0..3 {
                    let inputs = &row.inputs[dy][first..][..2 * (V * LANES + 2)];
                    for dx in 0..3 {
                        let mut activations = [load(inputs); V];
                        for v in 0..V {
                            activations[v] = load(&inputs[2 * (v * LANES + dx)..]);
                        }
                        for o in 0..O {
                            let weight = weights[(3 * dy + dx) * O + o];
                            for v in 0..V {
                                sums[o][v] = dot(sums[o][v], activations[v], weight);
                            }
                        }
                    }
                }
            }
            let scales = &group.scales[row.temporal_layer][..O / 2];
            for (pair, scale) in scales.iter().enumerate() {
                let first = 2 * ((group.first_pair + pair) * row.stride + x);
                let output = &mut row.output[first..][..2 * V * LANES];
                for v in 0..V {
                    let z = join([sums[2 * pair][v], sums[2 * pair + 1][v]], scale.shift);
                    let ([first, second], gain) = (scale.offset, scale.gain);
                    let gained = [dot(splat(first), z, gain[0]), dot(splat(second), z, gain[1])];
                    let z = join(gained, [GAIN_BITS as i32; 2]);
                    store(if row.layer.leaky { leak(z) } else { z }, &mut output[2 * v * LANES..]);
                }
            }
        }
    };
}
pub(super) use kernel_body;
