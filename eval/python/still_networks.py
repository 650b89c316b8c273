"""Trains the networks that neural stills start from: decoders, and the analysis that gives a first guess of the latents.

    python eval/python/still_networks.py OUTPUT PHOTO...

OUTPUT is a folder; `medium_N.bin`, `analysis_N.bin` and `analysis.bin` of `neural-codec/src/still/base_networks` come to lie in it. The
first network and the whole analysis are trained for one weight of rate; the networks of the others begin there, with the heads of the
analysis alone, so that its trunk is the same for all. Takes hours. Needs `pip install jax optax pillow`.

The model is that of `neural-codec/src/still/train`, differentiated by JAX instead of by hand: an independent second writing of it.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from PIL import Image

Tree: TypeAlias = Any
"""Parameters: dictionaries and lists of arrays."""
Grid: TypeAlias = tuple[int, bool]
"""Level of a grid, and whether the entropy model alone sees it."""

NEIGHBORS = ((-1, 0), (0, -1), (1, -1), (-1, -1), (-2, 0), (0, -2), (2, -1), (-2, -1), (1, -2), (-1, -2))
FEATURES, HIDDEN, LEVELS, FIRST_HYPER, FEATURE_LEVELS = 4, 16, 7, 4, 3
CHANNELS, KINDS = 24, 3
"""Of the analysis: features, and levels with weights of their own."""
GRIDS: list[Grid] = [
    (level, hyper) for level in reversed(range(LEVELS)) for hyper in ((True, False) if level >= FIRST_HYPER else (False,))
]
CROP, BATCH = (128, 192), 8
NETWORKS = ((5, 1e-3, None, 3000, 3e-3), (6, 3e-3, 5, 1000, 1e-3), (4, 3e-4, 5, 1000, 1e-3))
"""Number, weight of rate, number of the one it starts from, steps, learning rate."""


def decoder(random: np.random.Generator) -> Tree:
    """A network of random numbers, in the order of `plan.rs`."""
    context = len(NEIGHBORS) + FEATURES

    def uniform(width: float, *shape: int) -> jax.Array:
        return jnp.asarray(random.uniform(-width, width, shape), jnp.float32)

    square, two = (context, context), (2, context)
    arm = [uniform(0.05, *square), jnp.zeros(context), uniform(0.05, *square), jnp.zeros(context)]
    arm += [uniform(0.05, *two), jnp.zeros(2), uniform(0.05, *two)]
    features = [
        (uniform(0.1, FEATURES, sum(grid[0] > level for grid in GRIDS)), jnp.zeros(FEATURES)) for level in range(FEATURE_LEVELS)
    ]
    taps = [jnp.asarray([-144, 1072, 3600, -432], jnp.float32) / 4096 for _ in range(LEVELS - 1)]
    synthesis = [uniform(0.1, HIDDEN, LEVELS), jnp.asarray(random.uniform(0, 0.1, HIDDEN), jnp.float32)]
    synthesis += [uniform(0.1, 3, HIDDEN), jnp.full(3, 0.5), uniform(0.05, 3, LEVELS)]
    synthesis += [jnp.zeros((3, 3, 3, 3)), jnp.zeros(3), jnp.zeros((3, 3, 3, 3)), jnp.zeros(3)]
    return {"arm": arm, "features": features, "taps": taps, "synthesis": synthesis}


def analysis(random: np.random.Generator) -> Tree:
    """A network of random numbers, in the order of `analysis.rs`."""

    def layer(inputs: int, outputs: int, gain: float = 1.0) -> list[jax.Array]:
        weights = random.normal(0, gain * np.sqrt(2 / (9 * inputs)), (3, 3, inputs, outputs))
        return [jnp.asarray(weights, jnp.float32), jnp.zeros(outputs)]

    return {
        "enter": layer(12, CHANNELS),
        "same": [layer(CHANNELS, CHANNELS) for _ in range(1, KINDS)],
        "down": [layer(CHANNELS, CHANNELS) for _ in range(1, KINDS)],
        "up": [layer(CHANNELS * (1 if kind == 0 else 2), CHANNELS) for kind in range(KINDS)],
        "finest": layer(CHANNELS, 4, 0.3),
        "others": [layer(CHANNELS, 2, 0.3) for _ in range(1, LEVELS)],
    }


def _edges(x: jax.Array) -> jax.Array:
    return jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")


def _convolve(x: jax.Array, layer: Tree) -> jax.Array:
    """A 3x3 layer as one product of matrices."""
    weights, biases = layer
    batch, height, width, inputs = x.shape
    padded = _edges(x)
    columns = jnp.concatenate([padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)], -1)
    product = columns.reshape(-1, 9 * inputs) @ weights.reshape(9 * inputs, -1)
    return product.reshape(batch, height, width, -1) + biases


def _blocks(x: jax.Array) -> jax.Array:
    batch, height, width, channels = x.shape
    pairs = x.reshape(batch, height // 2, 2, width // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    return pairs.reshape(batch, height // 2, width // 2, 4 * channels)


def analyze(network: Tree, pictures: jax.Array) -> dict[Grid, jax.Array]:
    """Latents before rounding. Shape: pictures `[batch][height][width][3]`, 0 to 1; a grid `[batch][height][width]`."""
    features = [jax.nn.relu(_convolve(_blocks(2 * pictures - 1), network["enter"]))]
    for level in range(2, LEVELS):
        kind = min(level - 1, KINDS - 1)
        batch, height, width, _ = features[-1].shape
        even = jnp.pad(features[-1], ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        half = even.reshape(batch, (height + 1) // 2, 2, (width + 1) // 2, 2, CHANNELS).mean((2, 4))
        now = jax.nn.relu(_convolve(half, network["down"][kind - 1]))
        features.append(now + jax.nn.relu(_convolve(now, network["same"][kind - 1])))
    latents: dict[Grid, jax.Array] = {}
    coarser = None
    for level in reversed(range(1, LEVELS)):
        now = features[level - 1]
        if coarser is not None:
            below = jnp.repeat(jnp.repeat(coarser, 2, 1), 2, 2)[:, : now.shape[1], : now.shape[2]]
            both = now + below if level == 1 else jnp.concatenate([now, below], -1)
            now = now + jax.nn.relu(_convolve(both, network["up"][min(level - 1, KINDS - 1)]))
        output = 4 * _convolve(now, network["others"][level - 1])
        latents[level, False] = output[..., 0]
        if level >= FIRST_HYPER:
            latents[level, True] = output[..., 1]
        coarser = now
    output = 4 * _convolve(coarser, network["finest"])
    batch, height, width, _ = output.shape
    latents[0, False] = output.reshape(batch, height, width, 2, 2).transpose(0, 1, 3, 2, 4).reshape(batch, 2 * height, 2 * width)
    return latents


def _double(x: jax.Array, taps: jax.Array, axis: int) -> jax.Array:
    size = x.shape[axis]
    padded = jnp.pad(x, [(2, 2) if at == axis else (0, 0) for at in range(x.ndim)], mode="edge")

    def shifted(by: int) -> jax.Array:
        return jax.lax.slice_in_dim(padded, by, by + size, axis=axis)

    even = sum(taps[tap] * shifted(tap) for tap in range(4))
    odd = sum(taps[tap] * shifted(4 - tap) for tap in range(4))
    shape = [2 * size if at == axis else length for at, length in enumerate(x.shape)]
    return jnp.stack([even, odd], axis=axis + 1).reshape(shape)


def synthesize(network: Tree, latents: dict[Grid, jax.Array]) -> jax.Array:
    """Pictures from rounded latents."""
    stack = latents[LEVELS - 1, False][..., None]
    for level in reversed(range(LEVELS - 1)):
        taps = network["taps"][level]
        stack = jnp.concatenate([latents[level, False][..., None], _double(_double(stack, taps, 1), taps, 2)], -1)
    first, first_bias, second, second_bias, stabilizer, sharpen, sharpen_bias, last, last_bias = network["synthesis"]
    mixed = jax.nn.relu(stack @ first.T + first_bias) @ second.T + second_bias + stack @ stabilizer.T
    mixed = jax.nn.relu(mixed + _convolve(mixed, [jnp.transpose(sharpen, (2, 3, 1, 0)), sharpen_bias]))
    return mixed + _convolve(mixed, [jnp.transpose(last, (2, 3, 1, 0)), last_bias])


def bits(network: Tree, latents: dict[Grid, jax.Array]) -> jax.Array:
    """Bits of all latents."""
    first, first_bias, second, second_bias, output, output_bias, stabilizer = network["arm"]
    total = jnp.zeros(())
    for grid in GRIDS:
        values, level = latents[grid], grid[0]
        height, width = values.shape[1:]
        padded = jnp.pad(values, ((0, 0), (4, 0), (4, 4)))
        context = jnp.stack([padded[:, 4 + y : 4 + y + height, 4 + x : 4 + x + width] for x, y in NEIGHBORS], -1)
        features = jnp.zeros((*values.shape, FEATURES))
        if not grid[1] and level < FEATURE_LEVELS:
            weights, features = network["features"][level]
            for index, source in enumerate(grid for grid in GRIDS if grid[0] > level):
                times = 1 << (source[0] - level - 1)
                features = features + jnp.repeat(jnp.repeat(latents[source][..., None] * weights[:, index], times, 1), times, 2)
            features = jnp.repeat(jnp.repeat(features, 2, 1), 2, 2)
        x = jnp.concatenate([context, features], -1)
        hidden = jax.nn.relu(x @ first.T + first_bias + x)
        hidden = jax.nn.relu(hidden @ second.T + second_bias + hidden)
        mean, log_scale = jnp.moveaxis(hidden @ output.T + output_bias + x @ stabilizer.T, -1, 0)
        inverse = jnp.exp(-jnp.clip(log_scale - 4, -5, 5))
        distance = jnp.abs(values - mean)
        near, far = (0.5 * jnp.exp(-at * inverse) for at in (jnp.abs(distance - 0.5), distance + 0.5))
        chance = jnp.where(distance < 0.5, 1 - near - far, near - far)
        total -= jnp.sum(jnp.log2(jnp.maximum(chance, 0) + 1 / 131072))
    return total


def _soft(x: jax.Array, temperature: jax.Array) -> jax.Array:
    center = jnp.floor(x) + 0.5
    return center + 0.5 * jnp.tanh((x - center) / temperature) / jnp.tanh(0.5 / temperature)


def cost(
    networks: tuple[Tree, Tree], pictures: jax.Array, weight: float, how: tuple[jax.Array, jax.Array, jax.Array] | None
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Error + weight bits a pixel, and both. `how`: random key, temperature and noise of soft rounding; without, latents are whole."""
    latents = {grid: jnp.clip(values, -63, 63) for grid, values in analyze(networks[1], pictures).items()}
    if how is None:
        latents = {grid: jnp.round(values) for grid, values in latents.items()}
    else:
        key, temperature, noise = how
        for number, grid in enumerate(sorted(latents)):
            noisy = noise * jax.random.normal(jax.random.fold_in(key, number), latents[grid].shape)
            latents[grid] = _soft(_soft(latents[grid], temperature) + noisy, temperature)
    error = jnp.mean((synthesize(networks[0], latents) - pictures) ** 2)
    rate = bits(networks[0], latents) / pictures[..., 0].size
    return error + weight * rate, (error, rate)


