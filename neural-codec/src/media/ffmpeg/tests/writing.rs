//! What is written holds the same frames and the same audio.

use super::*;
use crate::bitstream::{AudioPacket, Tracks};
use crate::error::Error;
use crate::frame::{ColorRange, PixelFormat, VideoInfo};
use crate::media::{Av1Writer, Container, ContainerTracks, TrackUnit, create};

/// Copies a clip, frames decoded and audio as it is.
fn export(from: &Path, to: &Path) -> Vec<Frame> {
    let mut source = source(from).unwrap();
    let mut sink = create(to, source.info(), source.tracks()).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        sink.write_frame(&frame).unwrap();
        source.take_audio().iter().for_each(|packet| sink.write_audio(packet).unwrap());
        frames.push(frame);
    }
    source.take_audio().iter().for_each(|packet| sink.write_audio(packet).unwrap());
    sink.finish(None).unwrap();
    frames
}

fn samples(frames: &[Frame]) -> Vec<Vec<u8>> {
    frames.iter().map(raw).collect()
}

#[test]
fn an_export_holds_the_same_frames_in_every_format() {
    let Some(folder) = folder() else { return };
    for format in PixelFormat::ALL {
        let name = format.name().replace("p10", "p10le");
        ffmpeg(
            folder.path(),
            &format!("-f lavfi -i testsrc2=s=70x46:d=0.4,format={name} -c:v rawvideo {{}}/in.nut"),
        );
        for ending in ["mkv", "mp4"] {
            let to = folder.path().join(format!("out.{ending}"));
            let before = export(&folder.path().join("in.nut"), &to);
            let after = frames(&to).unwrap();
            assert_eq!(after[0].format(), format, "{ending}");
            assert!(samples(&before) == samples(&after), "{format} in {ending}");
            let range = before[0].color().range;
            assert!(
                range == ColorRange::Unspecified || range == after[0].color().range,
                "{format} in {ending}"
            );
        }
    }
}

/// The packets of all sound are those of the source; a Matroska file lacks the packet of AAC that is decoded and not heard, since it has
/// no way to say so.
fn assert_same_sound(folder: &Path, source: &str, copy: &str) {
    let hashes = |file: &str| -> Vec<(String, String)> {
        let lines = ffmpeg(folder, &format!("-i {{}}/{file} -map 0:a -c copy -f framemd5 -"));
        let lines = String::from_utf8(lines).unwrap();
        let fields =
            lines.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(',').map(str::trim));
        // Track, times, duration, size and hash; side data may follow.
        fields.map(|mut f| (f.next().unwrap().to_owned(), f.nth(4).unwrap().to_owned())).collect()
    };
    let (mut expected, found) = (hashes(source), hashes(copy));
    if copy.ends_with("mkv") {
        let first = expected.iter().position(|(track, _)| track == "0").unwrap();
        expected.remove(first);
    }
    let of = |packets: &[(String, String)], track: &str| -> Vec<String> {
        packets.iter().filter(|packet| packet.0 == track).map(|packet| packet.1.clone()).collect()
    };
    for track in ["0", "1"] {
        assert_eq!(of(&found, track), of(&expected, track), "{copy}, track {track}");
    }
    assert!(found.len() > 20);
}

#[test]
fn an_export_keeps_timestamps_colour_and_audio() {
    let Some(folder) = folder() else { return };
    ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=s=64x48:r=30000/1001:d=2 -f lavfi -i sine=d=2 -f lavfi -i sine=f=880:d=2 -map 0 -map 1 -map 2 \
         -vf select='lt(n,10)+not(mod(n,3))',setsar=4/3 -fps_mode vfr -c:v libx264 -color_range pc -colorspace bt709 \
         -c:a:0 aac -c:a:1 libopus -metadata:s:a:1 language=fra {}/in.mp4",
    );
    let from = folder.path().join("in.mp4");
    for ending in ["mkv", "mp4"] {
        let to = folder.path().join(format!("out.{ending}"));
        let before = export(&from, &to);
        let source = source(&to).unwrap();
        let info = *source.info();
        assert_eq!((info.color.range, info.color.matrix), (ColorRange::Full, 1));
        assert_eq!((info.pixel_aspect.num, info.pixel_aspect.den), (4, 3));
        assert_eq!(source.tracks().audio[1].language, "fra");
        let (after, _) = frames_and_audio(source).unwrap();
        assert!(samples(&before) == samples(&after));
        let seconds = |frames: &[Frame], base: f64| -> Vec<f64> {
            frames.iter().map(|f| (f.timestamp - frames[0].timestamp) as f64 * base).collect()
        };
        let base = self::source(&from).unwrap().info().time_base.value();
        let times = seconds(&before, base).into_iter().zip(seconds(&after, info.time_base.value()));
        for (before, after) in times {
            assert!((before - after).abs() < 0.001, "{ending}: {before} became {after}");
        }
        assert_same_sound(folder.path(), "in.mp4", &format!("out.{ending}"));
    }
}

