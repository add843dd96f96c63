"""Minibatch CKA of a ViT's layers against the package pytorch-cka: the same estimator, batches and activations.

pytorch-cka adds up HSIC1 (Song et al. 2012, equation 4) of every batch and divides once at the end: minibatch CKA as in
Nguyen et al. (ICLR 2021, equations 2 and 3), which is what the study calls `cka_plain`, with a block of ours for a batch of
its. It works in float32 without centring first, and cuts the result to [0, 1].

Three ratios, all of what the workflow runs: the engine, with its check for what is not finite, and `GramBlocks`, with its 9
sites per layer. From images to matrix and from activations to matrix, pytorch-cka is handed the same sites of the same forward
pass, whose time is part of both or of neither. Through the library's modules, it runs timm's own forward pass, as its users
would, and hooks those 5 of the sites that a module puts out, while ours still gathers all.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Iterator

import numpy as np
import timm
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn.functional import interpolate

from benchmarks import passes, row
from workflow_scripts.metrics.similarity import centred_blocks, cka
from workflow_scripts.onepass.batch import Batch
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.gram_blocks import SITES, GramBlocks
from workflow_scripts.zoo.load import adapt
from workflow_scripts.zoo.registry import entry_from_dict
from workflow_scripts.zoo.vit import Layer, Vit

IMAGES, SIZES, ROUNDS, LAYERS = 64, (8, 32), 5, 12
NAME = "vit_small_patch16_224.dino"
ENTRY = passes.ENTRY | {"heads": 6, "dim": 384, "build": {"library": "timm", "name": NAME}}
# Our sites that are outputs of a module of the timm model, which is what pytorch-cka can hook; {} is the block.
MODULES = {
    "token_all": "blocks.{}",
    "norm1_all": "blocks.{}.norm1",
    "norm2_all": "blocks.{}.norm2",
    "attention_branch_all": "blocks.{}.ls1",
    "mlp_branch_all": "blocks.{}.ls2",
}
EVERY_SITE = ("token_cls", "token_spatial", *(f"{site}_all" for site in SITES))


class Recorded:
    """The layers of a batch whose forward pass is done."""

    def __init__(self) -> None:
        self.layer: list[Layer] = []

    def layers(self, images: Tensor, attention: bool = False) -> Iterator[Layer]:
        """Yield the recorded layers, whatever the images."""
        yield from self.layer


class EverySite(nn.Module):
    """A model that pytorch-cka can hook at every site of ours: one module per site and layer puts out its activations."""

    def __init__(self, vit: Vit | Recorded) -> None:
        super().__init__()
        self.vit = vit
        self.dtype = torch.float32
        self.site = nn.ModuleDict({f"{key}_{i}": nn.Identity() for key in EVERY_SITE for i in range(1, LAYERS + 1)})

    def forward(self, images: Tensor) -> None:
        """Put every site's activations through its module."""
        for layer in self.vit.layers(images):
            parts = {f"{site}_all": getattr(layer, field) for site, field in SITES.items()}
            parts |= {"token_cls": layer.token[:, :1], "token_spatial": layer.token[:, layer.n_prefix :]}
            for key, values in parts.items():
                self.site[f"{key}_{layer.index}"](values.to(self.dtype))


@dataclasses.dataclass
class Batches:
    """The batches of both. If `recorded` is given, it is filled with the layers of each, in `aside` CPU seconds."""

    vit: Vit
    images: Tensor
    size: int
    recorded: Recorded | None
    aside: float = 0.0

    def __len__(self) -> int:
        return len(self.images) // self.size

    def __iter__(self) -> Iterator[Tensor]:
        for part in self.images.split(self.size):
            if self.recorded:
                start = time.process_time()
                self.recorded.layer = list(self.vit.layers(part))
                self.aside += time.process_time() - start
            yield part


@dataclasses.dataclass
class OneBatch:
    """The images of one batch, as a source."""

    images: Tensor
    first: int

    def __len__(self) -> int:
        return len(self.images)

    def name(self, position: int) -> str:
        """Return an id."""
        return str(self.first + position)

    def read(self, start: int, stop: int) -> Batch:
        """Return the images."""
        return Batch(np.arange(self.first + start, self.first + stop), self.images[start:stop])


