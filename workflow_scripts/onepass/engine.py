"""The engine: every image goes through the model once, and every layer goes to every collector once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Protocol

import torch

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector
from workflow_scripts.onepass.reading import read_ahead
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
    ahead: bool | None = None,
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
        ahead: whether the next batch is read while one is computed; None: if the model is on a GPU.

    Raises:
        AtlasError: a feature is not finite (names model, layer and image), or one image does not fit in memory.
    """
    part = range(len(source)) if part is None else part
    position = part.start
    ahead = vit.device.type == "cuda" if ahead is None else ahead
    while position < part.stop:
        batch_size = whole_blocks(batch_size, collectors)
        starts = range(position, part.stop, batch_size)
        reads = (partial(source.read, start, min(start + batch_size, part.stop)) for start in starts)
        with closing(read_ahead(reads, ahead)) as batches:
            while position < part.stop:
                tried = min(batch_size, part.stop - position)
                deltas = _deltas(vit, model, source, position, tried, batches, collectors)
                if deltas is None:
                    batch_size = (tried + 1) // 2
                    print(f"out of memory: batches of {batch_size} images from here on", flush=True)
                    break
                for collector, delta in zip(collectors, deltas, strict=True):
                    collector.merge(delta)
                del deltas
                position += tried
                on_batch(position - part.start)
        if vit.device.type == "cuda" and position < part.stop:
            # Nothing of the batch that failed is left by now: no error, which would hold its frames, and nothing read ahead.
            torch.cuda.empty_cache()


def whole_blocks(batch_size: int, collectors: Sequence[Collector]) -> int:
    """Return the batch size, rounded down to what collectors take best, unless it is smaller than that."""
    block = max((collector.batch_multiple for collector in collectors), default=1)
    return batch_size - batch_size % block if batch_size > block else batch_size


def cut_step(batch_size: int, collectors: Sequence[Collector]) -> int:
    """Return the number of images at whose multiples a pass can be cut so that both parts have the batches of the whole."""
    return math.lcm(whole_blocks(batch_size, collectors), *(collector.batch_multiple for collector in collectors))


def _deltas(
    vit: Vit, model: str, source: Source, position: int, tried: int, batches: Iterator[Batch], collectors: Sequence[Collector]
) -> list[Collector] | None:
    """Return collectors filled by the next batch, of `tried` images, None if it does not fit in memory.

    Raises:
        AtlasError: it is a single image.
    """
    try:
        return _run_batch(vit, model, source, position, next(batches), collectors)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        if tried == 1:
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise AtlasError(
                f"model {model}: image '{source.name(position)}' alone does not fit in the memory of {vit.device}; "
                f"use a machine with more memory or a smaller crop ({said})"
            ) from None
        return None


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
            f"model {model}, layer {depth + 1}, image '{source.name(image)}': features are not finite; {_advice(vit)}"
        )
    for delta in deltas:
        delta.close_batch(batch)
    return deltas


def _advice(vit: Vit) -> str:
    if vit.precision == "fp16":
        return "fp16 holds numbers up to 65504: set precision: bf16 or float32"
    return "check the checkpoint and the normalisation of the model's entry"


# On a CPU, PyTorch reports a failed allocation as a plain RuntimeError; of a GPU, what it has no memory for may be a library's
# workspace or handle (cuBLAS says "not initialized" where it has no room for one), or a kernel's own.
_NO_MEMORY = (
    "can't allocate memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDA error: out of memory",
)


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory is short, of the CPU or of a GPU."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(said in str(error) for said in _NO_MEMORY)
