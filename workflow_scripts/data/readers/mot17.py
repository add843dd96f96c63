"""MOT17 (Milan et al. 2016), training videos: those with ground truth.

Layout: ``MOT17/train/MOT17-02-FRCNN/{seqinfo.ini, img1/000001.jpg, gt/gt.txt}``; every video is there once per detector.
"""

from __future__ import annotations

from configparser import ConfigParser
from configparser import Error as IniError
from pathlib import Path

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders, first_of
from workflow_scripts.data.reader import Box
from workflow_scripts.data.readers.files import ImageFiles, packaged_rows, read_lines, read_rows
from workflow_scripts.data.readers.numbers import near, whole

_EVALUATED = "1"  # the class of pedestrians


class Mot17(ImageFiles):
    """The frames of the videos, by sorted video and name, each video once: images and ground truth of all copies are equal.

    The file counts frames and pixels from 1: the edges of a box are left - 1, top - 1, and these plus width and height. What
    the official evaluation does not look for is flagged "ignored": rows that are not to be considered, and all but pedestrians.
    The classes whose detections count neither way are flagged "distractor".
    """

    def __init__(self, path: Path, detector: str = "FRCNN") -> None:
        """Index the videos below `path`.

        Args:
            path: the folder ``MOT17``, or the one that holds it.
            detector: which copy of every video: "FRCNN", "DPM" or "SDP".

        Raises:
            AtlasError: the files are not in this layout, or frames are missing.
        """
        root, folders = first_of(path / "MOT17", path) / "train", Folders()
        videos = [name for name in folders.folders(root, _is_video) if name.endswith(f"-{detector}")]
        if not videos:
            raise bad_data(f"{root}: no folder of a video, as MOT17-02-{detector}")
        rows = packaged_rows("mot17_classes.csv")
        self.box_classes = [row["name"] for row in rows]
        self._label = {row["class_id"]: i for i, row in enumerate(rows)}
        self._distractors = {i for i, row in enumerate(rows) if row["distractor_in_mot17"] == "1"}
        files: list[str] = []
        self._frames: list[tuple[str, int]] = []
        self._boxes: dict[tuple[str, int], list[Box]] = {}
        for video in videos:
            folder, length, suffix = _info(root / video / "seqinfo.ini")
            frames = folders.files(root / video / folder, (suffix,))
            if len(frames) != length:
                raise bad_data(f"{root / video / folder}: {len(frames)} frames, but seqinfo.ini says {length}")
            files += [f"{video}/{folder}/{name}" for name in frames]
            self._frames += [(video, i) for i in range(length)]
            self._read_truth(root / video / "gt" / "gt.txt", video, length)
        super().__init__(root, files, left_over=folders.left_over())

    def frame(self, position: int) -> tuple[str, int]:
        """Return (name of the video, 0-based number of the frame)."""
        return self._frames[position]

    def boxes(self, position: int) -> list[Box]:
        """Return the frame's boxes; they may reach beyond the image."""
        return self._boxes.get(self._frames[position], [])

    def _read_truth(self, path: Path, video: str, length: int) -> None:
        for row in read_rows(path, "the ground truth of a video"):
            try:
                frame, track, *sides, consider, kind, _ = row
                left, top, width, height = near(map(float, sides), "a side of a box")
                number = whole(int(frame), "the frame", 1, length)
                label, edges = self._label[kind], (left - 1, top - 1)
                ignored = consider == "0" or kind != _EVALUATED
                flags = {name for name, holds in (("ignored", ignored), ("distractor", label in self._distractors)) if holds}
                box = Box((*edges, edges[0] + width, edges[1] + height), label, track, frozenset(flags))
                self._boxes.setdefault((video, number - 1), []).append(box)
            except (ValueError, KeyError):
                raise bad_data(
                    f"{path}: expected frame (1 to {length}), id, left, top, width, height, consider, class, visibility in "
                    f"'{','.join(row)[:80]}'"
                ) from None


def _is_video(name: str) -> bool:
    return name.startswith("MOT17-")


def _info(path: Path) -> tuple[str, int, str]:
    """Return the folder of the frames, their number, and their suffix."""
    ini = ConfigParser()
    try:
        ini.read_string("\n".join(read_lines(path, "the description of a video")))
        section = ini["Sequence"]
        return section["imDir"], int(section["seqLength"]), section.get("imExt", ".jpg").lower()
    except (IniError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise bad_data(f"{path}: not the description of a video ({reason})") from None
