//! Whole files in one call.

#![allow(unsafe_code)] // Only to pass a caller's pointers on to `pointer`.

use std::ffi::{c_char, c_void};
use std::ops::ControlFlow;

use neural_codec::bitstream::Limits;
use neural_codec::decoder::{self, DecoderSettings, open_clip};
use neural_codec::encoder::{self, Hooks};
use neural_codec::metrics::Measures;
use neural_codec::progress::CancelToken;
use neural_codec::settings::{DeviceChoice, Settings};
use neural_codec::{Error, Result, process};

use crate::handle::call_without_handle;
use crate::options::Options;
use crate::pointer::{Output, array, give_text, path, text};
use crate::progress::{Listener, ProgressCallback};
use crate::status::NCODEC_OK;

/// Runs a call on whole files, in which no handle refuses the child of a fork: it has none of the threads that the work needs.
fn whole_files(call: &'static str, work: impl FnOnce() -> Result<i32>) -> i32 {
    call_without_handle(|| {
        process::check(call)?;
        work()
    })
}

/// Encodes a media file into an .mkv, .mp4 or .webm that any player plays, or a .nvc stream, by the output's ending; it
/// appears whole or not at all. What is lost on the way is in the report's lost.
///
/// keys and values each point to count texts, settings as for ncodec_encoder_set; both may be NULL when count is 0.
/// progress and user_data may be NULL; a callback that returns non-zero cancels. On success *report is the account of
/// the encode as JSON, on failure NULL; report may be NULL. Messages are at ncodec_last_error.
/// Ownership: *report is yours; free it by ncodec_string_free. Threads: any; calls do not disturb one another.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_encode_file(
    input: *const c_char,
    output: *const c_char,
    keys: *const *const c_char,
    values: *const *const c_char,
    count: usize,
    progress: ProgressCallback,
    user_data: *mut c_void,
    report: *mut *mut c_char,
) -> i32 {
    whole_files("ncodec_encode_file", || {
        // SAFETY: NULL, or strings, arrays of them and a place for a pointer, as the header asks.
        let (input, output, pairs, report) = unsafe {
            (path("input", input)?, path("output", output)?, pairs(keys, values, count)?, place(report)?)
        };
        let mut options = Options::default();
        pairs.into_iter().try_for_each(|(key, value)| options.set(key, value))?;
        let listener = Listener::new(progress, user_data);
        let mut hooks = Hooks::default();
        hooks.scenes = options.scenes;
        if listener.is_present() {
            hooks = hooks.with_progress(move |progress| listener.report(progress));
        }
        let account = encoder::encode_file(input, output, &options.settings, hooks)?;
        give(&account.to_json(), report)
    })
}

/// Decodes a .nvc file, or an .mkv, .mp4 or .webm that ncodec_encode_file wrote, into a media file without loss, which
/// appears whole or not at all; its name decides its kind.
///
/// keys and values are settings as for ncodec_decoder_set; everything else is as for ncodec_encode_file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_decode_file(
    input: *const c_char,
    output: *const c_char,
    keys: *const *const c_char,
    values: *const *const c_char,
    count: usize,
    progress: ProgressCallback,
    user_data: *mut c_void,
    report: *mut *mut c_char,
) -> i32 {
    whole_files("ncodec_decode_file", || {
        // SAFETY: NULL, or strings, arrays of them and a place for a pointer, as the header asks.
        let (input, output, pairs, report) = unsafe {
            (path("input", input)?, path("output", output)?, pairs(keys, values, count)?, place(report)?)
        };
        let mut settings = DecoderSettings::default();
        pairs.into_iter().try_for_each(|(key, value)| settings.set(key, value))?;
        let listener = Listener::new(progress, user_data);
        let mut on_progress = |progress| listener.report(progress);
        let account = decoder::decode_file(input, output, &settings, &CancelToken::new(), &mut on_progress)?;
        give(&json(&account)?, report)
    })
}

/// Describes a .nvc file, or an .mkv, .mp4 or .webm that ncodec_encode_file wrote, without decoding its pictures: size,
/// rate, scenes, bytes.
///
/// Messages are at ncodec_last_error. Ownership: *summary is JSON and yours; free it by ncodec_string_free; NULL on
/// failure. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_inspect_file(input: *const c_char, summary: *mut *mut c_char) -> i32 {
    whole_files("ncodec_inspect_file", || {
        // SAFETY: NULL, or a string and a place for a pointer, as the header asks.
        let (input, summary) = unsafe { (path("input", input)?, required("summary", summary)?) };
        let found = decoder::inspect_file(input, Limits::default())?;
        give(&json(&found)?, Some(summary))
    })
}

/// Measures a clip against a reference, frame by frame: PSNR, SSIM and MS-SSIM as docs/GLOSSARY.md defines them. Both
/// may be .nvc files or media files; clips of different size or length are NCODEC_ERROR_INVALID_ARGUMENT.
///
/// Messages are at ncodec_last_error. Ownership: *metrics is JSON and yours; free it by ncodec_string_free; NULL on
/// failure. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_compare_files(
    reference: *const c_char,
    clip: *const c_char,
    metrics: *mut *mut c_char,
) -> i32 {
    whole_files("ncodec_compare_files", || {
        // SAFETY: NULL, or strings and a place for a pointer, as the header asks.
        let (reference, clip, metrics) =
            unsafe { (path("reference", reference)?, path("clip", clip)?, required("metrics", metrics)?) };
        let settings = DecoderSettings::default();
        let (mut reference, mut clip) = (open_clip(reference, &settings)?, open_clip(clip, &settings)?);
        let found = decoder::compare(reference.as_mut(), clip.as_mut(), Measures::MS_SSIM)?;
        give(&json(&found)?, Some(metrics))
    })
}

