"""Results as plain data: dataclasses that turn into JSON and back, with the version of their schema.

The parts of a report (`Report`, `Total`, `Scene`, `Attempt`, ...) are described field by field in docs/report.schema.json.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar

from ._record import Record as Record


@dataclass(frozen=True)
class Clip(Record):
    """Size, format and color of a clip; the color by H.273 code points."""

    width: int
    height: int
    pixel_format: str
    color_range: str
    color_primaries: int
    color_transfer: int
    color_matrix: int
    frame_rate: Fraction


@dataclass(frozen=True)
class Quality(Record):
    """Distortion of decoded frames against the source. PSNR and XPSNR in dB; None where nothing differs, it is undefined or not measured."""

    psnr_y: float | None
    psnr_yuv: float | None
    psnr_rgb: float | None
    ssim_y: float | None
    ms_ssim_y: float | None
    ssimulacra2: float | None
    vmaf: float | None
    xpsnr_y: float | None
    lossless_frames: int
    worst_frame_psnr_y: float | None
    worst_frame: int | None


@dataclass(frozen=True)
class Profile(Record):
    """What a scene looks like: its class and why, and measurements (docs/PROFILES.md)."""

    scene_class: str
    class_reason: str
    spatial_information: float
    temporal_information: float
    motion: float
    motion_direction: list[float]
    global_motion: float
    changed_blocks: float
    grain: float
    flatness: float
    hard_edges: float
    repeated_frames: int
    black_frames: int
    fades_in: bool
    fades_out: bool


@dataclass(frozen=True)
class ProfiledScene(Record):
    """A scene and what it looks like."""

    first_frame: int
    """Index in the clip."""
    end: int
    """Index of the frame after its last."""
    profile: Profile
    """Its class and measurements."""

    @property
    def span(self) -> tuple[int, int]:
        """`(first_frame, end)`, as `scenes` of `encode` takes it."""
        return self.first_frame, self.end


@dataclass(frozen=True)
class Probe(Record):
    """What coding some frames with a choice gave."""

    frames: int
    """How many were coded."""
    bytes: int
    """Of the base layer."""
    psnr_y: float | None
    """Mean luma PSNR in dB; None where all are lossless."""
    ssim_y: float | None
    """Mean luma SSIM; None where it is not defined."""
    seconds: float
    """Wall time, decoding and measuring included."""
    cpu_seconds: float
    """Processor time of the process meanwhile."""


@dataclass(frozen=True)
class Predicted(Record):
    """Quality of a scene as it was predicted before it was coded."""

    psnr_y: float
    ssim_y: float | None


@dataclass(frozen=True)
class Attempt(Record):
    """One attempt at a scene or a part of it, made to find the best or to be stored; `first_frame` and `frames` are of the frames of the scene that are coded.

    `preset` and `quantizer` are 0 in an attempt of the stage `still`, which has neither.
    """

    stage: str
    first_frame: int
    frames: int
    preset: int
    quantizer: float
    tools: str
    bytes: int
    psnr_y: float | None
    psnr_rgb: float | None
    ssim_y: float | None
    ms_ssim_y: float | None
    ssimulacra2: float | None
    vmaf: float | None
    xpsnr_y: float | None
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Stage(Record):
    """What all runs of one stage of an encode took; `runs` counts attempts, and frames for `cuts` and `profile`."""

    runs: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class FilterCandidate(Record):
    """A neural filter that a scene might have been stored with."""

    name: str
    bytes: int
    error_left: float


@dataclass(frozen=True)
class Filter(Record):
    """What became of a scene's filter; `base_...` is the quality without it."""

    network_size: str
    verdict: str
    """`kept`, `nothing_to_gain`, `not_worth_its_bytes` or `quality_would_fall`."""
    reason: str
    bytes: int
    base_psnr_y: float | None
    base_psnr_yuv: float | None
    base_ssim_y: float | None
    macs_per_pixel: float
    tops_per_frame: float
    candidates: list[FilterCandidate]


