//! Which encoder codes a photo as AV1: libaom as 4:4:4 where there is one and the time for it, else SVT-AV1 as 4:2:0.

use super::aom::{AomCoder, PhotoPlanes};
use super::av1::{Av1Coder, Coded};
use super::target::PhotoTarget;
use crate::base::{Libaom, Library, Quantizer, StillEncoder, StillTune};
use crate::bitstream::PhotoPacket;
use crate::error::{Error, Result};
use crate::frame::{BitDepth, ColorAxes, Frame};
use crate::settings::Settings;
use crate::strategy::Strategy;

/// Codes one photo, again and again.
pub(super) enum PhotoCoder<'a> {
    Svt(Av1Coder),
    Aom(AomCoder<'a>),
}

/// How fast attempts are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Presets {
    /// Of what may be stored.
    pub(super) stored: i8,
    /// Of what says where the quantizer lies, where that comes first.
    pub(super) locating: Option<i8>,
    /// How far above a floor is near enough. Units: dB.
    pub(super) near: f64,
}

impl<'a> PhotoCoder<'a> {
    /// The coder of `source`, RGB, and what is to be said where another would have taken fewer bytes.
    ///
    /// # Errors
    ///
    /// `MissingLibrary`, `OutOfMemory`.
    pub(super) fn new(
        source: &'a Frame,
        packet: &PhotoPacket,
        settings: &Settings,
        target: &PhotoTarget,
        is_for_players: bool,
    ) -> Result<(Self, Option<String>)> {
        let rules = settings.defaults.photo;
        // Gray has no colors, and a reader makes it gray again; eight bits inside are SVT-AV1's alone.
        let would = settings.effort >= rules.libaom_from_effort
            && !packet.is_gray
            && settings.bit_depth != Some(BitDepth::Eight);
        let mut note = None;
        if would {
            match Libaom::load().and_then(|library| StillEncoder::probe(&library).map(|()| library)) {
                Ok(library) if target.tune() == StillTune::SquaredError || library.has_perception() => {
                    let threads = settings.thread_count();
                    let has_profile = !packet.tags.icc.is_empty();
                    let is_filtered = settings.effort >= rules.filtered_from_effort
                        && settings.strategies.contains(&Strategy::Hybrid);
                    let planes = match target.tune() {
                        _ if is_for_players => PhotoPlanes::ForPlayers { has_profile },
                        StillTune::SquaredError => PhotoPlanes::Own {
                            axes: ColorAxes::of(source)?,
                            filter_worth: is_filtered.then_some(rules.filter_worth),
                        },
                        StillTune::Perception => PhotoPlanes::Scaled,
                    };
                    let coder = AomCoder::new(library, source, planes, target.tune(), threads);
                    return Ok((Self::Aom(coder), None));
                }
                Ok(library) => {
                    let version = library.version();
                    note = Some(format!(
                        "The photo was coded by SVT-AV1, which mostly takes more bytes: libaom tunes for what people see from 3.12 on, found {version}"
                    ));
                }
                Err(missing @ (Error::MissingLibrary { .. } | Error::Unsupported { .. })) => {
                    note = Some(format!(
                        "The photo was coded by SVT-AV1, which mostly takes more bytes: {missing}"
                    ));
                }
                Err(error) => return Err(error),
            }
        }
        // Ten bits inside save bytes whatever the source has.
        let depth = settings.bit_depth.unwrap_or(BitDepth::Ten).max(source.format().depth);
        let (has_profile, threads) = (!packet.tags.icc.is_empty(), settings.thread_count());
        let library = Library::load(None)?;
        let coder =
            Av1Coder::new(&library, source, depth, packet.is_gray, has_profile, target.tune(), threads)?;
        Ok((Self::Svt(coder), note))
    }

    /// What reports call the encoder.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Svt(coder) => coder.name(),
            Self::Aom(coder) => coder.name(),
        }
    }

    /// Bits of a coded sample.
    pub(super) fn depth(&self) -> BitDepth {
        match self {
            Self::Svt(coder) => coder.depth(),
            Self::Aom(_) => BitDepth::Ten,
        }
    }

    /// The options that are in use.
    pub(super) fn tools(&self) -> String {
        match self {
            Self::Svt(coder) => coder.tools(),
            Self::Aom(coder) => coder.tools(),
        }
    }

    /// How often an attempt was retried.
    pub(super) fn retries(&self) -> u64 {
        match self {
            Self::Svt(coder) => coder.retries,
            Self::Aom(_) => 0,
        }
    }

    /// How fast attempts of an effort are.
    pub(super) fn presets(&self, settings: &Settings) -> Presets {
        let rules = settings.defaults.photo;
        let libaom = |speeds| {
            let locating = rules.libaom_locate_speed;
            (speeds, locating, locating, StillEncoder::FASTEST as i8, rules.libaom_near)
        };
        let (presets, locating, at_once_from, fastest, near) = match self {
            Self::Svt(_) => {
                (rules.presets, rules.locate_preset, rules.stored_at_once_from, i8::MAX, rules.near)
            }
            Self::Aom(coder) if coder.is_perceptual() => libaom(rules.libaom_perception_speeds),
            Self::Aom(_) => libaom(rules.libaom_speeds),
        };
        let stored = settings.preset.unwrap_or(presets[usize::from(settings.effort.min(9))]);
        let stored = stored.clamp(0, fastest);
        Presets { stored, locating: (stored < at_once_from).then_some(locating), near }
    }

    /// The quantizer that stands for one that was asked for: the next that there is, at or below it.
    pub(super) fn quantizer_for(&self, asked: Quantizer) -> Quantizer {
        match self {
            Self::Svt(_) => asked,
            Self::Aom(coder) => coder.quantizer_at_most(asked.value()),
        }
    }

    /// The quantizers there are, from the finest to the coarsest.
    pub(super) fn quantizers(&self) -> Vec<Quantizer> {
        let mut line: Vec<Quantizer> = (4..=280)
            .map(|quarters| {
                let value = f64::from(quarters) / 4.0;
                match self {
                    Self::Svt(coder) => coder.quantizer_at_most(value),
                    Self::Aom(coder) => coder.quantizer_at_most(value),
                }
            })
            .collect();
        line.dedup();
        line
    }

    /// Codes the photo and decodes it.
    ///
    /// # Errors
    ///
    /// Those of the encoder and of the decoder.
    pub(super) fn attempt(&mut self, quantizer: Quantizer, preset: i8) -> Result<Coded> {
        match self {
            Self::Svt(coder) => coder.attempt(quantizer, preset),
            Self::Aom(coder) => coder.attempt(quantizer, preset),
        }
    }
}
