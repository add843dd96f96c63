"""The contact sheet of the demo world, from synthetic arrays in the painter's format."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import AxesImage
from PIL import Image
from safetensors.numpy import save_file

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.figures import contact_sheet

CLASSES, PARTS, STUFF = ["dog", "cat", "boat"], ["none", *(f"part {i}" for i in range(1, 24))], ["none", "sky", "grass"]


@pytest.fixture
def world_files(tmp_path):
    rng = np.random.default_rng(0)
    mask = np.zeros((9, 64, 64), np.uint8)
    mask[:, 20:40, 20:40] = 1
    arrays = {
        "image": rng.integers(0, 255, (9, 64, 64, 3), dtype=np.uint8),
        "label": np.array([0, 1, 0, 1, 0, 0, 0, 0, 0]),  # no boat; a dog more than fits
        "object": mask,
        "part": mask * 23,
        "stuff": 2 - 2 * mask,
    }
    images, clips = tmp_path / "val.safetensors", tmp_path / "clips.safetensors"
    header = {"classes": CLASSES, "parts": PARTS, "stuff": STUFF, "captions": ["a"] * 9}
    save_file(arrays, images, metadata={key: json.dumps(value) for key, value in header.items()})
    film = {"image": rng.integers(0, 255, (2, 5, 64, 64, 3), dtype=np.uint8), "object": mask[:1].repeat(10, 0)}
    film["object"] = film["object"].reshape(2, 5, 64, 64)
    save_file(film, clips)
    return images, clips


def test_columns_are_classes_and_cells_are_their_images(world_files):
    world = contact_sheet.load_world(*world_files)
    figure = contact_sheet.draw(world)
    headings = [text.get_text() for text in figure.axes[0].texts]
    assert [text for text in headings if text in CLASSES] == CLASSES
    shown = figure.axes[0].findobj(AxesImage)[0].get_array()
    assert shown.shape == (5 * 64, 3 * 64, 3)
    np.testing.assert_array_equal(shown[64:128, :64], world.image[2])  # the second dog
    np.testing.assert_array_equal(shown[64:128, 64:128], world.image[3])
    assert (shown[:, 128:] == 255).all()  # no boats
    truth = figure.axes[1].findobj(AxesImage)[0].get_array()
    assert len(np.unique(truth[:64, :64].reshape(-1, 3), axis=0)) == 2


def test_legend_colours_are_the_colours_of_the_masks(world_files):
    world = contact_sheet.load_world(*world_files)
    figure = contact_sheet.draw(world)
    truth = figure.axes[1].findobj(AxesImage)[0].get_array()
    legend = {}
    for box in figure.legends:
        for patch, text in zip(box.get_patches(), box.get_texts(), strict=True):
            legend[text.get_text()] = to_hex(patch.get_facecolor())
    assert len(legend) == 2 + 23
    assert len(set(legend.values())) >= 24
    assert to_hex(truth[64 + 5, 5] / 255) == legend["grass"]
    assert to_hex(truth[128 + 30, 30] / 255) == legend["part 23"]


def test_command_writes_both_files_and_refuses_another_file(world_files, tmp_path):
    images, clips = world_files
    command = [sys.executable, "-m", "workflow_scripts.draw_contact_sheet", "--clips", clips]
    out = ["--pdf", tmp_path / "s.pdf", "--png", tmp_path / "s.png"]
    subprocess.run([*command, "--images", images, *out], check=True)
    with Image.open(tmp_path / "s.png") as image:
        assert image.width <= 2500
    with pytest.raises(AtlasError, match=r"clips\.safetensors: not of the demo world: no label, stuff, part"):
        contact_sheet.load_world(clips, clips)
