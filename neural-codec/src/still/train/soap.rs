//! SOAP: Adam in the eigenbasis of a layer's gradients, which turns slowly. For the network; latents, which are many and hardly
//! depend on one another, have plain Adam.
//!
//! Source: Vyas et al. 2024, algorithm 3 (arXiv 2409.11321). Two things differ: the basis turns at every step, as layers are small, and a
//! step along an axis of the basis is bounded, since an axis that just turned has a scale that is not yet its own.

use ndarray::{Array1, Array2};

use crate::still::plan::{Layer, Plan};

/// Decay of both moments and of the covariances. Source: Cool-chic 5.
const DECAY: f32 = 0.95;

/// Longest step along an axis, in rates. Without a bound a whole Kodak picture diverged; 0.3 was the best of 0.1, 0.3 and 1.
const LONGEST: f32 = 0.3;

/// One side of a layer: the running covariance of its gradients, and about its eigenvectors, one a column.
#[derive(Clone)]
struct Basis {
    covariance: Array2<f32>,
    vectors: Array2<f32>,
}

impl Basis {
    fn new(side: usize) -> Self {
        Self { covariance: Array2::zeros((side, side)), vectors: Array2::eye(side) }
    }

    /// Takes in the product of a gradient with itself, and turns by one step of power iteration.
    fn observe(&mut self, product: &Array2<f32>) {
        self.covariance = DECAY * &self.covariance + (1.0 - DECAY) * product;
        if let Some(vectors) = orthogonal(self.covariance.dot(&self.vectors)) {
            self.vectors = vectors;
        }
    }
}

/// Columns made orthogonal one after another, twice for exactness (Gram and Schmidt); none where they depend on one another.
fn orthogonal(vectors: Array2<f32>) -> Option<Array2<f32>> {
    let mut vectors = vectors.mapv(f64::from);
    for at in 0..vectors.ncols() {
        let length = |vector: &Array1<f64>| vector.dot(vector).sqrt();
        let mut vector = vectors.column(at).to_owned();
        let before = length(&vector);
        for _ in 0..2 {
            for other in vectors.columns().into_iter().take(at) {
                let share = other.dot(&vector);
                vector.scaled_add(-share, &other);
            }
        }
        let after = length(&vector);
        // What is left of a column that the others span is rounding.
        if !(after > 1e-7 * before && after > f64::from(f32::MIN_POSITIVE)) {
            return None;
        }
        vectors.column_mut(at).assign(&(vector / after));
    }
    Some(vectors.mapv(|value| value as f32))
}

/// A layer: weights, and biases as a last column.
#[derive(Clone)]
struct Matrix {
    /// Where each entry lies among the parameters. Shape: `[outputs][inputs]`.
    places: Array2<usize>,
    outputs: Basis,
    inputs: Basis,
    /// Mean of gradients, in the order of places.
    first: Array2<f32>,
    /// Mean of their squares along the axes of the bases.
    second: Array2<f32>,
}

impl Matrix {
    fn new(outputs: usize, inputs: usize, place: impl Fn(usize, usize) -> usize) -> Self {
        Self {
            places: Array2::from_shape_fn((outputs, inputs), |(output, input)| place(output, input)),
            outputs: Basis::new(outputs),
            inputs: Basis::new(inputs),
            first: Array2::zeros((outputs, inputs)),
            second: Array2::zeros((outputs, inputs)),
        }
    }

    fn of_layer(layer: &Layer) -> Self {
        let inputs = layer.inputs + usize::from(!layer.biases.is_empty());
        Self::new(layer.outputs, inputs, |output, input| {
            if input < layer.inputs {
                layer.weights.start + output * layer.inputs + input
            } else {
                layer.biases.start + output
            }
        })
    }

    fn step(&mut self, values: &mut [f32], gradient: &[f32], rate: f32, correction: f32) {
        let slopes = self.places.mapv(|at| gradient[at]);
        self.outputs.observe(&slopes.dot(&slopes.t()));
        self.inputs.observe(&slopes.t().dot(&slopes));
        let (outputs, inputs) = (&self.outputs.vectors, &self.inputs.vectors);
        self.first = DECAY * &self.first + (1.0 - DECAY) * &slopes;
        let along = |slopes: &Array2<f32>| outputs.t().dot(slopes).dot(inputs);
        self.second = DECAY * &self.second + (1.0 - DECAY) * along(&slopes).mapv(|slope| slope * slope);
        let mut step = along(&self.first);
        step.zip_mut_with(&self.second, |step, second| {
            let scale = (second * correction).sqrt() + 1e-12;
            *step = (*step * correction / scale).clamp(-LONGEST, LONGEST);
        });
        let step = outputs.dot(&step).dot(&inputs.t());
        ndarray::Zip::from(&self.places).and(&step).for_each(|&at, step| values[at] -= rate * step);
    }
}

/// Moments of a network in training.
#[derive(Clone)]
pub(super) struct Soap(Vec<Matrix>);

impl Soap {
    pub(super) fn new(plan: &Plan) -> Self {
        let layers = plan.layers().map(Matrix::of_layer);
        let taps = plan.taps.iter().map(|taps| Matrix::new(1, taps.len(), |_, tap| taps.start + tap));
        Self(layers.chain(taps).collect())
    }

    /// Moves parameters against the gradient. `steps`: taken before.
    pub(super) fn step(&mut self, parameters: &mut [f32], gradient: &[f32], rate: f32, steps: u32) {
        let correction = 1.0 / (1.0 - DECAY.powi(steps.min(10_000) as i32 + 1));
        for matrix in &mut self.0 {
            matrix.step(parameters, gradient, rate, correction);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn vectors_are_orthogonal_and_become_those_of_the_covariance() {
        let mut random = Random::new(5);
        let root = Array2::from_shape_fn((6, 6), |_| random.normal());
        let product = root.dot(&root.t());
        let mut basis = Basis::new(6);
        (0..4000).for_each(|_| basis.observe(&product));
        let unit = basis.vectors.t().dot(&basis.vectors);
        let turned = basis.vectors.t().dot(&product).dot(&basis.vectors);
        let largest = turned.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        for ((row, column), value) in turned.indexed_iter() {
            assert!((unit[(row, column)] - f32::from(u8::from(row == column))).abs() < 1e-4, "{unit}");
            assert!(row == column || value.abs() < 1e-2 * largest, "{turned}");
        }
    }

    #[test]
    fn columns_that_depend_on_one_another_turn_nothing() {
        let mut basis = Basis::new(3);
        basis.observe(&Array2::ones((3, 3)));
        assert_eq!(basis.vectors, Array2::<f32>::eye(3));
    }

    /// A valley that lies across the axes: 1,000 times as steep along (1, 1) as along (1, -1).
    #[test]
    fn a_narrow_valley_across_the_axes_is_walked_along() {
        let slope = |at: &[f32]| {
            let (steep, flat) = (1000.0 * (at[0] + at[1]), at[0] - at[1] - 2.0);
            vec![steep + flat, steep - flat]
        };
        let cost = |at: &[f32]| 500.0 * (at[0] + at[1]).powi(2) + 0.5 * (at[0] - at[1] - 2.0).powi(2);
        let mut matrix = Matrix::new(1, 2, |_, input| input);
        let mut at = vec![3.0, 2.0];
        for step in 0..800 {
            let rate = 0.05 * (1.0 - step as f32 / 800.0);
            let gradient = slope(&at);
            matrix.step(&mut at, &gradient, rate, 1.0);
        }
        assert!(cost(&at) < 1e-3, "{} at {at:?}", cost(&at));
    }
}
