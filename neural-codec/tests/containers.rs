//! Streams in ordinary video files: players see the base layer, our decoder the same frames as in the stream, whatever was
//! done to the file in between.
#![cfg(feature = "ffmpeg")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first error, and says what it skips"
)]

mod support;

use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use neural_codec::bitstream::{
    FRAMES_PER_HASH, LAYER_UUID, Limits, NeuralFilter, PacketWriter, ScenePackets, SceneReader, Strategy,
};
use neural_codec::decoder::{
    DecoderSettings, DecodingAgent, OnDamage, Received, SeekingDecoder, StreamDecoder, decode_file,
    export_base, holds_stream, inspect_any, inspect_file, open_clip_with, remux, remux_into,
};
use neural_codec::encoder::{Hooks, encode};
use neural_codec::error::{Error, Result};
use neural_codec::filter::SceneFilter;
use neural_codec::frame::{FrameHash, PixelFormat, Rational};
use neural_codec::media::{Container, OpenOptions};
use neural_codec::progress::CancelToken;
use neural_codec::settings::Settings;
use support::Clip;

/// Frames of each of the two scenes.
const SCENE: usize = 40;

/// NEURAL_FILTER of 40 frames of 192x144, with block maps.
#[rustfmt::skip]
const FILTER: [u8; 163] = [
    0x01, 0xc8, 0x00, 0x03, 0x04, 0x03, 0x05, 0x94, 0x00, 0x00, 0x00, 0xab, 0xb5, 0x50, 0x5b, 0xdb, 0xf0, 0xf8, 0x63, 0x9e, 0x36, 0xf0, 0x91, 0x5e,
    0x39, 0xa3, 0x23, 0xe7, 0xae, 0xa0, 0x89, 0xaf, 0x82, 0xc9, 0x35, 0x8c, 0xe0, 0x1a, 0x78, 0xff, 0xc2, 0x12, 0xb8, 0xff, 0xd7, 0x5c, 0x14, 0x3d,
    0xf9, 0x9d, 0xf4, 0x8d, 0x4e, 0xfe, 0xd2, 0xe8, 0x8f, 0x8d, 0x47, 0xdb, 0x3c, 0x0b, 0xf3, 0x6b, 0xbe, 0x7d, 0x23, 0x76, 0x82, 0xd9, 0x0e, 0xe5,
    0xd3, 0xad, 0xe8, 0xca, 0x54, 0xbb, 0x75, 0x7f, 0x2d, 0xce, 0xf6, 0xe3, 0x84, 0x95, 0x00, 0xe0, 0x8e, 0xfe, 0x26, 0x28, 0x11, 0xa3, 0x1c, 0xa3,
    0x95, 0x47, 0x85, 0x25, 0x8c, 0xfe, 0x4b, 0x70, 0xe8, 0x11, 0xbb, 0x94, 0x68, 0x79, 0x70, 0xdc, 0x8e, 0xe2, 0x24, 0xbd, 0x91, 0x95, 0x1e, 0xa1,
    0xd5, 0xdb, 0x86, 0xe6, 0x49, 0x5f, 0x63, 0xf9, 0x14, 0x36, 0x7a, 0xc2, 0x26, 0xb2, 0xfb, 0x85, 0x10, 0x64, 0x7c, 0xd8, 0x57, 0xc3, 0x5f, 0x28,
    0x30, 0x9c, 0x7a, 0x6b, 0x50, 0x89, 0xec, 0x0f, 0x87, 0x67, 0xe0, 0x50, 0xb3, 0xe0, 0x25, 0x0a, 0x23, 0xe4, 0xa6,
];

fn filter() -> NeuralFilter {
    let (layers, rest) = (usize::from(FILTER[3]), &FILTER[4..]);
    let (steps, rest) = rest.split_at(layers);
    let (length, rest) = rest.split_at(4);
    let (differences, blocks) = rest.split_at(u32::from_le_bytes(length.try_into().unwrap()) as usize);
    NeuralFilter {
        profile: FILTER[0],
        quantizer: u16::from_le_bytes([FILTER[1], FILTER[2]]),
        steps: steps.to_vec(),
        differences: differences.to_vec(),
        blocks: blocks.to_vec(),
    }
}

