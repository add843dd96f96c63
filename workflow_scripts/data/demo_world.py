"""The demo world as datasets: labelled scenes, keypoint pairs and clips, all from the painter's files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import Box, Judgement, KeypointPair, Region

_LEAST_KEYPOINTS = 3  # a pair with fewer common keypoints says little
# Kinds of classes of objects.
_GROUPS = {
    "mammal": ("dog", "cat", "horse", "giraffe", "elephant"),
    "other animal": ("turtle", "bird", "fish"),
    "road vehicle": ("car", "truck"),
    "craft": ("plane", "boat"),
}
_FEW_PIXELS = 150  # an object of fewer visible pixels is junk in retrieval: neither right nor wrong


class _Scenes:
    """The scenes of a split. Attribute `classes`: names of the object classes."""

    _ARRAYS: tuple[str, ...] = ("image", "label", "object", "part", "object_image", "object_index", "object_class")

    def __init__(self, path: Path) -> None:
        arrays, metadata = _load(path, self._ARRAYS)
        self.arrays = arrays
        self.images, self.labels = arrays["image"], arrays["label"]
        self.names = metadata
        self.classes = metadata.get("classes", [])
        if self.labels.max(initial=-1) >= len(self.classes):
            raise AtlasError(f"{path}: labels without names of classes, so no split of the demo world; delete it and run again")
        keys = ("object_image", "object_index", "object_class")
        rows = zip(*(arrays[key].tolist() for key in keys), strict=True)
        self.class_of = {(image, index): kind for image, index, kind in rows}
        self.name = path.stem

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def id(self, position: int) -> str:
        """Return the split's name and the position."""
        return f"{self.name}/{position:05d}"

    def image(self, position: int) -> Image.Image:
        """Return the image as 8-bit RGB."""
        return Image.fromarray(self.images[position])

    def label(self, position: int) -> int:
        """Return the class of the image's main object."""
        return int(self.labels[position])


