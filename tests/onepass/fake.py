"""A Vit stand-in and a source of random images, for tests of the engine and the collectors."""

import numpy as np
import torch

from workflow_scripts.data.concept_choice import PatchConcepts
from workflow_scripts.onepass.batch import Batch, Boxes, ClassMaps, Concepts, KeypointPairs, Regions, VideoFrames
from workflow_scripts.zoo.vit import Layer

# Options of the collectors that have some.
OPTIONS = {
    "average_attention": {"n_classes": 3},
    "chosen_attention": {"cls_images": [1, 4, 9], "whole_images": [4]},
    "chosen_head_average": {"images": [1, 4], "queries": [[0.5, 0.5], [1.0, 0.0]]},
    "pooled_features": {"facets": ["cls", "mean_patch"], "precision": "float16"},
    "pooled_normed": {"facets": ["cls", "mean_patch"], "precision": "float32"},
    "token_norms": {"images": [1, 4]},
    "patch_norms": {"layers": [1, 3], "facets": ["token", "token_normed"]},
    "drawn_tokens": {"cutoff": 2.5, "draws": 2, "precision": "float32", "seed": 3},
    "discovered_boxes": {"layers": [1, 3], "facets": ["key", "token"], "biases": [-0.2, 0.0]},
    "gram_blocks": {"block": 4, "n_images": 11},
    "patch_store": {
        "facets": ["token", "key"],
        "layers": [1, 3],
        "patches": 50,
        "precision": "float16",
        "seed": 3,
        "n_images": 11,
    },
    "cls_facets": {"facets": ["query", "attention_output", "token_normed"], "layers": [2, 3], "precision": "float32"},
    "concept_patches": {
        "facets": ["token", "key", "attention_projected"],
        "layers": [1, 3],
        "patches": 30,
        "patches_per_concept": 7,
        "whole_images": 1,
        "precision": "float16",
        "seed": 3,
        "n_images": 11,
    },
    "object_features": {"layers": [2, 3], "precision": "float32"},
    "feature_moments": {"layers": [1, 3]},
    "cluster_maps": {
        "codebooks": {
            facet: np.random.default_rng(place).normal(size=(3, 4, 6)).astype(np.float32)
            for place, facet in enumerate(("token", "key"))
        },
        "canvas": 5,
        "examples": [2, 9],
        "draws": 3,
        "seed": 1,
    },
    "matched_pixels": {"embeddings": ["key", "token", "token_normed"], "mapped_points": 3, "map_side": 6},
    "propagated_labels": {"context_frames": 2, "radius": 1, "top_k": 2, "temperature": 0.1},
}
# Points lie on a square crop of 12 pixels; the fake model's patch grid is taken to cover it.
PAIRS = KeypointPairs(
    source=np.array([0, 3, 9, 4]),
    target=np.array([2, 0, 10, 4]),
    area=np.array([[0, 0, 12, 12], [2, 0, 10, 12], [0, 3, 12, 9], [0, 0, 12, 12]]),
    point_pair=np.array([0, 0, 1, 2, 2, 2, 3]),
    point_source=np.array([[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 1], [6, 6]], np.float32),
    side=12,
)


class FakeVit:
    """Layers that are fixed random functions of the image, one image independent of the others."""

    def __init__(self, n_layers=3, n_heads=2, grid=(3, 4), n_prefix=1, dim=6):
        self.n_layers, self.n_heads, self.grid, self.n_prefix, self.dim = n_layers, n_heads, grid, n_prefix, dim
        self.device, self.precision = torch.device("cpu"), "float32"
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
        # Each facet is a function of its own of the image, so that a collector that mixes them up is found out.
        fields = {name: token * (1 + 0.1 * place) + 0.01 * place for place, name in enumerate(names)}
        for name in ("query", "key", "value"):
            fields[name] = fields[name].unflatten(2, (self.n_heads, -1)).transpose(1, 2)
        return Layer(
            index=index, n_prefix=self.n_prefix, grid=self.grid, query_rope=None, key_rope=None,
            attention=maps, token=token, token_normed=token.roll(1, -1) if index == self.n_layers else None,
            final_norm=lambda token: token.roll(1, -1), patch_embed=lambda: 2 - token[:, self.n_prefix :], **fields,
        )  # fmt: skip


class FakeSource:
    """Random images with all kinds of ground truth, as videos of 5 and 6 frames; image 2 keeps no object."""

    def __init__(self, n=11, n_patches=12, seed=0):
        rng = np.random.default_rng(seed)
        self.images = torch.tensor(rng.normal(size=(n, 3, 2, 2)), dtype=torch.float32)
        self.labels = rng.integers(0, 3, n)
        self.masks = torch.tensor(rng.random((n, n_patches)) < 0.4)
        if n > 2:
            self.masks[2] = False
        self.classes = torch.tensor(rng.choice([0, 1, 2, 255], (n, 6, 8)).astype(np.uint8))
        has = rng.random((n, n_patches, 4)) < 0.3
        has[1:2] = False  # an image without concepts
        numbers = np.where(has, np.array([2, 3, 5, 9]), 0)
        self.concepts = Concepts(PatchConcepts(has.sum(2).astype(np.uint8), numbers[has].astype(np.uint16)))

    def __len__(self):
        return len(self.images)

    def name(self, position):
        return f"image{position}"

    def read(self, start, stop):
        return self.at(np.arange(start, stop))

    def at(self, index):
        index = np.asarray(index)
        chosen = torch.as_tensor(index)
        mask = self.masks[chosen]
        return Batch(
            index,
            self.images[chosen],
            self.labels[index],
            mask,
            mask.any(1).numpy(),
            regions={"object": self._regions(index, 2), "part": self._regions(index, 3)},
            frames=self._frames(index),
            pairs=PAIRS,
            classes=ClassMaps(self.classes[chosen], 3),
            concepts=self.concepts,
            boxes=self._boxes(index),
        )

    def _regions(self, index, per_image):
        """Every image but the second has `per_image` regions, numbered through the dataset."""
        kept = [(place, int(image)) for place, image in enumerate(index) if image != 1]
        numbers = [image * per_image + i for _, image in kept for i in range(per_image)]
        masks = []
        for number in numbers:
            values = torch.rand(self.masks.shape[1], generator=torch.Generator().manual_seed(number))
            masks.append(values / values.sum())
        return Regions(np.array(numbers), np.repeat([place for place, _ in kept], per_image), masks)

    def _boxes(self, index):
        """Image i has i % 3 boxes, numbered through the dataset, in pixels of an image of 2 x 2."""
        places = [place for place, image in enumerate(index.tolist()) for _ in range(image % 3)]
        numbers = [sum(i % 3 for i in range(image)) + box for image in index.tolist() for box in range(image % 3)]
        corners = [torch.rand(2, 2, generator=torch.Generator().manual_seed(number)) for number in numbers]
        edges = [torch.cat([1.5 * least, 1.5 * least + 0.1 + 0.4 * side]) for least, side in corners]
        return Boxes(np.array(numbers, int), np.array(places, int), torch.stack(edges) if edges else torch.empty(0, 4))

    def _frames(self, index):
        video, frame = (index >= 5).astype(int), np.where(index >= 5, index - 5, index)
        first = {}
        for number in video[frame == 0].tolist():
            labels = torch.randint(0, 3, (self.masks.shape[1],), generator=torch.Generator().manual_seed(number))
            first[number] = torch.nn.functional.one_hot(labels, 3).T.float()
        return VideoFrames(video, frame, first)