class Photos:
    """Crops of photos as they are and at three fifths of their size, which has none of the traces of JPEG."""

    def __init__(self, paths: list[str]) -> None:
        self.photos: list[np.ndarray] = []
        for path in paths:
            photo = Image.open(path).convert("RGB")
            smaller = photo.resize((photo.width * 6 // 10, photo.height * 6 // 10), Image.Resampling.LANCZOS)
            for each in (np.asarray(photo), np.asarray(smaller)):
                lying = each if each.shape[1] >= each.shape[0] else each.transpose(1, 0, 2)
                if lying.shape[0] >= CROP[0] and lying.shape[1] >= CROP[1]:
                    self.photos.append(lying)

    def batch(self, random: np.random.Generator) -> np.ndarray:
        """Shape: `[batch][height][width][3]`, 0 to 1."""
        crops = []
        for _ in range(BATCH):
            photo = self.photos[random.integers(len(self.photos))]
            top, left = (random.integers(have - want + 1) for have, want in zip(photo.shape, CROP, strict=False))
            crop = photo[top : top + CROP[0], left : left + CROP[1]]
            crops.append(crop[:: random.choice((1, -1)), :: random.choice((1, -1))])
        return np.stack(crops).astype(np.float32) / 255


def train(networks: tuple[Tree, Tree], photos: Photos, weight: float, steps: int, rate: float, whole: bool) -> tuple[Tree, Tree]:
    """Both networks, trained on; without `whole`, the decoder and the heads of the analysis alone."""
    trunk = networks[1]

    def joined(trained: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
        return trained[0], (trained[1] if whole else {**jax.lax.stop_gradient(trunk), **trained[1]})

    trained = networks if whole else (networks[0], {name: trunk[name] for name in ("finest", "others")})
    falling = optax.cosine_decay_schedule(rate, steps, alpha=0.01)
    optimizer = optax.chain(
        optax.clip_by_global_norm(0.5 if whole else 0.2),
        optax.adam(lambda step: falling(step) * jnp.minimum(1.0, (step + 1) / 100), 0.9, 0.98),
    )
    state = optimizer.init(trained)

    @jax.jit
    def step(trained: Tree, state: Tree, pictures: jax.Array, key: jax.Array, part: float) -> tuple[Tree, Tree, Tree]:
        def loss(trained: Tree) -> tuple[jax.Array, Tree]:
            return cost(joined(trained), pictures, weight, (key, 0.4 - 0.25 * part, 0.25 - 0.08 * part))

        (_, both), gradient = jax.value_and_grad(loss, has_aux=True)(trained)
        updates, state = optimizer.update(gradient, state, trained)
        return optax.apply_updates(trained, updates), state, both

    random, key, begun, seen = np.random.default_rng(1), jax.random.PRNGKey(0), time.monotonic(), []
    for number in range(steps):
        key, now = jax.random.split(key)
        trained, state, both = step(trained, state, photos.batch(random), now, number / steps)
        seen.append([float(value) for value in both])
        if number % 100 == 99:
            error, rate_now = np.mean(seen[-100:], axis=0)
            message = f"{weight:g} {number + 1}/{steps} {-10 * np.log10(error):.3f} dB {rate_now:.4f} bpp {time.monotonic() - begun:.0f} s"
            print(message, file=sys.stderr)
    return joined(trained)


def _bytes(parameters: Tree) -> bytes:
    flat = np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(parameters)])
    return np.clip(np.round(flat * 4096), -32767, 32767).astype("<i2").tobytes()


def _layers(*layers: Tree) -> bytes:
    return b"".join(_bytes([np.transpose(weights, (3, 2, 0, 1)), biases]) for weights, biases in layers)


def main() -> None:
    """Trains and writes all networks of [`NETWORKS`]."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--steps", type=int, help="of each network, for a trial")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    photos, random = Photos(arguments.photos), np.random.default_rng(1)
    made: dict[int | None, tuple[Tree, Tree]] = {None: (decoder(random), analysis(random))}
    for number, weight, start, steps, rate in NETWORKS:
        made[number] = train(made[start], photos, weight, arguments.steps or steps, rate, start is None)
        network, heads = made[number]
        order = [network["arm"], network["features"], network["taps"], network["synthesis"]]
        (arguments.output / f"medium_{number}.bin").write_bytes(_bytes(order))
        (arguments.output / f"analysis_{number}.bin").write_bytes(_layers(heads["finest"], *heads["others"]))
        if start is None:
            trunk = _layers(heads["enter"], *heads["same"], *heads["down"], *heads["up"])
            (arguments.output / "analysis.bin").write_bytes(trunk)


if __name__ == "__main__":
    main()