#[test]
fn public_clips_survive_an_export() {
    let Some(folder) = folder() else { return };
    for clip in clips()
        .iter()
        .filter(|clip| clip.to_str().is_some_and(|c| c.contains("foliage") || c.contains("bbb")))
    {
        let mut source = source(clip).unwrap();
        let to = folder.path().join("out.mkv");
        let mut sink = create(&to, source.info(), &Tracks::NONE).unwrap();
        let before: Vec<_> = (0..20).map(|_| source.next_frame().unwrap().unwrap()).collect();
        before.iter().for_each(|frame| sink.write_frame(frame).unwrap());
        sink.finish(None).unwrap();
        assert!(samples(&before) == samples(&frames(&to).unwrap()));
    }
}

/// The temporal units of an IVF file.
fn units(ivf: &[u8]) -> Vec<TrackUnit> {
    let mut units = Vec::new();
    let mut at = 32;
    while at < ivf.len() {
        let size = u32::from_le_bytes(ivf[at..at + 4].try_into().unwrap()) as usize;
        let timestamp = i64::from_le_bytes(ivf[at + 4..at + 12].try_into().unwrap());
        units.push(TrackUnit {
            timestamp,
            duration: 0,
            is_key: at == 32,
            data: ivf[at + 12..][..size].to_vec(),
        });
        at += 12 + size;
    }
    units
}

/// Units and sound into a file of the kind that its name says.
fn remux_av1(
    to: &Path,
    units: &[TrackUnit],
    info: &VideoInfo,
    tracks: &Tracks,
    audio: &[AudioPacket],
) -> Result<()> {
    let kept = ContainerTracks::new(Container::of(to, "")?, tracks)?;
    let setup = crate::base::sequence_header_obu(&units[0].data)?;
    let mut writer = Av1Writer::create(to, info, setup, kept, 0)?;
    units.iter().try_for_each(|unit| writer.write_unit(unit.clone()))?;
    audio.iter().try_for_each(|packet| writer.write_audio(packet))?;
    writer.finish(None, 0)
}

#[test]
fn remuxed_av1_decodes_to_the_same_frames_anywhere() {
    let Some(folder) = folder() else { return };
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=128x96:r=25:d=1 -c:v libsvtav1 -preset 8 {}/in.ivf");
    ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=s=128x96:r=25:d=1 -f lavfi -i sine=d=1 -c:v libx264 -c:a aac {}/sound.mp4",
    );
    let expected = ffmpeg(folder.path(), "-i {}/in.ivf -f rawvideo -");
    let ivf = std::fs::read(folder.path().join("in.ivf")).unwrap();
    let sound = source(&folder.path().join("sound.mp4")).unwrap();
    let tracks = Tracks::of_audio(sound.tracks().audio.clone());
    let (_, audio) = frames_and_audio(sound).unwrap();
    let info = VideoInfo::new(128, 96, PixelFormat::YUV420_8, crate::frame::Rational { num: 25, den: 1 });
    for ending in ["mp4", "mkv"] {
        let to = folder.path().join(format!("out.{ending}"));
        remux_av1(&to, &units(&ivf), &info, &tracks, &audio).unwrap();
        let found = ffmpeg(
            folder.path(),
            &format!("-i {{}}/out.{ending} -map 0:v -fps_mode passthrough -f rawvideo -"),
        );
        assert!(found == expected, "{ending}: {} and {} bytes", found.len(), expected.len());
        assert_same_sound(folder.path(), "sound.mp4", &format!("out.{ending}"));
        let times: Vec<i64> = frames(&to).unwrap().iter().map(|f| f.timestamp).collect();
        assert_eq!(times.len(), 25);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == times[1] - times[0]));
    }
    // WebM holds AV1, but no AAC.
    let webm = folder.path().join("out.webm");
    assert!(matches!(remux_av1(&webm, &units(&ivf), &info, &tracks, &[]), Err(Error::Unsupported { .. })));
    assert!(!webm.exists());
    remux_av1(&webm, &units(&ivf), &info, &Tracks::NONE, &[]).unwrap();
    assert_eq!(frames(&webm).unwrap().len(), 25);
}

