//! What a container keeps of a clip's tracks: told before the first byte is written, and then done.

use super::super::file_tags::is_of_the_file;
use super::super::subtitles::{converted, loses_styles};
use super::super::{Container, Lost};
use super::muxer::Muxer;
use super::{initialize, native_write};
use crate::bitstream::{Attachment, AudioTrack, SubtitlePacket, SubtitleTrack, Tracks};
use crate::error::{Error, Result};

/// What to do about sound that a container cannot hold.
const REMEDY: &str = "encode it again (audio=NUMBER:opus), leave it out (audio=NUMBER:none, or audio=none for all), or write another container";
/// What to do about sound that FFmpeg does not know.
const REMEDY_UNKNOWN: &str = "leave the track out (audio=NUMBER:none, or audio=none for all)";

/// Checks that something can be made of every track of sound later.
///
/// # Errors
///
/// `Unsupported` for one that FFmpeg does not know, with the choices.
pub(crate) fn expect_known_audio(tracks: &Tracks) -> Result<()> {
    initialize();
    match tracks.audio.iter().position(|track| !native_write::knows_audio(&track.codec)) {
        Some(index) => Err(unknown(index, &tracks.audio[index].codec)),
        None => Ok(()),
    }
}

fn unknown(index: usize, codec: &str) -> Error {
    Error::Unsupported {
        what: format!("audio track {index} ({codec}), a codec that FFmpeg does not know"),
        remedy: REMEDY_UNKNOWN.into(),
    }
}

/// A clip's tracks as a container holds them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ContainerTracks {
    /// What is written.
    pub tracks: Tracks,
    /// What is not.
    pub lost: Vec<Lost>,
    /// For each subtitle track of the clip: the one it becomes, and the codecs from and to.
    subtitles: Vec<Option<(u8, String, String)>>,
}

impl ContainerTracks {
    /// What `container` keeps of `tracks`.
    ///
    /// # Errors
    ///
    /// `Unsupported` where it cannot hold a track of sound, with the choices.
    pub fn new(container: Container, tracks: &Tracks) -> Result<Self> {
        initialize();
        let mut kept = Self { tracks: tracks.clone(), lost: Vec::new(), subtitles: Vec::new() };
        for (index, track) in tracks.audio.iter().enumerate() {
            check_audio(container, index, track)?;
            let layout = &track.details.channel_layout;
            if container.forgets_layout(&track.codec, layout, native_write::is_usual_layout(track)) {
                let way_out = match container {
                    Container::Matroska | Container::WebM => format!("audio={index}:flac keeps it"),
                    Container::Mp4 | Container::Mov => "an .mkv file keeps it".into(),
                };
                let why = format!(
                    "track {index} is {layout}; of such sound {} files hold the number of channels alone ({way_out})",
                    container.ending()
                );
                kept.lost.push(Lost::new("channel layout", why));
            }
        }
        kept.keep_subtitles(container, &tracks.subtitles);
        kept.tracks.attachments.retain(|attachment| {
            let holds = container.holds_attachment(&attachment.codec);
            if !holds {
                let name = name_of(attachment);
                kept.lost.push(Lost::new(
                    "attachment",
                    format!("{name}: {} files have no place for it", container.ending()),
                ));
            }
            holds
        });
        for (name, _) in
            tracks.tags.iter().filter(|(name, _)| !container.holds_tag(name) && !is_of_the_file(name))
        {
            kept.lost
                .push(Lost::new("tag", format!("{name}: {} files have no place for it", container.ending())));
        }
        let titled = |chapter: &crate::bitstream::Chapter| {
            chapter.tags.iter().any(|(name, _)| name != "title" && !is_of_the_file(name))
        };
        if tracks.chapters.iter().any(titled) {
            kept.lost.push(Lost::new("chapter", "tags other than titles are left out"));
        }
        let streams = tracks.audio.iter().map(|track| &track.details.tags);
        for tags in
            streams.chain(tracks.subtitles.iter().map(|track| &track.tags)).chain([&tracks.video_tags])
        {
            for (name, _) in
                tags.iter().filter(|(name, _)| !container.holds_track_tag(name) && !is_of_the_file(name))
            {
                kept.lost.push(Lost::new(
                    "tag",
                    format!("{name} of a track: {} files have no place for it", container.ending()),
                ));
            }
        }
        Ok(kept)
    }

    fn keep_subtitles(&mut self, container: Container, tracks: &[SubtitleTrack]) {
        self.tracks.subtitles.clear();
        for (index, track) in tracks.iter().enumerate() {
            let from = track.codec.as_str();
            let Some(to) = container.subtitle_codec(from) else {
                let why =
                    format!("track {index} ({from}): {} files have no place for it", container.ending());
                self.lost.push(Lost::new("subtitle", why));
                self.subtitles.push(None);
                continue;
            };
            if loses_styles(from, to) {
                self.lost.push(Lost::new(
                    "subtitle",
                    format!("track {index}: any styles of {from} are left out, as {to} is written"),
                ));
            }
            // At most 255 tracks came in.
            let number = self.tracks.subtitles.len() as u8;
            self.subtitles.push(Some((number, from.to_owned(), to.to_owned())));
            let extradata = if from == to { track.extradata.clone() } else { Vec::new() };
            self.tracks.subtitles.push(SubtitleTrack { codec: to.into(), extradata, ..track.clone() });
        }
    }

    /// A packet as it is written, `None` where its track is not.
    pub(crate) fn subtitle(&self, packet: &SubtitlePacket) -> Option<SubtitlePacket> {
        let (track, from, to) = self.subtitles.get(usize::from(packet.track))?.as_ref()?;
        let data = converted(&packet.data, from, to)?;
        // MP4 files fill the time between two texts with empty ones.
        if data.is_empty() || (to == "mov_text" && data == [0, 0]) {
            return None;
        }
        Some(SubtitlePacket { track: *track, data, ..packet.clone() })
    }
}

fn check_audio(container: Container, index: usize, track: &AudioTrack) -> Result<()> {
    let codec = &track.codec;
    if !native_write::knows_audio(codec) {
        return Err(unknown(index, codec));
    }
    match native_write::holds_audio(container.name(), codec) && writes_header(container, track) {
        true => Ok(()),
        false => Err(Error::Unsupported {
            what: format!("audio track {index} ({codec}) in {}", container.ending()),
            remedy: REMEDY.into(),
        }),
    }
}

/// Whether FFmpeg's writer of Matroska takes a track of a codec that Matroska has no name for: it says so when it writes the
/// header. Of others, such as AAC without setup bytes, it may ask for an output that seeks, which this trial is not.
fn writes_header(container: Container, track: &AudioTrack) -> bool {
    let is_named =
        !["pcm_", "adpcm_", "s302m", "nellymoser"].iter().any(|name| track.codec.starts_with(name));
    if container.is_strict() || is_named {
        return true;
    }
    let tracks = Tracks::of_audio(vec![track.clone()]);
    let muxer = Muxer::stream(std::io::sink(), container);
    muxer.and_then(|mut muxer| muxer.add_tracks(&tracks).and_then(|()| muxer.start())).is_ok()
}

fn name_of(attachment: &Attachment) -> &str {
    let name = attachment.tags.iter().find(|(name, _)| name == "filename");
    name.map_or(attachment.codec.as_str(), |(_, value)| value)
}