/// A stream of two hybrid scenes, made once: AV1, with a filter that was trained elsewhere.
fn stream() -> &'static [u8] {
    static STREAM: OnceLock<Vec<u8>> = OnceLock::new();
    STREAM.get_or_init(|| {
        let mut settings = Settings::default();
        for (name, value) in [("effort", "0"), ("strategies", "av1"), ("quantizer", "45"), ("bit_depth", "8")]
        {
            settings.set(name, value).unwrap();
        }
        let mut clip = Clip::new(192, 144, PixelFormat::YUV420_8, 2 * SCENE as u64, SCENE as u64);
        clip.info.frame_rate = Rational::new(30_000, 1001).unwrap();
        clip.info.time_base = clip.info.frame_rate.inverse();
        let hooks = Hooks::default().with_scenes(vec![0..SCENE as u64, SCENE as u64..2 * SCENE as u64]);
        let mut bytes = Vec::new();
        encode(&mut clip, &mut bytes, &settings, hooks).unwrap();
        filtered(&bytes)
    })
}

/// The stream with the filter over each of its scenes.
fn filtered(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = StreamDecoder::new(bytes, DecoderSettings::default()).unwrap();
    let mut reader = SceneReader::open(Cursor::new(bytes), Limits::default()).unwrap();
    let mut writer = PacketWriter::new(Vec::new(), reader.header(), Limits::default()).unwrap();
    for index in 0..reader.scene_count() {
        let mut scene = reader.scene(index).unwrap();
        let mut filter_of_scene = SceneFilter::new(&filter()).unwrap();
        let hashes: Vec<FrameHash> = (0..scene.header.frame_count())
            .map(|_| {
                let frame = decoder.decode_frame().unwrap().unwrap();
                FrameHash::of(&filter_of_scene.next(&frame).unwrap().0)
            })
            .collect();
        scene.header.strategy = Strategy::Hybrid;
        scene.hashes = hashes.chunks(FRAMES_PER_HASH).map(FrameHash::of_group).collect();
        scene.filter = Some(filter());
        writer.write_scene(&scene).unwrap();
    }
    writer.finish().unwrap()
}

/// The stream in a folder of its own.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.nvc");
    std::fs::write(&path, stream()).unwrap();
    (folder, path)
}

/// Times and hashes of all frames.
type Frames = Vec<(i64, u64)>;

fn all(decoder: &mut StreamDecoder<impl std::io::Read>) -> Result<Frames> {
    let mut frames = Vec::new();
    while let Some(frame) = decoder.decode_frame()? {
        frames.push((frame.timestamp, FrameHash::of(&frame).0));
    }
    Ok(frames)
}

fn decoded(path: &Path) -> Result<Frames> {
    all(&mut StreamDecoder::open_file(path, DecoderSettings::default())?)
}

/// Frames of the stream.
fn expected() -> Frames {
    all(&mut StreamDecoder::new(stream(), DecoderSettings::default()).unwrap()).unwrap()
}

fn hashes(frames: &[(i64, u64)]) -> Vec<u64> {
    frames.iter().map(|(_, hash)| *hash).collect()
}

fn to(input: &Path, output: &Path) -> Result<()> {
    remux(input, output, &DecoderSettings::default(), &CancelToken::new(), &mut |_| ControlFlow::Continue(()))
        .map(drop)
}

fn base(input: &Path, output: &Path) {
    export_base(input, output, &Limits::default(), &CancelToken::new(), &mut |_| ControlFlow::Continue(()))
        .unwrap();
}

/// What a program writes to its output; nothing, said out loud, where there is none of that name.
fn run(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = match Command::new(program).args(arguments).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: {program} cannot be run here: {error}");
            return None;
        }
    };
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    Some(output.stdout)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// FFmpeg with everything copied.
fn copied(before: &[&str], input: &Path, after: &[&str], output: &Path) -> Option<()> {
    let mut arguments = vec!["-nostdin", "-v", "error", "-y"];
    arguments.extend(before);
    arguments.extend(["-i", text(input), "-map", "0", "-c", "copy"]);
    arguments.extend(after);
    arguments.push(text(output));
    run("ffmpeg", &arguments).map(drop)
}

