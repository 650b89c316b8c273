//! Colors of a picture's own: three axes of RGB along which neighboring pixels differ independently, so that three planes of 4:4:4 take
//! fewer bits than those of any fixed matrix.
//!
//! The axes are the eigenvectors of what neighbors differ by (the Karhunen-Loève transform of the gradient), at right angles, so that an
//! error weighs the same in every plane: what an encoder spends for squared error in RGB it spends well. Decoding is integer, and takes
//! the axes as they are stored; encoding inverts those.

use super::rgb::rgb_of_samples;
use super::{BitDepth, Color, ColorRange, Frame, Layout, PixelFormat, Plane, Planes};
use crate::error::{Error, Result};
use crate::memory;
use crate::with_planes;

/// Units of a weight to one.
const UNIT: i32 = 64;

/// The largest code of a plane of ten bits, and the code of the middle.
const MOST: i32 = 1023;
const MIDDLE: i32 = 512;

/// What red, green and blue take of the three planes. Units: 1/64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnColors {
    /// Row by row: red, green, blue.
    pub weights: [i8; 9],
}

/// Three axes of RGB at right angles, of length one, the one along which a picture varies most first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColorAxes([[f64; 3]; 3]);

impl ColorAxes {
    /// The axes of a picture of RGB.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for other layouts.
    pub fn of(picture: &Frame) -> Result<Self> {
        covariance_of_differences(picture).map(|covariance| Self(eigenvectors(covariance)))
    }

    /// Colors along them, whose planes are smaller by the factor `shrunk`, 1 to 1.1, so that every error weighs as much more.
    pub fn colors(&self, shrunk: f64) -> OwnColors {
        // Row by row: channels, each of all axes.
        OwnColors::rounded(std::array::from_fn(|at| self.0[at % 3][at / 3] * 3_f64.sqrt() * shrunk))
    }
}

impl OwnColors {
    /// Y, Cb and Cr of BT.601.
    const YCBCR: [f64; 9] = [1.0, 0.0, 1.402, 1.0, -0.344, -0.714, 1.0, 1.772, 0.0];

    /// What a network over a still works in: gray, and two axes at right angles to it.
    pub const OF_STILLS: Self = Self { weights: [64, -45, 78, 64, 90, 0, 64, -45, -78] };

    /// Luma and chroma of BT.601, whose planes are smaller by the factor `shrunk`, 1 to 1.1.
    pub fn ycbcr(shrunk: f64) -> Self {
        Self::rounded(Self::YCBCR.map(|weight| weight * shrunk))
    }

    fn rounded(weights: [f64; 9]) -> Self {
        let rounded = |weight: f64| (weight * f64::from(UNIT)).round().clamp(-127.0, 127.0) as i8;
        Self { weights: weights.map(rounded) }
    }

    /// The planes of a picture of RGB: 4:4:4 of ten bits. The color description of the result means nothing.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for other layouts, or axes that do not span all colors; `OutOfMemory`.
    pub fn planes_of(&self, picture: &Frame) -> Result<Frame> {
        expect_layout(picture, Layout::Rgb)?;
        let inverse = self.inverse()?;
        let scale = f64::from(MOST) / f64::from(picture.format().depth.max_value());
        let half = f64::from(picture.format().depth.max_value()) / 2.0;
        with_planes!(picture.planes(), planes => {
            let plane = |row: &[f64; 3]| {
                let [red, green, blue] = planes.each_ref().map(Plane::samples);
                let pixels = red.iter().zip(green).zip(blue).map(|((&r, &g), &b)| {
                    let values = [r, g, b].map(|value| f64::from(value) - half);
                    let sum: f64 = row.iter().zip(values).map(|(weight, value)| weight * value).sum();
                    (f64::from(MIDDLE) + sum * scale).round().clamp(0.0, f64::from(MOST)) as u16
                });
                let samples = memory::collected("planes of a photo", pixels)?;
                Plane::from_samples(picture.width(), picture.height(), samples)
            };
            coded([plane(&inverse[0])?, plane(&inverse[1])?, plane(&inverse[2])?])
        })
    }

