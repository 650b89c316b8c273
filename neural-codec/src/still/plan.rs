//! What the network of a still is made of: its grids, its layers, where each parameter lies, and what a pixel costs.
//!
//! Everything that decodes, trains or codes parameters goes by this one list.

use std::ops::Range;

use crate::error::{Error, Place, Result};

/// Fractional bits of every parameter.
pub(crate) const WEIGHT_BITS: u32 = 12;

/// Fractional bits of latents where a network sees them, of features and of what the entropy model gives.
pub(crate) const LATENT_BITS: u32 = 8;

/// Fractional bits of samples inside the synthesis; 1.0 is the full range.
pub(crate) const SAMPLE_BITS: u32 = 12;

/// Latents lie in `-LATENT_BOUND..LATENT_BOUND`.
pub(crate) const LATENT_BOUND: i32 = 64;

/// Causal neighbors, nearest first: `(dx, dy)`. A network uses the first of them.
pub(crate) const NEIGHBORS: [(i32, i32); 20] = [
    (-1, 0),
    (0, -1),
    (1, -1),
    (-1, -1),
    (-2, 0),
    (0, -2),
    (2, -1),
    (-2, -1),
    (1, -2),
    (-1, -2),
    (-3, 0),
    (0, -3),
    (2, -2),
    (-2, -2),
    (3, -1),
    (-3, -1),
    (1, -3),
    (-1, -3),
    (-4, 0),
    (0, -4),
];

/// How far a neighbor lies, in columns or rows.
pub(crate) const REACH: usize = 4;

/// Grids from this level on have a second one, which only the entropy model sees.
const FIRST_HYPER: usize = 4;

/// Levels whose context has features of the grids before.
pub(crate) const FEATURE_LEVELS: usize = 3;

/// How large the network of a still is. Source: the configurations of Cool-chic 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StillNetwork {
    /// About 500 multiplications a pixel.
    Small,
    /// About 1000.
    Medium,
    /// About 2000.
    Large,
}

impl StillNetwork {
    /// All of them, by the number that a payload has.
    pub(crate) const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// Neighbors, features, hidden channels of the synthesis.
    const fn widths(self) -> (usize, usize, usize) {
        match self {
            Self::Small => (6, 2, 8),
            Self::Medium => (10, 4, 16),
            Self::Large => (14, 6, 48),
        }
    }
}

/// One grid of latents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Its resolution is the picture's over two to this, rounded up.
    pub(crate) level: usize,
    /// Seen by the entropy model only.
    pub(crate) hyper: bool,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// What parameters have in common: how they are rounded, and how they are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    ArmWeights,
    ArmBiases,
    FeatureWeights,
    FeatureBiases,
    Upsampling,
    SynthesisWeights,
    SynthesisBiases,
}

impl Group {
    /// How many groups there are.
    pub(crate) const COUNT: usize = 7;
}

/// A layer's place among the parameters. Shapes: weights `[outputs][inputs]`, biases `[outputs]`.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    pub(crate) weights: Range<usize>,
    /// Empty where a layer has none.
    pub(crate) biases: Range<usize>,
}

/// Grids, layers and parameters of a picture.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// In the order of coding: lowest resolution first, a hyper grid before the latents of its level.
    pub(crate) grids: Vec<Grid>,
    pub(crate) levels: usize,
    pub(crate) neighbors: usize,
    pub(crate) features: usize,
    pub(crate) hidden: usize,
    /// Two residual layers, the output, the linear stabilizer beside them.
    pub(crate) arm: [Layer; 4],
    /// Of levels 0, 1, 2, as far as there are levels below.
    pub(crate) feature_layers: Vec<Layer>,
    /// Four taps for each doubling: the finest first.
    pub(crate) taps: Vec<Range<usize>>,
    /// 1x1 and ReLU, 1x1, the linear stabilizer beside both, two 3x3 residual layers (`inputs` counts taps).
    pub(crate) synthesis: [Layer; 5],
    pub(crate) parameters: usize,
    /// Runs of parameters of one group, in order.
    pub(crate) runs: Vec<(Group, Range<usize>)>,
}

struct Allocator {
    next: usize,
    runs: Vec<(Group, Range<usize>)>,
}

impl Allocator {
    fn take(&mut self, group: Group, count: usize) -> Range<usize> {
        let range = self.next..self.next + count;
        self.next += count;
        if count > 0 {
            self.runs.push((group, range.clone()));
        }
        range
    }

    fn layer(&mut self, groups: (Group, Group), outputs: usize, inputs: usize, biased: bool) -> Layer {
        let weights = self.take(groups.0, outputs * inputs);
        let biases = self.take(groups.1, if biased { outputs } else { 0 });
        Layer { outputs, inputs, weights, biases }
    }
}

