"""A small painted world, shared by the tests of the demo."""

from __future__ import annotations

import pytest

from workflow_scripts.demo.clips import paint_clips
from workflow_scripts.demo.world import paint_split, save_world, vocabulary


@pytest.fixture(scope="session")
def split():
    """480 images of the training split: (arrays, captions)."""
    return paint_split(3, "train", 480)


@pytest.fixture(scope="session")
def clips():
    """Three clips, one of each script."""
    return paint_clips(3, 3, 12)


@pytest.fixture(scope="session")
def world_file(split, tmp_path_factory):
    """The split as a file."""
    path = tmp_path_factory.mktemp("world") / "train.safetensors"
    arrays, captions = split
    save_world(path, arrays, vocabulary() | {"captions": captions})
    return path
