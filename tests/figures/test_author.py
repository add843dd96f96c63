"""What an author chooses (width, type), and what a figure's files say of where they come from."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from tests.figures.synthetic import drawing_of
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.draw_figure import made_by
from workflow_scripts.figures import style
from workflow_scripts.figures.data import Drawn
from workflow_scripts.figures.origin import Origin, digest
from workflow_scripts.figures.save import draw, save_drawn
from workflow_scripts.figures.style import COLUMN_WIDTH, PAGE_WIDTH, Look, atlas_style, page_width
from workflow_scripts.studies.found import find_study

STUDY = find_study("thesis")
ORIGIN = Origin("thesis/mask_iou", "0123abcd", "uv run snakemake results/figures/thesis/mask_iou.pdf", "sha256:ff")


@pytest.mark.parametrize(
    "name", ["mask_iou", "knn_by_supervision", "attention_distance", "cka_depth", "offset_heads", "aligned_attention"]
)
def test_figures_fit_into_a_column_with_type_that_can_be_read(name, small):
    pages = draw(drawing_of(STUDY.figure(name)), small, Look("column")).pages
    for page in pages:
        assert page.get_figwidth() <= COLUMN_WIDTH + 1e-6
        with atlas_style(Look("column")):
            page.draw_without_rendering()
            box = page.get_tightbbox()
        assert box.x0 > -0.02 and box.x1 < page.get_figwidth() + 0.02
        sizes = [text.get_fontsize() for axes in page.axes for text in (axes.title, axes.xaxis.label) if text.get_text()]
        assert min(sizes, default=6) >= 5.5


def test_a_look_holds_within_its_block_alone():
    with atlas_style(Look("column")):
        assert page_width() == COLUMN_WIDTH
        with atlas_style():  # as drawing within drawing does
            assert page_width() == COLUMN_WIDTH
    assert page_width() == PAGE_WIDTH


def test_the_type_is_the_author_s_and_an_unknown_one_is_named():
    with atlas_style(Look(font="DejaVu Serif")):
        assert style.matplotlib.rcParams["font.family"][0] == "DejaVu Serif"
    with (
        pytest.raises(AtlasError, match="font 'No Such Type': this machine has none of that name"),
        atlas_style(Look(font="No Such Type")),
    ):
        pass


def test_files_say_where_they_come_from(tmp_path):
    def files(folder):
        paths = [tmp_path / folder / f"x.{suffix}" for suffix in ("pdf", "png", "csv")]
        save_drawn(Drawn(Figure(figsize=(2, 1)), pd.DataFrame({"model": []})), *paths, ORIGIN)
        return paths

    pdf, png, _ = files("a")
    with Image.open(png) as image:
        said = image.text
    assert said["Title"] == "ViT Atlas figure thesis/mask_iou"
    assert (said["Study"], said["Commit"], said["Command"], said["Data"]) == ("thesis", "0123abcd", ORIGIN.command, "sha256:ff")
    assert "Software" not in said
    document = pdf.read_bytes()
    for text in (
        b"ViT Atlas figure thesis/mask_iou",
        b"commit 0123abcd; data sha256:ff",
        b"results/figures/thesis/mask_iou.pdf",
    ):
        assert text in document
    assert not re.search(rb"/CreationDate|/Producer", document)
    assert [path.read_bytes() for path in files("b")] == [path.read_bytes() for path in files("a")]


def test_the_digest_is_of_contents_and_not_of_places(tmp_path):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    one, same, other = (digest([tmp_path / name]) for name in "abc")
    assert one == same != other
    assert digest([tmp_path / "a", tmp_path / "c"]) != digest([tmp_path / "c", tmp_path / "a"])


def test_the_command_has_what_the_author_chose():
    assert made_by("thesis/mask_iou", Look()) == "uv run snakemake results/figures/thesis/mask_iou.pdf"
    chosen = made_by("thesis/mask_iou", Look("column"))
    assert chosen.endswith("""--config 'figures={"width": "column", "font": "DejaVu Sans"}'""")