    /// The planes in [`OF_STILLS`](Self::OF_STILLS) of RGB of ten bits, in whole numbers, rounded down, since readers make them too:
    ///
    /// ```text
    /// r, g, b = 2 * red - 1023, 2 * green - 1023, 2 * blue - 1023
    /// first   = 512 + (r + g + b + 2) / 6
    /// second  = 512 + (32 * (2 * g - r - b) + 135) / 270
    /// third   = 512 + (16 * (r - b) + 39) / 78                          each clamped to 0..=1023
    /// ```
    ///
    /// Gray of `v` is `v`, and comes back as that.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for other formats; `OutOfMemory`.
    pub fn planes_of_still(still: &Frame) -> Result<Frame> {
        expect_layout(still, Layout::Rgb)?;
        let Planes::U16(channels) = still.planes() else {
            return Err(Error::invalid("planes", "ten bits", "eight"));
        };
        let plane = |of: fn(i32, i32, i32) -> i32| {
            let [red, green, blue] = channels.each_ref().map(Plane::samples);
            let pixels = red.iter().zip(green).zip(blue).map(|((&r, &g), &b)| {
                let [r, g, b] = [r, g, b].map(|value| 2 * i32::from(value) - MOST);
                (MIDDLE + of(r, g, b)).clamp(0, MOST) as u16
            });
            let samples = memory::collected("planes of a still", pixels)?;
            Plane::from_samples(still.width(), still.height(), samples)
        };
        coded([
            plane(|r, g, b| (r + g + b + 2).div_euclid(6))?,
            plane(|r, g, b| (32 * (2 * g - r - b) + 135).div_euclid(270))?,
            plane(|r, _, b| (16 * (r - b) + 39).div_euclid(78))?,
        ])
    }

    /// Red, green and blue at so many bits, of planes as [`planes_of`](Self::planes_of) gives them:
    ///
    /// ```text
    /// value = clamp((2 * sum * most + 64 * 1023 * (most + 1)) / (2 * 64 * 1023))    rounded down, 0 <= value <= most = 2^bits - 1
    /// sum   = weight[0] * (first - 512) + weight[1] * (second - 512) + weight[2] * (third - 512)
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for other formats; `OutOfMemory`.
    pub fn rgb_of(&self, coded: &Frame, depth: BitDepth) -> Result<Frame> {
        expect_layout(coded, Layout::Yuv444)?;
        let Planes::U16(planes) = coded.planes() else {
            return Err(Error::invalid("planes", "ten bits", "eight"));
        };
        let most = i32::from(depth.max_value());
        let [first, second, third] = planes.each_ref().map(Plane::samples);
        let channel = |channel: usize| {
            let weights: [i32; 3] = std::array::from_fn(|plane| i32::from(self.weights[3 * channel + plane]));
            let pixels = first.iter().zip(second).zip(third);
            pixels.map(move |((&a, &b), &c)| value([a, b, c], weights, most))
        };
        rgb_of_samples((coded.width(), coded.height()), depth, channel)
    }

    /// What each plane takes of red, green and blue, around the middle.
    fn inverse(&self) -> Result<[[f64; 3]; 3]> {
        let at =
            |row: usize, column: usize| f64::from(self.weights[3 * (row % 3) + column % 3]) / f64::from(UNIT);
        // The cofactors of a 3x3 matrix, signs included by going round.
        let cofactor = |row: usize, column: usize| {
            at(row + 1, column + 1) * at(row + 2, column + 2)
                - at(row + 1, column + 2) * at(row + 2, column + 1)
        };
        let determinant: f64 = (0..3).map(|column| at(0, column) * cofactor(0, column)).sum();
        if determinant.abs() < 1e-3 {
            return Err(Error::invalid("colors", "axes that span all colors", format!("{:?}", self.weights)));
        }
        Ok(std::array::from_fn(|row| std::array::from_fn(|column| cofactor(column, row) / determinant)))
    }
}

/// Three planes as they are coded: 4:4:4 of ten bits.
fn coded(planes: [Plane<u16>; 3]) -> Result<Frame> {
    let format = PixelFormat { layout: Layout::Yuv444, depth: BitDepth::Ten };
    Frame::from_planes(Planes::U16(planes), format, Color { range: ColorRange::Full, ..Color::default() })
}

/// One sample.
fn value(codes: [u16; 3], weights: [i32; 3], most: i32) -> u16 {
    // At most 3 * 128 * 65023 * 2 * 1023 would not fit; codes of ten bits give 2 * 3 * 128 * 512 * 1023 + 2 * 64 * 1023 * 1023 < 2^30.
    let sum: i32 =
        codes.iter().zip(weights).map(|(&code, weight)| weight * (i32::from(code).min(MOST) - MIDDLE)).sum();
    let value = (2 * sum * most + UNIT * MOST * (most + 1)).div_euclid(2 * UNIT * MOST);
    value.clamp(0, most) as u16
}

fn expect_layout(picture: &Frame, layout: Layout) -> Result<()> {
    let found = picture.format().layout;
    if found == layout {
        Ok(())
    } else {
        Err(Error::invalid("layout", format!("{layout:?}"), format!("{found:?}")))
    }
}

