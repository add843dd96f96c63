"""How many images of a pass fit in a GPU: known before a batch fails, from what is free and an estimate of an image."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from workflow_scripts.onepass.collector import Collector
from workflow_scripts.onepass.crop_bytes import crop_bytes
from workflow_scripts.zoo.vit import Vit

_SHARE = 0.8  # of the free memory: fragments, workspaces of cuBLAS and cuDNN, and the batch that is read ahead


def bytes_per_crop(vit: Vit, attention: bool) -> int:
    """Return about how much memory one crop of a model at its size takes in a pass (`crop_bytes`)."""
    tokens = vit.n_prefix + vit.grid[0] * vit.grid[1]
    return crop_bytes(tokens, vit.dim, vit.n_heads, vit.image_size[0] * vit.image_size[1], attention)


def crops_that_fit(vit: Vit, collectors: Sequence[Collector], wanted: int) -> int:
    """Return how many crops a batch may have: as many as are wanted, or fewer if the model's GPU has no room for them."""
    if vit.device.type != "cuda":
        return wanted
    free, _ = torch.cuda.mem_get_info(vit.device)
    # What PyTorch holds of the GPU without using it is free for it.
    free += torch.cuda.memory_reserved(vit.device) - torch.cuda.memory_allocated(vit.device)
    one = bytes_per_crop(vit, any(collector.attention for collector in collectors))
    fitting = max(1, min(wanted, int(_SHARE * free) // one))
    if fitting < wanted:
        print(
            f"batches of {fitting} crops: {free / 2**30:.1f} GiB are free, a crop takes about {one / 2**20:.0f} MiB", flush=True
        )
    return fitting
