"""Pairs of images matched by pixels: every pair once, whatever comes first, and nothing kept that no later image needs."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.onepass.fake import PAIRS, FakeSource, FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.keypoint_scores import correct, pck
from workflow_scripts.metrics.pixel_correspondence import Area, cosine_maps, match_pixels, pixel_references
from workflow_scripts.onepass.batch import LayerView
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import make_collectors
from workflow_scripts.onepass.embeddings import EMBEDDINGS, patch_embeddings
from workflow_scripts.onepass.engine import run_pass


def collector(*embeddings, mapped_points=0, map_side=6):
    asked = {"embeddings": list(embeddings), "mapped_points": mapped_points, "map_side": map_side}
    (made,) = make_collectors({"matched_pixels": asked}, PassFacts(11, 0, 3))
    return made


def layer(image, index, vit=None):
    return (vit or FakeVit())._layer(FakeSource().images[[image]], index, False)


def embedding_of(image, index, embedding):
    return patch_embeddings(LayerView(layer(image, index)), embedding)[0]


@pytest.mark.parametrize("batch_size", [1, 4, 11])
def test_every_point_of_every_layer_and_embedding(batch_size):
    made = collector(*EMBEDDINGS)
    run_pass(FakeVit(), "fake", FakeSource(), [made], batch_size)
    assert set(made.rows) == set(EMBEDDINGS)
    for embedding in EMBEDDINGS:
        rows = made.rows[embedding]
        assert np.sort(rows.index).tolist() == list(range(7))
        found = rows.array()
        assert found.shape == (7, 3, 2)
        for point, pair in enumerate(PAIRS.point_pair.tolist()):
            for index in (1, 2, 3):
                source, target = (embedding_of(int(at[pair]), index, embedding) for at in (PAIRS.source, PAIRS.target))
                start = torch.tensor(PAIRS.point_source[[point]])
                references = pixel_references(source, (3, 4), (12, 12), start)
                expected = match_pixels(references, target, (3, 4), (12, 12), Area(*PAIRS.area[pair].tolist()))
                assert found[point, index - 1].tolist() == expected[0].tolist()


def test_the_area_of_the_target_is_kept_to():
    made = collector("key")
    run_pass(FakeVit(), "fake", FakeSource(), [made], 3)
    top, left, bottom, right = PAIRS.area[PAIRS.point_pair].T[..., None]
    x, y = np.moveaxis(made.rows["key"].array(), -1, 0)
    assert ((left < x) & (x < right) & (top < y) & (y < bottom)).all()


@pytest.mark.parametrize("batch_size", [2, 11])
def test_cosines_of_some_points(batch_size):
    made = collector("query", mapped_points=2, map_side=5)
    run_pass(FakeVit(), "fake", FakeSource(), [made], batch_size)
    assert set(made.rows) == {"query", "query_cosine"}
    assert np.sort(made.rows["query_cosine"].index).tolist() == [1, 5]
    cosines = made.rows["query_cosine"].array()
    assert (cosines.shape, cosines.dtype) == ((2, 3, 5, 5), np.float16)
    source, target = (embedding_of(image, 2, "query") for image in (9, 10))
    references = pixel_references(source, (3, 4), (12, 12), torch.from_numpy(PAIRS.point_source[[5]]))
    assert np.allclose(cosines[1, 1], cosine_maps(references, target, (3, 4), (5, 5))[0], atol=1e-3)
    # At the crop's own size the largest cosine of the area is where the point is found.
    made = collector("query", mapped_points=7, map_side=12)
    run_pass(FakeVit(), "fake", FakeSource(), [made], batch_size)
    for point, pair in enumerate(PAIRS.point_pair):
        top, left, bottom, right = PAIRS.area[pair]
        x, y = made.rows["query"].array()[point, 0].astype(int)
        cosine = made.rows["query_cosine"].array()[point, 0]
        assert cosine[y, x] == pytest.approx(cosine[top:bottom, left:right].max(), abs=1e-3)


def test_what_is_remembered_and_forgotten():
    made = collector("key", "token")
    source = FakeSource()
    kept = []
    for image in range(11):
        run_pass(FakeVit(), "fake", _Part(source, image), [made], 1)
        kept.append((sorted(made._references), sorted(made._targets)))
    # Pairs 0 -> 2, 3 -> 0 (the target comes first), 9 -> 10, and 4 with itself.
    expected = [([0], [0]), ([0], [0]), ([], [0]), *[([], [])] * 6, ([9], []), ([], [])]
    assert kept == expected
    # Of image 9 there are three places, of each of which every layer has one vector.
    assert np.sort(made.rows["key"].index).tolist() == list(range(7))


def test_the_same_place_in_two_pairs_is_remembered_once():
    pairs = replace(
        PAIRS, source=np.array([0, 0, 9, 4]), target=np.array([2, 5, 10, 4]), point_source=PAIRS.point_source.copy()
    )
    pairs.point_source[2] = pairs.point_source[0]
    assert pairs.places(0).tolist() == [[1, 2], [3, 4]]
    assert pairs.places(1).tolist() == []
    assert pairs.place_of_point.tolist() == [0, 1, 0, 0, 1, 2, 0]
    assert [pairs.points(pair).tolist() for pair in range(4)] == [[0, 1], [2], [3, 4, 5], [6]]
    vit, source = FakeVit(), FakeSource()
    made = collector("token")
    batch = replace(source.at(np.arange(3)), pairs=pairs)
    made.update(LayerView(vit._layer(batch.image, 1, False)), batch)
    assert made._references[0]["token"][0].shape == (2, 6)


def test_a_batch_that_ran_out_of_memory_leaves_no_trace():
    vit = FakeVit()
    vit.largest_batch = 2
    made, expected = collector("key"), collector("key")
    run_pass(vit, "fake", FakeSource(), [made], 8)
    run_pass(FakeVit(), "fake", FakeSource(), [expected], 2)
    assert np.array_equal(made.rows["key"].array(), expected.rows["key"].array())


def test_images_in_tiles_are_refused():
    batch = replace(FakeSource().at([0]), tiles=[(3, 4)])
    with pytest.raises(AtlasError, match="matched_pixels: searches images that are one crop; choose a view without tiles"):
        collector("key").update(LayerView(layer(0, 1)), batch)


def test_embeddings_by_name():
    vit = FakeVit(n_prefix=5)
    inner, last = LayerView(layer(3, 2, vit)), LayerView(layer(3, 3, vit))
    assert torch.equal(patch_embeddings(inner, "token"), inner.layer.token[:, 5:])
    assert torch.equal(patch_embeddings(inner, "token_normed"), inner.layer.token[:, 5:])
    assert torch.equal(patch_embeddings(last, "token"), last.layer.token[:, 5:])
    assert torch.equal(patch_embeddings(last, "token_normed"), last.layer.token_normed[:, 5:])
    key = inner.layer.key
    assert torch.equal(patch_embeddings(inner, "key"), torch.cat([key[:, 0], key[:, 1]], -1)[:, 5:])
    assert torch.equal(patch_embeddings(inner, "key_rope"), patch_embeddings(inner, "key"))
    rotated = LayerView(replace(inner.layer, key_rope=key * 2))
    assert torch.equal(patch_embeddings(rotated, "key_rope"), patch_embeddings(inner, "key") * 2)
    with pytest.raises(AtlasError, match="embedding 'keys' is not known; choose of query, key, value"):
        patch_embeddings(inner, "keys")


def test_the_rows_are_scored_as_they_are():
    made = collector("token")
    run_pass(FakeVit(), "fake", FakeSource(), [made], 4)
    found = made.rows["token"].array()
    truths = found[:, 0] + np.array([1.2, 0], np.float32)  # 0.1 of the box of 12 pixels
    hits = correct(found, truths, np.full(7, 12.1), 0.1, "per_point")
    assert hits[:, 0].all()
    shares = pck(hits, np.array(list("aabbbbb")), PAIRS.point_pair, "per_point")
    assert shares[""].value[0] == 1 and shares[""].points == 7


class _Part:
    """One image of a source."""

    def __init__(self, source, image):
        self.source, self.image = source, image

    def __len__(self):
        return 1

    def name(self, position):
        return self.source.name(self.image)

    def read(self, start, stop):
        return self.source.at([self.image])
