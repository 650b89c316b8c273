//! Frames through filters of FFmpeg's, in and out of one chain.

use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::filter::{self, Graph};
use ffmpeg_next::{Error as Ffmpeg, Frame, Rational};

const IN: &str = "in";
const OUT: &str = "out";

/// Filters one behind the other.
pub(super) struct Chain {
    graph: Graph,
}

impl Chain {
    /// `source`, `sink`: FFmpeg's names of the two ends, such as `buffer` and `buffersink`. `options`: of the source. `filters`: as for
    /// FFmpeg's `-filter`.
    ///
    /// # Errors
    ///
    /// FFmpeg's; `FilterNotFound` where it lacks one.
    pub(super) fn new(ends: (&str, &str), options: &str, filters: &str) -> Result<Self, Ffmpeg> {
        let find = |name: &str| filter::find(name).ok_or(Ffmpeg::FilterNotFound);
        let mut graph = Graph::new();
        graph.add(&find(ends.0)?, IN, options)?;
        graph.add(&find(ends.1)?, OUT, "")?;
        graph.output(IN, 0)?.input(OUT, 0)?.parse(filters)?;
        graph.validate()?;
        Ok(Self { graph })
    }

    /// Takes a frame, whose samples go over to the chain.
    ///
    /// # Errors
    ///
    /// FFmpeg's.
    pub(super) fn send(&mut self, frame: &mut Frame) -> Result<(), Ffmpeg> {
        self.graph.get(IN).ok_or(Ffmpeg::Bug)?.source().add(frame)
    }

    /// Says that no frame follows.
    ///
    /// # Errors
    ///
    /// FFmpeg's.
    pub(super) fn end(&mut self) -> Result<(), Ffmpeg> {
        self.graph.get(IN).ok_or(Ffmpeg::Bug)?.source().flush()
    }

    /// Gives the next frame; false where there is none yet, or none any more.
    ///
    /// # Errors
    ///
    /// FFmpeg's.
    pub(super) fn receive(&mut self, frame: &mut Frame) -> Result<bool, Ffmpeg> {
        match self.graph.get(OUT).ok_or(Ffmpeg::Bug)?.sink().frame(frame) {
            Ok(()) => Ok(true),
            Err(Ffmpeg::Other { errno: EAGAIN } | Ffmpeg::Eof) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Seconds per unit of the times of frames that come out.
    pub(super) fn time_base(&mut self) -> Rational {
        self.graph.get(OUT).map_or(Rational::new(1, 1), |mut out| out.sink().time_base())
    }
}
