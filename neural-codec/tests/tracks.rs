//! What a clip has beside its pictures goes through an encode, in streams and in ordinary files.
#![cfg(feature = "ffmpeg")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod support;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use neural_codec::bitstream::{
    Chapter, Limits, PacketReader, StreamItem, SubtitlePacket, SubtitleTrack, Tracks,
};
use neural_codec::decoder::{DecoderSettings, StreamDecoder, decode_file, open_clip_with, remux};
use neural_codec::encoder::{EncodingAgent, Hooks, encode_file, encode_to};
use neural_codec::error::{Error, Result};
use neural_codec::frame::{PixelFormat, Rational};
use neural_codec::media::{Container, ContainerTracks, FrameSource, Lost, OpenOptions};
use neural_codec::progress::CancelToken;
use neural_codec::report::Report;
use support::Clip;
use support::files::{fast, ffmpeg, folder, run};

fn encoded(input: &Path, output: &Path, pairs: &[(&str, &str)]) -> Result<Report> {
    encode_file(input, output, &fast(pairs), Hooks::default())
}

fn to(input: &Path, output: &Path) -> Result<()> {
    remux(input, output, &DecoderSettings::default(), &CancelToken::new(), &mut |_| ControlFlow::Continue(()))
        .map(drop)
}

#[test]
fn what_is_sent_beside_frames_is_in_the_stream() {
    let clip = Clip::new(64, 48, PixelFormat::YUV420_8, 5, 5);
    let mut tracks = Tracks::default();
    tracks.subtitles.push(SubtitleTrack {
        codec: "subrip".into(),
        language: "deu".into(),
        time_base: Rational::new(1, 1000).unwrap(),
        disposition: 0,
        size: (0, 0),
        tags: vec![("title".into(), "Deutsch".into())],
        extradata: Vec::new(),
    });
    tracks.chapters.push(Chapter { start: 0, end: 80_000_000, tags: vec![("title".into(), "One".into())] });
    tracks.tags.push(("title".into(), "A title".into()));
    let mut agent = EncodingAgent::new(clip.info, &fast(&[])).unwrap().with_tracks(tracks.clone()).unwrap();
    let packet = SubtitlePacket { track: 0, timestamp: 40, duration: 60, data: b"Hallo".to_vec() };
    agent.send_subtitle(packet.clone()).unwrap();
    let wrong = SubtitlePacket { track: 1, ..packet.clone() };
    assert!(matches!(agent.send_subtitle(wrong), Err(Error::InvalidArgument { .. })));
    (0..5).for_each(|index| agent.send_frame(clip.frame(index)).unwrap());
    agent.set_last_duration(Some(20)).unwrap();
    agent.set_lost(vec![Lost::new("alpha", "none is coded")], vec!["A note.".into()]).unwrap();
    agent.finish().unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = agent.receive_packet().unwrap() {
        bytes.extend(piece);
    }
    let report = agent.into_report().unwrap();
    assert_eq!((report.lost[0].what.as_str(), report.notes[0].as_str()), ("alpha", "A note."));
    assert!((report.total.duration_seconds - (4.0 + 20.0) / 25.0).abs() < 1e-9);
    let mut reader = PacketReader::new(bytes.as_slice(), Limits::default()).unwrap();
    assert_eq!(reader.tracks(), &tracks);
    let items: Vec<StreamItem> = std::iter::from_fn(|| reader.next_item().unwrap()).collect();
    assert_eq!(items[0], StreamItem::Subtitle(packet));
    assert_eq!(items[2], StreamItem::LastDuration(20));
}