/// Sums of the products of what neighbors beside and below differ by, for every pair of red, green and blue.
fn covariance_of_differences(picture: &Frame) -> Result<[[f64; 3]; 3]> {
    expect_layout(picture, Layout::Rgb)?;
    let (width, height) = (picture.width(), picture.height());
    let mut sums = [[0.0; 3]; 3];
    with_planes!(picture.planes(), planes => {
        let at = |x: usize, y: usize| planes.each_ref().map(|plane| i64::from(plane.row(y)[x]));
        for y in 0..height {
            // Whole numbers within a row, so that the sum does not depend on its order.
            let mut of_row = [[0_i64; 3]; 3];
            for x in 0..width {
                let here = at(x, y);
                for there in [(x + 1 < width).then(|| at(x + 1, y)), (y + 1 < height).then(|| at(x, y + 1))] {
                    let Some(there) = there else { continue };
                    let difference: [i64; 3] = std::array::from_fn(|channel| there[channel] - here[channel]);
                    for (row, a) in of_row.iter_mut().zip(difference) {
                        row.iter_mut().zip(difference).for_each(|(sum, b)| *sum += a * b);
                    }
                }
            }
            for (row, of_row) in sums.iter_mut().zip(of_row) {
                row.iter_mut().zip(of_row).for_each(|(sum, more)| *sum += more as f64);
            }
        }
    });
    Ok(sums)
}

