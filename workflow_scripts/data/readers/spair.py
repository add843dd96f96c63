"""SPair-71k (Min et al. 2019).

Layout: ``PairAnnotation/<split>/<pair>-<source>-<target>:<category>.json``, ``JPEGImages/<category>/*.jpg``. Unpackers that
cannot write colons put an underscore; both are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import KeypointPair
from workflow_scripts.data.readers.files import (
    ImageFiles,
    at_least_one,
    choose,
    first_of,
    list_files,
    packaged_lines,
    read_json,
)


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
        choose("spair", "split", split, ("test", "val", "trn"))
        at_least_one("spair", pairs_per_category=pairs_per_category)
        root = first_of(path / "SPair-71k", path)
        folder = root / "PairAnnotation" / split
        by_category = _by_category(folder)
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
        super().__init__(root / "JPEGImages", files, classes, [classes.index(file.split("/")[0]) for file in files])
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


def _by_category(folder: Path) -> dict[str, list[str]]:
    """Return category -> its sorted file names, categories sorted."""
    known = sorted(packaged_lines("spair71k_categories.txt"))
    found: dict[str, list[str]] = {category: [] for category in known}
    for name in list_files(folder, (".json",)):
        stem = name[: -len(".json")]
        category = next((c for c in known if stem.endswith((f":{c}", f"_{c}"))), None)
        if category is None:
            raise AtlasError(
                f"{folder / name}: its name does not end in ':' and one of the 18 categories; fetch the dataset again"
            )
        found[category].append(name)
    # The separator must not decide the order.
    found = {category: sorted(names, key=lambda name: name.replace(":", "_")) for category, names in found.items() if names}
    if not found:
        raise AtlasError(f"{folder}: no pair annotation (*.json); fetch the dataset again or correct its path")
    return found


def _read_pair(path: Path) -> dict[str, Any]:
    """Return names, points ([K, 2] float64) and the target's box; points that one of the images lacks are left out."""
    content = read_json(path, "a pair annotation")
    try:
        both = [(a, b) for a, b in zip(content["src_kps"], content["trg_kps"], strict=True) if a is not None and b is not None]
        points = np.array(both, np.float64).reshape(-1, 2, 2)
        box = tuple(float(side) for side in content["trg_bndbox"])
        if len(box) != 4:
            raise ValueError("a box that has not four sides")
        names = {side: str(content[side]) for side in ("src_imname", "trg_imname")}
    except (KeyError, TypeError, ValueError) as error:
        raise AtlasError(f"{path}: not a pair annotation ({error}); fetch the dataset again") from None
    return {**names, "src_kps": points[:, 0], "trg_kps": points[:, 1], "trg_bndbox": box}