/// A file with two tracks of sound, subtitles, chapters, titles, a font and a cover.
fn rich(folder: &Path) -> PathBuf {
    std::fs::write(folder.join("s.srt"), "1\n00:00:00,200 --> 00:00:01,500\nHello\n").unwrap();
    let chapters = "title=A title\nMOOD=calm\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Two\n";
    std::fs::write(folder.join("m.txt"), format!(";FFMETADATA1\n{chapters}")).unwrap();
    std::fs::write(folder.join("font.ttf"), [7; 5000]).unwrap();
    ffmpeg(
        folder,
        "-f lavfi -i testsrc2=s=96x64:r=25:d=2 -f lavfi -i sine=f=440:r=48000:d=2 -f lavfi -i sine=f=880:r=44100:d=2 \
         -i {}/s.srt -i {}/m.txt -map 0:v -map 1:a -map 2:a -map 3 -map_metadata 4 -map_chapters 4 -c:v libx264 -c:a:0 libopus \
         -c:a:1 flac -c:s ass -attach {}/font.ttf -metadata:s:t mimetype=font/ttf -metadata:s:a:0 language=eng \
         -metadata:s:a:0 title=Main~sound -metadata:s:a:1 language=deu -metadata:s:s:0 language=fra -disposition:a:1 default \
         -disposition:a:0 0 -disposition:s:0 forced {}/rich.mkv",
    );
    folder.join("rich.mkv")
}

/// Containers pass on what was written into them: Latin-1, or a character that is cut off at the end.
#[test]
fn tags_that_are_no_utf_8_are_read_and_what_is_coded_reads_back() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let source = rich(folder);
    let mut bytes = std::fs::read(&source).unwrap();
    for (name, found, put) in
        [("title", &b"A title"[..], &b"Gr\xf6\xdfe \xf0"[..]), ("MOOD", b"calm", b"\xe4\xf6\xfc\xf0")]
    {
        let at = bytes.windows(found.len()).position(|window| window == found).expect(name);
        bytes[at..at + put.len()].copy_from_slice(put);
    }
    std::fs::write(&source, bytes).unwrap();
    let stream = folder.join("latin.nvc");
    encoded(&source, &stream, &[]).unwrap();
    let reader = PacketReader::new(std::fs::File::open(&stream).unwrap(), Limits::default()).unwrap();
    let tags = &reader.tracks().tags;
    let value = |wanted: &str| tags.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    assert_eq!(value("title"), Some("Gr\u{fffd}\u{fffd}e \u{fffd}"), "{tags:?}");
    assert_eq!(value("MOOD"), Some("\u{fffd}\u{fffd}\u{fffd}\u{fffd}"), "{tags:?}");
    to(&stream, &folder.join("again.mkv")).unwrap();
}

#[test]
fn a_stream_is_read_at_another_rate_and_with_its_sound_as_asked() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let stream = folder.join("rich.nvc");
    encoded(&rich(folder), &stream, &[]).unwrap();
    let mut options = OpenOptions::default();
    options.frame_rate = Some(Rational::new(50, 1).unwrap());
    let mut clip = open_clip_with(&stream, &DecoderSettings::default(), &options).unwrap();
    assert_eq!((clip.info().frame_rate.value(), clip.info().time_base.value()), (50.0, 0.02));
    let (mut times, mut packets) = (Vec::new(), 0);
    while let Some(frame) = clip.next_frame().unwrap() {
        times.push(frame.timestamp);
        packets += clip.take_audio().len();
    }
    packets += clip.take_audio().len();
    assert_eq!(times, (0..50).collect::<Vec<_>>());
    assert!(packets > 50 && clip.tracks().audio.len() == 2 && !clip.tracks().chapters.is_empty());
    assert!(clip.notes().iter().any(|note| note.contains("come at 50 a second")), "{:?}", clip.notes());
    // With neither track of sound, which is named.
    options = OpenOptions::of(&fast(&[("audio", "none")]));
    let clip = open_clip_with(&stream, &DecoderSettings::default(), &options).unwrap();
    assert!(clip.tracks().audio.is_empty());
    assert_eq!(clip.lost().iter().filter(|lost| lost.what == "audio").count(), 2, "{:?}", clip.lost());
}

