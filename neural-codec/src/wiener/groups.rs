//! Which classes share weights, and these weights: every group has to take away more error than its bytes are worth.

use super::classes::CLASSES;
use super::code::{MAX_GROUPS, MAX_WEIGHT, WEIGHT_BITS, WienerWeights};
use super::equations::Equations;
use super::taps::{Reach, TAPS};

/// What is added to the diagonal, as a share of its mean: taps that are nearly the same else get weights that are large and opposite.
const RIDGE: f64 = 1e-4;

/// About what a weight costs: this, and for each doubling of it.
const BITS_OF_A_WEIGHT: f64 = 1.0;
const BITS_OF_A_DOUBLING: f64 = 1.8;

/// Classes that share weights.
struct Group {
    classes: Vec<usize>,
    equations: Equations,
    solved: Solved,
}

/// What weights are worth.
struct Solved {
    /// In units of the format.
    weights: [i16; TAPS],
    /// Squared error taken away, less what the bits of the weights are worth; 0 where none is worth it.
    gain: f64,
}

impl Group {
    fn new(classes: Vec<usize>, equations: Equations, bit_price: f64) -> Self {
        let solved = solve(&equations, bit_price);
        Self { classes, equations, solved }
    }

    fn joined(&self, other: &Self, bit_price: f64) -> Self {
        let classes = self.classes.iter().chain(&other.classes).copied().collect();
        Self::new(classes, self.equations.plus(&other.equations), bit_price)
    }
}

/// The weights of all classes, by joining the two groups that lose least by it for as long as that gains; none where nothing is worth
/// its bits. `bit_price`: squared error that a bit is worth.
pub(super) fn group(reach: Reach, classes: &[Equations], bit_price: f64) -> Option<WienerWeights> {
    let mut groups: Vec<Group> = (0..CLASSES)
        .filter(|&class| classes[class].error() > 0.0)
        .map(|class| Group::new(vec![class], classes[class].clone(), bit_price))
        .collect();
    let joined = |a: &Group, b: &Group| a.joined(b, bit_price);
    // What joining is worth, the later group's row by the earlier group.
    let mut pairs: Vec<Vec<f64>> = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        pairs.push(groups[..index].iter().map(|other| joined(other, group).solved.gain).collect());
    }
    loop {
        let is_many = groups.iter().filter(|group| group.solved.gain > 0.0).count() > MAX_GROUPS;
        let mut best: Option<(f64, usize, usize)> = None;
        for (later, row) in pairs.iter().enumerate() {
            for (earlier, pair) in row.iter().enumerate() {
                let (a, b) = (groups[earlier].solved.gain, groups[later].solved.gain);
                let gained = pair - a - b;
                let counts = !is_many || (a > 0.0 && b > 0.0);
                if counts && best.is_none_or(|(most, ..)| gained > most) {
                    best = Some((gained, earlier, later));
                }
            }
        }
        let Some((gained, earlier, later)) = best else { break };
        if gained <= 0.0 && !is_many {
            break;
        }
        let group = joined(&groups[earlier], &groups[later]);
        for gone in [later, earlier] {
            groups.remove(gone);
            pairs.remove(gone);
            for row in pairs.iter_mut().filter(|row| row.len() > gone) {
                row.remove(gone);
            }
        }
        pairs.push(groups.iter().map(|other| joined(other, &group).solved.gain).collect());
        groups.push(group);
    }
    let mut found = WienerWeights { reach, groups: [0; CLASSES], weights: Vec::new() };
    for group in groups.iter().filter(|group| group.solved.gain > 0.0) {
        found.weights.push(group.solved.weights);
        group.classes.iter().for_each(|&class| found.groups[class] = found.weights.len() as u8);
    }
    (!found.weights.is_empty()).then_some(found)
}

/// The weights that take most error away, rounded.
fn solve(equations: &Equations, bit_price: f64) -> Solved {
    let none = Solved { weights: [0; TAPS], gain: 0.0 };
    let taps = equations.taps;
    let mean = (0..taps).map(|tap| equations.product(tap, tap)).sum::<f64>() / taps as f64;
    let Some(exact) = least_squares(equations, mean * RIDGE) else { return none };
    let unit = f64::from(1 << WEIGHT_BITS);
    let most = f64::from(MAX_WEIGHT);
    let weights = exact.map(|weight| (weight * unit).round().clamp(-most, most) as i16);
    let real = weights.map(|weight| f64::from(weight) / unit);
    let mut taken = 0.0;
    for a in 0..taps {
        taken += 2.0 * real[a] * equations.with_error(a);
        for b in 0..taps {
            taken -= real[a] * real[b] * equations.product(a, b);
        }
    }
    let bits: f64 = weights[..taps]
        .iter()
        .map(|&weight| {
            BITS_OF_A_WEIGHT + BITS_OF_A_DOUBLING * (1.0 + f64::from(weight.unsigned_abs())).log2()
        })
        .sum();
    let gain = taken - bit_price * bits;
    if gain > 0.0 { Solved { weights, gain } } else { none }
}

/// Solves the equations by their Cholesky factor; none where they have none.
fn least_squares(equations: &Equations, ridge: f64) -> Option<[f64; TAPS]> {
    let (taps, mut factor) = (equations.taps, [[0.0; TAPS]; TAPS]);
    for row in 0..taps {
        for column in 0..=row {
            let mut sum = equations.product(row, column) + if row == column { ridge } else { 0.0 };
            for (a, b) in factor[row][..column].iter().zip(&factor[column]) {
                sum -= a * b;
            }
            if row != column {
                factor[row][column] = sum / factor[column][column];
            } else if sum > 0.0 {
                factor[row][row] = sum.sqrt();
            } else {
                return None;
            }
        }
    }
    let mut solution = [0.0; TAPS];
    for row in 0..taps {
        let mut sum = equations.with_error(row);
        for k in 0..row {
            sum -= factor[row][k] * solution[k];
        }
        solution[row] = sum / factor[row][row];
    }
    for row in (0..taps).rev() {
        let mut sum = solution[row];
        for k in row + 1..taps {
            sum -= factor[k][row] * solution[k];
        }
        solution[row] = sum / factor[row][row];
    }
    Some(solution)
}
