"""BDD100K multi-object tracking 2020 (Yu et al. 2020).

Layout: ``images/track/<split>/<video>/<video>-0000001.jpg``, ``labels/box_track_20/<split>/<video>.json``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders, first_of
from workflow_scripts.data.reader import Box
from workflow_scripts.data.readers.files import ImageFiles, packaged_rows, read_json
from workflow_scripts.data.readers.numbers import near

_FLAGS = ("occluded", "truncated", "crowd")


class Bdd100kTrack(ImageFiles):
    """The frames of a split's videos, by sorted video and name. They are 5 Hz: a fifth of a second apart.

    A box's edges are x1, y1, x2 + 1, y2 + 1, because the format includes the last pixel. Distractors, which the official
    evaluation ignores, are flagged as such; old names of categories (person, bike) mean the same as the new ones.
    """

    def __init__(self, path: Path, split: str = "val", videos: int | None = None) -> None:
        """Index the videos below `path`.

        Args:
            path: the folder ``bdd100k``, or the one that holds it.
            split: "val" (200 videos) or "train" (1,400).
            videos: only the first videos, by sorted name.

        Raises:
            AtlasError: the files are not in this layout, or a video has no images.
        """
        root = first_of(path / "bdd100k", path)
        self._labels_of = root / "labels" / "box_track_20" / split
        folders = Folders()
        names = [name[: -len(".json")] for name in folders.files(self._labels_of, (".json",))][:videos]
        if not names:
            raise bad_data(f"{self._labels_of}: no label file (*.json)")
        images = root / "images" / "track" / split
        files = []
        self._frames: list[tuple[str, int]] = []
        for video in names:
            frames = folders.files(images / video, (".jpg",))
            if not frames:
                raise bad_data(f"{images / video}: no frame (*.jpg) of this video")
            files += [f"{video}/{name}" for name in frames]
            self._frames += [(video, _number(images / video / name)) for name in frames]
        super().__init__(images, files, left_over=folders.left_over())
        rows = packaged_rows("bdd100k_mot_classes.csv")
        self.box_classes = [row["name"] for row in rows]
        self._label = {alias: i for i, row in enumerate(rows) for alias in (row["name"], *row["aliases"].split())}
        self._distractors = {i for i, row in enumerate(rows) if row["evaluated"] == "0"}
        self._read: tuple[str, dict[str, list[Box]]] = ("", {})

    def frame(self, position: int) -> tuple[str, int]:
        """Return (name of the video, 0-based number of the frame); numbers are left out where files are missing."""
        return self._frames[position]

    def boxes(self, position: int) -> list[Box]:
        """Return the frame's boxes; none where its labels are missing or null.

        Raises:
            AtlasError: the video's labels are broken.
        """
        video, _ = self._frames[position]
        read_video, boxes = self._read
        if read_video != video:
            boxes = self._boxes_of(video)
            if boxes and boxes.keys().isdisjoint(file.split("/")[-1] for file in self.files if file.startswith(f"{video}/")):
                raise bad_data(f"{self._labels_of / f'{video}.json'}: none of its frames is an image, as {next(iter(boxes))}")
            self._read = (video, boxes)
        return boxes.get(self.files[position].split("/")[-1], [])

    def _boxes_of(self, video: str) -> dict[str, list[Box]]:
        path = self._labels_of / f"{video}.json"
        content = read_json(path, "the labels of a video")
        frames = content["frames"] if isinstance(content, dict) and "frames" in content else content
        try:
            return {
                frame["name"]: [self._box(entry) for entry in frame.get("labels") or [] if entry.get("box2d")]
                for frame in frames
            }
        except KeyError as error:
            raise bad_data(f"{path}: not the labels of a video (no key {error})") from None
        except ValueError as error:
            raise bad_data(f"{path}: not the labels of a video ({error})") from None
        except (TypeError, AttributeError):  # Python's words for a list, a text or a number in place of another of these
            raise bad_data(f"{path}: not the labels of a video (expected a list of frames with name and labels)") from None

    def _box(self, entry: dict[str, Any]) -> Box:
        if entry["category"] not in self._label:
            raise ValueError(f"category '{entry['category']}' is not known")
        label = self._label[entry["category"]]
        said = {name.lower() for name, value in (entry.get("attributes") or {}).items() if value is True}
        flags = {flag for flag in _FLAGS if flag in said} | ({"distractor"} if label in self._distractors else set())
        sides = [entry["box2d"][side] for side in ("x1", "y1", "x2", "y2")]
        x1, y1, x2, y2 = near(sides, f"a side of box {entry['id']}")
        return Box((x1, y1, x2 + 1, y2 + 1), label, str(entry["id"]), frozenset(flags))


def _number(file: Path) -> int:
    """Return the 0-based number of a frame, by its name."""
    if not (found := re.fullmatch(r".*-([0-9]{1,9})", file.stem)):
        raise bad_data(f"{file}: expected a name that ends in the number of the frame, as {file.parent.name}-0000001.jpg")
    return int(found[1]) - 1