/// What ffprobe says of streams, chapters and tags, in lines that do not depend on bit rates and lengths.
fn described(path: &Path) -> Vec<String> {
    let entries = "stream=codec_type,codec_name,channels,sample_rate:stream_tags=language,title,filename,mimetype:\
                   stream_disposition=default,forced:chapter=start_time,end_time:chapter_tags=title:format_tags=title,MOOD";
    let command = format!(
        "ffprobe -v error -show_entries {entries} -of compact=p=0 {{}}/{}",
        path.file_name().unwrap().to_str().unwrap()
    );
    // Sound that begins before the pictures moves chapters by some milliseconds.
    let rounded = |line: &str| {
        let fields = line.split('|').map(|field| match field.split_once("_time=") {
            Some((name, time)) => format!("{name}_time={:.1}", time.parse::<f64>().unwrap()),
            None => field.to_owned(),
        });
        fields.collect::<Vec<_>>().join("|")
    };
    run(path.parent().unwrap(), &command).lines().map(rounded).collect()
}

#[test]
fn an_mkv_keeps_every_track_and_tag_and_what_an_mp4_cannot_is_named_first() {
    let Some(folder) = folder() else { return };
    let input = rich(folder.path());
    let (output, stream) = (folder.path().join("out.mkv"), folder.path().join("out.nvc"));
    let report = encoded(&input, &output, &[]).unwrap();
    assert_eq!(report.lost, []);
    let before: Vec<String> = described(&input).iter().map(|line| line.replace("h264", "av1")).collect();
    assert_eq!(described(&output), before);
    // By way of a stream nothing is lost either.
    to(&output, &stream).unwrap();
    to(&stream, &folder.path().join("again.mkv")).unwrap();
    assert_eq!(described(&folder.path().join("again.mkv")), before);
    let mp4 = folder.path().join("out.mp4");
    let mut named = Vec::new();
    let hooks = Hooks::default().with_lost(|lost| named = lost.to_vec());
    let report = encode_file(&input, &mp4, &fast(&[]), hooks).unwrap();
    assert_eq!(named, report.lost);
    let kinds: Vec<&str> = named.iter().map(|lost| lost.what.as_str()).collect();
    assert_eq!(kinds, ["subtitle", "attachment", "tag"], "{named:?}");
    let found = described(&mp4).join("\n");
    for expected in
        ["mov_text", "tag:language=fra", "tag:title=One", "tag:title=A title", "flac", "opus", "forced=1"]
    {
        assert!(found.contains(expected), "{expected} in {found}");
    }
    assert!(matches!(encoded(&input, &folder.path().join("out.webm"), &[]), Err(Error::Unsupported { .. })));
    assert!(!folder.path().join("out.webm").exists(), "FLAC has no place in WebM, and that is said first");
    let report = encoded(&input, &folder.path().join("out.webm"), &[("audio", "copy,1:none")]).unwrap();
    assert!(report.lost.iter().any(|lost| lost.what == "audio" && lost.why.contains("as asked")));
    let report = encoded(&input, &mp4, &[("audio", "copy,2:none")]).unwrap();
    assert!(report.notes.iter().any(|note| note.contains("no track 2 of sound")), "{:?}", report.notes);
}

#[test]
fn no_track_and_twenty_tracks_are_carried() {
    let Some(folder) = folder() else { return };
    let sounds = "-f lavfi -i sine=r=48000:d=0.4 ".repeat(20);
    let maps: String = (0..=20).map(|index| format!("-map {index} ")).collect();
    ffmpeg(
        folder.path(),
        &format!(
            "-f lavfi -i testsrc2=s=64x64:r=25:d=0.4 {sounds} {maps} -c:v libx264 -c:a aac {{}}/many.mkv"
        ),
    );
    for ending in ["mkv", "mp4", "nvc"] {
        let output = folder.path().join(format!("many.out.{ending}"));
        encoded(&folder.path().join("many.mkv"), &output, &[]).unwrap();
        assert_eq!(
            StreamDecoder::open_file(&output, DecoderSettings::default()).unwrap().tracks().audio.len(),
            20
        );
    }
    let none = folder.path().join("none.mkv");
    encoded(&folder.path().join("many.mkv"), &none, &[("audio", "none")]).unwrap();
    assert!(StreamDecoder::open_file(&none, DecoderSettings::default()).unwrap().tracks().audio.is_empty());
}

