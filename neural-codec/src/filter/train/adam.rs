//! Adam, with a cosine schedule and a limit on the gradient.

/// The gradient is scaled down to this length: the loss without a filter is 1 a patch.
pub(super) const LONGEST_GRADIENT: f32 = 1.0;

/// Decay of the mean of gradients and of their squares (Kingma and Ba 2015, algorithm 1).
const BETA: (f32, f32) = (0.9, 0.99);

/// Keeps a parameter that never had a gradient where it is.
const EPSILON: f32 = 1e-8;

/// What the mean and the mean square are divided by after step `step`, because both began at 0.
pub(crate) fn unbias(step: usize) -> (f32, f32) {
    let steps = step as i32 + 1;
    (1.0 - BETA.0.powi(steps), 1.0 - BETA.1.powi(steps))
}

/// State of the optimizer.
#[derive(Debug, Clone)]
pub(crate) struct Adam {
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Adam {
    pub(crate) fn new(parameters: usize) -> Self {
        Self { mean: vec![0.0; parameters], square: vec![0.0; parameters] }
    }

    /// Moves parameters against their gradient, each by its own rate; 0 leaves it where it is. Into `reach` goes how far
    /// a gradient of 1 would have moved each, which is the step of a proximal operator that follows.
    pub(crate) fn step(
        &mut self,
        parameters: &mut [f32],
        gradient: &[f32],
        rates: &[f32],
        unbias: (f32, f32),
        reach: &mut [f32],
    ) {
        let moments = self.mean.iter_mut().zip(&mut self.square);
        let all = parameters.iter_mut().zip(gradient).zip(rates).zip(moments).zip(reach);
        for ((((parameter, &slope), &rate), (mean, square)), reach) in all {
            *mean += (1.0 - BETA.0) * (slope - *mean);
            *square += (1.0 - BETA.1) * (slope * slope - *square);
            *reach = rate / ((*square / unbias.1).sqrt() + EPSILON);
            *parameter -= *reach * *mean / unbias.0;
        }
    }
}

/// Share of the first rate at a step: a short rise, then half a cosine down to nothing.
pub(crate) fn cosine(step: usize, steps: usize) -> f32 {
    let rise = (steps / 20).clamp(1, 100);
    if step < rise {
        return (step + 1) as f32 / rise as f32;
    }
    let done = (step - rise) as f32 / (steps - rise).max(1) as f32;
    0.5 * (1.0 + (std::f32::consts::PI * done).cos())
}

/// Scales a gradient down to a length. Returns false where it is not a number.
pub(crate) fn limit_length(gradient: &mut [f32], most: f32) -> bool {
    let length = gradient.iter().map(|&slope| f64::from(slope) * f64::from(slope)).sum::<f64>().sqrt() as f32;
    if length > most {
        gradient.iter_mut().for_each(|slope| *slope *= most / length);
    }
    length.is_finite()
}
