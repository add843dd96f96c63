"""Gram matrices of blocks of images, from which minibatch CKA compares any two models without running them again.

Nguyen, Raghu, Kornblith 2021 (minibatch CKA); Walmer et al. section 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector, PassFacts

# What is compared: the block output in three selections of tokens, the outputs of both LayerNorms, and the residual
# connection: what is passed on (skip) and what is added to it (branch), of attention and of MLP.
SITES = {
    "token": "token",
    "norm1": "norm1",
    "norm2": "norm2",
    "attention_skip": "input",
    "attention_branch": "attn_branch",
    "mlp_skip": "mid",
    "mlp_branch": "mlp_branch",
}


class GramBlocks(Collector):
    """X X^T of every `block` consecutive images, float32, rows of [L, block, block] by block.

    Keys: token_cls (token 0), token_spatial (all patch tokens, flattened), token_all (all tokens, flattened), and {site}_all
    for the other `SITES`. A last block of fewer images is padded with NaN. Options: `block`, `n_images` of the dataset.

    Images of a block that come in different batches or shards wait, with their features, until all of them are there; with
    batches of whole blocks none has to wait.
    """

    name = "gram_blocks"

    @classmethod
    def options_for(cls, asked: Mapping[str, Any], facts: PassFacts) -> dict[str, Any]:
        """Add the number of images, which says how large the last block is."""
        return {**asked, "n_images": facts.n_images}

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(n_layers, folder, **options)
        self._waiting: dict[int, dict[int, dict[str, Tensor]]] = {}  # block -> image -> site -> [L, T, D]
        self._n_prefix = 0
        self._before: tuple[Tensor, list[dict[str, np.ndarray]]] | None = None  # a layer's output and its Gram matrices

    @property
    def batch_multiple(self) -> int:
        """Whole blocks, so that no image waits for the others of its block."""
        return self.options["block"]

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the Gram matrices of the blocks that are in the batch, keep the features of the others."""
        self._n_prefix = view.n_prefix
        numbers = batch.index // self.options["block"]
        places = {}
        for block in np.unique(numbers).tolist():
            found = np.flatnonzero(numbers == block)
            places[block] = found[np.argsort(batch.index[found])]
        whole = [block for block, found in places.items() if len(found) == self._size(block)]
        rows = [_rows(places[block]) for block in whole]
        before, self._before = self._before, None
        for site, field in SITES.items():
            values = getattr(view.layer, field)
            if before is not None and values is before[0]:
                # What goes into a block came out of the one before.
                grams = [{f"{site}_all": gram["token_all"]} for gram in before[1]]
            else:
                grams = [self._grams(site, values[found], view.n_prefix) for found in rows]
            if site == "token":
                self._before = (values, grams)
            for key in grams[0] if grams else ():
                self.put(key, view.index, np.array(whole), np.stack([gram[key] for gram in grams]))
            for block in places.keys() - set(whole):
                for place in places[block]:
                    kept = self._waiting.setdefault(block, {}).setdefault(int(batch.index[place]), {})
                    if site not in kept:
                        kept[site] = values.new_zeros((self.n_layers, *values.shape[1:]), device="cpu")
                    kept[site][view.index - 1] = values[place].cpu()

    def close_batch(self, batch: Batch) -> None:
        """Store the batch's rows and let go of its features."""
        super().close_batch(batch)
        self._before = None

    def merge(self, other: Collector) -> None:
        """Take in `other`; blocks that are now complete become Gram matrices."""
        super().merge(other)
        assert isinstance(other, GramBlocks)
        self._n_prefix = self._n_prefix or other._n_prefix
        for block, images in other._waiting.items():
            known = self._waiting.setdefault(block, {})
            known.update(images)
            if len(known) == self._size(block):
                del self._waiting[block]
                self._complete(block, [known[image] for image in sorted(known)])

    def state(self) -> dict[str, Any]:
        """Return the rows; of a part of a dataset also the features of images whose block is not complete."""
        arrays = super().state()
        waiting = {image: sites for images in self._waiting.values() for image, sites in images.items()}
        for site in SITES if waiting else ():
            arrays[f"waiting_{site}.index"] = np.array(sorted(waiting))
            arrays[f"waiting_{site}"] = np.stack([waiting[image][site].float().numpy() for image in sorted(waiting)])
        arrays["n_prefix"] = np.array([self._n_prefix], np.int64)
        return arrays

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], folder: Path | None = None, **options: Any) -> Collector:
        """Rebuild a collector from its `state`."""
        own = {key: value for key, value in arrays.items() if not key.startswith("waiting_") and key != "n_prefix"}
        layers = [value.shape[1] for key, value in arrays.items() if value.ndim > 1]
        collector = super().from_state(own, folder, **options)
        assert isinstance(collector, GramBlocks)
        collector.n_layers = layers[0] if layers else 0
        collector._n_prefix = int(arrays["n_prefix"][0])
        for site in SITES:
            for place, image in enumerate(arrays.get(f"waiting_{site}.index", ())):
                sites = collector._waiting.setdefault(int(image) // options["block"], {}).setdefault(int(image), {})
                sites[site] = torch.from_numpy(arrays[f"waiting_{site}"][place].copy())
        return collector

    def _size(self, block: int) -> int:
        return min(self.options["block"], self.options["n_images"] - block * self.options["block"])

    def _grams(self, site: str, values: Tensor, n_prefix: int) -> dict[str, np.ndarray]:
        selections = {"all": slice(None)}
        if site == "token":
            selections |= {"cls": slice(0, 1), "spatial": slice(n_prefix, None)}
        grams = {}
        for name, part in selections.items():
            flat = values[:, part].flatten(1).float()
            gram = np.full((self.options["block"],) * 2, np.nan, np.float32)
            gram[: len(flat), : len(flat)] = (flat @ flat.T).cpu().numpy()
            grams[f"{site}_{name}"] = gram
        return grams

    def _complete(self, block: int, images: list[dict[str, Tensor]]) -> None:
        records: dict[str, list[np.ndarray]] = {}
        for site in SITES:
            values = torch.stack([image[site] for image in images], 1)
            for layer in values:
                for key, gram in self._grams(site, layer, self._n_prefix).items():
                    records.setdefault(key, []).append(gram)
        for key, grams in records.items():
            self._rows(key, (self.n_layers, *grams[0].shape)).append(np.array([block]), np.stack(grams)[None])


def _rows(places: np.ndarray) -> slice | Tensor:
    """Return `places` as a slice where they follow each other, so that no copy is made."""
    if np.array_equal(places, np.arange(places[0], places[0] + len(places))):
        return slice(int(places[0]), int(places[0]) + len(places))
    return torch.as_tensor(places)