#[test]
fn hdr_is_in_the_metadata_of_every_output() {
    let Some(folder) = folder() else { return };
    ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=s=192x108:r=25:d=0.4 -pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -x265-params \
         log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400 {}/hdr.mp4",
    );
    for ending in ["mkv", "mp4", "webm"] {
        let output = folder.path().join(format!("out.{ending}"));
        encoded(&folder.path().join("hdr.mp4"), &output, &[]).unwrap();
        let found = run(
            folder.path(),
            &format!(
                "ffprobe -v error -read_intervals %+#1 -select_streams v -show_frames -of json {{}}/out.{ending}"
            ),
        );
        for expected in
            ["\"max_content\": 1000", "\"max_average\": 400", "Mastering display metadata", "smpte2084"]
        {
            assert!(found.contains(expected), "{ending}: {expected} in {found}");
        }
        let stream = folder.path().join("out.nvc");
        to(&output, &stream).unwrap();
        let tracks = StreamDecoder::open_file(&stream, DecoderSettings::default()).unwrap().tracks().clone();
        assert_eq!(tracks.light.map(|light| (light.max, light.mean)), Some((1000, 400)));
        let display = tracks.mastering.unwrap();
        assert_eq!((display.max_luminance, display.min_luminance), (10_000_000, 50));
        assert_eq!(display.chromaticities, [(34000, 16000), (13250, 34500), (7500, 3000), (15635, 16450)]);
    }
    // Lossless files do not say it; of those without colors that is lost too.
    let stream = folder.path().join("out.nvc");
    for (name, expected) in [("back.mkv", &["HDR10"][..]), ("back.y4m", &["color", "HDR10"])] {
        let mut go_on = |_| ControlFlow::Continue(());
        let output = folder.path().join(name);
        let report =
            decode_file(&stream, &output, &DecoderSettings::default(), &CancelToken::new(), &mut go_on);
        let lost = report.unwrap().lost;
        assert_eq!(
            lost.iter().map(|lost| lost.what.as_str()).collect::<Vec<_>>(),
            expected,
            "{name}: {lost:?}"
        );
    }
}

/// An MP4 file with a Dolby Vision record of this profile in its one entry of samples.
fn with_dolby_vision(mut file: Vec<u8>, profile: u8) -> Vec<u8> {
    // `avc1` is a brand too, before the index.
    let find =
        |name: &[u8], from: usize| from + file[from..].windows(4).position(|window| window == name).unwrap();
    let moov = find(b"moov", 0);
    let record = [&[0, 0, 0, 32][..], b"dvcC", &[1, 0, profile << 1, 13, 0], &[0; 19]].concat();
    let boxes =
        [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"].map(|name| find(name, moov) - 4);
    let size = |file: &[u8], at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    let end = boxes[6] + size(&file, boxes[6]) as usize;
    for at in boxes {
        let larger = size(&file, at) + record.len() as u32;
        file[at..at + 4].copy_from_slice(&larger.to_be_bytes());
    }
    file.splice(end..end, record);
    file
}

#[test]
fn dolby_vision_is_named_and_where_its_samples_are_no_colors_refused() {
    let Some(folder) = folder() else { return };
    let source = folder.path().join("plain.mp4");
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=64x64:r=25:d=0.2 -c:v libx264 {}/plain.mp4");
    let plain = std::fs::read(&source).unwrap();
    let of_profile = |profile| {
        std::fs::write(&source, with_dolby_vision(plain.clone(), profile)).unwrap();
        encoded(&source, &folder.path().join("out.mkv"), &[])
    };
    let lost = of_profile(8).unwrap().lost;
    assert!(lost.iter().any(|lost| lost.what == "Dolby Vision"), "{lost:?}");
    let error = of_profile(5).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
}

#[test]
fn an_ending_that_is_no_kind_of_file_is_an_error_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["out", "out.avi", "out.nvc.part"] {
        let mut clip = Clip::new(64, 48, PixelFormat::YUV420_8, 5, 5);
        let error =
            encode_to(&mut clip, &folder.path().join(name), &fast(&[]), Hooks::default()).unwrap_err();
        assert!(error.to_string().contains(".mkv, .webm or .nvc"), "{error}");
        assert_eq!(clip.next, 0);
    }
    assert!(
        ContainerTracks::new(
            Container::WebM,
            &Clip::new(64, 48, PixelFormat::YUV420_8, 5, 5).with_audio().tracks
        )
        .is_err()
    );
}

