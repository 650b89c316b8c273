//! Codes a clip with every setting of a list, and measures each frame: the raw material of rules and of oracles.
//!
//! ```text
//! grid CLIP SETTINGS [METRICS]   one line of SETTINGS a coding: PRESET DEPTH QUANTIZER [NAME=VALUE ...]
//! ```
//! Prints one JSON object a line: the setting, bytes and processor seconds of encoding alone, and of every frame its bytes,
//! quantizer (0 to 63) and temporal layer, luma PSNR in dB and luma SSIM, and the mean PSNR of both chroma planes. METRICS
//! (`vmaf,xpsnr`) are told of all frames together.
#![allow(clippy::print_stdout, reason = "a program, not a library")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use cpu_time::ProcessTime;
use neural_codec::base::{
    Av1Decoder, DecoderConfig, EncoderConfig, Library, Quantizer, SvtAv1Encoder, TemporalUnit,
};
use neural_codec::frame::{BitDepth, Frame, VideoInfo};
use neural_codec::media::{self, OpenOptions};
use neural_codec::metrics::{ClipMeasurer, FrameMetrics, Measured, Measures, Metric, Metrics};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (clip, settings, measures) = match arguments.as_slice() {
        [clip, settings] => (clip, settings, Measures::SSIM),
        [clip, settings, metrics] => (clip, settings, metrics.parse::<Measures>()?.with(Metric::SsimY)),
        _ => return Err("usage: grid CLIP SETTINGS [METRICS]".into()),
    };
    let mut source = media::open(Path::new(clip), &OpenOptions::default())?;
    let info = *source.info();
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame()? {
        frames.push(Arc::new(frame));
    }
    for line in std::fs::read_to_string(settings)?.lines().filter(|line| !line.trim().is_empty()) {
        println!("{}", measured(&info, &frames, line, measures)?);
    }
    Ok(())
}

fn measured(
    info: &VideoInfo,
    frames: &[Arc<Frame>],
    line: &str,
    measures: Measures,
) -> Result<String, Failure> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [preset, depth, quantizer, options @ ..] = words.as_slice() else {
        return Err(format!("{line:?}: expected PRESET DEPTH QUANTIZER").into());
    };
    let config = EncoderConfig {
        preset: preset.parse()?,
        depth: if *depth == "10" { BitDepth::Ten } else { BitDepth::Eight },
        quantizer: Quantizer::new(quantizer.parse()?)?,
        color: info.color,
        extra: options
            .iter()
            .filter_map(|option| option.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        ..EncoderConfig::new(info.width, info.height, info.frame_rate)
    };
    let clock = ProcessTime::now();
    let units = coded(&config, frames)?;
    let seconds = clock.elapsed().as_secs_f64();
    let Measured { frames: metrics, comparison } = compared(info, &config, measures, frames, &units)?;
    let list = |value: &dyn Fn(usize) -> String| (0..units.len()).map(value).collect::<Vec<_>>().join(",");
    let chroma = |frame: &FrameMetrics| {
        let mse = f64::midpoint(frame.mse(1), frame.mse(2)).max(1e-9);
        10.0 * (255.0 * 255.0 / mse).log10()
    };
    let mut text = String::new();
    write!(
        text,
        "{{\"setting\":\"{line}\",\"bytes\":{},\"seconds\":{seconds:.3},\"units\":[{}],\"quantizers\":[{}],\"layers\":[{}],\"psnr\":[{}],\"ssim\":[{}],\"chroma\":[{}]{}}}",
        units.iter().map(|unit| unit.data.len()).sum::<usize>(),
        list(&|i| units[i].data.len().to_string()),
        list(&|i| units[i].quantizer.to_string()),
        list(&|i| units[i].temporal_layer.map_or(0, i64::from).to_string()),
        list(&|i| format!("{:.3}", metrics[i].psnr_y.unwrap_or(100.0))),
        list(&|i| format!("{:.5}", metrics[i].ssim_y.unwrap_or(1.0))),
        list(&|i| format!("{:.2}", chroma(&metrics[i]))),
        others(&comparison.finish()),
    )?;
    Ok(text)
}

/// The metrics that were asked for beside luma PSNR and SSIM, of all frames together, as members of an object.
fn others(metrics: &Metrics) -> String {
    let Metrics { ms_ssim_y, ssimulacra2, vmaf, xpsnr_y, .. } = *metrics;
    let values = [
        (Metric::MsSsimY, ms_ssim_y),
        (Metric::Ssimulacra2, ssimulacra2),
        (Metric::Vmaf, vmaf),
        (Metric::XpsnrY, xpsnr_y),
    ];
    let member = |(metric, value): (Metric, Option<f64>)| Some(format!(",\"{metric}\":{:.4}", value?));
    values.into_iter().filter_map(member).collect()
}

fn coded(config: &EncoderConfig, frames: &[Arc<Frame>]) -> Result<Vec<TemporalUnit>, Failure> {
    let mut encoder = SvtAv1Encoder::new(&Library::load(None)?, config)?;
    let mut units = Vec::new();
    for frame in frames {
        if frame.format().depth == config.depth {
            encoder.send(Arc::clone(frame))?;
        } else {
            encoder.send(frame.shifted_to(config.depth)?)?;
        }
        while let Some(unit) = encoder.receive()? {
            units.push(unit);
        }
    }
    encoder.finish()?;
    while let Some(unit) = encoder.receive()? {
        units.push(unit);
    }
    Ok(units)
}

fn compared(
    info: &VideoInfo,
    config: &EncoderConfig,
    measures: Measures,
    frames: &[Arc<Frame>],
    units: &[TemporalUnit],
) -> Result<Measured, Failure> {
    let mut decoder = Av1Decoder::new(&DecoderConfig {
        depth: config.depth,
        color: info.color,
        ..DecoderConfig::new(info.width, info.height)
    })?;
    let mut measurer = ClipMeasurer::new(info, measures)?;
    let mut take = |decoder: &mut Av1Decoder| -> Result<(), Failure> {
        while let Some(decoded) = decoder.receive()? {
            let decoded = decoded.shifted_to(info.format.depth)?;
            measurer.push(&frames[measurer.len()], &decoded)?;
        }
        Ok(())
    };
    for unit in units {
        decoder.send(&unit.data)?;
        take(&mut decoder)?;
    }
    decoder.finish()?;
    take(&mut decoder)?;
    Ok(measurer.finish()?)
}