impl Plan {
    /// The plan of a picture.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for sides of 0 or more than 65535.
    pub(crate) fn new(width: u32, height: u32, network: StillNetwork) -> Result<Self> {
        for (name, side) in [("width", width), ("height", height)] {
            if side == 0 || side > 65535 {
                return Err(Error::invalid(name, "1 to 65535", side));
            }
        }
        let (width, height) = (width as usize, height as usize);
        let pixels = width * height;
        let levels = if pixels < 1_000_000 {
            7
        } else if pixels < 3_000_000 {
            8
        } else {
            9
        };
        let mut grids = Vec::new();
        for level in (0..levels).rev() {
            let (width, height) = (width.div_ceil(1 << level), height.div_ceil(1 << level));
            if level >= FIRST_HYPER {
                grids.push(Grid { level, hyper: true, width, height });
            }
            grids.push(Grid { level, hyper: false, width, height });
        }
        let (neighbors, features, hidden) = network.widths();
        let d = neighbors + features;
        let mut allocator = Allocator { next: 0, runs: Vec::new() };
        let arm = (Group::ArmWeights, Group::ArmBiases);
        let arm = [(d, true), (d, true), (2, true), (2, false)]
            .map(|(outputs, biased)| allocator.layer(arm, outputs, d, biased));
        let groups = (Group::FeatureWeights, Group::FeatureBiases);
        let feature_layers = (0..FEATURE_LEVELS)
            .map(|level| {
                let inputs = grids.iter().filter(|grid| grid.level > level).count();
                allocator.layer(groups, features, inputs, true)
            })
            .collect();
        let taps = (1..levels).map(|_| allocator.take(Group::Upsampling, 4)).collect();
        let groups = (Group::SynthesisWeights, Group::SynthesisBiases);
        let synthesis =
            [(hidden, levels, true), (3, hidden, true), (3, levels, false), (3, 27, true), (3, 27, true)]
                .map(|(outputs, inputs, biased)| allocator.layer(groups, outputs, inputs, biased));
        Ok(Self {
            width,
            height,
            grids,
            levels,
            neighbors,
            features,
            hidden,
            arm,
            feature_layers,
            taps,
            synthesis,
            parameters: allocator.next,
            runs: allocator.runs,
        })
    }

    /// All layers with weights, in the order of the parameters but for the taps.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.arm.iter().chain(&self.feature_layers).chain(&self.synthesis)
    }

    /// Inputs of the entropy model's network.
    pub(crate) fn context(&self) -> usize {
        self.neighbors + self.features
    }

    /// Where a grid lies in the list of grids.
    pub(crate) fn latents_of(&self, level: usize) -> usize {
        self.grids.iter().position(|grid| grid.level == level && !grid.hyper).unwrap_or(0)
    }

    /// Grids that features of a level are made of: all that are coded before it.
    pub(crate) fn feature_sources(&self, level: usize) -> Range<usize> {
        0..self.grids.iter().filter(|grid| grid.level > level).count()
    }

    /// Multiplications that decoding takes. Units: a pixel of the picture.
    pub(crate) fn multiplications(&self) -> f64 {
        let pixels = (self.width * self.height) as f64;
        let d = self.context() as f64;
        let latents: usize = self.grids.iter().map(|grid| grid.width * grid.height).sum();
        let mut total = latents as f64 * (2.0 * d * d + 4.0 * d);
        let at = |level: usize| (self.width.div_ceil(1 << level) * self.height.div_ceil(1 << level)) as f64;
        for (level, layer) in self.feature_layers.iter().enumerate() {
            total += at(level + 1) * layer.weights.len() as f64;
        }
        for level in 1..self.levels {
            // Four taps a value down, then four a value across, for each of the planes below.
            let planes = (self.levels - level) as f64;
            total += planes * 4.0 * (at(level - 1) + at(level - 1) / 2.0);
        }
        let synthesis: usize = self.synthesis.iter().map(|layer| layer.weights.len()).sum();
        total / pixels + synthesis as f64
    }

    /// Bytes that decoding takes, roughly.
    pub(crate) fn decoder_bytes(&self) -> u64 {
        // Latents, features of the finest level, two sets of upsampled planes, the picture.
        let pixels = (self.width * self.height) as u64;
        pixels * (3 + self.features as u64 + 6 * self.levels as u64 + 24) + (1 << 22)
    }

    /// The parameters that every network starts from where no other is named: cubic upsampling, all else 0.
    pub(crate) fn plain_parameters(&self) -> Vec<i32> {
        let mut parameters = vec![0; self.parameters];
        for taps in &self.taps {
            // The cubic kernel with a = -0.75 at 1.75, 0.75, 0.25 and 1.25.
            for (at, tap) in taps.clone().zip([-144, 1072, 3600, -432]) {
                parameters[at] = tap;
            }
        }
        parameters
    }
}

/// Parameters as training has them.
pub(crate) fn in_floats(parameters: &[i32]) -> Vec<f32> {
    parameters.iter().map(|&value| value as f32 / (1 << WEIGHT_BITS) as f32).collect()
}

/// The error of a payload that is not as this says.
pub(crate) fn corrupt(
    what: &'static str,
    expected: &str,
    found: impl std::fmt::Display,
    offset: usize,
) -> Error {
    Error::corrupt(what, expected, found, Place::at_offset(offset as u64))
}