/// Measures a clip against a reference as ncodec_compare_files does, by the metrics that are named, with commas between them:
/// psnr, ssim, ms_ssim, ssimulacra2, vmaf, xpsnr. PSNR is measured in any case. VMAF needs libvmaf, which is loaded at run time:
/// NCODEC_ERROR_MISSING_LIBRARY and the remedy where it is not to be had.
///
/// Messages are at ncodec_last_error. Ownership: *metrics is JSON and yours; free it by ncodec_string_free; NULL on
/// failure. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_compare_files_by(
    reference: *const c_char,
    clip: *const c_char,
    names: *const c_char,
    metrics: *mut *mut c_char,
) -> i32 {
    whole_files("ncodec_compare_files_by", || {
        // SAFETY: NULL, or strings and a place for a pointer, as the header asks.
        let (reference, clip, names, metrics) = unsafe {
            let (reference, clip) = (path("reference", reference)?, path("clip", clip)?);
            (reference, clip, text("names", names)?, required("metrics", metrics)?)
        };
        let measures: Measures = names.parse()?;
        let settings = DecoderSettings::default();
        let (mut reference, mut clip) = (open_clip(reference, &settings)?, open_clip(clip, &settings)?);
        let found = decoder::compare(reference.as_mut(), clip.as_mut(), measures)?;
        give(&json(&found)?, Some(metrics))
    })
}

/// Finds the scenes of a media file, as an encode cuts it, no longer than max_scene_seconds (0.5 to 60; 0 for the default
/// of 10): *scenes is JSON, [[start, end], ...] in frames, end exclusive.
///
/// Messages are at ncodec_last_error. Ownership: *scenes is yours; free it by ncodec_string_free; NULL on failure. Threads:
/// any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_detect_scenes_file(
    input: *const c_char,
    max_scene_seconds: f64,
    scenes: *mut *mut c_char,
) -> i32 {
    whole_files("ncodec_detect_scenes_file", || {
        // SAFETY: NULL, or a string and a place for a pointer, as the header asks.
        let (input, scenes) = unsafe { (path("input", input)?, required("scenes", scenes)?) };
        let seconds =
            if max_scene_seconds == 0.0 { Settings::default().max_scene_seconds } else { max_scene_seconds };
        if !(0.5..=60.0).contains(&seconds) {
            return Err(Error::invalid("max_scene_seconds", "0, or 0.5 to 60", seconds));
        }
        let mut clip = open_clip(input, &DecoderSettings::default())?;
        let device = DeviceChoice::Auto.open(clip.info().width * clip.info().height)?;
        let found = encoder::detect_scenes(clip.as_mut(), seconds, &device)?;
        let pairs: Vec<_> = found.iter().map(|scene| [scene.start, scene.end]).collect();
        give(&serde_json::to_string(&pairs).map_err(|error| Error::internal("JSON", error))?, Some(scenes))
    })
}

/// Writes the AV1 base layer of a stream in any container, as it is and with the audio, into an .mp4, .mkv or .webm file that any
/// player plays; it appears whole or not at all. The pictures are those of the base layer alone, at its coded size.
///
/// *report is JSON: frames, base_bytes, width, height, bit_depth, lost; report may be NULL. Messages are at ncodec_last_error.
/// Ownership: *report is yours; free it by ncodec_string_free; NULL on failure. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ncodec_export_base_file(
    input: *const c_char,
    output: *const c_char,
    report: *mut *mut c_char,
) -> i32 {
    whole_files("ncodec_export_base_file", || {
        // SAFETY: NULL, or strings and a place for a pointer, as the header asks.
        let (input, output, report) =
            unsafe { (path("input", input)?, path("output", output)?, place(report)?) };
        let (limits, cancel) = (Limits::default(), CancelToken::new());
        let found =
            decoder::export_base(input, output, &limits, &cancel, &mut |_| ControlFlow::Continue(()))?;
        give(&json(&found)?, report)
    })
}

/// A caller's settings, key beside value.
///
/// # Safety
/// Each pointer is NULL or points to `count` pointers to strings or NULL, which stay for `'a`.
unsafe fn pairs<'a>(
    keys: *const *const c_char,
    values: *const *const c_char,
    count: usize,
) -> Result<Vec<(&'a str, &'a str)>> {
    // SAFETY: the contract is this function's own.
    let (keys, values) = unsafe { (array("keys", keys, count)?, array("values", values, count)?) };
    let pair = |(index, (&key, &value)): (usize, (&*const c_char, &*const c_char))| {
        // SAFETY: strings or NULL, by this function's contract.
        unsafe { Ok((text(&format!("key {index}"), key)?, text(&format!("value {index}"), value)?)) }
    };
    keys.iter().zip(values).enumerate().map(pair).collect()
}

/// Where a text goes, NULL until there is one.
///
/// # Safety
/// The pointer is NULL or valid for writes of a pointer as long as the value lives.
unsafe fn required(name: &str, pointer: *mut *mut c_char) -> Result<Output<*mut c_char>> {
    // SAFETY: the contract is this function's own.
    let mut output = unsafe { Output::new(name, pointer)? };
    output.put(std::ptr::null_mut());
    Ok(output)
}

/// As [`required`], for a caller who may not want the text.
///
/// # Safety
/// As [`required`].
unsafe fn place(pointer: *mut *mut c_char) -> Result<Option<Output<*mut c_char>>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the contract is this function's own.
    unsafe { required("report", pointer).map(Some) }
}

fn give(json: &str, output: Option<Output<*mut c_char>>) -> Result<i32> {
    if let Some(mut output) = output {
        give_text(json, &mut output)?;
    }
    Ok(NCODEC_OK)
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(value).map_err(|error| Error::internal("JSON", error))
}
