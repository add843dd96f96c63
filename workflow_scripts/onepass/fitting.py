"""Running a fit: one forward pass a step, its state kept on disk so that a killed job goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.fit import Fit
from workflow_scripts.onepass.reading import read_ahead
from workflow_scripts.zoo.vit import Vit

KEEP_EVERY = 100  # steps after which the state is kept


class Shuffled(Protocol):
    """Where the batches of a fit come from."""

    def __len__(self) -> int:
        """Return the number of images."""

    def at(self, positions: object) -> Batch:
        """Return the images at `positions`, in that order."""


def run_fit(
    vit: Vit,
    model: str,
    source: Shuffled,
    fit: Fit,
    seed: int,
    kept: Path,
    wish: dict[str, object],
    on_step: Callable[[int], None] = lambda done: None,
) -> None:
    """Take all steps of `fit`, from the last state kept on.

    Args:
        vit: the model.
        model: its id, for messages.
        source: the images.
        fit: filled in place.
        seed: of the order of the images.
        kept: file of the state while the fit runs; removed when it is through.
        wish: what the state is a state of; one of something else is not gone on from.
        on_step: called with the number of steps done.

    Raises:
        AtlasError: a feature is not finite.
    """
    done = _restored(fit, kept, wish)
    reads = (partial(source.at, positions) for positions in islice(fit.batches(len(source), seed), done, None))
    step = done
    for batch in read_ahead(reads, vit.device.type == "cuda"):  # not by enumerate, which holds on to the batch
        step += 1
        for layer in vit.layers(batch.image, attention=fit.attention):
            if not torch.isfinite(layer.checksum).all():
                raise AtlasError(f"model {model}, layer {layer.index}, step {step}: features are not finite; check its entry")
            fit.update(LayerView(layer), batch)
            del layer
        del batch
        if step % KEEP_EVERY == 0:
            write_arrays(kept, fit.state(), {"step": str(step), "wish": json.dumps(wish, sort_keys=True)})
        on_step(step)
    kept.unlink(missing_ok=True)


def _restored(fit: Fit, kept: Path, wish: dict[str, object]) -> int:
    """Bring `fit` to the state kept, if there is one of the same wish; return the steps it has taken."""
    try:
        with safe_open(kept, framework="numpy") as file:
            made = file.metadata() or {}
            if made.get("wish") != json.dumps(wish, sort_keys=True):
                return 0
            fit.restore({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 not a mapping
            return int(made["step"])
    except (SafetensorError, FileNotFoundError):
        return 0