/// The unit eigenvectors of a symmetric matrix, that of the largest eigenvalue first, by Jacobi's rotations (Golub and Van Loan, Matrix
/// Computations, 8.5). The first one's sum is not negative.
fn eigenvectors(mut matrix: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    // Columns are the vectors.
    let mut vectors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    // Each sweep squares how far it is from being diagonal; 16 are far more than enough.
    for _ in 0..16 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if matrix[p][q] == 0.0 {
                continue;
            }
            let tau = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
            let tangent = tau.signum() / (tau.abs() + tau.hypot(1.0));
            let cosine = 1.0 / tangent.hypot(1.0);
            let sine = tangent * cosine;
            let turned = |a: f64, b: f64| (cosine * a - sine * b, sine * a + cosine * b);
            for row in matrix.iter_mut().chain(&mut vectors) {
                (row[p], row[q]) = turned(row[p], row[q]);
            }
            let (upper, lower) = (matrix[p], matrix[q]);
            for (column, (a, b)) in upper.into_iter().zip(lower).enumerate() {
                (matrix[p][column], matrix[q][column]) = turned(a, b);
            }
        }
    }
    let mut order = [0, 1, 2];
    order.sort_by(|&a, &b| matrix[b][b].total_cmp(&matrix[a][a]));
    order.map(|column| {
        let vector: [f64; 3] = std::array::from_fn(|row| vectors[row][column]);
        if vector.iter().sum::<f64>() < 0.0 { vector.map(|value| -value) } else { vector }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Noise whose channels follow one another.
    fn picture(depth: BitDepth) -> Frame {
        let (width, height, mut random) = (17, 9, Random::new(7));
        let most = f32::from(depth.max_value());
        let mut channels = [const { Vec::new() }; 3];
        for _ in 0..width * height {
            let light = 0.5 + 0.2 * random.normal();
            for (channel, samples) in channels.iter_mut().enumerate() {
                let value = light + 0.05 * (channel as f32 - 1.0) * random.normal();
                samples.push((value * most).round().clamp(0.0, most) as u16);
            }
        }
        let format = PixelFormat { layout: Layout::Rgb, depth };
        let planes = match depth {
            BitDepth::Eight => Planes::U8(channels.map(|samples| {
                Plane::from_samples(width, height, samples.iter().map(|&s| s as u8).collect()).unwrap()
            })),
            BitDepth::Ten => {
                Planes::U16(channels.map(|samples| Plane::from_samples(width, height, samples).unwrap()))
            }
        };
        Frame::from_planes(planes, format, Color::default().as_rgb()).unwrap()
    }

    #[test]
    fn there_and_back_is_the_same_picture_but_for_rounding() {
        for depth in [BitDepth::Eight, BitDepth::Ten] {
            for shrunk in [1.0, 1.05] {
                let picture = picture(depth);
                let colors = ColorAxes::of(&picture).unwrap().colors(shrunk);
                let coded = colors.planes_of(&picture).unwrap();
                let back = colors.rgb_of(&coded, depth).unwrap();
                let most = if depth == BitDepth::Eight { 1 } else { 2 };
                with_planes!(picture.planes(), planes => {
                    for (channel, plane) in planes.iter().enumerate() {
                        for y in 0..plane.height() {
                            for (x, &sample) in plane.row(y).iter().enumerate() {
                                let found = match back.planes() {
                                    Planes::U8(planes) => i32::from(planes[channel].row(y)[x]),
                                    Planes::U16(planes) => i32::from(planes[channel].row(y)[x]),
                                };
                                assert!((i32::from(sample) - found).abs() <= most, "{channel} {x} {y}");
                            }
                        }
                    }
                });
            }
        }
    }

    #[test]
    fn planes_of_a_still_are_those_of_its_colors_in_whole_numbers() {
        // Every corner of the cube of colors, its middle, and neighbors of these.
        let levels = [0, 1, 511, 512, 1022, 1023];
        let mut channels = [const { Vec::new() }; 3];
        for at in 0..6 * 6 * 6 {
            for (channel, place) in channels.iter_mut().zip([at / 36, at / 6 % 6, at % 6]) {
                channel.push(levels[place]);
            }
        }
        let planes = Planes::U16(channels.map(|samples| Plane::from_samples(36, 6, samples).unwrap()));
        let format = PixelFormat { layout: Layout::Rgb, depth: BitDepth::Ten };
        let still = Frame::from_planes(planes, format, Color::default().as_rgb()).unwrap();
        let found = OwnColors::planes_of_still(&still).unwrap();
        let exact = OwnColors::OF_STILLS.planes_of(&still).unwrap();
        let back = OwnColors::OF_STILLS.rgb_of(&found, BitDepth::Ten).unwrap();
        for (found, expected, most) in [(&found, &exact, 1), (&back, &still, 2)] {
            let (Planes::U16(found), Planes::U16(expected)) = (found.planes(), expected.planes()) else {
                panic!()
            };
            for (found, expected) in found.iter().zip(expected) {
                let apart = found.samples().iter().zip(expected.samples()).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(apart <= Some(most), "{apart:?}");
            }
        }
        // Gray is itself and without color, there and back.
        let (Planes::U16(planes), Planes::U16(back)) = (found.planes(), back.planes()) else { panic!() };
        for (place, level) in levels.into_iter().enumerate() {
            let at = place * (36 + 6 + 1);
            assert_eq!(planes.each_ref().map(|plane| plane.samples()[at]), [level, 512, 512]);
            assert_eq!(back.each_ref().map(|plane| plane.samples()[at]), [level; 3]);
        }
        assert!(OwnColors::planes_of_still(&picture(BitDepth::Eight)).is_err());
    }

    #[test]
    fn axes_are_at_right_angles_and_of_one_length() {
        let colors = ColorAxes::of(&picture(BitDepth::Eight)).unwrap().colors(1.0);
        let axis = |plane: usize| -> [f64; 3] {
            std::array::from_fn(|channel| f64::from(colors.weights[3 * channel + plane]) / 64.0)
        };
        for (a, b) in [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)] {
            let product: f64 = axis(a).iter().zip(axis(b)).map(|(a, b)| a * b).sum();
            assert!((product - if a == b { 3.0 } else { 0.0 }).abs() < 0.06, "{a} {b} {product}");
        }
        // Light is what channels share.
        assert!(axis(0).iter().all(|&weight| (weight - 1.0).abs() < 0.1), "{:?}", axis(0));
    }

    #[test]
    fn samples_come_out_as_the_format_says() {
        let gray = [64, -90, 10];
        for (codes, expected) in [([512, 512, 512], 128), ([1023, 512, 512], 255), ([0, 512, 512], 0)] {
            assert_eq!(value(codes, gray, 255), expected, "{codes:?}");
        }
        // 64 / 64 of (700 - 512) + -90 / 64 of 88 + 10 / 64 of -212 is 31.125 of 1023, and 127.5 is the middle: 135.26.
        let by_hand = 127.5 + (188.0 - 90.0 / 64.0 * 88.0 - 10.0 / 64.0 * 212.0) * 255.0 / 1023.0;
        assert_eq!(value([700, 600, 300], gray, 255), f64::round(by_hand) as u16);
    }

    #[test]
    fn flat_pictures_have_axes_too() {
        let planes =
            Planes::U8([3, 200, 77].map(|value| Plane::from_samples(4, 4, vec![value; 16]).unwrap()));
        let format = PixelFormat { layout: Layout::Rgb, depth: BitDepth::Eight };
        let flat = Frame::from_planes(planes, format, Color::default().as_rgb()).unwrap();
        let colors = ColorAxes::of(&flat).unwrap().colors(1.0);
        let back = colors.rgb_of(&colors.planes_of(&flat).unwrap(), BitDepth::Eight).unwrap();
        assert_eq!(back.planes(), flat.planes());
        let zero = OwnColors { weights: [1, 1, 1, 1, 1, 1, 0, 0, 1] };
        assert!(zero.planes_of(&flat).is_err());
    }
}