#[test]
fn a_stream_in_every_container_gives_the_frames_and_times_of_the_stream() {
    let (folder, input) = folder();
    assert_eq!(inspect_file(&input, Limits::default()).unwrap().scenes[1].strategy, "hybrid");
    for ending in ["mkv", "mp4", "webm", "m4v"] {
        let output = folder.path().join(format!("clip.{ending}"));
        to(&input, &output).unwrap();
        assert_eq!(decoded(&output).unwrap(), expected(), "{ending}");
        assert!(holds_stream(&output, &DecoderSettings::default()));
        let summary = inspect_file(&output, Limits::default()).unwrap();
        assert_eq!((summary.frames, summary.scenes.len()), (2 * SCENE as u64, 2), "{ending}");
        assert!(summary.scenes.iter().all(|scene| scene.filter_bytes > 0 && scene.frames == SCENE as u64));
        assert_eq!((summary.video.width, summary.video.height), (192, 144));
        assert!((summary.duration_seconds - 80.0 * 1001.0 / 30_000.0).abs() < 0.002, "{ending}");
        let bytes = std::fs::read(&output).unwrap();
        assert_eq!(inspect_any(Cursor::new(bytes), Limits::default()).unwrap().frames, summary.frames);
    }
}

#[test]
fn scenes_come_back_byte_for_byte_from_any_container() {
    let (folder, input) = folder();
    let scenes = |path: &Path| -> Vec<ScenePackets> {
        let mut reader = SceneReader::open(std::fs::File::open(path).unwrap(), Limits::default()).unwrap();
        (0..reader.scene_count()).map(|index| reader.scene(index).unwrap()).collect()
    };
    let mut from = input.clone();
    for ending in ["mkv", "mp4", "webm"] {
        let (there, back) =
            (folder.path().join(format!("there.{ending}")), folder.path().join(format!("{ending}.nvc")));
        to(&from, &there).unwrap();
        to(&there, &back).unwrap();
        assert!(scenes(&back) == scenes(&input), "{ending}");
        from = back;
    }
}

#[test]
fn other_programs_may_write_the_file_anew() {
    let (folder, input) = folder();
    let name = |name: &str| folder.path().join(name);
    to(&input, &name("1.mp4")).unwrap();
    if copied(&[], &name("1.mp4"), &[], &name("2.mkv")).is_none() {
        return;
    }
    assert_eq!(decoded(&name("2.mkv")).unwrap(), expected(), "ffmpeg, mkv");
    copied(&[], &name("2.mkv"), &[], &name("3.webm")).unwrap();
    assert_eq!(decoded(&name("3.webm")).unwrap(), expected(), "ffmpeg, webm");
    copied(&[], &name("3.webm"), &["-movflags", "frag_keyframe+empty_moov"], &name("4.mp4")).unwrap();
    assert_eq!(decoded(&name("4.mp4")).unwrap(), expected(), "ffmpeg, fragmented mp4");
    if run("mkvmerge", &["-q", "-o", text(&name("5.mkv")), text(&name("4.mp4"))]).is_some() {
        assert_eq!(decoded(&name("5.mkv")).unwrap(), expected(), "mkvmerge");
        run("mkvmerge", &["-q", "-o", text(&name("6.mkv")), text(&name("5.mkv")), "+", text(&name("2.mkv"))]);
        let twice = [hashes(&expected()), hashes(&expected())].concat();
        assert_eq!(hashes(&decoded(&name("6.mkv")).unwrap()), twice, "mkvmerge, appended");
    }
}

#[test]
fn a_file_that_was_cut_gives_the_frames_that_are_left_filtered() {
    let (folder, input) = folder();
    let (whole, cut) = (folder.path().join("whole.mkv"), folder.path().join("cut.mkv"));
    to(&input, &whole).unwrap();
    // From the second scene on; and to the middle of it.
    if copied(&["-ss", "1.4"], &whole, &[], &cut).is_none() {
        return;
    }
    assert_eq!(hashes(&decoded(&cut).unwrap()), hashes(&expected()[SCENE..]));
    copied(&[], &whole, &["-t", "1.7"], &cut).unwrap();
    let found = decoded(&cut).unwrap();
    assert!(found.len() > SCENE && found.len() < 2 * SCENE, "{}", found.len());
    assert_eq!(found, expected()[..found.len()]);
    // As a stream it has hashes, and block maps, of just the frames that are left.
    let stream = folder.path().join("cut.nvc");
    to(&cut, &stream).unwrap();
    assert_eq!(decoded(&stream).unwrap(), found);
}