#[test]
fn an_mp4_keeps_covers_and_the_tags_of_an_mkv() {
    let Some(folder) = folder() else { return };
    for (cover, ending) in [("png", "png"), ("mjpeg", "jpg")] {
        ffmpeg(
            folder.path(),
            &format!("-f lavfi -i testsrc2=s=32x32:r=1:d=1 -frames:v 1 -c:v {cover} {{}}/cover.{ending}"),
        );
        ffmpeg(
            folder.path(),
            &format!(
                "-f lavfi -i testsrc2=s=64x64:r=25:d=0.4 -i {{}}/cover.{ending} -map 0 -map 1 -c:v:0 libx264 -c:v:1 copy \
                 -disposition:v:1 attached_pic {{}}/covered.mp4"
            ),
        );
        let (stream, output) = (folder.path().join("out.nvc"), folder.path().join("out.mp4"));
        let report = encoded(&folder.path().join("covered.mp4"), &output, &[]).unwrap();
        assert!(!report.lost.iter().any(|lost| lost.what == "attachment"), "{:?}", report.lost);
        to(&output, &stream).unwrap();
        to(&stream, &folder.path().join("again.mp4")).unwrap();
        // FFmpeg writes none into MOV.
        let (moved, settings) = (folder.path().join("out.mov"), DecoderSettings::default());
        let mut go_on = |_| ControlFlow::Continue(());
        let moved = decode_file(&stream, &moved, &settings, &CancelToken::new(), &mut go_on).unwrap();
        assert!(moved.lost.iter().any(|lost| lost.what == "attachment"), "{:?}", moved.lost);
        let entries = "stream=codec_name,width:stream_disposition=attached_pic";
        for name in ["out.mp4", "again.mp4"] {
            let probe = format!("ffprobe -v error -show_entries {entries} -of compact=p=0 {{}}/{name}");
            let found = run(folder.path(), &probe);
            let expected = format!("codec_name={cover}|width=32|disposition:attached_pic=1");
            assert!(found.contains(&expected), "{name}: {found}");
        }
    }
    ffmpeg(
        folder.path(),
        "-f lavfi -i testsrc2=s=64x64:r=25:d=0.4 -metadata ARTIST=Someone -metadata MOOD=calm -c:v libx264 {}/tagged.mkv",
    );
    let report = encoded(&folder.path().join("tagged.mkv"), &folder.path().join("tagged.mp4"), &[]).unwrap();
    let tags: Vec<&Lost> = report.lost.iter().filter(|lost| lost.what == "tag").collect();
    assert!(tags.len() == 1 && tags[0].why.starts_with("MOOD"), "{tags:?}");
    let probe = "ffprobe -v error -show_entries format_tags -of compact=p=0 {}/tagged.mp4";
    assert!(run(folder.path(), probe).contains("tag:artist=Someone"));
}

#[test]
fn files_of_pictures_alone_name_what_they_do_not_hold() {
    let Some(folder) = folder() else { return };
    let input = rich(folder.path());
    let stream = folder.path().join("rich.nvc");
    encoded(&input, &stream, &[]).unwrap();
    std::fs::create_dir(folder.path().join("frames")).unwrap();
    for (name, kinds) in [
        ("frames/%03d.png", &["audio", "subtitle", "attachment", "chapter", "tag"][..]),
        ("rich.y4m", &["audio", "subtitle", "attachment", "chapter", "tag"]),
        ("rich.decoded.mp4", &["subtitle", "attachment", "tag"]),
        ("rich.decoded.mkv", &[]),
    ] {
        let output = folder.path().join(name);
        let settings = DecoderSettings::default();
        let mut go_on = |_| ControlFlow::Continue(());
        let report = decode_file(&stream, &output, &settings, &CancelToken::new(), &mut go_on).unwrap();
        let found: Vec<&str> = report.lost.iter().map(|lost| lost.what.as_str()).collect();
        assert_eq!((found.as_slice(), report.frames), (kinds, 50), "{name}");
        assert_eq!(report.audio_packets == 0, kinds.contains(&"audio"), "{name}");
    }
}

