"""SPair-71k (Min et al. 2019).

Layout: ``PairAnnotation/<split>/<pair>-<source>-<target>:<category>.json``, ``JPEGImages/<category>/*.jpg``. Unpackers that
cannot write colons put an underscore; both are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders, first_of
from workflow_scripts.data.reader import KeypointPair
from workflow_scripts.data.readers.files import ImageFiles, packaged_lines, read_json
from workflow_scripts.data.readers.numbers import near


class SPair(ImageFiles):
    """The images of a split's evaluated pairs, sorted by category and name; an image's class is its category.

    With `pairs_per_category`, pairs are drawn from each category's sorted list, with replacement, as Walmer et al. 2023 do
    with 20 and seed 42: one generator (numpy's RandomState, whose numbers never change) serves all categories. Its code
    takes the categories as the file system lists them; here they are sorted, so that the draw is the same everywhere, but
    not the study's own.
    """

    def __init__(self, path: Path, split: str = "test", pairs_per_category: int | None = None, seed: int = 42) -> None:
        """Draw and read the pairs below `path`.

        Args:
            path: the folder ``SPair-71k``, or the one that holds it.
            split: "test", "val" or "trn".
            pairs_per_category: how many pairs are drawn from each category; None: every pair, once.
            seed: of the draw.

        Raises:
            AtlasError: the files are not in this layout.
        """
        root = first_of(path / "SPair-71k", path)
        folder = root / "PairAnnotation" / split
        folders = Folders()
        by_category = _by_category(folder, folders)
        rng = np.random.RandomState(seed)
        read: dict[str, dict[str, Any]] = {}
        drawn: list[tuple[str, dict[str, Any]]] = []
        for category, names in by_category.items():
            chosen = names if pairs_per_category is None else [names[i] for i in rng.choice(len(names), pairs_per_category)]
            for name in chosen:
                if name not in read:
                    read[name] = _read_pair(folder / name)
                drawn.append((category, read[name]))
        files = sorted({f"{category}/{pair[side]}" for category, pair in drawn for side in ("src_imname", "trg_imname")})
        classes = list(by_category)
        labels = [classes.index(file.split("/")[0]) for file in files]
        super().__init__(root / "JPEGImages", files, classes, labels, folders.left_over())
        place = {file: position for position, file in enumerate(files)}
        self._pairs = [
            KeypointPair(
                place[f"{category}/{pair['src_imname']}"],
                place[f"{category}/{pair['trg_imname']}"],
                category,
                pair["src_kps"],
                pair["trg_kps"],
                pair["trg_bndbox"],
            )
            for category, pair in drawn
        ]

    def pairs(self) -> list[KeypointPair]:
        """Return the pairs, category by category; drawn with replacement, a pair may be there twice."""
        return self._pairs


def _by_category(folder: Path, folders: Folders) -> dict[str, list[str]]:
    """Return category -> its sorted file names, categories sorted."""
    known = sorted(packaged_lines("spair71k_categories.txt"))
    found: dict[str, list[str]] = {category: [] for category in known}
    for name in folders.files(folder, (".json",)):
        stem = name[: -len(".json")]
        category = next((c for c in known if stem.endswith((f":{c}", f"_{c}"))), None)
        if category is None:
            raise bad_data(f"{folder / name}: its name does not end in ':' and one of the 18 categories")
        found[category].append(name)
    # The separator must not decide the order.
    found = {category: sorted(names, key=lambda name: name.replace(":", "_")) for category, names in found.items() if names}
    if not found:
        raise bad_data(f"{folder}: no pair annotation (*.json)")
    return found


def _read_pair(path: Path) -> dict[str, Any]:
    """Return names, points ([K, 2] float64) and the target's box; points that one of the images lacks are left out."""
    content = read_json(path, "a pair annotation")
    try:
        sizes = {side: _size(content, side) for side in ("src", "trg")}
        both = [(a, b) for a, b in zip(content["src_kps"], content["trg_kps"], strict=True) if a is not None and b is not None]
        points = {
            side: np.array([_point(pair[i], sizes[side]) for pair in both]).reshape(-1, 2) for i, side in enumerate(sizes)
        }
        box = tuple(near(content["trg_bndbox"], "a side of the target's box", sizes["trg"]))
        if len(box) != 4:
            raise ValueError("a box that has not four sides")
        names = {side: content[side] for side in ("src_imname", "trg_imname")}
        if not all(isinstance(name, str) for name in names.values()):
            raise ValueError("an image's name that is no text")
    except KeyError as error:
        raise bad_data(f"{path}: not a pair annotation (no key {error})") from None
    except ValueError as error:
        raise bad_data(f"{path}: not a pair annotation ({error})") from None
    except TypeError:  # Python's words for a number or a text in place of a list
        raise bad_data(f"{path}: not a pair annotation (expected lists of points [x, y], a box and names)") from None
    return {**names, "src_kps": points["src"], "trg_kps": points["trg"], "trg_bndbox": box}


def _size(content: dict[str, Any], side: str) -> tuple[float, float] | None:
    """Return (width, height) of an image of a pair, None where the annotation does not state it."""
    stated = content.get(f"{side}_imsize") if isinstance(content, dict) else None
    if not isinstance(stated, list) or len(stated) < 2:
        return None
    size = tuple(near(stated[:2], "a side of an image's size"))
    return size if min(size) >= 1 else None


def _point(xy: Any, size: tuple[float, float] | None) -> list[float]:
    found = near(xy, "a coordinate of a keypoint", size)
    if len(found) != 2:
        raise ValueError("a keypoint that has not two coordinates")
    return found
