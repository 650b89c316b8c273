//! A folder that keeps finished attempts, so that an encode that was interrupted resumes where it was.
//!
//! An attempt is a function of the frames and the params, so it is filed under the hash of both: whatever asks for the
//! same attempt again gets its result, byte for byte. Files appear whole or not at all, and one that is damaged
//! counts as missing.

use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::attempt::{CodedFrames, EncodeAttempt};
use super::params::EncodeParams;
use crate::defaults::Defaults;
use crate::error::{Error, Result};
use crate::frame::{FrameHash, VideoInfo};
use crate::media::AtomicFile;
use crate::metrics::{Comparison, FrameMetrics, Measures, SquaredError};

/// What an attempt cache is for, beside its attempts.
const MANIFEST: &str = "attempts.json";

/// Name and version of the manifest and of the files.
const SCHEMA: &str = "neural-codec/attempts/6";

/// What an attempt cache was made for. Another clip or version gets an error and not a mixture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    schema: String,
    library_version: String,
    base_encoder: String,
    /// Size, format and frame rate.
    video: String,
    /// Hash of the first frame.
    first_frame: String,
}

impl Manifest {
    /// What is to be kept for a clip as it is coded.
    fn new(info: &VideoInfo, base_encoder: &str, first_frame: FrameHash) -> Self {
        Self {
            schema: SCHEMA.into(),
            library_version: env!("CARGO_PKG_VERSION").into(),
            base_encoder: base_encoder.into(),
            video: format!(
                "{}x{} in {}, {}/{} frames a second",
                info.width, info.height, info.format, info.frame_rate.num, info.frame_rate.den
            ),
            first_frame: format!("{:016x}", first_frame.0),
        }
    }

    /// The first field in which another differs: its name, and what both have.
    fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let fields = |m: &Self| {
            [
                ("schema", m.schema.clone()),
                ("version of the library", m.library_version.clone()),
                ("base encoder", m.base_encoder.clone()),
                ("clip", m.video.clone()),
                ("clip: hash of the first frame", m.first_frame.clone()),
            ]
        };
        let pairs = fields(self).into_iter().zip(fields(other));
        pairs.filter(|(a, b)| a != b).map(|((name, own), (_, others))| (name, own, others)).next()
    }
}

/// A attempt cache in use.
#[derive(Debug)]
pub(crate) struct AttemptCache {
    path: PathBuf,
    /// The clip as it is coded, and what codes it.
    info: VideoInfo,
    base_encoder: String,
    /// Hash of the constants of the search.
    defaults: String,
    reused: AtomicU64,
}

/// An attempt as it is filed.
#[derive(Serialize, Deserialize)]
struct Filed {
    size: (usize, usize),
    units: Vec<Vec<u8>>,
    base: CodedFrames,
    hashes: Vec<u64>,
    timestamps: Vec<i64>,
    frames: Vec<FiledFrame>,
}

/// The measured frame. Bits of floats, so that what is read is what was written.
#[derive(Serialize, Deserialize)]
struct FiledFrame {
    squared_errors: [(u128, u64); 3],
    psnr_y: Option<u64>,
    ssim_y: Option<u64>,
    ms_ssim_y: Option<u64>,
    ssimulacra2: Option<u64>,
    vmaf: Option<u64>,
    xpsnr_y: Option<u64>,
}

impl AttemptCache {
    /// Opens the folder of a clip as it is coded, made where it is not there.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for one that was made for something else; `Io`.
    pub(crate) fn open(
        path: &Path,
        info: &VideoInfo,
        (base_encoder, defaults): (&str, &Defaults),
        first_frame: FrameHash,
    ) -> Result<Self> {
        Self::open_as(path, info, (base_encoder, defaults), &Manifest::new(info, base_encoder, first_frame))
    }