/// Of a file whose pictures begin 2 s after its sound: the first picture, the subtitle, the second chapter.
#[test]
fn sound_before_the_first_picture_moves_no_chapter() {
    let Some(folder) = folder() else { return };
    std::fs::write(folder.path().join("s.srt"), "1\n00:00:02,500 --> 00:00:02,700\nHello\n").unwrap();
    let chapters = "[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=2400\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=2400\nEND=2800\ntitle=Two\n";
    std::fs::write(folder.path().join("m.txt"), format!(";FFMETADATA1\n{chapters}")).unwrap();
    ffmpeg(
        folder.path(),
        "-itsoffset 2 -f lavfi -i testsrc2=s=96x64:r=25:d=0.8 -f lavfi -i sine=440:d=3 -i {}/s.srt -i {}/m.txt -map 0 -map 1 -map 2 \
         -map_metadata 3 -c:v libx264 -bf 0 -c:a libopus -c:s ass {}/late.mkv",
    );
    let times = |name: &str| {
        let read = |what: &str| {
            let printed = run(folder.path(), &format!("ffprobe -v error {what} -of csv=p=0 {{}}/{name}"));
            let last = printed.lines().rfind(|line| !line.is_empty()).unwrap_or("nan").to_owned();
            last.trim_end_matches(',').parse::<f64>().unwrap()
        };
        let first = "-read_intervals %+#1 -show_entries packet=pts_time -select_streams";
        let picture = read(&format!("{first} v"));
        [read(&format!("{first} s")) - picture, read("-show_entries chapter=start_time") - picture]
    };
    let expected = times("late.mkv");
    assert!((expected[1] - 0.4).abs() < 0.01, "{expected:?}");
    encoded(&folder.path().join("late.mkv"), &folder.path().join("late.nvc"), &[]).unwrap();
    to(&folder.path().join("late.nvc"), &folder.path().join("remuxed.mkv")).unwrap();
    let (stream, decoded) = (folder.path().join("late.nvc"), folder.path().join("decoded.mkv"));
    let cancel = CancelToken::new();
    decode_file(&stream, &decoded, &DecoderSettings::default(), &cancel, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    for name in ["remuxed.mkv", "decoded.mkv"] {
        for (found, expected) in times(name).iter().zip(expected) {
            assert!(
                (found - expected).abs() < 0.01,
                "{name}: {found} s after the picture, {expected} in the source"
            );
        }
    }
}

#[test]
fn a_text_before_all_else_moves_what_it_is_before() {
    let Some(folder) = folder() else { return };
    std::fs::write(folder.path().join("s.srt"), "1\n00:00:00,500 --> 00:00:00,900\nHello\n").unwrap();
    ffmpeg(
        folder.path(),
        "-itsoffset 2 -f lavfi -i testsrc2=s=96x64:r=25:d=0.8 -i {}/s.srt -map 0 -map 1 -c:v libx264 -bf 0 -c:s ass {}/late.mkv",
    );
    let distance = |name: &str| {
        let first = |stream: &str| {
            let what = format!("-read_intervals %+#1 -select_streams {stream} -show_entries packet=pts_time");
            let printed = run(folder.path(), &format!("ffprobe -v error {what} -of csv=p=0 {{}}/{name}"));
            printed
                .lines()
                .find(|line| !line.is_empty())
                .unwrap()
                .trim_end_matches(',')
                .parse::<f64>()
                .unwrap()
        };
        first("s") - first("v")
    };
    let (source, stream) = (folder.path().join("late.mkv"), folder.path().join("late.nvc"));
    encoded(&source, &stream, &[]).unwrap();
    to(&stream, &folder.path().join("remuxed.mkv")).unwrap();
    let cancel = CancelToken::new();
    let go_on = &mut |_| ControlFlow::Continue(());
    decode_file(&stream, &folder.path().join("decoded.mkv"), &DecoderSettings::default(), &cancel, go_on)
        .unwrap();
    for name in ["late.mkv", "remuxed.mkv", "decoded.mkv"] {
        assert!((distance(name) + 1.5).abs() < 0.01, "{name}: {}", distance(name));
    }
}
