"""The engine: every image goes through the model once, and every layer goes to every collector once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector
from workflow_scripts.zoo.vit import Vit


class Source(Protocol):
    """Where batches come from."""

    def __len__(self) -> int:
        """Return the number of images."""

    def read(self, start: int, stop: int) -> Batch:
        """Return the images at positions `start` to `stop` (exclusive)."""

    def name(self, position: int) -> str:
        """Return the id of the image at `position`, for messages."""


def run_pass(
    vit: Vit,
    model: str,
    source: Source,
    collectors: Sequence[Collector],
    batch_size: int,
    on_batch: Callable[[int], None] = lambda done: None,
    part: range | None = None,
) -> None:
    """Pass all images of `source`, or a part of them, through `vit` once and fill `collectors`.

    At most one layer's attention is alive at a time. Each batch fills fresh collectors, which are merged only when the
    batch is through: a batch that runs out of memory leaves no trace and is tried again at half the size.

    Args:
        vit: the model.
        model: its id, for messages.
        source: the images.
        collectors: filled in place; rows end up in the order of the images.
        batch_size: images per batch to begin with.
        on_batch: called with the number of images done after every batch.
        part: positions in the source, all of it if None.

    Raises:
        AtlasError: a feature is not finite (names model, layer and image), or one image does not fit in memory.
    """
    part = range(len(source)) if part is None else part
    position = part.start
    while position < part.stop:
        batch_size = whole_blocks(batch_size, collectors)
        stop = min(position + batch_size, part.stop)
        try:
            deltas = _run_batch(vit, model, source, position, source.read(position, stop), collectors)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            if stop - position == 1:
                raise AtlasError(
                    f"model {model}: image '{source.name(position)}' alone does not fit in the memory of {vit.device}; "
                    "use a machine with more memory or a smaller crop"
                ) from None
            batch_size = (stop - position + 1) // 2
            print(f"out of memory: batches of {batch_size} images from here on", flush=True)
            if vit.device.type == "cuda":
                torch.cuda.empty_cache()
            continue
        for collector, delta in zip(collectors, deltas, strict=True):
            collector.merge(delta)
        position = stop
        on_batch(position - part.start)


def whole_blocks(batch_size: int, collectors: Sequence[Collector]) -> int:
    """Return the batch size, rounded down to what collectors take best, unless it is smaller than that."""
    block = max((collector.batch_multiple for collector in collectors), default=1)
    return batch_size - batch_size % block if batch_size > block else batch_size


def cut_step(batch_size: int, collectors: Sequence[Collector]) -> int:
    """Return the number of images at whose multiples a pass can be cut so that both parts have the batches of the whole."""
    return math.lcm(whole_blocks(batch_size, collectors), *(collector.batch_multiple for collector in collectors))


def _run_batch(
    vit: Vit, model: str, source: Source, start: int, batch: Batch, collectors: Sequence[Collector]
) -> list[Collector]:
    deltas = [collector.fresh() for collector in collectors]
    attention = any(collector.attention for collector in collectors)
    sums = []
    for layer in vit.layers(batch.image, attention=attention):
        sums.append(layer.checksum)
        view = LayerView(layer)
        for delta in deltas:
            delta.update(view, batch)
        del layer, view
    finite = torch.isfinite(torch.stack(sums))
    if not finite.all():
        depth, crop = (int(i) for i in (~finite).nonzero()[0])
        image = start + batch.image_of_crop(crop, vit.grid)
        raise AtlasError(
            f"model {model}, layer {depth + 1}, image '{source.name(image)}': features are not finite; "
            "check the checkpoint and the normalisation of the model's entry"
        )
    for delta in deltas:
        delta.close_batch(batch)
    return deltas


def _out_of_memory(error: BaseException) -> bool:
    # On a CPU, PyTorch reports a failed allocation as a plain RuntimeError.
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)
