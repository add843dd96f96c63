"""Images of sizes of their own go through a model size by size, each as if it were alone, whatever the batches."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from tests.onepass.fake import FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data import geometry
from workflow_scripts.data.views import Padded, parse_view
from workflow_scripts.metrics.object_discovery import discovered_boxes
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import make_collectors
from workflow_scripts.onepass.padded_source import PaddedSource, padded_sizes
from workflow_scripts.onepass.source import CropSource
from workflow_scripts.run_pass import pass_padded
from workflow_scripts.zoo.normalisation import Normalisation

SIZES = [(5, 7), (8, 3), (6, 8), (5, 8), (3, 3), (8, 4), (6, 7)]  # seen as 6 x 8, 8 x 4, 6 x 8, 6 x 8, 4 x 4, 8 x 4, 6 x 8
OWN = Padded(8, 2)
MEAN, STD = np.array([0.5, 0.25, 0.1]), np.array([0.5, 0.25, 1.0])


class SizedVit(FakeVit):
    """A fake model of patches of 2 x 2 px, at one size."""

    def __init__(self, size):
        super().__init__(grid=(size[0] // 2, size[1] // 2))
        self.image_size, self.normalisation = size, Normalisation(mean=tuple(MEAN.tolist()), std=tuple(STD.tolist()))

    def layers(self, images, attention=False):
        assert images.shape[2:] == self.image_size
        return super().layers(images, attention)


@pytest.fixture
def made(tmp_path):
    return files(tmp_path, "padded8-patch2")


def files(tmp_path, name):
    """Return images, and the source of their crops in a view."""
    view = parse_view(name)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in SIZES]
    np.save(tmp_path / "c.npy", np.concatenate([geometry.crops(view, Image.fromarray(image)) for image in images]))
    seen = [view.seen_size(size) for size in SIZES]
    pd.DataFrame(
        {
            "id": list("abcdefg"), "label": range(7), "first_crop": range(7), "n_crops": 1,
            "height": [size[0] for size in seen], "width": [size[1] for size in seen],
            "image_height": [size[0] for size in SIZES], "image_width": [size[1] for size in SIZES],
        }
    ).to_parquet(tmp_path / "s.parquet")  # fmt: skip
    return images, CropSource(SizedVit(view.shape), tmp_path / "c.npy", tmp_path / "s.parquet")


def normalised(image):
    """Return pixels [H, W, 3] as a model takes them, [3, H, W]."""
    return torch.tensor((image / 255 - MEAN) / STD, dtype=torch.float32).permute(2, 0, 1)


def alone(image):
    """Return an image as a model should see it, [1, 3, H, W]: normalised, then zero to whole patches."""
    return torch.nn.functional.pad(normalised(image), (0, image.shape[1] % 2, 0, image.shape[0] % 2))[None]


def test_batches_are_of_one_size_and_zero_beyond_the_image(made):
    images, source = made
    assert padded_sizes(source) == [(4, 4), (6, 8), (8, 4)]
    part = PaddedSource(source, OWN, (6, 8))
    assert len(part) == 4
    assert [part.name(i) for i in range(4)] == ["a", "c", "d", "g"]
    batch = part.read(1, 4)
    assert batch.index.tolist() == [2, 3, 6]
    assert batch.label.tolist() == [2, 3, 6]
    assert batch.tiles is None
    assert torch.allclose(batch.image, torch.cat([alone(images[i]) for i in (2, 3, 6)]), atol=1e-6)


def test_scaled_images_end_where_they_were_scaled_to(tmp_path):
    images, source = files(tmp_path, "long9-patch2")
    scaled = Padded(9, 2, scaled=True)
    # 5 x 7 and 6 x 8 become 6 x 9 and 7 x 9, 3 x 3 becomes 9 x 9, and a row or a column is added to each.
    assert padded_sizes(source) == [(6, 10), (8, 10), (10, 4), (10, 10)]
    for size, chosen in zip(padded_sizes(source), ([0, 3], [2, 6], [1, 5], [4]), strict=True):
        part = PaddedSource(source, scaled, size)
        batch = part.read(0, len(part))
        assert batch.index.tolist() == chosen
        for position, image in zip(batch.index.tolist(), batch.image, strict=True):
            height, width = scaled.resized(SIZES[position])
            pixels = Image.fromarray(images[position]).resize((width, height), Image.Resampling.BICUBIC)
            alone_there = torch.nn.functional.pad(normalised(np.asarray(pixels)), (0, size[1] - width, 0, size[0] - height))
            assert torch.allclose(image, alone_there, atol=1e-6)
            assert not image[:, height:].any() and not image[:, :, width:].any()


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_every_image_has_the_box_that_it_has_alone(made, batch_size):
    images, source = made
    asked = {"layers": [2], "facets": ["key"], "biases": [0.0, 0.3]}
    (boxes,) = make_collectors({"discovered_boxes": asked}, PassFacts(7, 0, 3))
    built, done = [], []
    model = SimpleNamespace(at=lambda size: built.append(size) or SizedVit(size))
    pass_padded(model, source, OWN, [boxes], SimpleNamespace(model="fake", batch_size=batch_size), done.append)
    assert built == [(4, 4), (6, 8), (8, 4)]
    assert done[-1] == 7 and done == sorted(done)
    assert boxes.n_images == 7
    rows = boxes.rows["key"].array()
    for position, image in enumerate(images):
        seen = alone(image)
        vit = SizedVit(tuple(seen.shape[2:]))
        keys = vit._layer(seen, 2, False).key.transpose(1, 2).flatten(2)[0, 1:]
        assert rows[position, 0].tolist() == discovered_boxes(keys, vit.grid, [0.0, 0.3]).tolist()


def test_what_needs_one_grid_or_an_order_is_refused(made):
    _, source = made
    model, args = SimpleNamespace(at=SizedVit), SimpleNamespace(model="fake", batch_size=2)
    for name, asked in (("propagated_labels", {}), ("region_features", {})):
        with pytest.raises(AtlasError, match=f"collector '{name}': padded images come size by size and without ground truth"):
            pass_padded(model, source, OWN, make_collectors({name: asked}, PassFacts(7, 0, 3)), args, print)
    norms = make_collectors({"patch_norms": {"layers": [-1], "facets": ["token"]}}, PassFacts(7, 0, 3))
    with pytest.raises(AtlasError, match="collector 'patch_norms': 'token' of images with different patch grids"):
        pass_padded(model, source, OWN, norms, args, print)
