//! How much is measured: on a GPU all of it, to try the program itself a little.

/// Sizes and times of the measurements.
pub(crate) struct Scale {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Seconds that a case is run for.
    pub(crate) seconds: f64,
    /// Bytes that are copied within the device to find its bandwidth.
    pub(crate) copied: usize,
    /// Steps of training on the GPU and on the CPU, and of a whole scene.
    pub(crate) steps: (usize, usize, usize),
    /// Patches to train on, and to judge by.
    pub(crate) patches: (usize, usize),
}

impl Scale {
    /// What the bars are about.
    pub(crate) const FULL: Self = Self {
        width: 1920,
        height: 1080,
        seconds: 0.5,
        copied: 1 << 30,
        steps: (2000, 100, 1000),
        patches: (768, 128),
    };

    /// For a fake driver that is no GPU; its numbers mean nothing.
    pub(crate) const SMALL: Self =
        Self { width: 160, height: 90, seconds: 0.001, copied: 1 << 16, steps: (1, 1, 8), patches: (8, 2) };

    /// Samples of luma.
    pub(crate) fn samples(&self) -> usize {
        self.width * self.height
    }
}
