"""BDD100K tracking: two videos of three frames, a crowd, a distractor, an old name, an object that comes back, no labels."""

import json
from pathlib import Path

from tests.formats.pictures import picture

SIZE = (128, 72)
VIDEOS = ["b1c66a42-6f7d68ca", "b1c81faa-3df17267"]
FRAMES = 3
ARCHIVES = {
    "bdd100k_box_track_20_labels_trainval.zip": ("bdd100k/labels",),
    "images20-track-val-1.zip": ("bdd100k/images",),
}


def label(track: str, category: str, box: list[float], **attributes: bool) -> dict:
    said = {"occluded": False, "truncated": False, "crowd": False, **attributes}
    return {
        "id": track,
        "category": category,
        "attributes": said,
        "box2d": dict(zip(("x1", "y1", "x2", "y2"), box, strict=True)),
    }


def write(folder: Path) -> None:
    root = folder / "bdd100k"
    for i, video in enumerate(VIDEOS):
        labels = [
            [label("7", "car", [10, 20, 29, 39]), label("8", "pedestrian", [1.5, 2.5, 3.5, 9.5], crowd=True)],
            None,
            [
                label("7", "car", [12, 20, 31, 39], occluded=True),
                label("9", "other vehicle", [0, 0, 5, 5]),
                {
                    "id": 10,
                    "category": "person",
                    "attributes": {"Truncated": True},
                    "box2d": {"x1": 5, "y1": 5, "x2": 6, "y2": 6},
                },
                {"id": "11", "category": "car", "attributes": None, "box2d": None},
            ],
        ]
        frames = []
        for number in range(FRAMES):
            name = f"{video}-{number + 1:07d}.jpg"
            picture(root / f"images/track/val/{video}/{name}", FRAMES * i + number, SIZE)
            frames.append({"name": name, "videoName": video, "frameIndex": number, "labels": labels[number]})
        path = root / f"labels/box_track_20/val/{video}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(frames[::-1]))