@dataclass(frozen=True)
class Scene(Record):
    """One scene of an encode. `preset` and `quantizer` are 0 where the strategy is `still`, which has neither."""

    index: int
    first_frame: int
    frames: int
    coded_frames: int
    """How many of them are coded; the others show the one before again."""
    strategy: str
    profile: Profile
    quantizer: float
    preset: int
    bit_depth: int
    tools: str
    asked: dict[str, str]
    """What `scene_settings` asked for this scene, by key."""
    verdict: str
    """`as_asked`, `floor_met`, `floor_missed`, `least_cost` or `share_of_bytes`."""
    reason: str
    target_met: bool
    predicted: Predicted | None
    attempts: list[Attempt]
    filter: Filter | None
    bytes: int
    bitrate_bps: float
    quality: Quality
    pooled: dict[str, float]
    """What was measured, by metric, pooled as the setting `pooling` asks: what a floor is compared with."""
    seconds: float


@dataclass(frozen=True)
class Total(Record):
    """The whole stream."""

    scenes: int
    frames: int
    duration_seconds: float
    bytes: int
    audio_bytes: int
    bitrate_bps: float
    target_met: bool
    compression_ratio: float
    quality: Quality
    pooled: dict[str, float]
    """The same of all frames of the clip."""
    seconds: float
    frames_per_second: float
    cpu_seconds: float
    stages: dict[str, Stage]


@dataclass(frozen=True)
class Lost(Record):
    """One thing of a source that is not in the output."""

    what: str
    """What kind of thing, such as `alpha`, `bits`, `track`, `subtitle` or `frames`."""
    why: str
    """Which, and why."""


@dataclass(frozen=True)
class Photo(Record):
    """How a photo is stored, and what is stored beside its samples."""

    coding: str
    bits_per_pixel: float
    coded_bytes: int
    macs_per_pixel: int
    is_gray: bool
    icc_bytes: int
    exif_bytes: int
    xmp_bytes: int
    alpha_bytes: int


@dataclass(frozen=True)
class Report(Record):
    """The account of an encode: what was done, and how good and large the result is, measured."""

    SCHEMA: ClassVar[str] = "neural-codec/report/1"

    library_version: str
    base_encoder: str
    settings: dict[str, Any]
    source: Clip
    coded: Clip
    scenes: list[Scene]
    total: Total
    notes: list[str]
    lost: list[Lost]
    photo: Photo | None
    data: bytes | None = field(default=None, repr=False, compare=False, metadata={"json": False})
    """The stream, where no output was given."""

    def __repr__(self) -> str:
        total = self.total
        met = "met" if total.target_met else "not met"
        return f"<Report: {total.frames} frames in {total.scenes} scenes, {total.bytes} bytes, target {met}>"

    def _repr_html_(self) -> str:
        from ._tables import repr_html

        return repr_html(self)

    def to_pandas(self, table: str = "scenes") -> Any:
        """A `pandas.DataFrame` with a row for each of the `scenes`, quality and profile in columns, or of the `attempts`.

        Needs the extra `[pandas]`. Raises MissingLibrary without it, InvalidArgument for another table.
        """
        from ._tables import to_pandas

        return to_pandas(self, table)

    def plot(self) -> Any:
        """A `matplotlib.figure.Figure`: rate and quality of scenes along time, and of every attempt. `figure.savefig("a.png")`.

        Needs the extra `[plot]`. Raises MissingLibrary without it.
        """
        from ._tables import plot

        return plot(self)


@dataclass(frozen=True)
class FrameValues(Record):
    """Distortion of one frame. PSNR in dB; None where nothing differs or it is undefined."""

    psnr_y: float | None
    """Of the luma, dB."""
    psnr_yuv: float | None
    """Of all samples of all planes, dB."""
    psnr_rgb: float | None
    """Of R, G and B, dB; of arrays alone."""
    ssim_y: float | None
    """Of the luma."""
    ms_ssim_y: float | None
    """MS-SSIM of the luma."""
    ssimulacra2: float | None
    """SSIMULACRA 2, at most 100."""
    vmaf: float | None
    """VMAF, 0 to 100."""
    xpsnr_y: float | None
    """XPSNR of the luma, dB."""