#[test]
fn pictures_that_a_container_turns_are_told() {
    let (folder, input) = folder();
    let (plain, turned) = (folder.path().join("plain.mp4"), folder.path().join("turned.mp4"));
    to(&input, &plain).unwrap();
    if copied(&[], &plain, &["-metadata:s:v", "rotate=90"], &turned).is_none() {
        return;
    }
    for (path, notes) in [(&plain, 0), (&turned, 1)] {
        let mut decoder = StreamDecoder::open_file(path, DecoderSettings::default()).unwrap();
        assert_eq!(all(&mut decoder).unwrap().len(), 2 * SCENE);
        let found = decoder.take_notes();
        assert_eq!(found.iter().filter(|note| note.contains("turned")).count(), notes, "{found:?}");
    }
}

#[test]
fn bytes_that_end_early_give_the_frames_that_are_there_and_then_an_error() {
    let (folder, input) = folder();
    for ending in ["mkv", "webm", "mp4"] {
        let path = folder.path().join(format!("clip.{ending}"));
        to(&input, &path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let whole = StreamDecoder::open(std::io::Cursor::new(bytes.clone()), DecoderSettings::default());
        assert_eq!(hashes(&all(&mut whole.unwrap()).unwrap()), hashes(&expected()), "{ending}");
        let cut = bytes[..bytes.len() * 4 / 5].to_vec();
        std::fs::write(&path, &cut).unwrap();
        let skip = DecoderSettings::default().with_on_damage(OnDamage::SkipScene);
        let stopped = StreamDecoder::open_file(&path, DecoderSettings::default()).err().unwrap();
        assert!(matches!(stopped, Error::Truncated { .. }), "{stopped}");
        let by_path = StreamDecoder::open_file(&path, skip.clone()).unwrap();
        let streamed = StreamDecoder::open(std::io::Cursor::new(cut), skip).unwrap();
        for mut decoder in [by_path, streamed] {
            let (mut frames, mut errors) = (0, Vec::new());
            loop {
                match decoder.decode_frame() {
                    Ok(Some(_)) => frames += 1,
                    Ok(None) => break,
                    Err(error) => errors.push(error),
                }
            }
            assert!((SCENE..2 * SCENE).contains(&frames), "{ending}: {frames}");
            assert!(matches!(errors.last(), Some(Error::Truncated { .. })), "{ending}: {errors:?}");
        }
    }
}

#[test]
fn fragments_without_a_neural_layer_are_never_filtered() {
    let (folder, input) = folder();
    let name = |name: &str| folder.path().join(name);
    to(&input, &name("ours.mkv")).unwrap();
    base(&input, &name("plain.mkv"));
    assert!(!holds_stream(&name("plain.mkv"), &DecoderSettings::default()));
    let list =
        format!("file '{0}'\nfile '{1}'\nfile '{0}'\n", text(&name("ours.mkv")), text(&name("plain.mkv")));
    std::fs::write(name("list.txt"), list).unwrap();
    if copied(&["-f", "concat", "-safe", "0"], &name("list.txt"), &[], &name("joined.mkv")).is_none() {
        return;
    }
    let found = hashes(&decoded(&name("joined.mkv")).unwrap());
    let (ours, frames) = (hashes(&expected()), 2 * SCENE);
    assert_eq!(found.len(), 3 * frames);
    assert_eq!((&found[..frames], &found[2 * frames..]), (&ours[..], &ours[..]));
    let plain = hashes(&decoded(&name("plain.mkv")).unwrap());
    assert_eq!(found[frames..2 * frames], plain[..]);
    assert!(plain != ours, "the filter changes pictures");
}

#[test]
fn a_damaged_layer_costs_the_filter_and_not_the_pictures() {
    let (folder, input) = folder();
    let path = folder.path().join("clip.mkv");
    to(&input, &path).unwrap();
    base(&input, &folder.path().join("plain.mkv"));
    let plain = hashes(&decoded(&folder.path().join("plain.mkv")).unwrap());
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(16).position(|found| found == LAYER_UUID).unwrap();
    bytes[at + 60] ^= 0x40;
    std::fs::write(&path, &bytes).unwrap();
    let mut decoder = StreamDecoder::open_file(&path, DecoderSettings::default()).unwrap();
    let found = hashes(&all(&mut decoder).unwrap());
    assert_eq!(found.len(), 2 * SCENE);
    assert_eq!((&found[..SCENE], &found[SCENE..]), (&plain[..SCENE], &hashes(&expected())[SCENE..]));
    let notes = decoder.take_notes().join(" ");
    assert!(notes.contains("Scene 0") && notes.contains("checksum"), "{notes}");
}

#[test]
fn frames_are_found_by_number_in_files_too() {
    let (folder, input) = folder();
    for ending in ["mkv", "mp4"] {
        let path = folder.path().join(format!("clip.{ending}"));
        to(&input, &path).unwrap();
        let mut decoder = SeekingDecoder::open_file(&path, DecoderSettings::default()).unwrap();
        assert_eq!(decoder.frame_count(), 2 * SCENE as u64);
        for number in [79, 0, 41, 40, 39, 5, 78] {
            decoder.seek(number).unwrap();
            let frame = decoder.decode_frame().unwrap().unwrap();
            assert_eq!(
                (frame.timestamp, FrameHash::of(&frame).0),
                expected()[number as usize],
                "{ending} {number}"
            );
        }
        let bytes = Cursor::new(std::fs::read(&path).unwrap());
        assert_eq!(SeekingDecoder::open_any(bytes, DecoderSettings::default()).unwrap().frame_count(), 80);
    }
}

/// The frames of bytes that are pushed in pieces.
fn pushed(bytes: &[u8]) -> Result<Vec<u64>> {
    let mut agent = DecodingAgent::new(DecoderSettings::default())?;
    let (mut pieces, mut found) = (bytes.chunks(7000), Vec::new());
    let mut piece = pieces.next();
    loop {
        match agent.receive_frame()? {
            Received::Frame(frame) => found.push(FrameHash::of(&frame.into_host()?).0),
            Received::NeedsData => match piece {
                Some(bytes) if !agent.send_data(bytes)? => {}
                Some(_) => piece = pieces.next(),
                None => agent.finish()?,
            },
            Received::End => return Ok(found),
        }
    }
}

#[test]
fn a_damaged_scene_is_left_out_and_named_where_that_is_asked_for() {
    let (folder, path) = folder();
    let mut bytes = std::fs::read(&path).unwrap();
    let table = SceneReader::open(Cursor::new(&bytes), Limits::default()).unwrap().table().clone();
    bytes[table.scenes[0].offset as usize + 300] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let output = folder.path().join("left.y4m");
    let decode = |settings: &DecoderSettings| {
        decode_file(&path, &output, settings, &CancelToken::new(), &mut |_| ControlFlow::Continue(()))
    };
    let error = decode(&DecoderSettings::default()).unwrap_err();
    assert!(error.is_damage() && !output.exists(), "{error}");
    let mut settings = DecoderSettings::default();
    settings.on_damage = OnDamage::SkipScene;
    let report = decode(&settings).unwrap();
    assert_eq!(report.frames as usize, SCENE);
    let named: Vec<_> = report.lost.iter().map(|lost| lost.what.as_str()).collect();
    assert_eq!(named, ["scene"], "{:?}", report.lost);
    assert!(report.lost[0].why.contains("scene 0"), "{:?}", report.lost);
    assert!(output.exists());
}

#[test]
fn limits_hold_for_files_as_for_streams() {
    let (folder, stream) = folder();
    let file = folder.path().join("clip.mkv");
    to(&stream, &file).unwrap();
    let ends = |change: &dyn Fn(&mut Limits)| {
        let mut settings = DecoderSettings::default();
        change(&mut settings.limits);
        all(&mut StreamDecoder::open_file(&file, settings)?)
    };
    assert!(ends(&|_| {}).is_ok());
    // Fewer bytes than the first unit of a scene has, than all of them have; fewer scenes; fewer pixels.
    let smaller: [&dyn Fn(&mut Limits); 4] = [
        &|limits| limits.max_scene_bytes = 10,
        &|limits| limits.max_scene_bytes = 2000,
        &|limits| limits.max_scenes = 1,
        &|limits| limits.max_pixels = 192 * 144 - 1,
    ];
    for (index, change) in smaller.into_iter().enumerate() {
        let found = ends(change);
        assert!(matches!(found, Err(Error::LimitExceeded { .. })), "{index}: {found:?}");
    }
}

#[test]
fn files_are_decoded_as_they_are_pushed_where_their_index_comes_first() {
    let (folder, input) = folder();
    for ending in ["mkv", "mp4", "webm"] {
        let path = folder.path().join(format!("clip.{ending}"));
        to(&input, &path).unwrap();
        assert_eq!(pushed(&std::fs::read(&path).unwrap()).unwrap(), hashes(&expected()), "{ending}");
    }
    let late = folder.path().join("late.mp4");
    if copied(&[], &folder.path().join("clip.mp4"), &[], &late).is_some() {
        let error = pushed(&std::fs::read(&late).unwrap()).unwrap_err().to_string();
        assert!(error.contains("moov") && error.contains("faststart"), "{error}");
        assert_eq!(hashes(&decoded(&late).unwrap()), hashes(&expected()), "by its path it can be read");
    }
}

#[test]
fn a_pipe_takes_a_file_that_needs_no_seeking() {
    let (folder, input) = folder();
    for (container, ending) in [(Container::Matroska, "mkv"), (Container::Mp4, "mp4")] {
        let path = folder.path().join(format!("pipe.{ending}"));
        let sink = std::fs::File::create(&path).unwrap();
        let settings = DecoderSettings::default();
        remux_into(&input, sink, container, &settings, &CancelToken::new(), &mut |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(decoded(&path).unwrap(), expected(), "{ending}");
    }
}

#[test]
fn what_containers_keep_for_the_whole_track_is_small_and_the_index_comes_first() {
    let (folder, input) = folder();
    for ending in ["mkv", "mp4", "webm"] {
        let path = folder.path().join(format!("clip.{ending}"));
        to(&input, &path).unwrap();
        let arguments = [
            "-v",
            "error",
            "-show_entries",
            "stream=extradata_size,start_pts",
            "-of",
            "csv=p=0",
            text(&path),
        ];
        let Some(found) = run("ffprobe", &arguments) else { return };
        let found = String::from_utf8(found).unwrap();
        let (start, size) = found.trim().split_once(',').unwrap();
        assert_eq!(start, "0", "{ending}: the first picture is shown at once");
        assert!(size.parse::<u32>().unwrap() < 100, "{ending}: {size}");
    }
    let bytes = std::fs::read(folder.path().join("clip.mp4")).unwrap();
    let place = |name: &[u8]| bytes.windows(4).position(|found| found == name).unwrap();
    assert!(place(b"moov") < place(b"mdat"));
}

#[test]
fn players_decode_the_base_layer_of_our_files_frame_by_frame() {
    let (folder, input) = folder();
    let name = |name: &str| folder.path().join(name);
    base(&input, &name("plain.ivf.mkv"));
    let raw = |path: &Path| {
        run("ffmpeg", &["-nostdin", "-v", "error", "-i", text(path), "-map", "0:v", "-f", "rawvideo", "-"])
    };
    let Some(expected) = raw(&name("plain.ivf.mkv")) else { return };
    assert!(!expected.is_empty());
    for ending in ["mkv", "mp4", "webm"] {
        let path = name(&format!("clip.{ending}"));
        to(&input, &path).unwrap();
        assert!(raw(&path).unwrap() == expected, "ffmpeg, {ending}");
        // Players that know no containers, or not these.
        for (program, packed) in [("dav1d", "ivf"), ("dav1d", "obu"), ("aomdec", "ivf"), ("aomdec", "obu")] {
            let bare = name(&format!("{ending}.{packed}"));
            copied(&[], &path, &[], &bare).unwrap();
            let out = name("out.yuv");
            let arguments: &[&str] = match program {
                "dav1d" => &["-q", "-i", text(&bare), "-o", text(&out)],
                _ => &["--rawvideo", "-o", text(&out), text(&bare)],
            };
            if run(program, arguments).is_some() {
                assert!(std::fs::read(&out).unwrap() == expected, "{program}, {ending} as {packed}");
            }
        }
    }
    let out = name("aomdec.yuv");
    if run("aomdec", &["--rawvideo", "-o", text(&out), text(&name("clip.webm"))]).is_some() {
        assert!(std::fs::read(&out).unwrap() == expected, "aomdec, webm");
    }
    for (ending, demuxer) in [("mkv", "matroskademux"), ("mp4", "qtdemux")] {
        let (path, out) = (name(&format!("clip.{ending}")), name("gst.yuv"));
        let pipeline = format!(
            "filesrc location={} ! {demuxer} ! av1parse ! av1dec ! filesink location={}",
            text(&path),
            text(&out)
        );
        let arguments: Vec<&str> = ["-q"].into_iter().chain(pipeline.split(' ')).collect();
        if run("gst-launch-1.0", &arguments).is_some() {
            let found = std::fs::read(&out).unwrap();
            assert!(found == expected, "gst-launch, {ending}: {} and {} bytes", found.len(), expected.len());
        }
    }
}

#[test]
fn a_file_that_ends_early_or_is_changed_ends_in_frames_or_errors() {
    let (folder, input) = folder();
    for ending in ["mkv", "mp4", "webm"] {
        let (path, bad) =
            (folder.path().join(format!("clip.{ending}")), folder.path().join(format!("bad.{ending}")));
        to(&input, &path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for part in 0..20 {
            std::fs::write(&bad, &whole[..whole.len() * part / 20]).unwrap();
            assert!(decoded(&bad).is_err(), "{ending}: {part} of 20 parts");
            let skip = DecoderSettings::default().with_on_damage(OnDamage::SkipScene);
            if let Ok(mut decoder) = StreamDecoder::open_file(&bad, skip) {
                let mut found = Vec::new();
                loop {
                    match decoder.decode_frame() {
                        Ok(Some(frame)) => found.push(FrameHash::of(&frame).0),
                        Ok(None) => break,
                        Err(_) => {}
                    }
                }
                assert_eq!(found, hashes(&expected())[..found.len()], "{ending}: {part} of 20 parts");
            }
            let mut changed = whole.clone();
            let at = whole.len() * part / 20 + 11;
            changed[at] ^= 0x24;
            std::fs::write(&bad, &changed).unwrap();
            // Any outcome but a hang, a panic, or frames that are wrong under a hash that is right.
            let _ = decoded(&bad);
            let output = folder.path().join(format!("{ending}{part}.nvc"));
            if to(&bad, &output).is_err() {
                assert!(!output.exists());
            }
        }
    }
}

#[test]
fn an_mkv_of_ours_is_a_source_like_the_stream_that_it_holds() {
    let (folder, input) = folder();
    let path = folder.path().join("clip.mkv");
    to(&input, &path).unwrap();
    let mut source = open_clip_with(&path, &DecoderSettings::default(), &OpenOptions::default()).unwrap();
    assert_eq!((source.info().width, source.info().height), (192, 144));
    assert_eq!(FrameHash::of(&source.next_frame().unwrap().unwrap()).0, expected()[0].1);
    let other = folder.path().join("clip.avi");
    assert!(matches!(to(&input, &other), Err(Error::InvalidArgument { .. })) && !other.exists());
}

#[test]
fn pictures_of_odd_size_are_cropped_by_our_decoder_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (stream, file) = (folder.path().join("odd.nvc"), folder.path().join("odd.mkv"));
    let mut settings = Settings::default();
    settings.set("quantizer", "50").unwrap();
    settings.set("effort", "0").unwrap();
    let mut clip = Clip::new(75, 43, PixelFormat::YUV420_8, 5, 5);
    encode(&mut clip, &mut std::fs::File::create(&stream).unwrap(), &settings, Hooks::default()).unwrap();
    to(&stream, &file).unwrap();
    assert_eq!(decoded(&file).unwrap(), decoded(&stream).unwrap());
    let info = StreamDecoder::open_file(&file, DecoderSettings::default()).unwrap().header().info;
    assert_eq!((info.width, info.height), (75, 43));
}
