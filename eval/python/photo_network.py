"""Trains the networks that filter photos: what AV1 in colors of a photo's own, or a neural still, decodes to, made nearer to the photo.

    python eval/python/photo_network.py OUTPUT.bin PLANES [--steps N] [--start STATE] [--hidden N] [--layers N] [--judge PLANES]

PLANES is a folder that the program `photo_planes` or `still_planes` wrote: photos and what they decode to at some quantizers. OUTPUT is
`neural-codec/src/filter/base_networks/photo.bin` or `still_wide.bin`; the state beside it (`.pt`) goes on where it ended, and so does a
file that is compiled in, a smaller one too. Takes an hour and more. Needs `pip install torch`.

The model is that of `neural-codec/src/filter/network.rs` in floating point: convolutions over sites of 2x2 pixels, gains and offsets for
each quantizer, a knot. Photos weigh by the inverse of their error as decoded, so that a decibel counts the same everywhere.
"""

from __future__ import annotations

import argparse
import io
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

Planes: TypeAlias = NDArray[np.int16]
"""Three planes of ten bits, shape `[3][height][width]`."""
State: TypeAlias = dict[str, torch.Tensor]
Knots: TypeAlias = tuple[int, ...]
"""Quantizers with gains of their own, as libaom's `cq-level`, rising."""

BATCH, CROP = 12, 120
"""Crops of a step, and their side in pixels."""
RATE, KEPT = 2e-3, 0.999
"""Learning rate at its highest, and what the mean of the last states keeps with a step."""
FAST = torch.channels_last
"""The order of memory that convolutions are fast in."""
LARGEST, ROOM = 8.0, 1.25
"""The largest magnitude that 16 bits hold, and how much larger than on the photos that are looked at values may be."""
LOOKED_AT = 40
LEAST_ERROR = 2.0
"""What the inverse of an error is bounded by. Units: squared levels of ten bits."""


@dataclass
class Photo:
    """A photo, and what it decodes to at each quantizer."""

    source: Planes
    decoded: dict[int, Planes]


@dataclass(frozen=True)
class Shape:
    """How large a network is: channels between its layers, and how many layers."""

    hidden: int = 32
    layers: int = 6

    @property
    def channels(self) -> list[int]:
        """Channels before the first layer and after each."""
        return [12, *[self.hidden] * (self.layers - 1), 12]

    @property
    def border(self) -> int:
        """Pixels around a crop that reach it."""
        return 2 * self.layers


class Network(nn.Module):
    """Layers of 3x3 taps over sites of 2x2 pixels, each output with a gain and an offset for each knot."""

    def __init__(self, shape: Shape, knots: int) -> None:
        super().__init__()
        ends = list(pairwise(shape.channels))
        self.convolutions = nn.ModuleList([nn.Conv2d(inputs, outputs, 3, bias=False) for inputs, outputs in ends])
        self.gains = nn.ParameterList([nn.Parameter(torch.ones(knots, outputs)) for _, outputs in ends])
        self.offsets = nn.ParameterList([nn.Parameter(torch.zeros(knots, outputs)) for _, outputs in ends])
        for layer in self.convolutions:
            nn.init.kaiming_normal_(layer.weight, a=0.125)
        # It begins near to doing nothing.
        self.gains[-1].data *= 0.05

    def forward(self, planes: torch.Tensor, knots: torch.Tensor) -> torch.Tensor:
        """What is to be added to the planes but for the shape's border on each side, at the knot of each picture."""
        sites = F.pixel_unshuffle(planes, 2)
        for index, layer in enumerate(self.convolutions):
            gains, offsets = self.gains[index][knots], self.offsets[index][knots]
            sites = layer(sites) * gains[:, :, None, None] + offsets[:, :, None, None]
            if index + 1 < len(self.convolutions):
                sites = F.leaky_relu(sites, 0.125)
        return F.pixel_shuffle(sites, 2)


def photos_of(folder: Path) -> list[Photo]:
    """All photos of a folder of planes."""

    def planes(path: Path, width: int, height: int) -> Planes:
        return np.fromfile(path, np.uint16).reshape(3, height, width).astype(np.int16)

    decoded: dict[str, dict[int, Path]] = {}
    for path in folder.glob("*.decoded"):
        name, knot = path.stem.rsplit(".", 1)
        decoded.setdefault(name, {})[int(knot)] = path
    photos = []
    for path in sorted(folder.glob("*.source")):
        name, size = path.stem.rsplit(".", 1)
        width, height = map(int, size.split("x"))
        found = {knot: planes(file, width, height) for knot, file in decoded.get(name, {}).items()}
        photos.append(Photo(planes(path, width, height), found))
    return photos


