"""Batches of decoded crops with their ground truth, normalised on the model's device."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.concept_choice import PatchConcepts
from workflow_scripts.data.crop_files import read_crops, read_samples
from workflow_scripts.data.views import whole_grid
from workflow_scripts.onepass.batch import Batch, Boxes, ClassMaps, Concepts, KeypointPairs, Regions, VideoFrames
from workflow_scripts.zoo.vit import Vit


class CropSource:
    """The crops of one dataset and view as batches for one model."""

    def __init__(
        self,
        vit: Vit,
        crops: Path,
        samples: Path,
        truth: Mapping[str, Path] | None = None,
    ) -> None:
        """Open the files.

        Args:
            vit: the model, for its device, precision and normalisation.
            crops: .npy file of the crops.
            samples: parquet with one row per image (see `data.crops`).
            truth: files of ground truth by kind (`data.ground_truth.KINDS`): masks and labels on the patch grid of the
                model's crops, keypoint pairs, concepts, boxes, class maps (read a batch at a time).

        Raises:
            AtlasError: the files do not belong together or do not fit the model.
        """
        self.crops = crops
        self.samples = read_samples(samples)
        shape = np.load(crops, mmap_mode="r").shape
        self._shape = shape[1:]
        self.first, self.count = (self.samples[name].astype(np.int64) for name in ("first_crop", "n_crops"))
        if shape[0] != self.count.sum():
            raise AtlasError(f"{crops}: {shape[0]} crops but {self.count.sum()} by {samples}; delete both, run again")
        if shape[1:3] != tuple(vit.image_size):
            raise AtlasError(
                f"{crops}: crops of {shape[1]} x {shape[2]} px, but the model was built for {vit.image_size[0]} x "
                f"{vit.image_size[1]}; build it at the size of the crops"
            )
        self.labels = None if (self.samples["label"] < 0).any() else self.samples["label"].astype(np.int64)
        self.n_classes = 0 if self.labels is None else int(self.labels.max()) + 1
        seen = zip(self.samples["height"].tolist(), self.samples["width"].tolist(), strict=True)
        self.cells = [whole_grid(size, shape[1:3], vit.grid) for size in seen]
        self.tiled = any(cells != vit.grid for cells in self.cells)
        opened = {kind: load_file(path) for kind, path in (truth or {}).items() if kind != "classes"}
        self.masks, self.video, pairs = (opened.get(kind, {}) for kind in ("masks", "labels", "pairs"))
        if pairs and shape[1] != shape[2]:
            raise AtlasError(f"{crops}: crops of {shape[1]} x {shape[2]} px; keypoints are matched in square crops only")
        names = ("pair_source", "pair_target", "pair_area", "point_pair", "point_source")
        self.pairs = KeypointPairs(*(pairs[name] for name in names), side=shape[1]) if pairs else None
        self.classes = truth.get("classes") if truth else None
        listed = opened.get("concepts")
        self.concepts = Concepts(PatchConcepts(listed["concept_count"], listed["concept"])) if listed else None
        self.boxes = opened.get("boxes", {})
        self.device = vit.device
        self.mean, self.std = (
            torch.tensor(values, device=vit.device).reshape(1, 3, 1, 1)
            for values in (vit.normalisation.mean, vit.normalisation.std)
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.first)

    @property
    def crops_per_image(self) -> int:
        """Largest number of crops of an image."""
        return int(self.count.max())

    @property
    def n_concepts(self) -> int:
        """Number of concepts that a patch has; 0 without concepts."""
        return 0 if self.concepts is None else len(np.unique(self.concepts.labelled.concept))

    def name(self, position: int) -> str:
        """Return the id of the image at `position`."""
        return str(self.samples["id"][position])

    def at(self, positions: np.ndarray) -> Batch:
        """Return the images at `positions`, in that order, with their labels and no other ground truth: what a fit sees.

        Raises:
            AtlasError: images have several crops.
        """
        if self.tiled or self.crops_per_image > 1:
            raise AtlasError(f"{self.crops}: images of several crops; what is fitted sees images of one, choose another view")
        order = np.argsort(positions)
        pixels = np.empty((len(positions), *self._shape), np.uint8)
        # In the order of the file, whose pages are then read once.
        pixels[order] = np.load(self.crops, mmap_mode="r")[self.first[positions[order]]]
        labels = None if self.labels is None else self.labels[positions]
        return Batch(positions, self.normalised(torch.from_numpy(pixels)), labels)

    def normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return crops [n, rows, columns, 3] uint8 as the model takes them, [n, 3, rows, columns], on its device."""
        if self.device.type == "cuda":
            pixels = pixels.pin_memory()  # copied while the GPU still computes
        pixels = pixels.to(self.device, non_blocking=True)
        return (pixels.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std

    def read(self, start: int, stop: int) -> Batch:
        """Return the images `start` to `stop` (exclusive) as a batch."""
        begin, end = int(self.first[start]), int(self.first[stop - 1] + self.count[stop - 1])
        image = self.normalised(torch.from_numpy(read_crops(self.crops, begin, end)))
        masks = {}
        if "object_mask" in self.masks:
            masks["object_mask"] = torch.from_numpy(self.masks["object_mask"][start:stop].astype(bool)).to(self.device)
            masks["has_object"] = self.masks["has_object"][start:stop].astype(bool)
        return Batch(
            np.arange(start, stop),
            image,
            None if self.labels is None else self.labels[start:stop],
            **masks,
            tiles=self.cells[start:stop] if self.tiled else None,
            regions={kind: self._regions(kind, start, stop) for kind in ("object", "part") if f"{kind}_image" in self.masks},
            frames=self._frames(start, stop) if self.video else None,
            pairs=self.pairs,
            classes=self._classes(self.classes, start, stop) if self.classes else None,
            concepts=self.concepts,
            boxes=self._boxes(start, stop) if self.boxes else None,
        )

    def _classes(self, path: Path, start: int, stop: int) -> ClassMaps:
        # Opened anew for every read, as crops are: the maps of a test set may be larger than memory should hold.
        with safe_open(path, framework="pt") as file:
            pixels = file.get_slice("classes")[start:stop]
            return ClassMaps(pixels.to(self.device), len(json.loads(file.metadata()["names"])))

    def _regions(self, kind: str, start: int, stop: int) -> Regions:
        image, cells = self.masks[f"{kind}_image"], self.masks[f"{kind}_cells"]
        index = np.arange(*np.searchsorted(image, (start, stop)))
        ends = np.cumsum(cells)
        masks = []
        for region in index.tolist():
            values = torch.from_numpy(
                self.masks[f"{kind}_values"][ends[region] - cells[region] : ends[region]].astype(np.float32)
            )
            masks.append((values / values.sum()).to(self.device))
        return Regions(index, image[index] - start, masks)

    def _boxes(self, start: int, stop: int) -> Boxes:
        image = self.boxes["box_image"]
        index = np.arange(*np.searchsorted(image, (start, stop)))
        return Boxes(index, image[index] - start, torch.from_numpy(self.boxes["box_xyxy"][index]).to(self.device))

    def _frames(self, start: int, stop: int) -> VideoFrames:
        video, frame = self.video["video"][start:stop], self.video["frame"][start:stop]
        ends = np.cumsum(self.video["cells"].prod(1))
        labels = {}
        for number in video[frame == 0].tolist():
            cells = int(self.video["cells"][number].prod())
            index = torch.from_numpy(self.video["labels"][ends[number] - cells : ends[number]].astype(np.int64))
            one_hot = torch.nn.functional.one_hot(index, int(self.video["channels"][number])).T.float()
            labels[number] = one_hot.to(self.device)
        return VideoFrames(video, frame, labels)
