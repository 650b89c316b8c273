"""What the command line prints about photos."""

from __future__ import annotations

from .records import Photo, Report, StreamInfo


def photo_report_lines(report: Report, photo: Photo) -> list[str]:
    """A report of a photo: a line for each attempt, and what came of it."""
    total, clip, scene = report.total, report.coded, report.scenes[0]
    pixels = clip.width * clip.height
    lines = ["attempt  stage   preset  quantizer       bytes  bits a pixel  psnr_rgb  ssimulacra2  seconds"]
    for number, each in enumerate(scene.attempts, 1):
        preset, quantizer = ("-", "-") if each.stage == "still" else (str(each.preset), f"{each.quantizer:g}")
        lines.append(
            f"{number:7}  {each.stage:6}  {preset:>6}  {quantizer:>9}  {each.bytes:10}  {8 * each.bytes / pixels:12.3f}"
            f"  {_number(each.psnr_rgb, 2):>8}  {_number(each.ssimulacra2, 2):>11}  {each.seconds:7.2f}"
        )
    quality = ", ".join(f"{name} {value:.4f}" for name, value in total.pooled.items()) or "without loss"
    lines += [
        f"{clip.width}x{clip.height}, {total.bytes} bytes, {photo.bits_per_pixel:.3f} bits a pixel{_beside(photo)}",
        f"{quality}, {total.seconds:.1f} s with {report.base_encoder}: {scene.reason}{'' if total.target_met else ', misses the target'}",
    ]
    lines += [f"lost: {each.what}: {each.why}" for each in report.lost]
    return lines + [f"note: {note}" for note in report.notes]


def photo_info_lines(found: StreamInfo, photo: Photo) -> list[str]:
    """What a stored photo is."""
    clip, depth = found.video, found.scenes[0].bit_depth
    return [
        f"{clip.width}x{clip.height} {'gray' if photo.is_gray else 'RGB'}, {clip.pixel_format}",
        f"photo: {found.bytes} bytes, {photo.bits_per_pixel:.3f} bits a pixel",
        f"  picture: {photo.coded_bytes} bytes of {_coding(photo)}, {depth} bits a sample inside{_beside(photo)}",
    ]


def _coding(photo: Photo) -> str:
    """What its samples are coded as."""
    cost = f"{photo.macs_per_pixel} multiplications a pixel"
    if photo.coding == "neural":
        return f"a still, {cost}"
    return f"AV1 and a filter, {cost}" if photo.macs_per_pixel else "AV1"


def _beside(photo: Photo) -> str:
    """What is stored beside the picture."""
    parts = (("ICC", photo.icc_bytes), ("EXIF", photo.exif_bytes), ("XMP", photo.xmp_bytes), ("opacity", photo.alpha_bytes))
    return "".join(f", {name} {size} bytes" for name, size in parts if size)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