    fn open_as(
        path: &Path,
        info: &VideoInfo,
        (base_encoder, defaults): (&str, &Defaults),
        manifest: &Manifest,
    ) -> Result<Self> {
        fs::create_dir_all(path).map_err(|e| Error::io(path, e))?;
        let file = path.join(MANIFEST);
        match fs::read(&file) {
            Ok(bytes) => {
                let wrong = |found: String| {
                    let expected = "a folder made for this clip by this version; name or make another";
                    Error::invalid("cache_dir", expected, format!("{}: {found}", path.display()))
                };
                let there: Manifest = serde_json::from_slice(&bytes)
                    .map_err(|error| wrong(format!("an unreadable {MANIFEST}: {error}")))?;
                if let Some((name, own, others)) = manifest.difference(&there) {
                    return Err(wrong(format!("another {name}: {others} instead of {own}")));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let text = serde_json::to_vec_pretty(manifest).unwrap_or_default();
                write(&file, &text)?;
            }
            Err(error) => return Err(Error::io(&file, error)),
        }
        Ok(Self {
            path: path.to_owned(),
            info: *info,
            base_encoder: base_encoder.into(),
            defaults: defaults.hash(),
            reused: AtomicU64::new(0),
        })
    }

    /// How many attempts were taken from the folder.
    pub(crate) fn reused(&self) -> u64 {
        self.reused.load(Ordering::Relaxed)
    }

    /// The key of an attempt. `scene`: the hash of the scene's frames; `is_stored`: whether its units are kept; `measures`: what was
    /// measured.
    pub(crate) fn key(
        &self,
        scene: u64,
        span: &Range<u64>,
        params: &EncodeParams,
        is_stored: bool,
        measures: Measures,
    ) -> Key {
        let Self { info, base_encoder, defaults, .. } = self;
        let text = format!(
            "{SCHEMA} {info:?} {base_encoder} {defaults} {scene:016x} {span:?} {params:?} {is_stored} {measures:?}"
        );
        Key(xxh3_128(text.as_bytes()))
    }

    /// An attempt that is filed. Anything that is wrong with the file counts as "not there".
    pub(crate) fn load(&self, key: Key, measures: Measures) -> Option<EncodeAttempt> {
        let bytes = fs::read(self.path.join(key.file())).ok()?;
        let (sum, payload) = bytes.split_first_chunk::<8>()?;
        if u64::from_le_bytes(*sum) != xxh3_64(payload) {
            return None;
        }
        let filed: Filed = postcard::from_bytes(payload).ok()?;
        let frames: Vec<FrameMetrics> = filed.frames.iter().map(FiledFrame::metrics).collect();
        let attempt = EncodeAttempt {
            comparison: Comparison::of_frames(self.info.format, measures, filed.size, &frames),
            units: filed.units,
            base: filed.base,
            hashes: filed.hashes.into_iter().map(FrameHash).collect(),
            timestamps: filed.timestamps,
            frames,
            decoded: None,
        };
        self.reused.fetch_add(1, Ordering::Relaxed);
        Some(attempt)
    }

    /// Files an attempt.
    ///
    /// # Errors
    ///
    /// `Io`, with the file's name.
    pub(crate) fn save(&self, key: Key, attempt: &EncodeAttempt) -> Result<()> {
        let filed = Filed {
            size: (self.info.width, self.info.height),
            units: attempt.units.clone(),
            base: attempt.base.clone(),
            hashes: attempt.hashes.iter().map(|hash| hash.0).collect(),
            timestamps: attempt.timestamps.clone(),
            frames: attempt.frames.iter().map(FiledFrame::new).collect(),
        };
        let payload =
            postcard::to_stdvec(&filed).map_err(|e| Error::internal("attempt cache", e.to_string()))?;
        let sum = xxh3_64(&payload).to_le_bytes();
        write(&self.path.join(key.file()), &[&sum[..], &payload].concat())
    }
}

/// What an attempt depends on, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(u128);

impl Key {
    fn file(self) -> String {
        format!("{:032x}.attempt", self.0)
    }
}

impl FiledFrame {
    fn new(frame: &FrameMetrics) -> Self {
        Self {
            squared_errors: frame.planes.map(|plane| (plane.sum, plane.samples)),
            psnr_y: frame.psnr_y.map(f64::to_bits),
            ssim_y: frame.ssim_y.map(f64::to_bits),
            ms_ssim_y: frame.ms_ssim_y.map(f64::to_bits),
            ssimulacra2: frame.ssimulacra2.map(f64::to_bits),
            vmaf: frame.vmaf.map(f64::to_bits),
            xpsnr_y: frame.xpsnr_y.map(f64::to_bits),
        }
    }