def knots_of(photos: list[Photo]) -> Knots:
    """The quantizers that photos were coded at."""
    return tuple(sorted({knot for photo in photos for knot in photo.decoded}))


def shape_of(state: State) -> Shape:
    """The shape of the network that a state is of."""
    return Shape(len(state["gains.0"][0]), sum(name.startswith("convolutions") for name in state))


def network_of(state: State) -> Network:
    """The network of a state."""
    network = Network(shape_of(state), len(state["gains.0"]))
    network.load_state_dict(state)
    return network


def widened(state: State, shape: Shape) -> State:
    """A larger network that gives about the same: channels that add little, and layers that only shift what they are given.

    A layer is put behind every second one until there are as many as there should be; what it gives is above zero, so that nothing is
    lost, and the next one takes it away again.
    """
    before = shape_of(state)
    added, sources = shape.layers - before.layers, list[int | None]()
    for layer in range(before.layers):
        sources.append(layer)
        if layer % 2 == 1 and layer + 1 < before.layers and sources.count(None) < added:
            sources.append(None)
    if len(sources) != shape.layers or shape.hidden < before.hidden:
        raise ValueError(f"{before} cannot become {shape}")
    knots, wide, shifted = len(state["gains.0"]), State(), False
    for layer, ((inputs, outputs), source) in enumerate(zip(pairwise(shape.channels), sources, strict=True)):
        weights = nn.init.kaiming_normal_(torch.empty(outputs, inputs, 3, 3), a=0.125)
        gains, offsets = torch.ones(knots, outputs), torch.zeros(knots, outputs)
        known = before.hidden if source is None else len(state[f"gains.{source}"][0])
        weights[:known] = 0
        if source is None:
            weights[range(known), range(known), 1, 1] = 1
            offsets[:, :known] = 1
        else:
            taps = state[f"convolutions.{source}.weight"]
            weights[:known, : taps.shape[1]] = taps
            gains[:, :known], offsets[:, :known] = state[f"gains.{source}"], state[f"offsets.{source}"]
            if shifted:
                offsets[:, :known] -= gains[:, :known] * taps.sum((1, 2, 3))
        if layer > 0 and (new := inputs - before.hidden) > 0:
            weights[:known, before.hidden :] = 0.02 * torch.randn(known, new, 3, 3) / math.sqrt(new)
        wide |= {f"convolutions.{layer}.weight": weights, f"gains.{layer}": gains, f"offsets.{layer}": offsets}
        shifted = source is None
    return wide


def on_scale(planes: NDArray[Any]) -> NDArray[np.float32]:
    """Samples as the network takes them: an activation of 1.0 is 64 levels of 8 bits."""
    return (planes.astype(np.float32) - 512) / 256