#[test]
fn set_up_data_of_sound_that_is_none_is_corrupt_and_no_fault_of_the_library() {
    let Some(folder) = folder() else { return };
    ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=s=128x96:r=25:d=0.2 -f lavfi -i sine=d=1 -c:v libx264 -c:a libopus {}/in.mkv",
    );
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=128x96:r=25:d=0.2 -c:v libsvtav1 -preset 8 {}/in.ivf");
    let units = units(&std::fs::read(folder.path().join("in.ivf")).unwrap());
    let sound = source(&folder.path().join("in.mkv")).unwrap();
    let whole = sound.tracks().audio.clone();
    let (_, packets) = frames_and_audio(sound).unwrap();
    let info = VideoInfo::new(128, 96, PixelFormat::YUV420_8, crate::frame::Rational { num: 25, den: 1 });
    for ending in ["mp4", "mkv", "webm"] {
        let to = folder.path().join(format!("out.{ending}"));
        for bytes in [3, 18] {
            let mut audio = whole.clone();
            audio[0].extradata.truncate(bytes);
            match remux_av1(&to, &units, &info, &Tracks::of_audio(audio), &packets) {
                Err(Error::Corrupt { .. }) => assert!(!to.exists(), "{ending}"),
                // Matroska's writer looks at nothing.
                Ok(()) if ending != "mp4" => {}
                other => panic!("{ending}, {bytes} bytes: {other:?}"),
            }
        }
    }
}

#[test]
fn an_unfinished_export_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, crate::frame::Rational { num: 25, den: 1 });
    let path = folder.path().join("out.mkv");
    let frame = Frame::new(64, 48, info.format, info.color).unwrap();
    let mut sink = create(&path, &info, &Tracks::NONE).unwrap();
    sink.write_frame(&frame).unwrap();
    assert!(matches!(sink.write_frame(&frame), Err(Error::InvalidArgument { .. })), "a timestamp that stays");
    drop(sink);
    assert!(matches!(
        create(&path, &info, &Tracks::NONE).unwrap().finish(None),
        Err(Error::WrongOrder { .. })
    ));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(matches!(
        create(&folder.path().join("out.xyz"), &info, &Tracks::NONE),
        Err(Error::Unsupported { .. })
    ));
    assert!(matches!(create(&folder.path().join("no/out.mkv"), &info, &Tracks::NONE), Err(Error::Io { .. })));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_io_error() {
    let folder = tempfile::tempdir().unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(folder.path()).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: cannot mount a small disk here");
        return;
    }
    let info = VideoInfo::new(640, 480, PixelFormat::YUV420_8, crate::frame::Rational { num: 25, den: 1 });
    let path = folder.path().join("out.mkv");
    let write = || -> Result<()> {
        let mut sink = create(&path, &info, &Tracks::NONE)?;
        let mut state = 1_u32;
        for timestamp in 0..10 {
            let mut frame = Frame::new(640, 480, info.format, info.color)?.with_timestamp(timestamp);
            let Planes::U8(planes) = frame.planes_mut() else { panic!() };
            for sample in planes[0].samples_mut() {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = (state >> 24) as u8;
            }
            sink.write_frame(&frame)?;
        }
        sink.finish(None)
    };
    let result = write();
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    run(Command::new("umount").arg(folder.path()));
    let Err(Error::Io { path: Some(found), source }) = result else { panic!("{result:?}") };
    assert_eq!((found, source.kind(), left), (path, std::io::ErrorKind::StorageFull, 0));
}
