"""Which patches of a dataset with concepts are kept: some of every image, and some of every concept, each with equal chance.

A choice depends on the labels, the seed and its options alone: a pass makes it to keep features, an analysis makes it again to
know what they are of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class PatchConcepts:
    """The concepts of every patch of every image, as `data.concept_lists` writes them.

    Attributes:
        count: [n, N] uint8, how many concepts each patch has.
        concept: [their sum] uint16, the numbers of the concepts of one patch after the other.
    """

    count: np.ndarray
    concept: np.ndarray

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum(self.count.sum(1, dtype=np.int64))

    def of(self, image: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (cells, concepts) of an image, an entry a label."""
        start = self._ends[image - 1] if image else 0
        return np.repeat(np.arange(self.count.shape[1]), self.count[image]), self.concept[start : self._ends[image]]

    def images(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield `of` for every image."""
        return map(self.of, range(len(self.count)))

    def patches_with(self, image: int, number: int) -> np.ndarray:
        """Return [N] bool, the patches of an image that have a concept."""
        cells, numbers = self.of(image)
        has = np.zeros(self.count.shape[1], bool)
        has[cells[numbers == number]] = True
        return has


@dataclass(frozen=True)
class Choice:
    """The patches kept one by one, in the order of images and, within one, of cells, and the images kept whole.

    Attributes:
        image, cell: [P] int64, whose and which.
        whole: [W] int64, the images kept whole, ascending.
        spread: [P] bool, those of the even choice over all patches.
        concepts: [C] int64, numbers of all concepts that a patch has, ascending.
        examples: of each concept, rows of its own even choice, ascending.
        patches, images: [C] int64, how many patches and images have it, kept or not.
        largest: of each concept, the images kept whole for it, that with most of its patches first.
    """

    image: np.ndarray
    cell: np.ndarray
    whole: np.ndarray
    spread: np.ndarray
    concepts: np.ndarray
    examples: list[np.ndarray]
    patches: np.ndarray
    images: np.ndarray
    largest: list[np.ndarray]


def chosen_patches(labelled: PatchConcepts, per_image: int, per_concept: int, whole: int, seed: int) -> Choice:
    """Return the choice of patches.

    Kept are `per_image` patches of every image, drawn at random; of every concept `per_concept` of its patches, or all if there
    are no more, at even distances along the list of them (image by image, in random order within one), from a random start,
    so that each has the same chance and they spread over the images as the concept does; and, apart from these, the `whole`
    images that have most patches of a concept, the first of equal ones, with all of their patches.

    Args:
        labelled: the concepts of all patches.
        per_image: patches of an image.
        per_concept: patches of a concept.
        whole: images of a concept that are kept whole.
        seed: of the draws; what is drawn for an image or a concept does not depend on the number of others.
    """
    n_images, n_cells = labelled.count.shape
    of, counted = _counts(labelled)
    spread, examples = (np.zeros((n_images, n_cells), bool) for _ in range(2))
    for image in range(n_images):
        spread[image, _shuffled(n_cells, seed, image)[:per_image]] = True
    concepts = np.unique(of[:, 1])
    wanted: dict[int, list[tuple[int, np.ndarray]]] = {}
    largest = []
    for number in concepts.tolist():
        own = of[:, 1] == number
        images, counts = of[own, 0], counted[own]
        for image, places in _even(images, counts, per_concept, np.random.default_rng([seed, number, 1])):
            wanted.setdefault(image, []).append((number, places))
        largest.append(images[np.lexsort((images, -counts))[:whole]])
    picked: dict[int, list[np.ndarray]] = {number: [] for number in concepts.tolist()}
    for image, (cells, numbers) in enumerate(labelled.images()):
        for number, places in wanted.get(image, ()):
            having = cells[numbers == number]
            taken = having[_shuffled(len(having), seed, image, number)[places]]
            examples[image, taken] = True
            picked[number].append(image * n_cells + taken)
    kept = np.flatnonzero(spread | examples)
    image, cell = np.divmod(kept, n_cells)
    return Choice(
        image,
        cell,
        np.unique(np.concatenate([np.empty(0, np.int64), *largest])),
        spread.ravel()[kept],
        concepts.astype(np.int64),
        [np.searchsorted(kept, np.sort(np.concatenate(picked[number]))) for number in concepts.tolist()],
        np.array([counted[of[:, 1] == number].sum() for number in concepts], np.int64),
        np.array([(of[:, 1] == number).sum() for number in concepts], np.int64),
        largest,
    )


def labels_of(labelled: PatchConcepts, choice: Choice, numbers: Sequence[int]) -> np.ndarray:
    """Return [P, C] bool, which of the concepts `numbers` each patch of a choice has: of a category at a time, for memory."""
    labels = np.zeros((len(choice.image), len(numbers)), bool)
    order = np.argsort(numbers)
    wanted = np.asarray(numbers)[order]
    starts = np.searchsorted(choice.image, np.arange(len(labelled.count) + 1))
    row_of = np.full(labelled.count.shape[1], -1)
    for place, (cells, found) in enumerate(labelled.images()):
        rows = np.arange(starts[place], starts[place + 1])
        row_of[:] = -1
        row_of[choice.cell[rows]] = rows
        kept = (row_of[cells] >= 0) & np.isin(found, wanted)
        labels[row_of[cells[kept]], order[np.searchsorted(wanted, found[kept])]] = True
    return labels


def _counts(labelled: PatchConcepts) -> tuple[np.ndarray, np.ndarray]:
    """Return every pair of an image and a concept that it shows, [m, 2] int64, and its patches with it, [m] int64."""
    pairs, counts = [], []
    for image, (_, numbers) in enumerate(labelled.images()):
        found, times = np.unique(numbers, return_counts=True)
        pairs.append(np.stack([np.full(len(found), image), found.astype(np.int64)], 1))
        counts.append(times)
    return np.concatenate(pairs), np.concatenate(counts).astype(np.int64)


def _even(images: np.ndarray, counts: np.ndarray, wanted: int, rng: np.random.Generator) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (image, places among its patches) of `wanted` places at even distances along all, or of all."""
    ends = np.cumsum(counts)
    total = int(ends[-1])
    places = np.arange(total) if total <= wanted else ((np.arange(wanted) + rng.random()) * (total / wanted)).astype(np.int64)
    owner = np.searchsorted(ends, places, side="right")
    for which in np.unique(owner).tolist():
        yield int(images[which]), places[owner == which] - (ends[which] - counts[which])


def _shuffled(count: int, *seeds: int) -> np.ndarray:
    return np.random.default_rng(seeds).permutation(count)