    fn metrics(&self) -> FrameMetrics {
        FrameMetrics {
            planes: self.squared_errors.map(|(sum, samples)| SquaredError { sum, samples }),
            psnr_y: self.psnr_y.map(f64::from_bits),
            ssim_y: self.ssim_y.map(f64::from_bits),
            ms_ssim_y: self.ms_ssim_y.map(f64::from_bits),
            ssimulacra2: self.ssimulacra2.map(f64::from_bits),
            vmaf: self.vmaf.map(f64::from_bits),
            xpsnr_y: self.xpsnr_y.map(f64::from_bits),
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(|e| Error::io(path, e))?;
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Quantizer;
    use crate::frame::{BitDepth, Color, Frame, PixelFormat, Rational};
    use crate::search::Tools;

    fn info() -> VideoInfo {
        VideoInfo::new(16, 16, PixelFormat::YUV420_8, Rational { num: 25, den: 1 })
    }

    fn opened(path: &Path, manifest: &Manifest) -> Result<AttemptCache> {
        AttemptCache::open_as(path, &info(), ("SVT-AV1 4.1", &Defaults::default()), manifest)
    }

    fn key(cache: &AttemptCache, scene: u64) -> Key {
        let quantizer = Quantizer::from(30);
        let params = EncodeParams {
            quantizer,
            preset: 8,
            depth: BitDepth::Eight,
            tools: Tools::default(),
            frame_quantizers: Vec::new(),
            steering: None,
        };
        cache.key(scene, &(0..2), &params, true, Measures::SSIM)
    }

    fn attempt() -> EncodeAttempt {
        let picture = |value: u8| {
            let mut frame = Frame::new(16, 16, PixelFormat::YUV420_8, Color::default()).unwrap();
            if let crate::frame::Planes::U8(planes) = frame.planes_mut() {
                planes[0].samples_mut().fill(value);
            }
            frame
        };
        let mut comparison = Comparison::new(PixelFormat::YUV420_8, Measures::SSIM);
        let frames = vec![
            comparison.push(&picture(10), &picture(13)).unwrap(),
            comparison.push(&picture(10), &picture(10)).unwrap(),
        ];
        EncodeAttempt {
            units: vec![vec![1, 2, 3], vec![]],
            base: CodedFrames { quantizers: vec![45; 2], sizes: vec![3, 0] },
            hashes: vec![FrameHash(u64::MAX), FrameHash(7)],
            timestamps: vec![-5, i64::MAX],
            frames,
            comparison,
            decoded: None,
        }
    }

    fn manifest(frame: u64) -> Manifest {
        Manifest::new(&info(), "SVT-AV1 4.1", FrameHash(frame))
    }

    #[test]
    fn an_attempt_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let cache = opened(folder.path(), &manifest(1)).unwrap();
        let attempt = attempt();
        cache.save(key(&cache, 1), &attempt).unwrap();
        let cache = opened(folder.path(), &manifest(1)).unwrap();
        let back = cache.load(key(&cache, 1), Measures::SSIM).unwrap();
        assert_eq!(format!("{back:?}"), format!("{attempt:?}"));
        assert!(cache.load(key(&cache, 2), Measures::SSIM).is_none());
        assert_eq!(cache.reused(), 1);
    }

    #[test]
    fn a_damaged_file_counts_as_missing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = opened(folder.path(), &manifest(1)).unwrap();
        cache.save(key(&cache, 1), &attempt()).unwrap();
        let path = folder.path().join(key(&cache, 1).file());
        let whole = fs::read(&path).unwrap();
        for damaged in [&whole[..whole.len() - 1], &[], &[&whole[..20], &[0; 4], &whole[24..]].concat()] {
            fs::write(&path, damaged).unwrap();
            assert!(cache.load(key(&cache, 1), Measures::SSIM).is_none());
        }
    }

    #[test]
    fn a_folder_of_another_clip_or_version_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        opened(folder.path(), &manifest(1)).unwrap();
        let message = |manifest: &Manifest| opened(folder.path(), manifest).unwrap_err().to_string();
        assert!(message(&manifest(2)).contains("first frame"));
        let other = Manifest { library_version: "99.0".into(), ..manifest(1) };
        assert!(message(&other).contains("version of the library"));
        fs::write(folder.path().join(MANIFEST), "{").unwrap();
        assert!(message(&manifest(1)).contains("unreadable"));
    }
}