@dataclass(frozen=True)
class Metrics(Record):
    """Distortion of a clip against a reference. PSNR in dB; None where nothing differs or it is undefined."""

    SCHEMA: ClassVar[str] = "neural-codec/metrics/1"

    frames: int
    """Frames compared."""
    pixel_format: str
    """Format in which both were compared."""
    lossless_frames: int
    """Frames that do not differ; means leave them out."""
    psnr_y: float | None
    """Of the luma, mean over frames, dB."""
    psnr_yuv: float | None
    """Of all samples of all planes, dB."""
    psnr_rgb: float | None
    """Of R, G and B, dB; of arrays alone."""
    ssim_y: float | None
    """Of the luma, mean over frames."""
    ms_ssim_y: float | None
    """MS-SSIM of the luma, where it was asked for and pictures are large enough."""
    ssimulacra2: float | None
    """SSIMULACRA 2, mean over frames, where it was asked for."""
    vmaf: float | None
    """VMAF, mean over frames, where it was asked for and pictures are large enough."""
    xpsnr_y: float | None
    """XPSNR of the luma, dB, of the mean root of the weighted error, where it was asked for."""
    per_frame: list[FrameValues] | None = field(default=None, repr=False)
    """The values of each frame, where they were asked for."""


@dataclass(frozen=True)
class SceneInfo(Record):
    """One scene of a stream."""

    first_frame: int
    """Index of its first frame in the clip."""
    frames: int
    """Number of its frames."""
    coded_frames: int
    """How many of them are coded; the others show the one before again."""
    strategy: str
    """How it is coded: `av1`, or `hybrid` with a filter."""
    base_bytes: int
    """Bytes of AV1."""
    frame_bytes: list[int] = field(repr=False)
    """Bytes of AV1 of each frame, in the order of the frames; their sum is `base_bytes`."""
    bit_depth: int
    """Bits of a sample inside the base layer."""
    filter_bytes: int
    """Bytes of its filter, 0 without one."""
    macs_per_pixel: float
    """Multiplications a luma pixel that its filter takes."""


@dataclass(frozen=True)
class StreamInfo(Record):
    """What a stream says about itself."""

    SCHEMA: ClassVar[str] = "neural-codec/stream/1"

    format_version: str
    """Version of the format, such as `1.1`."""
    encoder: str
    """The library that wrote it, and its version."""
    video: Clip
    """Size, format, color and rate."""
    audio_tracks: list[str]
    """FFmpeg's name of the codec of each audio track."""
    frames: int
    """Number of frames."""
    duration_seconds: float
    """From the first frame to the end of the last."""
    bytes: int
    """The whole stream."""
    bitrate_bps: float
    """`bytes` x 8 / `duration_seconds`."""
    scenes: list[SceneInfo]
    """In the order of the clip."""
    photo: Photo | None = None
    """What a photo has beside its picture; None for clips."""


@dataclass(frozen=True)
class ClipInfo(Record):
    """What is known of a clip before its first frame; `frames` where the file declares it."""

    SCHEMA: ClassVar[str] = "neural-codec/clip/1"

    video: Clip
    """Size, format, color and rate."""
    bit_depth: int
    """Bits of a sample."""
    frames: int | None
    """As the file declares it; it may be wrong."""


@dataclass(frozen=True)
class Written(Record):
    """The account of a decode into a file."""

    SCHEMA: ClassVar[str] = "neural-codec/written/1"

    output: str
    """The path."""
    frames: int
    """Frames written."""
    seconds: float
    """Wall time, reading and writing included."""
    frames_per_second: float
    """`frames` / `seconds`."""
    lost: list[Lost] = field(default_factory=list)
    """What the file does not hold of what the stream has beside the pictures."""


@dataclass(frozen=True)
class Exported(Record):
    """The account of an export or a remux."""

    SCHEMA: ClassVar[str] = "neural-codec/exported/1"

    output: str
    """The path."""
    frames: int
    """Frames written."""
    base_bytes: int
    """Bytes of AV1 in the file."""
    width: int
    """Of the coded pictures: even, at least 64."""
    height: int
    """As `width`."""
    bit_depth: int
    """Bits of a sample."""
    lost: list[Lost]
    """What the stream has beside its pictures and the file has no place for."""


@dataclass(frozen=True)
class Progress(Record):
    """How far long work has come; `frames_total` where it is known."""

    frames_done: int
    """Frames finished."""
    frames_total: int | None
    """Frames of the whole clip."""
    scenes_done: int
    """Scenes finished."""
    bytes: int
    """Bytes of stream written or read."""
    stage: str | None = None
    """What an encode began last: locate, pilot, store, filter or still; None before the first attempt, and of other work."""
    attempts: int = 0
    """Attempts that an encode has begun, over all scenes."""
    frames_coded: int = 0
    """Frames coded by all attempts, those that look for a quantizer included: it moves also while `frames_done` does not."""
