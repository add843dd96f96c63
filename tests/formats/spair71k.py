"""SPair-71k: two categories with three images each, pair files with colons and with underscores, absent keypoints."""

import json
from pathlib import Path

from tests.formats.pictures import picture

SIZE = (40, 30)
CATEGORIES = ["cat", "bird"]
STEMS = ["2008_000001", "2009_000020", "2010_000003"]
# (source, target) by number of the stem
PAIRS = {"cat": [(0, 1), (2, 0), (1, 2)], "bird": [(0, 2), (2, 1)]}
SOURCE = [[3, 4], [10, 12], [20, 8]]
TARGET = [[5, 6], None, [30, 20.5]]  # the official files leave such points out; then nothing is to be done
BOX = [2, 3, 34, 27]
ARCHIVES = {"SPair-71k.tar.gz": ("SPair-71k",)}


def write(folder: Path) -> None:
    root = folder / "SPair-71k"
    for c, category in enumerate(CATEGORIES):
        for i, stem in enumerate(STEMS):
            picture(root / f"JPEGImages/{category}/{stem}.jpg", 3 * c + i, SIZE)
            points = {"0": SOURCE[0], "1": None, "2": SOURCE[2]}
            content = {"filename": f"{stem}.jpg", "category": category, "bndbox": BOX, "kps": points}
            content |= {"image_width": SIZE[0], "image_height": SIZE[1], "image_depth": 3}
            _json(root / f"ImageAnnotation/{category}/{stem}.json", content)
        for number, (source, target) in enumerate(PAIRS[category]):
            separator = ":" if category == "cat" else "_"
            name = f"{10 * c + number:06d}-{STEMS[source]}-{STEMS[target]}"
            content = {"pair_id": number, "filename": f"{name}:{category}", "category": category, "kps_ids": ["0", "1", "2"]}
            content |= {"src_imname": f"{STEMS[source]}.jpg", "trg_imname": f"{STEMS[target]}.jpg"}
            content |= {"src_imsize": [*SIZE, 3], "trg_imsize": [*SIZE, 3], "src_bndbox": BOX, "trg_bndbox": BOX}
            content |= {"src_kps": SOURCE, "trg_kps": TARGET}
            _json(root / f"PairAnnotation/test/{name}{separator}{category}.json", content)
    layout = root / "Layout/large"
    layout.mkdir(parents=True)
    names = sorted(path.name.removesuffix(".json") for path in (root / "PairAnnotation/test").iterdir())
    (layout / "test.txt").write_text("".join(f"{name}\n" for name in names))


def _json(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
