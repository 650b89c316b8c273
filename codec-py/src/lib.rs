//! The extension module `neural_codec._native`: the few calls that the Python package is built on.
//!
//! ```text
//! Source (file, bytes, file object, or fed through a Feeder) -> Job (encode, compare, ...) on its own thread -> events
//! ```
//! What a Python user sees, and every check of an argument, is in `python/neural_codec/`.

mod decoding;
mod describe;
mod device_array;
mod dlpack;
mod errors;
mod feeder;
mod file;
mod gpu_picture;
mod job;
mod layout;
mod offer;
mod options;
mod parts;
mod photo;
mod pictures;
mod pusher;
mod python_file;
mod seeker;
mod source;
mod work;

use pyo3::prelude::pymodule;

/// The native half of the package `neural_codec`; not for direct use.
#[pymodule]
mod _native {
    use pyo3::prelude::*;
    use pyo3::types::PyBytes;

    #[pymodule_export]
    use crate::describe::{
        bd_rate, check_settings, decoder_version, defaults, encoder_version, ffmpeg_version, settings,
        suggest_libraries, version_of_aom, version_of_vmaf,
    };
    #[pymodule_export]
    use crate::device_array::{DeviceArray, DeviceFrame};
    #[pymodule_export]
    use crate::feeder::Feeder;
    #[pymodule_export]
    use crate::file::OutputFile;
    #[pymodule_export]
    use crate::gpu_picture::GpuPicture;
    #[pymodule_export]
    use crate::job::Job;
    #[pymodule_export]
    use crate::parts::{
        PySceneCutter, concat, encode_cut, encode_scene, probe, profile_scenes, scenes_start_warm, split,
        strategies_for_players, warm_start,
    };
    #[pymodule_export]
    use crate::photo::{decode_photo, decode_picture, encode_photo, encode_picture, is_photo};
    #[pymodule_export]
    use crate::pusher::Pusher;
    #[pymodule_export]
    use crate::seeker::Seeker;
    #[pymodule_export]
    use crate::source::{Source, fed, inspect};
    #[pymodule_export]
    use crate::work::{
        compare, detect_scenes, encode, export_base, output_kind, panic_on_purpose, remux, write,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        // Given as bytes: a plain array would become a list.
        module.add("SIGNATURE", PyBytes::new(module.py(), &neural_codec::bitstream::SIGNATURE))
    }
}
