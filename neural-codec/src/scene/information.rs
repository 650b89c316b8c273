//! Spatial and temporal information of a picture made small.

use crate::frame::Plane;

/// Standard deviation of the Sobel gradient's magnitude: spatial information. Source: ITU-T P.910, 7.7.
pub(super) fn spatial_information(plane: &Plane<u8>) -> f32 {
    let (width, height) = (plane.width(), plane.height());
    if width < 3 || height < 3 {
        return 0.0;
    }
    let rows = (1..height - 1).map(|y| {
        let (mut row_sum, mut row_squares) = (0.0_f32, 0_u32);
        let [above, here, below] = [y - 1, y, y + 1].map(|y| plane.row(y));
        for x in 1..width - 1 {
            let column = |x: usize| i32::from(above[x]) + 2 * i32::from(here[x]) + i32::from(below[x]);
            let row = |r: &[u8]| i32::from(r[x - 1]) + 2 * i32::from(r[x]) + i32::from(r[x + 1]);
            let (gx, gy) = (column(x + 1) - column(x - 1), row(below) - row(above));
            let square = (gx * gx + gy * gy) as u32;
            row_sum += (square as f32).sqrt();
            row_squares += square >> 3;
        }
        (row_sum, row_squares)
    });
    deviation_of_gradient(rows, (width - 2) * (height - 2))
}

/// The same from the sum of each row's magnitudes, and of their squares / 8, over `count` samples.
pub(super) fn deviation_of_gradient(rows: impl Iterator<Item = (f32, u32)>, count: usize) -> f32 {
    let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
    for (row_sum, row_squares) in rows {
        sum += f64::from(row_sum);
        squares += f64::from(row_squares) * 8.0;
    }
    let count = count.max(1) as f64;
    (squares / count - (sum / count).powi(2)).max(0.0).sqrt() as f32
}

/// Standard deviation of the difference of two pictures: temporal information. Source: ITU-T P.910, 7.7.
pub(super) fn temporal_information(before: &Plane<u8>, now: &Plane<u8>) -> f32 {
    let (mut sum, mut squares) = (0_i64, 0_u64);
    for (&a, &b) in before.samples().iter().zip(now.samples()) {
        let difference = i32::from(b) - i32::from(a);
        sum += i64::from(difference);
        squares += u64::from(difference.unsigned_abs().pow(2));
    }
    deviation_of_difference(sum, squares, now.samples().len())
}

/// The same from the sum of the differences, and of their squares, over `count` samples.
pub(super) fn deviation_of_difference(sum: i64, squares: u64, count: usize) -> f32 {
    let count = count as f64;
    (squares as f64 / count - (sum as f64 / count).powi(2)).max(0.0).sqrt() as f32
}
