"""Many models in one panel: one axis for all depths, the mean of each kind of supervision, pages."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import Drawn, FigureData, PairTable
from workflow_scripts.figures.depth import Depths
from workflow_scripts.figures.drawing import Drawing
from workflow_scripts.figures.families import by_family, family_handles, is_many, mean_course
from workflow_scripts.figures.save import draw, save_drawn
from workflow_scripts.figures.style import PAGE_HEIGHT


def model(name, supervision="contrastive", layers=12, random=False):
    return RunModel(name, name, supervision, layers=layers, random=random)


def rows(layers):
    return pd.DataFrame({"layer": layers})


def test_depth_is_relative_where_models_differ_in_depth():
    same, other = Depths.of([model("a"), model("b")]), Depths.of([model("a"), model("b", layers=24)])
    assert (same.relative, same.label(), same.column) == (False, "Layer", "layer")
    assert (other.relative, other.label(), other.column) == (True, "Depth (layer / number of layers)", "depth")
    assert same.places(model("a"), rows([1, 12])).tolist() == [1, 12]
    assert other.places(model("a"), rows([3, 12])).tolist() == [0.25, 1]
    assert other.places(model("b", layers=24), rows([6, 24])).tolist() == [0.25, 1]
    assert not Depths.of([model("a"), model("noise", layers=48, random=True)]).relative


def test_all_panels_have_one_axis():
    limits = []
    for depths in (Depths.of([model("a"), model("b")]), Depths.of([model("a"), model("b", layers=40)])):
        first, second = Figure().subplots(1, 2)
        depths.number(first)
        depths.number(second, at_most=6)
        assert first.get_xlim() == second.get_xlim()
        limits.append(first.get_xlim())
    assert limits[0][1] > 12 > 1.1 > limits[1][1] >= 1


def test_mean_course_is_the_mean_at_each_place_that_all_have():
    deep = np.arange(1, 5) / 4, np.array([0.0, 1.0, 2.0, 3.0])
    flat = np.array([0.5, 1.0]), np.array([3.0, 5.0])
    places, values = mean_course([flat, deep])
    assert places.tolist() == [0.5, 0.75, 1.0]  # of the deepest, from where the other begins
    assert values.tolist() == [(1 + 3) / 2, (2 + 4) / 2, (3 + 5) / 2]


def test_more_than_eight_models_are_many_and_their_legend_stays_small():
    eight = [model(f"m{place}", ("contrastive", "language")[place % 2]) for place in range(8)]
    noise = model("Random", "none", random=True)
    assert not is_many([*eight, noise])
    nine = [*eight, model("m8"), noise]
    assert is_many(nine)
    assert {family: len(own) for family, own in by_family(nine).items()} == {"language": 4, "contrastive": 5}
    said = [handle.get_label() for handle in family_handles(nine)]
    assert said == ["Captions, mean of 4", "Contrastive, mean of 5", "thin: single models", "Random"]


@pytest.mark.parametrize("count", [1, 3])
def test_pages_are_in_one_pdf_and_the_png_is_the_first(count, tmp_path):
    pages = [Figure(figsize=(2, 1 + place)) for place in range(count)]
    drawn = Drawn(pages[0], pd.DataFrame({"model": []}), tuple(pages[1:]))
    files = [tmp_path / f"x.{suffix}" for suffix in ("pdf", "png", "csv")]
    save_drawn(drawn, *files)
    assert len(re.findall(rb"/Type /Page\b", files[0].read_bytes())) == count
    with Image.open(files[1]) as image:
        assert image.width == 600
        assert (image.height == 300) == (count == 1)  # else there is a foot that says so
    if count > 1:
        assert pages[0].texts[-1].get_text() == "page 1 of 3"
        assert pages[2].texts[-1].get_text() == "page 3 of 3"


def test_a_note_stands_below_the_page(tmp_path):
    drawn = Drawn(Figure(figsize=(2, 1)), pd.DataFrame({"model": []}), note="16 of 46 models.")
    save_drawn(drawn, *(tmp_path / f"x.{suffix}" for suffix in ("pdf", "png", "csv")))
    assert drawn.figure.texts[0].get_text() == "16 of 46 models."
    with Image.open(tmp_path / "x.png") as image:
        assert image.height > 300


class Tall(Drawing):
    """Half an inch a model, and more for m5."""

    def draw(self, data):
        extra = 3 * any(one.id == "m5" for one in data.models)
        tall = Figure(figsize=(5, 1 + 0.5 * len(data.models) + extra))
        return Drawn(tall, pd.DataFrame({"model": [one.id for one in data.models]}), note="A note.")


def forty():
    trained = [model(f"m{place}", family) for place, family in enumerate(["language", "contrastive"] * 20)]
    return FigureData((*trained, model("noise", "none", random=True)))


def test_a_figure_that_no_page_holds_has_all_models_on_several():
    data = forty()
    drawn = draw(Tall("a/b", (), (), (), "", {}, {}), data)
    heights = [page.get_size_inches()[1] for page in drawn.pages]
    assert len(heights) > 1
    assert all(height <= 4 / 3 * PAGE_HEIGHT for height in heights)
    assert all(height > 6 for height in heights[:-1])
    on_pages = [round(2 * (height - 1 - 3 * (place == 0))) for place, height in enumerate(heights)]
    assert sum(on_pages) == 40 + len(heights)  # the baseline is on each
    assert sorted(drawn.data["model"]) == sorted(one.id for one in data.models)
    assert drawn.note == "A note. Ranges of colours and axes that models share are those of a page."
    assert not draw(Tall("a/b", (), (), (), "", {}, {}), data.of(data.models[:12])).more


def test_pages_are_drawn_about_once_each():
    class Counted(Tall):
        times: ClassVar[list[int]] = []

        def draw(self, data):
            self.times.append(len(data.models))
            return super().draw(data)

    drawn = draw(Counted("a/b", (), (), (), "", {}, {}), forty())
    assert sum(Counted.times) <= 3 * (40 + len(drawn.pages))


def test_a_figure_that_fewer_models_do_not_make_lower_stays_whole():
    class Fixed(Drawing):
        def draw(self, data):
            return Drawn(Figure(figsize=(5, 30)), pd.DataFrame({"model": [one.id for one in data.models]}))

    drawn = draw(Fixed("a/b", (), (), (), "", {}, {}), forty())
    assert not drawn.more
    assert len(drawn.data) == 41


def test_a_figure_of_pairs_that_no_page_holds_shows_as_many_models_as_one_does():
    data = forty()
    data = replace(data, pairs={"pairs": PairTable(Path("x"), data.models, pd.DataFrame())})
    tall = Tall("a/b", (), (), ("pairs",), "", {}, {})
    drawn = draw(tall, data)
    assert 6 < drawn.figure.get_size_inches()[1] <= 4 / 3 * PAGE_HEIGHT
    shown = [*drawn.data["model"]]
    assert shown == [one.id for one in data.models if one.id in shown]
    assert shown[-1] == "noise"
    assert not drawn.more
    assert drawn.note.startswith(f"A note. {len(shown) - 1} of 40 models")
