"""SPair-71k: both name styles, the seeded draw by hand, keypoints that one image lacks."""

import numpy as np
import pytest

from tests.formats import spair71k
from tests.formats.pictures import shows
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import open_reader


@pytest.fixture
def spair(tmp_path):
    spair71k.write(tmp_path)
    return tmp_path


def stems(reader, category):
    return [
        tuple(reader.id(p).split("/")[1].removesuffix(".jpg") for p in (pair.source, pair.target))
        for pair in reader.pairs()
        if pair.category == category
    ]


def test_all_pairs_by_sorted_category_whatever_the_separator(spair):
    reader = open_reader("spair", spair)
    assert reader.classes == ["bird", "cat"]
    assert [pair.category for pair in reader.pairs()] == ["bird", "bird", "cat", "cat", "cat"]
    first, second, third = spair71k.STEMS
    assert stems(reader, "bird") == [(first, third), (third, second)]
    assert stems(reader, "cat") == [(first, second), (third, first), (second, third)]
    assert [reader.id(p) for p in (0, 3)] == [f"bird/{first}.jpg", f"cat/{first}.jpg"]
    assert [reader.label(p) for p in range(6)] == [0, 0, 0, 1, 1, 1]
    assert shows(reader.image(0), 3)  # birds were written second


def test_points_that_one_image_lacks_are_left_out(spair):
    pair = open_reader("spair", spair).pairs()[0]
    assert pair.source_xy.tolist() == [[3, 4], [20, 8]]
    assert pair.target_xy.tolist() == [[5, 6], [30, 20.5]]
    assert pair.target_box == (2, 3, 34, 27)


def test_the_draw_is_one_stream_over_sorted_categories_with_replacement(spair):
    reader = open_reader("spair", spair, {"pairs_per_category": 5, "seed": 42})
    np.random.seed(42)
    birds, cats = (np.random.choice(count, 5).tolist() for count in (2, 3))
    everything = open_reader("spair", spair)
    assert stems(reader, "bird") == [stems(everything, "bird")[i] for i in birds]
    assert stems(reader, "cat") == [stems(everything, "cat")[i] for i in cats]
    assert len(set(birds)) < 5  # with replacement


def test_only_images_of_drawn_pairs_are_samples(spair):
    reader = open_reader("spair", spair, {"pairs_per_category": 1, "seed": 3})
    assert len(reader) == 4
    assert {p for pair in reader.pairs() for p in (pair.source, pair.target)} == {0, 1, 2, 3}


def test_broken_annotations(spair):
    folder = spair / "SPair-71k/PairAnnotation/test"
    path = sorted(folder.iterdir())[0]
    content = path.read_text()
    path.write_text(content.replace('"trg_bndbox": [2, 3, 34, 27]', '"trg_bndbox": [2, 3]'))
    with pytest.raises(AtlasError, match=r"000000-.*json: not a pair annotation .a box that has not four sides"):
        open_reader("spair", spair)
    path.write_text(content.replace("trg_kps", "other"))
    with pytest.raises(AtlasError, match=r"000000-.*json: not a pair annotation .no key 'trg_kps'"):
        open_reader("spair", spair)
    (folder / "000009-a-b:lion.json").write_text("{}")
    with pytest.raises(AtlasError, match=r"000009-a-b:lion\.json: its name does not end in"):
        open_reader("spair", spair)
    with pytest.raises(AtlasError, match=r"PairAnnotation/val: expected a folder"):
        open_reader("spair", spair, {"split": "val"})
