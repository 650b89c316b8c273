"""Trains a small network on frames of streams, with torch: train.py STREAM.nvc [STREAM.nvc ...]

Each step decodes a few frames from a random place of a random stream: scenes are independent, so that costs one scene at
most. The network, three convolutions, learns to sharpen frames that were blurred.
"""

import random
import sys

import neural_codec

try:
    import torch
except ImportError:
    sys.exit("skipped: torch is not installed (pip install torch)")

STEPS, BATCH = 40, 8


class Clips(torch.utils.data.IterableDataset):
    """Batches `(BATCH, 3, H, W)` of floats from 0 to 1, from random places."""

    def __init__(self, paths):
        self.paths = paths

    def __iter__(self):
        # Opened here: each worker process has decoders of its own.
        decoders = [neural_codec.Decoder(path, layout="TCHW") for path in self.paths]
        while True:
            decoder = random.choice(decoders)
            start = random.randrange(max(1, decoder.frame_count - BATCH))
            yield torch.from_dlpack(decoder[start : start + BATCH]).float() / 255


network = torch.nn.Sequential(
    torch.nn.Conv2d(3, 16, 3, padding=1), torch.nn.ReLU(),
    torch.nn.Conv2d(16, 16, 3, padding=1), torch.nn.ReLU(),
    torch.nn.Conv2d(16, 3, 3, padding=1),
)  # fmt: skip
optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
# Workers have to be spawned: a fork has none of the library's threads.
workers = {"num_workers": 1, "multiprocessing_context": "spawn"} if __name__ == "__main__" and "--workers" in sys.argv else {}
paths = [path for path in sys.argv[1:] if not path.startswith("--")]

if __name__ == "__main__":
    if not paths:
        sys.exit(__doc__)
    random.seed(1)
    torch.manual_seed(1)
    losses = []
    for step, sharp in enumerate(torch.utils.data.DataLoader(Clips(paths), batch_size=None, **workers)):
        blurred = torch.nn.functional.avg_pool2d(sharp, 3, stride=1, padding=1, count_include_pad=False)
        loss = torch.nn.functional.mse_loss(blurred + network(blurred), sharp)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step + 1 == STEPS:
            break
    first, last = (sum(part) / len(part) for part in (losses[:5], losses[-5:]))
    print(f"{STEPS} steps of {BATCH} frames: mean squared error {first:.6f} at first, {last:.6f} at last")
