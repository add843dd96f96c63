"""Alterations of whole images by name, as parts of a view (see `data.views`): names and numbers only, without NumPy or PIL.

All of them keep the image's size. The pixels are made in `data.altering`; what moves an image moves its ground truth alike.
They are those of Vanyan et al. (arXiv 2401.00463v2, sections 5.1, 5.2 and A.6): of figure 4 for images as they are in the file
(blur, noise, band of noise) and of figure 5 for small tiles of aerial images (all but the bands).
"""

from __future__ import annotations

from dataclasses import dataclass

from workflow_scripts.common.errors import AtlasError

BANDS = 4  # of equal width, from constant noise to the finest that the pixels can hold
BAND_DEVIATION = 40  # of the noise of all bands together, in grey levels (section A.6)


@dataclass(frozen=True)
class Blur:
    """Replace every pixel by the mean of a square around it, in pixels of the image as it is in the file.

    The degradation of Vanyan et al. (arXiv 2401.00463v2, figure 4: kernel sizes 10 to 40). The paper does not name the
    kernel; even sizes leave the box of the usual ones. The image is mirrored at its border, its outermost pixels not twice.

    Attributes:
        kernel: side k of the square in pixels; it reaches from k // 2 pixels before the pixel, up and left, to
            k - 1 - k // 2 after it.
    """

    kernel: int

    def __post_init__(self) -> None:
        _at_least_one("blur", self.kernel, " px")

    def __str__(self) -> str:
        """Return what it adds to the name of a view, as ``blur20``."""
        return f"blur{self.kernel}"


@dataclass(frozen=True)
class Noise:
    """Add independent Gaussian noise to every pixel and channel.

    Figure 4 of the paper: deviations 10 to 40. One image has the same noise for all models, by `noise_seed`.

    Attributes:
        deviation: standard deviation in grey levels of 0 to 255, 1 to 255.
    """

    deviation: int

    def __post_init__(self) -> None:
        if not 1 <= self.deviation <= 255:
            raise AtlasError(f"view: noise must be 1 to 255 grey levels, found {self.deviation}; choose a deviation there")

    def __str__(self) -> str:
        """Return what it adds to the name of a view, as ``noise20``."""
        return f"noise{self.deviation}"


@dataclass(frozen=True)
class Band:
    """Add one band of frequencies of Gaussian noise of deviation `BAND_DEVIATION`.

    Figure 4 and section A.6 of the paper, which draws the masks and states no limits. They are square rings, as in the public
    code of Park and Kim ("How do vision transformers work?", ICLR 2022), of a quarter of the Nyquist frequency.

    Attributes:
        number: 1, the slowest quarter, to `BANDS`, the fastest.
    """

    number: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= BANDS:
            raise AtlasError(f"view: band must be 1 to {BANDS}, found {self.number}; 1 is the band of the lowest frequencies")

    def __str__(self) -> str:
        """Return what it adds to the name of a view, as ``band2``."""
        return f"band{self.number}"


@dataclass(frozen=True)
class Shift:
    """Move the image to the right and down, both by the same number of pixels. Figure 5 of the paper: 1 to 4.

    Attributes:
        pixels: of the image as it is in the file, at least 1.
    """

    pixels: int

    def __post_init__(self) -> None:
        _at_least_one("shift", self.pixels, " px")

    def __str__(self) -> str:
        """Return what it adds to the name of a view, as ``shift3``."""
        return f"shift{self.pixels}"


@dataclass(frozen=True)
class Rotation:
    """Turn the image counter-clockwise about its centre. Figure 5 of the paper: 5 to 20 degrees.

    Attributes:
        degrees: 1 to 89.
    """

    degrees: int

    def __post_init__(self) -> None:
        if not 1 <= self.degrees <= 89:
            raise AtlasError(f"view: rotation must be 1 to 89 degrees, found {self.degrees}; choose an angle there")

    def __str__(self) -> str:
        """Return what it adds to the name of a view, as ``rotation15``."""
        return f"rotation{self.degrees}"


@dataclass(frozen=True)
class Scale:
    """Enlarge or shrink the image about its centre; its canvas keeps its size. Figure 5 of the paper: 0.8 to 1.2.

    Attributes:
        percent: of the image's sides, at least 1 and not 100; 80 is the paper's 0.8.
    """

    percent: int

    def __post_init__(self) -> None:
        _at_least_one("scale", self.percent, " percent")
        if self.percent == 100:
            raise AtlasError("view: scale must not be 100 percent, which is the image as it is; leave it out")

    def __str__(self) -> str:
        """Return what it adds to the name of a view, as ``scale80``."""
        return f"scale{self.percent}"


Move = Shift | Rotation | Scale
Alteration = Blur | Noise | Band | Move
# Word in names of views and in descriptions of studies -> what it is made of, given one whole number.
ALTERATIONS: dict[str, type[Alteration]] = {
    "blur": Blur,
    "noise": Noise,
    "band": Band,
    "shift": Shift,
    "rotation": Rotation,
    "scale": Scale,
}


def noise_seed(level: int, index: int) -> int:
    """Return the seed of an image's noise, the same for all models: 1000 level + index.

    Args:
        level: the number of the alteration, a deviation or a band.
        index: position of the image in its dataset, from 0.
    """
    return 1000 * level + index


def _at_least_one(word: str, found: int, unit: str) -> None:
    if found < 1:
        raise AtlasError(f"view: {word} must be at least 1{unit}, found {found}; leave it out for images as they are")
