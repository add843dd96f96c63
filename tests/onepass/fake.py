"""A Vit stand-in and a source of random images, for tests of the engine and the collectors."""

import numpy as np
import torch

from workflow_scripts.onepass.batch import Batch
from workflow_scripts.zoo.vit import Layer


class FakeVit:
    """Layers that are fixed random functions of the image, one image independent of the others."""

    def __init__(self, n_layers=3, n_heads=2, grid=(3, 4), n_prefix=1, dim=6):
        self.n_layers, self.n_heads, self.grid, self.n_prefix, self.dim = n_layers, n_heads, grid, n_prefix, dim
        self.device = torch.device("cpu")
        self.largest_batch = None
        self.batches = []

    def layers(self, images, attention=False):
        self.batches.append(len(images))
        for index in range(1, self.n_layers + 1):
            yield self._layer(images, index, attention)

    def _layer(self, images, index, attention):
        if self.largest_batch and len(images) > self.largest_batch and index == 2:
            raise torch.OutOfMemoryError("simulated")
        tokens = self.n_prefix + self.grid[0] * self.grid[1]
        records = []
        for image in images:
            generator = torch.Generator().manual_seed(int(image.sum().abs() * 1000) + index)
            a = torch.rand(self.n_heads, tokens, tokens, generator=generator).mul(4).softmax(-1)
            x = torch.randn(tokens, self.dim, generator=generator)
            if image.isnan().any() and index == 2:
                x[0, 0] = float("nan")
            records.append((a, x))
        token = torch.stack([x for _, x in records])
        maps = torch.stack([a for a, _ in records]) if attention else None
        names = ("input", "norm1", "norm2", "query", "key", "value", "attn_out", "attn_branch", "mid", "mlp_out", "mlp_branch")
        fields = dict.fromkeys(names, token)
        return Layer(
            index=index, n_prefix=self.n_prefix, grid=self.grid, query_rope=None, key_rope=None,
            attention=maps, token=token, token_normed=None, **fields,
        )  # fmt: skip


class FakeSource:
    """Random images with labels and object masks; image 2 keeps no object."""

    def __init__(self, n=11, n_patches=12, seed=0):
        rng = np.random.default_rng(seed)
        self.images = torch.tensor(rng.normal(size=(n, 3, 2, 2)), dtype=torch.float32)
        self.labels = rng.integers(0, 3, n)
        self.masks = torch.tensor(rng.random((n, n_patches)) < 0.4)
        if n > 2:
            self.masks[2] = False

    def __len__(self):
        return len(self.images)

    def name(self, position):
        return f"image{position}"

    def read(self, start, stop):
        return self.at(np.arange(start, stop))

    def at(self, index):
        mask = self.masks[torch.as_tensor(index)]
        return Batch(np.asarray(index), self.images[torch.as_tensor(index)], self.labels[index], mask, mask.any(1).numpy())