class DemoWorld(_Scenes):
    """Painted scenes with full ground truth, and a retrieval task: find images that show the class of a query's main object.

    Every `query_every`-th image is a query, the others are the database. Easy: the class is the main object. Hard: it is
    another object of the image. Junk: it is there with so few pixels that it counts neither way.

    Attributes:
        dense_classes: names of the classes of objects, then those of stuff (sky, grass, ...): a pixel is of the object that is
            seen there, or else of the stuff. Or background and the names of parts: a pixel is of the part that is seen there.
        concept_names: number -> name of all concepts: classes of objects, parts, materials (the stuff), textures that objects
            wear, and scenes; 0 is not among them.
        concept_categories: number -> its one category, in a list as datasets have it whose concepts belong to several.
    """

    _ARRAYS = (*_Scenes._ARRAYS, "stuff", "texture", "scene")

    def __init__(self, path: Path, query_every: int = 8, dense: str = "classes", images: int | None = None) -> None:
        """Open the split at `path`.

        Args:
            path: the split.
            query_every: of the retrieval task.
            dense: what dense labels are of: "classes" or "parts".
            images: only the first so many images.

        Raises:
            AtlasError: the file is not a split of the demo world.
        """
        super().__init__(path)
        self.query_every = query_every
        self.dense = dense
        self._count = min(images or len(self.images), len(self.images))
        # The first of stuff, parts and textures is "none".
        stuff, parts, textures = (self.names.get(kind, [])[1:] for kind in ("stuff", "parts", "textures"))
        self.dense_classes = [*self.classes, *stuff] if dense == "classes" else ["background", *parts]
        named = {"object": self.classes, "part": parts, "material": stuff, "texture": textures}
        named["scene"] = self.names.get("scenes", [])
        concepts = [(category, name) for category, names in named.items() for name in names]
        self.concept_names = {number: name for number, (_, name) in enumerate(concepts, 1)}
        self.concept_categories = {number: [category] for number, (category, _) in enumerate(concepts, 1)}
        before = np.cumsum([0, *map(len, named.values())]).tolist()
        self._before = dict(zip(named, before, strict=False))  # category -> the last number before its own

    def __len__(self) -> int:
        """Return the number of images."""
        return self._count

    def objects(self, position: int) -> list[Region]:
        """Return the visible pixels and the class of every object."""
        objects = self.arrays["object"][position]
        return [Region(objects == i, self.class_of[position, i]) for i in np.unique(objects[objects > 0]).tolist()]

    def parts(self, position: int) -> list[Region]:
        """Return the visible pixels of every part of every object; parts of one name of one object are one region."""
        objects, parts = self.arrays["object"][position], self.arrays["part"][position]
        found = np.unique(np.stack([objects, parts], -1)[(objects > 0) & (parts > 0)], axis=0)
        return [Region((objects == i) & (parts == part), int(part)) for i, part in found.tolist()]

    def dense_labels(self, position: int) -> np.ndarray:
        """Return [64, 64] int16: the class of every pixel in `dense_classes`."""
        objects, stuff = self.arrays["object"][position], self.arrays["stuff"][position]
        if self.dense == "parts":
            return self.arrays["part"][position].astype(np.int16)
        labels = np.where(stuff > 0, len(self.classes) + stuff.astype(np.int16) - 1, -1).astype(np.int16)
        for i in np.unique(objects[objects > 0]).tolist():
            labels[objects == i] = self.class_of[position, i]
        return labels

    def dense_groups(self) -> list[str]:
        """Return the kind (mammal, ...) of each of `dense_classes` that is a class of objects, "" of the others."""
        group = {name: kind for kind, names in _GROUPS.items() for name in names}
        return [group.get(name, "") for name in self.dense_classes]

    def concepts(self, position: int) -> dict[str, np.ndarray]:
        """Return category -> [1, 64, 64] int32, the concept of every pixel, 0 for none; [1, 1, 1] for the scene."""
        objects = self.arrays["object"][position]
        kinds = np.zeros(objects.shape, np.int32)
        for i in np.unique(objects[objects > 0]).tolist():
            kinds[objects == i] = 1 + self.class_of[position, i]
        layers = {"object": kinds}
        for category, name in (("part", "part"), ("material", "stuff"), ("texture", "texture")):
            layers[category] = self.arrays[name][position].astype(np.int32)
        layers["scene"] = np.full((1, 1), 1 + self.arrays["scene"][position], np.int32)
        numbers = {name: np.where(layer > 0, layer + self._before[name], 0)[None] for name, layer in layers.items()}
        return {name: layer.astype(np.int32) for name, layer in numbers.items() if layer.any()}

    def database(self) -> list[int]:
        """Return the positions of the database images."""
        return [position for position in range(len(self)) if position % self.query_every]

    def judgements(self) -> list[Judgement]:
        """Return the queries."""
        shown: list[dict[int, int]] = []  # class -> visible pixels of its largest object, per image
        for position in range(len(self)):
            pixels: dict[int, int] = {}
            counts = np.bincount(self.arrays["object"][position].ravel())
            for index in np.flatnonzero(counts[1:]) + 1:
                kind = self.class_of[position, int(index)]
                pixels[kind] = max(pixels.get(kind, 0), int(counts[index]))
            shown.append(pixels)
        judged = []
        for query in range(0, len(self), self.query_every):
            kind = self.label(query)
            having = [position for position in self.database() if kind in shown[position]]
            junk = tuple(p for p in having if shown[p][kind] < _FEW_PIXELS)
            easy = tuple(p for p in having if p not in junk and self.label(p) == kind)
            hard = tuple(p for p in having if p not in junk and self.label(p) != kind)
            judged.append(Judgement(query, easy, hard, junk))
        return judged


class DemoPairs(_Scenes):
    """Pairs of images with the same class of main object, and the keypoints that are visible in both.

    The samples are the images of the pairs alone, sorted by class.
    """

    _ARRAYS = (
        *_Scenes._ARRAYS,
        "object_box",
        "keypoint_image",
        "keypoint_object",
        "keypoint_name",
        "keypoint_xy",
        "keypoint_visible",
    )

    def __init__(self, path: Path, pairs_per_class: int = 8, seed: int = 0) -> None:
        """Open the split at `path` and draw the pairs.

        Args:
            path: the split.
            pairs_per_class: at most so many pairs of each class.
            seed: seed of the draw.

        Raises:
            AtlasError: the file is not a split of the demo world.
        """
        super().__init__(path)
        visible = self.arrays["keypoint_visible"]
        self.points: dict[tuple[int, int], dict[int, np.ndarray]] = {}
        keys = ("keypoint_image", "keypoint_object", "keypoint_name", "keypoint_xy")
        for image, index, name, xy in zip(*(self.arrays[key][visible] for key in keys), strict=True):
            self.points.setdefault((int(image), int(index)), {})[int(name)] = xy
        drawn = self._draw(pairs_per_class, np.random.default_rng(seed))
        self.kept = sorted({i for p in drawn for i in (p.source, p.target)}, key=lambda i: (self.labels[i], i))
        place = {image: position for position, image in enumerate(self.kept)}
        self._pairs = [replace(pair, source=place[pair.source], target=place[pair.target]) for pair in drawn]

    def __len__(self) -> int:
        """Return the number of images in pairs."""
        return len(self.kept)

    def id(self, position: int) -> str:
        """Return the split's name and the image's position in it."""
        return super().id(self.kept[position])

    def image(self, position: int) -> Image.Image:
        """Return the image as 8-bit RGB."""
        return super().image(self.kept[position])

    def label(self, position: int) -> int:
        """Return the class of the image's main object."""
        return super().label(self.kept[position])

    def pairs(self) -> list[KeypointPair]:
        """Return the pairs, class by class; a class without two such images has none."""
        return self._pairs

    def _draw(self, per_class: int, rng: np.random.Generator) -> list[KeypointPair]:
        found = []
        for kind, name in enumerate(self.classes):
            images = np.flatnonzero(self.labels == kind)
            wanted, tries = per_class, 20 * per_class
            seen: set[tuple[int, int]] = set()
            while wanted and tries and len(images) > 1:
                tries -= 1
                source, target = (int(image) for image in rng.choice(images, 2, replace=False))
                pair = self._pair(source, target, name)
                if pair and (source, target) not in seen:
                    seen.add((source, target))
                    found.append(pair)
                    wanted -= 1
        return found

    def _pair(self, source: int, target: int, category: str) -> KeypointPair | None:
        ours, theirs = self._main_object(source), self._main_object(target)
        mine, other = self.points.get((source, ours), {}), self.points.get((target, theirs), {})
        common = sorted(mine.keys() & other.keys())
        if len(common) < _LEAST_KEYPOINTS:
            return None
        row = np.flatnonzero((self.arrays["object_image"] == target) & (self.arrays["object_index"] == theirs))[0]
        box = tuple(float(side) for side in self.arrays["object_box"][row])
        source_xy, target_xy = (np.stack([points[name] for name in common]) for points in (mine, other))
        return KeypointPair(source, target, category, source_xy, target_xy, box)

    def _main_object(self, position: int) -> int:
        """Return the object of the image's class with most visible pixels."""
        counts = np.bincount(self.arrays["object"][position].ravel(), minlength=2)
        own = [i for i in range(1, len(counts)) if counts[i] and self.class_of[position, i] == self.labels[position]]
        return max(own, key=lambda i: counts[i])


