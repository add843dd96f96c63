"""The engine: one forward pass, out of memory, features that are not finite."""

import numpy as np
import pytest
import torch

from tests.onepass.fake import OPTIONS, FakeSource, FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.collectors import COLLECTORS, collector_class
from workflow_scripts.onepass.engine import run_pass


def features():
    return collector_class("pooled_features")(3, **OPTIONS["pooled_features"])


def every_collector():
    return [collector_class(name)(3, None, **OPTIONS.get(name, {})) for name in COLLECTORS]


def test_each_image_meets_the_model_once_whatever_the_number_of_collectors():
    vit = FakeVit()
    run_pass(vit, "fake", FakeSource(11), every_collector(), batch_size=4)
    assert vit.batches == [4, 4, 3]


def test_attention_is_not_computed_unless_a_collector_wants_it():
    asked = []
    vit = FakeVit()
    original = vit.layers
    vit.layers = lambda images, attention: asked.append(attention) or original(images, attention)
    run_pass(vit, "fake", FakeSource(4), [features()], batch_size=4)
    run_pass(vit, "fake", FakeSource(4), every_collector(), batch_size=4)
    assert asked == [False, True]


def test_out_of_memory_halves_the_batch_and_counts_nothing_twice(capsys):
    vit = FakeVit()
    vit.largest_batch = 3
    collectors, expected = every_collector(), every_collector()
    run_pass(vit, "fake", FakeSource(11), collectors, batch_size=8)
    run_pass(FakeVit(), "fake", FakeSource(11), expected, batch_size=8)
    assert vit.batches[:3] == [8, 4, 2]
    assert set(vit.batches[3:]) <= {1, 2}
    for one, other in zip(collectors, expected, strict=True):
        assert one.n_images == other.n_images == 11
        for key, value in other.sums.items():
            assert np.allclose(one.sums[key], value, rtol=1e-6)
    assert "batches of 4 images" in capsys.readouterr().out


def test_one_image_that_does_not_fit_is_named():
    vit = FakeVit()
    vit.largest_batch = 0.5
    with pytest.raises(AtlasError, match=r"model fake: image 'image0' alone does not fit in the memory of cpu"):
        run_pass(vit, "fake", FakeSource(5), [features()], batch_size=4)


def test_another_runtime_error_is_not_mistaken_for_out_of_memory():
    vit = FakeVit()
    vit.layers = lambda images, attention: (_ for _ in ()).throw(RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        run_pass(vit, "fake", FakeSource(5), [features()], batch_size=4)


def test_nan_names_model_layer_and_image():
    source = FakeSource(7)
    source.images[5, 0, 0, 0] = float("nan")
    torch.nan_to_num_(source.images[5, 1:])
    vit = FakeVit()
    seeds = vit._layer
    vit._layer = lambda images, index, attention: seeds(_seeded(images), index, attention)
    with pytest.raises(AtlasError, match=r"model fake, layer 2, image 'image5': features are not finite"):
        run_pass(vit, "fake", source, [features()], batch_size=4)


def _seeded(images):
    """Images whose sum is a number (the stand-in seeds by it) but that still hold a NaN where they had one."""

    class Image:
        def __init__(self, image):
            self.image = image

        def sum(self):
            return self.image.nan_to_num().sum()

        def isnan(self):
            return self.image.isnan()

    return [Image(image) for image in images]
