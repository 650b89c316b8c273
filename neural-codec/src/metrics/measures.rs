//! Which metrics a comparison takes.

/// Which metrics to measure; each choice includes those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Measures {
    /// Squared errors alone.
    Psnr,
    /// And SSIM.
    #[default]
    Ssim,
    /// And MS-SSIM, at about twice the time.
    MsSsim,
}
