"""PNG files with a palette: what is filled evenly keeps its colour, and what a palette would spoil is left as it is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from workflow_scripts.figures.png import with_palette, write_png


def image_of(pixels: np.ndarray) -> Image.Image:
    alpha = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    return Image.fromarray(np.concatenate([pixels.astype(np.uint8), alpha], -1))


def chart(rng: np.random.Generator, hues: int) -> np.ndarray:
    """Return bars of `hues` colours whose edges fade into white, as antialiasing makes them: far more than 256 colours."""
    pixels = np.full((400, 800, 3), 255.0)
    for bar, colour in enumerate(rng.integers(0, 200, (hues, 3))):
        pixels[20:380, 20 * bar + 5 : 20 * bar + 15] = colour
        fade = rng.integers(0, 256, (90, 1)).repeat(4, axis=0) / 255
        pixels[20:380, 20 * bar + 15] = fade * colour + (1 - fade) * 255
    return pixels.round()


def test_few_colours_are_kept_exactly():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (250, 3))[rng.integers(0, 250, (40, 50))]
    few = with_palette(image_of(pixels))
    assert few.mode == "P"
    assert np.array_equal(np.asarray(few.convert("RGB")), pixels)


def test_a_chart_keeps_its_fills_and_loses_little_at_edges():
    pixels = chart(np.random.default_rng(0), 12)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 700
    drawn = np.asarray(with_palette(image_of(pixels)).convert("RGB")).astype(int)
    off = np.abs(drawn - pixels).max(-1)
    assert not off[:, :20].any(axis=0)[5:15].any()  # a bar
    assert (drawn[0] == 255).all()  # the ground
    assert off.max() > 0 and (off > 8).mean() <= 0.005


@pytest.mark.parametrize("n_colours", [3000, 100_000])
def test_a_photograph_is_not_spoilt(n_colours):
    rng = np.random.default_rng(0)
    photograph = image_of(rng.integers(0, 256, (n_colours, 3))[rng.integers(0, n_colours, (300, 500))])
    assert with_palette(photograph) is None


def test_the_file_says_where_it_comes_from_and_is_smaller(tmp_path):
    image = image_of(chart(np.random.default_rng(0), 12))
    image.save(tmp_path / "plain.png")
    write_png(tmp_path / "few.png", image, {"Title": "figure a/b", "Commit": "1234"}, 300)
    with Image.open(tmp_path / "few.png") as few:
        assert few.mode == "P" and few.size == image.size
        assert few.text == {"Title": "figure a/b", "Commit": "1234"}
        assert round(few.info["dpi"][0]) == 300
    assert (tmp_path / "few.png").stat().st_size < 0.6 * (tmp_path / "plain.png").stat().st_size


def test_without_a_palette_the_pixels_are_the_same(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (100, 100, 3))
    write_png(tmp_path / "x.png", image_of(pixels), {"Title": "x"}, 300)
    with Image.open(tmp_path / "x.png") as image:
        assert image.text == {"Title": "x"}
        assert np.array_equal(np.asarray(image), pixels)
