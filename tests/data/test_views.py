"""Names of views and back, their sizes, and that planning with them needs the standard library alone."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.alterations import ALTERATIONS, Band, Blur, Noise, Rotation, Scale, Shift
from workflow_scripts.data.views import (
    PATTERN,
    Area,
    CentreCrop,
    Cut,
    Letterbox,
    Padded,
    Squash,
    Tiles,
    View,
    parse_view,
    tile_corners,
)

ROOT = Path(__file__).resolve().parents[2]
SIDES = st.integers(1, 3000)
GEOMETRIES = st.one_of(
    st.builds(lambda crop, more, fit: CentreCrop(crop + more, crop, fit), SIDES, st.integers(0, 100), st.integers(0, 100)),
    st.builds(lambda n, more, patch: Tiles((n + more) * patch, n * patch, patch), SIDES, st.integers(0, 9), SIDES),
    st.builds(Letterbox, SIDES),
    st.builds(Squash, SIDES, SIDES),
    st.builds(Area, SIDES),
    st.builds(Padded, SIDES, SIDES, st.booleans()),
)
ALTERED = st.one_of(
    st.builds(Blur, SIDES),
    st.builds(Noise, st.integers(1, 255)),
    st.builds(Band, st.integers(1, 4)),
    st.builds(Shift, SIDES),
    st.builds(Rotation, st.integers(1, 89)),
    st.builds(Scale, SIDES.filter(lambda percent: percent != 100)),
)


@settings(deadline=None, max_examples=100)
@given(GEOMETRIES, st.none() | ALTERED)
def test_name_and_back(geometry, alteration):
    view = View(geometry, alteration)
    assert parse_view(str(view)) == view
    assert re.fullmatch(PATTERN, str(view))


@pytest.mark.parametrize(
    ("view", "name"),
    [
        (View(CentreCrop(256, 224)), "resize256-crop224"),
        (View(CentreCrop(224, 224, 200)), "fit200-resize224-crop224"),
        (View(Tiles(448, 224, 14)), "short448-tile224-patch14"),
        (View(Letterbox(224)), "letterbox224"),
        (View(Squash(224, 224)), "squash224"),
        (View(Squash(1024, 2048)), "squash1024x2048"),
        (View(Cut(256, 224)), "tile256-resize224"),
        (View(Cut(224, 224, 448, 672)), "squash448x672-tile224-resize224"),
        (View(Cut(32, 60, 64, 64), Band(1)), "squash64-tile32-resize60-band1"),
        (View(Area(64)), "area64"),
        (View(Padded(500, 14)), "padded500-patch14"),
        (View(Padded(672, 14, scaled=True)), "long672-patch14"),
        (View(CentreCrop(256, 224), Blur(20)), "resize256-crop224-blur20"),
        (View(CentreCrop(256, 224), Noise(20)), "resize256-crop224-noise20"),
        (View(Tiles(448, 224, 14), Band(2)), "short448-tile224-patch14-band2"),
        (View(Squash(224, 224), Shift(3)), "squash224-shift3"),
        (View(CentreCrop(224, 224), Rotation(15)), "resize224-crop224-rotation15"),
        (View(Letterbox(224), Scale(80)), "letterbox224-scale80"),
    ],
)
def test_names(view, name):
    assert str(view) == name
    assert parse_view(name) == view


def refusal(name):
    """Return why a name is refused, empty if it is not."""
    try:
        view = parse_view(name)
    except AtlasError as error:
        return str(error)
    assert str(view) == name
    return ""


@settings(deadline=None, max_examples=300)
@given(st.from_regex(PATTERN, fullmatch=True))
def test_a_name_of_the_pattern_is_refused_for_its_numbers_alone(name):
    reason = refusal(name)
    numbers = "crop must be between|must be multiples of patch|a square is named by one side|must become whole tiles"
    numbers += "|(noise|band|rotation|scale) must"
    assert not reason or re.search(numbers, reason)


WORDS = [
    "fit",
    "resize",
    "crop",
    "short",
    "tile",
    "patch",
    "letterbox",
    "squash",
    *ALTERATIONS,
    "-",
    "x",
    "2",
    "4",
    "0",
    "\u0662",
    "\n",
]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(WORDS), max_size=7).map("".join) | st.text(max_size=20))
def test_a_name_beyond_the_pattern_is_no_name(name):
    assert bool(re.fullmatch(PATTERN, name)) != ("expected a name like" in refusal(name))


@pytest.mark.parametrize(
    "name",
    [
        "224", "resize224", "crop224-resize224", "resize224-crop224-x", "short448-tile224", "letterbox", "squash0",
        "squash0224", "fit0-resize64-crop64", "squash64-blur0", "squash64-blur", "blur20", "squash64-blur2-blur2",
        "squash64-noise5-blur2", "squash64-noise", "squash64-band0", "squash64-scale0.8", "squash64-rotation05", "noise20",
        "squash\u0662", "squash64\n",
    ],
)  # fmt: skip
def test_wrong_names_are_refused(name):
    with pytest.raises(AtlasError, match="expected a name like resize224-crop224"):
        parse_view(name)


def test_a_resized_image_becomes_whole_tiles():
    for sides in ((100, 64), (64, 100), (64, 0)):
        with pytest.raises(AtlasError, match="resized images must become whole tiles; choose multiples of 64"):
            Cut(64, 56, *sides)
    with pytest.raises(AtlasError, match="a square is named by one side"):
        parse_view("squash64x64-tile32-resize60")


def test_a_square_has_one_name():
    with pytest.raises(AtlasError, match="view 'squash64x64': a square is named by one side; call it squash64"):
        parse_view("squash64x64")


def test_sides_that_do_not_fit_are_refused():
    with pytest.raises(AtlasError, match="crop must be between 1 and resize, found 65 and 64"):
        CentreCrop(64, 65)
    for sides in ((448, 224, 15), (450, 224, 16), (112, 224, 16)):
        with pytest.raises(AtlasError, match="tile and short must be multiples of patch"):
            Tiles(*sides)


@pytest.mark.parametrize(
    ("alteration", "number", "reason"),
    [
        (Blur, 0, "blur must be at least 1 px, found 0; leave it out"),
        (Noise, 0, "noise must be 1 to 255 grey levels, found 0"),
        (Noise, 256, "noise must be 1 to 255 grey levels, found 256"),
        (Band, 5, "band must be 1 to 4, found 5"),
        (Shift, 0, "shift must be at least 1 px, found 0; leave it out"),
        (Shift, -2, "shift must be at least 1 px, found -2"),
        (Rotation, 90, "rotation must be 1 to 89 degrees, found 90"),
        (Scale, 0, "scale must be at least 1 percent, found 0"),
        (Scale, 100, "scale must not be 100 percent"),
    ],
)
def test_alterations_that_are_none_are_refused_in_one_line(alteration, number, reason):
    with pytest.raises(AtlasError, match=reason) as caught:
        alteration(number)
    assert "\n" not in str(caught.value)


def brute_corners(height, width, tile):
    return [
        (min(i * tile, height - tile), min(j * tile, width - tile))
        for i in range(-(-height // tile))
        for j in range(-(-width // tile))
    ]


def test_corners_of_tiles():
    assert tile_corners((448, 784), (224, 224)) == brute_corners(448, 784, 224)
    assert tile_corners((4, 9), (2, 4)) == [(0, 0), (0, 4), (0, 5), (2, 0), (2, 4), (2, 5)]


def test_the_long_side_is_exact_where_floating_point_loses_a_patch():
    # 448 / 480 * 960 is 896 exactly; in whole numbers no patch is lost for any size.
    for long in range(448, 1200):
        height, width = Tiles(448, 224, 8).seen_size((448, long))
        assert height == 448
        assert width == long - long % 8


@settings(deadline=None, max_examples=40)
@given(st.integers(20, 300), st.integers(20, 300))
def test_tiles_cover_the_image_and_nothing_else(height, width):
    size = Tiles(64, 32, 8).seen_size((height, width))
    assert min(size) == 64
    covered = np.zeros(size, int)
    for y, x in tile_corners(size, (32, 32)):
        assert 0 <= y <= size[0] - 32
        assert 0 <= x <= size[1] - 32
        covered[y : y + 32, x : x + 32] += 1
    assert covered.min() == 1


def test_planning_needs_the_standard_library_alone():
    script = (
        "import sys, workflow_scripts.data.views, workflow_scripts.data.reader_names\n"
        "heavy = {'numpy', 'PIL', 'torch', 'pandas', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules)\n"
        "import workflow_scripts.studies.settings, workflow_scripts.studies.cost\n"
        "assert not heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
