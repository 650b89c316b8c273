//! VMAF by libvmaf, a library loaded at run time: model `vmaf_v0.6.1`, which every libvmaf has built in.
//!
//! Source: Li, Aaron, Katsavounidis, Moorthy, Manohara, "Toward a practical perceptual video quality metric", Netflix, 2016; what
//! libvmaf computes is the definition.

mod library;
mod run;

pub use library::{VMAF_VARIABLE, suggest_vmaf, vmaf_version};
pub use run::VMAF_SMALLEST_SIDE;
pub(super) use run::VmafRun;