class DemoClips:
    """The frames of the demo's clips, clip by clip. They have no image label, so `classes` is empty.

    Attributes:
        box_classes: names of the classes of the objects, which are the categories of their boxes.
    """

    def __init__(self, path: Path) -> None:
        """Open the clips at `path`.

        Raises:
            AtlasError: the file does not hold the demo's clips.
        """
        arrays, _ = _load(path, ("image", "object"))
        if arrays["image"].ndim != 5:
            raise AtlasError(f"{path}: a split of the demo world, not its clips; name clips.safetensors")
        self.images, self.maps = arrays["image"], arrays["object"]
        self.frames = self.images.shape[1]
        self.classes: list[str] = []
        tracks, boxes = ("track_clip", "track_index", "track_class"), ("box_clip", "box_frame", "box_track", "box_xyxy")
        found, names = _load(path, tracks + boxes)
        self.box_classes = names["classes"]
        class_of = {(clip, track): kind for clip, track, kind in zip(*(found[key].tolist() for key in tracks), strict=True)}
        self._boxes: dict[tuple[int, int], list[Box]] = {}
        for clip, frame, track, xyxy in zip(*(found[key].tolist() for key in boxes), strict=True):
            x0, y0, x1, y1 = map(float, xyxy)
            self._boxes.setdefault((clip, frame), []).append(Box((x0, y0, x1, y1), class_of[clip, track], str(track)))

    def __len__(self) -> int:
        """Return the number of frames of all clips."""
        return len(self.images) * self.frames

    def id(self, position: int) -> str:
        """Return the clip's name and the number of the frame."""
        name, frame = self.frame(position)
        return f"{name}/{frame:05d}"

    def image(self, position: int) -> Image.Image:
        """Return the frame as 8-bit RGB."""
        return Image.fromarray(self.images[divmod(position, self.frames)])

    def label(self, position: int) -> int:
        """Return -1: clips have no image label."""
        return -1

    def frame(self, position: int) -> tuple[str, int]:
        """Return (name of the clip, 0-based number of the frame)."""
        clip, frame = divmod(position, self.frames)
        return f"clip{clip:02d}", frame

    def object_map(self, position: int) -> np.ndarray:
        """Return [64, 64] uint8, the object of every pixel, 0 for none."""
        return self.maps[divmod(position, self.frames)]

    def boxes(self, position: int) -> list[Box]:
        """Return the bounds of what is seen of every object, of which a pixel is."""
        return self._boxes.get(divmod(position, self.frames), [])


def _load(path: Path, names: tuple[str, ...]) -> tuple[dict[str, np.ndarray], dict]:
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
            return {name: file.get_tensor(name) for name in names}, metadata
    except (SafetensorError, KeyError, FileNotFoundError, ValueError) as error:  # a ValueError: its metadata is not JSON
        raise AtlasError(f"{path}: not a split of the demo world ({error}); delete it and run again") from None
