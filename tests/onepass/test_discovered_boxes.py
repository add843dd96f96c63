"""What the collector of LOST's boxes puts, beside what `test_collectors` holds for all of them: split anywhere, same answer."""

import numpy as np
import pytest

from tests.onepass.fake import FakeSource, FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.object_discovery import discovered_boxes
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import make_collectors
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.studies.plan import merged

BIASES = [-0.5, 0.0, 0.5]


def made_of(vit, **asked):
    return make_collectors({"discovered_boxes": {"biases": BIASES, **asked}}, PassFacts(11, 0, vit.n_layers))[0]


@pytest.mark.parametrize("facet", ["key", "value", "token", "token_normed"])
def test_boxes_of_every_image_facet_layer_and_bias(facet):
    vit = FakeVit(n_prefix=3)
    made = made_of(vit, layers=[2, -1], facets=["query", facet])
    run_pass(vit, "fake", FakeSource(), [made], batch_size=4)
    boxes = made.rows[facet].array()
    assert boxes.shape == (11, 2, 3, 4)
    assert boxes.dtype == np.int32
    assert len(np.unique(boxes.reshape(-1, 4), axis=0)) > 3
    for image, (place, layer) in ((0, (0, 2)), (10, (1, 3))):
        record = vit._layer(FakeSource().images[[image]], layer, False)
        values = record.token.roll(1, -1) if facet == "token_normed" else getattr(record, facet)
        tokens = values if facet.startswith("token") else values.transpose(1, 2).flatten(2)
        assert boxes[image, place].tolist() == discovered_boxes(tokens[0, 3:], (3, 4), BIASES).tolist()


def test_an_image_cut_into_tiles_has_one_box_on_its_own_grid():
    vit, images = FakeVit(), FakeSource().images[:2]
    layer = vit._layer(images, 1, False)
    batch = Batch(np.array([0]), images, tiles=[(3, 8)])
    made = made_of(vit, layers=[1], facets=["token"])
    made.update(LayerView(layer), batch)
    made.close_batch(batch)
    patches = layer.token[:, 1:].reshape(2, 3, 4, -1).transpose(0, 1).flatten(1, 2).flatten(0, 1)
    assert made.rows["token"].array()[0, 0].tolist() == discovered_boxes(patches, (3, 8), BIASES).tolist()


def test_the_state_says_which_layers_and_biases_its_rows_are_of():
    """Two studies whose choices are united: each finds its own in it."""
    asked = merged(
        {"discovered_boxes": {"layers": [-1], "facets": ["key", "value"], "biases": [-0.5, 0.0]}},
        {"discovered_boxes": {"layers": [1, -2, -1, 3], "facets": ["token_normed", "key"], "biases": [0.0, 0.5]}},
    )["discovered_boxes"]
    (made,) = make_collectors({"discovered_boxes": asked}, PassFacts(11, 0, 3))
    run_pass(FakeVit(), "fake", FakeSource(), [made], batch_size=4)
    state = made.state()
    assert state["layers"].tolist() == [3, 1, 2, 3]  # the last one twice, under two names: the first place counts
    assert state["biases"].tolist() == BIASES
    for facet, layer in (("key", 2), ("token_normed", 3)):
        alone = made_of(FakeVit(), layers=[layer], facets=[facet])
        run_pass(FakeVit(), "fake", FakeSource(), [alone], batch_size=4)
        rows = made.rows[facet].array()[:, state["layers"].tolist().index(layer)]
        assert np.array_equal(rows, alone.rows[facet].array()[:, 0])


@pytest.mark.parametrize("facet", ["key", "token_normed"])
@pytest.mark.parametrize("grid", [(1, 1), (1, 5), (3, 1)])
def test_images_of_one_patch_or_one_row_of_them(grid, facet):
    vit, made = FakeVit(grid=grid), made_of(FakeVit(), layers=[-1], facets=[facet])
    run_pass(vit, "fake", FakeSource(n_patches=grid[0] * grid[1]), [made], batch_size=4)
    boxes = made.rows[facet].array().reshape(-1, 4)
    assert (boxes[:, :2] < boxes[:, 2:]).all() and (boxes[:, 2:] <= grid[::-1]).all() and (boxes >= 0).all()
    assert grid != (1, 1) or (boxes == [0, 0, 1, 1]).all()


@pytest.mark.parametrize("facet", ["query_rope", "keys"])
def test_a_facet_that_the_model_lacks_is_named(facet):
    with pytest.raises(AtlasError, match=f"facet '{facet}': layer 3 of this model has no such; ask for query, key"):
        run_pass(FakeVit(), "fake", FakeSource(), [made_of(FakeVit(), layers=[-1], facets=[facet])], batch_size=4)