def batches(photos: list[Photo], knots: Knots, border: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Crops as decoded, what they should be, their knots and their weights, without end."""
    random, side = np.random.default_rng(1), CROP + 2 * border
    cases = []
    for photo in photos:
        if min(photo.source.shape[1:]) >= side:
            for knot, decoded in photo.decoded.items():
                error = np.mean((photo.source.astype(np.float32) - decoded) ** 2)
                cases.append((photo.source, decoded, knots.index(knot), 65536 / max(float(error), LEAST_ERROR)))
    while True:
        chosen = [cases[at] for at in random.integers(len(cases), size=BATCH)]
        pairs = []
        for source, decoded, _, _ in chosen:
            # Crops begin at whole sites; a picture may be turned and mirrored.
            top, left = (2 * random.integers((length - side) // 2 + 1) for length in source.shape[1:])
            both = np.stack([decoded, source])[:, :, top : top + side, left : left + side]
            both = np.rot90(both, random.integers(4), (2, 3))
            pairs.append(both[..., ::-1] if random.integers(2) else both)
        crops = torch.from_numpy(on_scale(np.stack(pairs)))
        inner = slice(border, -border)
        at, weights = torch.tensor([case[2] for case in chosen]), torch.tensor([case[3] for case in chosen])
        yield crops[:, 0].contiguous(memory_format=FAST), crops[:, 1, :, inner, inner], at, weights


def train(photos: list[Photo], judged: list[Photo], network: Network, steps: int) -> State:
    """The mean of the last states of training."""
    knots, begun = knots_of(photos), time.monotonic()
    network, border = network.to(memory_format=FAST), shape_of(network.state_dict()).border
    mean = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.Adam(network.parameters(), RATE, (0.9, 0.99))
    for step, (decoded, source, at, weights) in zip(range(steps), batches(photos, knots, border), strict=False):
        optimizer.param_groups[0]["lr"] = RATE * min(1, (step + 1) / 200) * (0.51 + 0.49 * math.cos(math.pi * step / steps))
        with torch.autocast("cpu", torch.bfloat16):
            residual = network(decoded, at)
        inner = slice(border, -border)
        errors = ((decoded[:, :, inner, inner] + residual.float() - source) ** 2).mean((1, 2, 3))
        optimizer.zero_grad()
        (errors * weights).mean().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        kept = min(KEPT, step / (step + 20))
        for name, value in network.state_dict().items():
            mean[name].mul_(kept).add_(value, alpha=1 - kept)
        if step % 2000 == 1999:
            print(f"{step + 1}/{steps} {time.monotonic() - begun:.0f} s {gains_of(mean, knots, judged)}", file=sys.stderr)
    return mean


def gains_of(state: State, knots: Knots, photos: list[Photo]) -> str:
    """How much nearer photos come, on the mean, at each quantizer."""
    network, layers = network_of(state), shape_of(state).layers
    found: dict[int, list[float]] = {}
    for photo in photos:
        for knot, decoded in photo.decoded.items():
            height, width = decoded.shape[1:]
            # The nearest sample beyond an odd edge, then the nearest sites.
            planes = F.pad(torch.from_numpy(on_scale(decoded))[None], (0, width % 2, 0, height % 2), mode="replicate")
            planes = F.pixel_shuffle(F.pad(F.pixel_unshuffle(planes, 2), [layers] * 4, mode="replicate"), 2)
            with torch.no_grad():
                residual = network(planes, torch.tensor([knots.index(knot)]))[0, :, :height, :width].numpy()
            filtered = np.clip(np.round(decoded + 256 * residual), 0, 1023)
            errors = [np.mean((photo.source - each.astype(np.float64)) ** 2) for each in (decoded, filtered)]
            found.setdefault(knot, []).append(10 * math.log10(errors[0] / errors[1]))
    return ", ".join(f"{knot}: {np.mean(gains):+.3f} dB ({min(gains):+.3f})" for knot, gains in sorted(found.items()))


def within_16_bits(state: State, photos: list[Photo]) -> tuple[State, list[NDArray[np.float32]]]:
    """The same network with smaller activations where 16 bits would not hold them, and the largest sums of each layer's outputs.

    What a layer gives may be smaller by any factor, as the weights of the next one undo it.
    """
    scaled, largest = {name: value.clone() for name, value in state.items()}, []
    knots, layers = knots_of(photos), shape_of(state).layers
    sites = []
    for photo in photos[:: max(1, len(photos) // LOOKED_AT)]:
        for knot, decoded in photo.decoded.items():
            planes = torch.from_numpy(on_scale(decoded[:, : decoded.shape[1] // 2 * 2, : decoded.shape[2] // 2 * 2]))[None]
            sites.append((knots.index(knot), F.pixel_unshuffle(planes, 2)))
    for layer in range(layers):
        weights, gains, offsets = (scaled[f"{name}.{layer}{end}"] for name, end in (("convolutions", ".weight"), ("gains", ""), ("offsets", "")))
        sums = [(knot, F.conv2d(each, weights)) for knot, each in sites]
        largest.append(np.max([each.abs().amax((0, 2, 3)).numpy() for _, each in sums], 0))
        sites = [(knot, each * gains[knot][:, None, None] + offsets[knot][:, None, None]) for knot, each in sums]
        factor = min(1.0, LARGEST / (ROOM * max(float(each.abs().max()) for _, each in sites)))
        if layer + 1 < layers:
            gains *= factor
            offsets *= factor
            scaled[f"convolutions.{layer + 1}.weight"] /= factor
            sites = [(knot, F.leaky_relu(factor * each, 0.125)) for knot, each in sites]
    return scaled, largest


def network_bytes(state: State, photos: list[Photo]) -> bytes:
    """The file that is compiled in, in the layout of `neural-codec/src/filter/base_network.rs`."""
    state, largest = within_16_bits(state, photos)
    values = {name: value.numpy() for name, value in state.items()}
    shifts, weights, sets, shape = b"", b"", [], shape_of(state)
    for layer in range(shape.layers):
        exact = values[f"convolutions.{layer}.weight"]
        # The whole range of eight bits; a power of two, by which sums fit into 16, and a gain undo it.
        scale = 127 / np.abs(exact).max((1, 2, 3)).clip(1e-6)
        shift = np.ceil(np.log2(scale * np.maximum(1.0, ROOM * largest[layer] / LARGEST))).clip(0, 20)
        shifts += shift.astype(np.uint8).tobytes()
        weights += np.round(exact * scale[:, None, None, None]).astype(np.int8).tobytes()
        # The last layer has a gain for each kind of frame, of which photos have one.
        kinds = 6 if layer + 1 == shape.layers else 1
        sets += [(each, kinds) for each in (values[f"gains.{layer}"] * (2**shift / scale), values[f"offsets.{layer}"])]
    knots, coded = knots_of(photos), b""
    for number, knot in enumerate(knots):
        # Units: quarter steps.
        coded += (4 * knot).to_bytes(2, "little")
        for each, kinds in sets:
            rounded = np.round(each[number] * 4096)
            if np.abs(rounded).max() > 32767:
                raise ValueError(f"a gain or offset of the knot {knot} does not fit into 16 bits")
            coded += rounded.astype("<i2").tobytes() * kinds
    hidden = bytes([shape.hidden] * (shape.layers - 1))
    return bytes([len(hidden)]) + hidden + shifts + weights + bytes([len(knots)]) + coded


def state_of(path: Path, knots: Knots) -> State:
    """A state to go on from: one that training left, or a file that is compiled in, whose gains at other quantizers lie on lines."""
    if path.suffix == ".pt":
        return torch.load(path)
    file, state = io.BytesIO(path.read_bytes()), State()

    def read(count: int, kind: str) -> NDArray[np.float32]:
        size = count * np.dtype(kind).itemsize
        return np.frombuffer(file.read(size), kind).astype(np.float32)

    channels = [12, *map(int, read(int(read(1, "u1")[0]), "u1")), 12]
    shifts = [read(outputs, "u1") for outputs in channels[1:]]
    for layer, (inputs, outputs) in enumerate(pairwise(channels)):
        weights = read(outputs * inputs * 9, "i1").reshape(outputs, inputs, 3, 3)
        state[f"convolutions.{layer}.weight"] = torch.from_numpy(weights / 2 ** shifts[layer][:, None, None, None])
    quantizers, sets = [], []
    for _ in range(int(read(1, "u1")[0])):
        quantizers.append(read(1, "<u2")[0] / 4)
        kinds = [6 if layer + 2 == len(channels) else 1 for layer in range(len(shifts)) for _ in range(2)]
        sets.append([read(channels[1 + at // 2] * each, "<i2")[: channels[1 + at // 2]] / 4096 for at, each in enumerate(kinds)])
    for at, columns in enumerate(zip(*sets, strict=True)):
        found = np.stack([[np.interp(knot, quantizers, values) for values in np.stack(columns, 1)] for knot in knots])
        state[f"{('gains', 'offsets')[at % 2]}.{at // 2}"] = torch.from_numpy(found.astype(np.float32))
    return state


def main() -> None:
    """Trains, and writes the network and its state."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("planes", type=Path)
    parser.add_argument("--steps", type=int, default=60000)
    parser.add_argument("--start", type=Path, help="a state (.pt) or a network (.bin) to go on from")
    parser.add_argument("--hidden", type=int, default=Shape().hidden, help="channels between layers")
    parser.add_argument("--layers", type=int, default=Shape().layers)
    parser.add_argument("--judge", type=Path, help="planes of photos that it is not trained on, and told of")
    arguments = parser.parse_args()
    judged = photos_of(arguments.judge) if arguments.judge else []
    photos = photos_of(arguments.planes)
    if unknown := set(knots_of(judged)) - set(knots_of(photos)):
        parser.error(f"--judge: quantizers {sorted(unknown)} are not trained")
    shape, knots = Shape(arguments.hidden, arguments.layers), knots_of(photos)
    torch.manual_seed(1)
    if arguments.start:
        start = state_of(arguments.start, knots)
        network = network_of(start if shape_of(start) == shape else widened(start, shape))
    else:
        network = Network(shape, len(knots))
    state = train(photos, judged, network, arguments.steps)
    torch.save(state, arguments.output.with_suffix(".pt"))
    arguments.output.write_bytes(network_bytes(state, photos))


if __name__ == "__main__":
    main()