def measure() -> list[dict]:
    """Run both in turn and return the ratios of their times and the differences of their values.

    The time is that of the processor, with one thread, as in `propagation`: the machine may be busy.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = timm.create_model(NAME, pretrained=False, num_classes=0).eval().requires_grad_(False)
    vit = adapt(model, entry_from_dict("bench", ENTRY))
    # Smooth images: those of white noise are nearly the same to a model.
    images = interpolate(torch.randn(ROUNDS, IMAGES, 3, 7, 7).flatten(0, 1), size=224, mode="bicubic").unflatten(
        0, (ROUNDS, -1)
    )
    with threadpool_limits(1):
        rows = [line for size in SIZES for line in _compare(model, vit, images, size)]
    torch.set_num_threads(threads)
    return rows


def _compare(model: nn.Module, vit: Vit, images: Tensor, size: int) -> list[dict]:
    recorded = Recorded()
    live, replay = EverySite(vit), EverySite(recorded)
    every = [f"site.{name}" for name in live.site]
    modules = [module.format(i) for module in MODULES.values() for i in range(LAYERS)]
    kinds = {
        "from images to matrix": (1.0, (live, every, EVERY_SITE, None)),
        "from activations to matrix": (1.0, (replay, every, EVERY_SITE, recorded)),
        "through the library's modules": (0.95, (model, modules, tuple(MODULES), None)),
    }
    what = f"ViT-S/16, {LAYERS} layers, {IMAGES} images, batches and blocks of {size}, cpu, one thread"
    rows, differences = [], []
    for kind, (least, run) in kinds.items():
        _turn(vit, images[0, :size], size, *run)  # warms up
        theirs, ours, difference = zip(*(_turn(vit, part, size, *run) for part in images), strict=True)
        differences += difference
        detail = f"{what}, median of {ROUNDS}; {len(run[1])} sites of pytorch-cka {statistics.median(theirs):.2f} s, "
        detail += f"{len(every)} of ours {statistics.median(ours):.2f} s"
        ratio = statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
        rows.append(row(f"CKA {kind}, blocks of {size}, pytorch-cka / ours (seconds)", ratio, "x", least, detail=detail))
    replay.dtype = torch.float64
    exact = _turn(vit, images[0], size, replay, every, EVERY_SITE, recorded)[2]
    detail = f"{what}; minibatch CKA with HSIC1 (cka_plain), {len(every)} sites; "
    detail += f"{exact:.1e} where pytorch-cka is given the activations in float64"
    difference = max(differences)
    return [*rows, row(f"CKA, largest difference to pytorch-cka, blocks of {size}", difference, "", most=1e-4, detail=detail)]


def _turn(
    vit: Vit, images: Tensor, size: int, model: nn.Module, names: list[str], keys: tuple[str, ...], recorded: Recorded | None
) -> tuple[float, float, float]:
    """Return the seconds of pytorch-cka and of ours, and the largest difference of their matrices.

    Args:
        vit: the model that ours runs.
        images: [n, 3, H, W].
        size: images per batch and block.
        model: what pytorch-cka runs.
        names: modules of `model`, the sites.
        keys: our names of the same sites, each for all layers.
        recorded: where both read the activations of a forward pass that is on neither clock; None for a pass each.
    """
    from cka import compute_cka

    batches = Batches(vit, images, size, recorded)
    start = time.process_time()
    theirs = compute_cka(model, model, batches, layers=names, device="cpu", progress=False)[0].numpy()
    their_seconds = time.process_time() - start - batches.aside
    batches = Batches(vit, images, size, recorded)
    start = time.process_time()
    collector = GramBlocks(LAYERS, None, block=size, n_images=len(images))
    for number, part in enumerate(batches):
        run_pass(recorded or vit, "bench", OneBatch(part, number * size), [collector], size)
    vectors = centred_blocks(np.concatenate([collector.rows[key].array() for key in keys], 1), minmax=False)
    ours = cka(vectors, vectors)
    our_seconds = time.process_time() - start - batches.aside
    return their_seconds, our_seconds, float(abs(theirs - ours.clip(0, 1)).max())
