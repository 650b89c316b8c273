//! The conversions once more in `f64`, slow and obvious: the oracle of the integer ones. Tests only.

use super::*;
use crate::frame::ColorRange;

/// The real-valued samples of [`convert`], one `Vec` a plane, row after row, clamped but not rounded.
pub(super) fn reference(frame: &Frame, to: PixelFormat, yuv: Color) -> [Vec<f64>; 3] {
    let (w, h) = (frame.width(), frame.height());
    let from = frame.format();
    let planes: [Vec<f64>; 3] = with_planes!(frame.planes(), p => p.each_ref().map(real));
    let rgb_color = Color { range: ColorRange::Full, ..yuv };
    let color = |format: PixelFormat| if format.layout == Layout::Rgb { rgb_color } else { yuv };
    // To the unit cube: luma 0 to 1, chroma -0.5 to 0.5, at full resolution unless the layout stays.
    let ends = |format: PixelFormat, plane: usize| {
        let full = color(format).range == ColorRange::Full;
        let step = f64::from(1 << (format.depth.bits() - 8));
        let max = f64::from(format.depth.max_value());
        let is_chroma = plane > 0 && format.layout != Layout::Rgb;
        match (full, is_chroma) {
            (true, false) => (0.0, max),
            (true, true) => (128.0 * step, max),
            (false, false) => (16.0 * step, 219.0 * step),
            (false, true) => (128.0 * step, 224.0 * step),
        }
    };
    let mut unit: [Vec<f64>; 3] = std::array::from_fn(|i| {
        let (zero, span) = ends(from, i);
        planes[i].iter().map(|s| (s - zero) / span).collect()
    });
    let (a, b) = (subsampling(from.layout), subsampling(to.layout));
    let location = yuv.chroma_location;
    let middle_x = location == ChromaLocation::Center;
    let middle_y = location != ChromaLocation::TopLeft;
    let (mut cw, mut ch) = from.chroma_size(w, h);
    for plane in &mut unit[1..] {
        (cw, ch) = from.chroma_size(w, h);
        if a.1 && !b.1 {
            (*plane, ch) = (along_y(plane, cw, ch, h, |column| double(column, h, middle_y)), h);
        }
        if a.0 && !b.0 {
            (*plane, cw) = (along_x(plane, cw, |row| double(row, w, middle_x)), w);
        }
    }
    if (from.layout == Layout::Rgb) != (to.layout == Layout::Rgb) {
        let (kr, kb) = match yuv.matrix {
            1 => (0.2126, 0.0722),
            5 | 6 => (0.299, 0.114),
            9 => (0.2627, 0.0593),
            other => panic!("matrix {other} is not tested"),
        };
        let [first, second, third] = &mut unit;
        for ((first, second), third) in first.iter_mut().zip(second).zip(third) {
            let [x, y, z] = [*first, *second, *third];
            let [p, q, s] = if to.layout == Layout::Rgb {
                let (r, b) = (x + 2.0 * (1.0 - kr) * z, x + 2.0 * (1.0 - kb) * y);
                [r, (x - kr * r - kb * b) / (1.0 - kr - kb), b]
            } else {
                let luma = kr * x + (1.0 - kr - kb) * y + kb * z;
                [luma, (z - luma) / (2.0 * (1.0 - kb)), (x - luma) / (2.0 * (1.0 - kr))]
            };
            (*first, *second, *third) = (p, q, s);
        }
    }
    for plane in &mut unit[1..] {
        let (mut cw, mut ch) = (cw, ch);
        if b.0 && !a.0 {
            (*plane, cw) = (along_x(plane, cw, |row| halve(row, middle_x)), cw.div_ceil(2));
        }
        if b.1 && !a.1 {
            let half = ch.div_ceil(2);
            (*plane, ch) = (along_y(plane, cw, ch, half, |column| halve(column, middle_y)), half);
        }
        assert_eq!((cw, ch), to.chroma_size(w, h));
    }
    std::array::from_fn(|i| {
        let (zero, span) = ends(to, i);
        let max = f64::from(to.depth.max_value());
        unit[i].iter().map(|s| (zero + s * span).clamp(0.0, max)).collect()
    })
}

fn real<T: Row>(plane: &Plane<T>) -> Vec<f64> {
    plane.samples().iter().map(|&sample| f64::from(Into::<u16>::into(sample))).collect()
}

fn along_x(plane: &[f64], width: usize, f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    plane.chunks_exact(width).flat_map(f).collect()
}

fn along_y(
    plane: &[f64],
    width: usize,
    height: usize,
    out: usize,
    f: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<f64> {
    let mut result = vec![0.0; width * out];
    for x in 0..width {
        let column: Vec<f64> = (0..height).map(|y| plane[y * width + x]).collect();
        for (y, value) in f(&column).into_iter().enumerate() {
            result[y * width + x] = value;
        }
    }
    result
}

/// Mitchell and Netravali's cubic at distance `x`, B = 0, C = 0.6.
fn cubic(x: f64) -> f64 {
    let (x, c) = (x.abs(), 0.6);
    if x < 1.0 {
        (2.0 - c) * x.powi(3) - (3.0 - c) * x.powi(2) + 1.0
    } else if x < 2.0 {
        -c * x.powi(3) + 5.0 * c * x.powi(2) - 8.0 * c * x + 4.0 * c
    } else {
        0.0
    }
}

/// The line at `position`, with the kernel `stretch` times as wide.
fn sample(line: &[f64], position: f64, stretch: f64) -> f64 {
    let first = position.floor() as isize - 5;
    let weighted = (first..first + 12).map(|i| {
        let value = line[i.clamp(0, line.len() as isize - 1) as usize];
        cubic((i as f64 - position) / stretch) / stretch * value
    });
    weighted.sum()
}

fn double(line: &[f64], out: usize, centered: bool) -> Vec<f64> {
    let shift = if centered { 0.25 } else { 0.0 };
    (0..out).map(|x| sample(line, x as f64 / 2.0 - shift, 1.0)).collect()
}

fn halve(line: &[f64], centered: bool) -> Vec<f64> {
    let shift = if centered { 0.5 } else { 0.0 };
    (0..line.len().div_ceil(2)).map(|x| sample(line, 2.0 * x as f64 + shift, 2.0)).collect()
}
