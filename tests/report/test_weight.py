"""How heavy a report can get: pictures share a budget, and what is heavy stays with the run."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.report.explored import registry_models
from workflow_scripts.report.explore import EXPLORED_IMAGES
from workflow_scripts.report.explore_heads import image_bytes
from workflow_scripts.report.pdf_file import is_heavy
from workflow_scripts.report.pictures import ALL_BYTES, PICTURE_BYTES, PREVIEW_BYTES, copy_picture, most_bytes, write_preview
from workflow_scripts.studies.found import find_study, study_names

FIGURES = sum(len(find_study(name).figures) for name in study_names())


def test_pictures_share_what_they_may_take_together():
    sizes = [10, 20, 30, 400, 500]
    most = most_bytes(sizes, 300)
    assert most == 120  # small ones keep their size, the others share what these leave
    assert sum(min(size, most) for size in sizes) == 300
    assert most_bytes(sizes, 960) == most_bytes([]) == PICTURE_BYTES


@pytest.mark.parametrize("seed", range(3))
def test_pictures_of_any_sizes_stay_within_it(seed):
    sizes = np.random.default_rng(seed).lognormal(12.5, 1.5, FIGURES).astype(int).tolist()
    assert sum(min(size, most_bytes(sizes)) for size in sizes) <= ALL_BYTES
    assert most_bytes(sizes) <= PICTURE_BYTES


def test_pictures_and_previews_of_all_figures_leave_room_for_the_rest():
    assert ALL_BYTES + FIGURES * PREVIEW_BYTES < 30_000_000  # of 60 MB at 20 models


def test_a_reduced_picture_is_as_small_as_asked_and_keeps_its_texts(tmp_path):
    texts = PngInfo()
    texts.add_text("Commit", "1234")
    noise = np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png", pnginfo=texts)
    assert not copy_picture(tmp_path / "a.png", tmp_path / "same.png")
    assert (tmp_path / "same.png").read_bytes() == (tmp_path / "a.png").read_bytes()
    assert copy_picture(tmp_path / "a.png", tmp_path / "small.png", 60_000)
    assert (tmp_path / "small.png").stat().st_size <= 60_000
    with Image.open(tmp_path / "small.png") as image:
        assert image.text == {"Commit": "1234"}


def test_a_preview_of_a_picture_of_many_pages_is_made(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (9000, 1000), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "tall.png")
    assert write_preview(tmp_path / "tall.png", tmp_path / "tall.webp") == (1000, 9000)
    assert (tmp_path / "tall.webp").stat().st_size <= PREVIEW_BYTES


@pytest.mark.parametrize(("pages", "size", "heavy"), [(1, 900_000, True), (1, 100_000, False), (3, 900_000, False)])
def test_a_pdf_that_a_picture_can_stand_for_is_heavy(pages, size, heavy, tmp_path):
    (tmp_path / "x.pdf").write_bytes(b"<< /Type /Page >>" * pages + b"<< /Type /Pages >>".ljust(size))
    assert is_heavy(tmp_path / "x.pdf") is heavy


def test_maps_of_single_images_of_a_zoo_are_of_a_few_images():
    models = registry_models()
    each = 0
    for model in models:
        tokens = model.prefix_tokens + model.grid[0] * model.grid[1]
        lead = (model.layers, model.heads)
        assert image_bytes([(*lead, tokens), (3, 60, 60, 3)], model) == 0
        each += image_bytes([(10, *lead, tokens), (*lead, tokens), (10, 60, 60, 3)], model)
    assert each > EXPLORED_IMAGES / 4  # four images would be too many
