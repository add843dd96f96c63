"""Views: how a dataset is shown to a model, by name. Names and sizes only, so that planning imports neither NumPy nor PIL.

A view is a geometry, which says how an image becomes crops of one shape, and where a study asks for it an alteration of the
whole image before that (see `data.alterations`). `str` gives its name, used in file names, and `parse_view` takes it back. The
pixels are made in `data.geometry`. Sizes and shapes are (height, width) in pixels, grids (rows, columns) in patches.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.alterations import ALTERATIONS, Alteration, Scale

Size = tuple[int, int]


@dataclass(frozen=True)
class CentreCrop:
    """Resize the short side to `resize` pixels (PIL bicubic, antialiased), then cut the central `crop` x `crop` square.

    Attributes:
        resize: length of the short side after resizing, in pixels.
        crop: side of the square that is kept, in pixels; at most `resize`.
        fit: if not 0, images larger than a square of this side are first shrunk to fit into it (PIL thumbnail). Not
            sensible in itself: the retrieval of Walmer et al. was done so, and is compared so.
    """

    resize: int
    crop: int
    fit: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.crop <= self.resize:
            raise AtlasError(f"view '{self}': crop must be between 1 and resize, found {self.crop} and {self.resize}")

    def __str__(self) -> str:
        """Return the name, as ``resize224-crop224``."""
        return (f"fit{self.fit}-" if self.fit else "") + f"resize{self.resize}-crop{self.crop}"

    @property
    def shape(self) -> Size:
        """Height and width of the crop."""
        return self.crop, self.crop

    def seen_size(self, size: Size) -> Size:
        """Return (crop, crop)."""
        return self.crop, self.crop

    def scale(self, size: Size) -> float:
        """Return resize / short side."""
        return self.resize / min(size)

    def resized(self, size: Size) -> Size:
        """Return the size before cropping; the long side is truncated, as torchvision's Resize does."""
        height, width = (side * self.resize // min(size) for side in size)
        return height, width

    def corner(self, resized: Size) -> Size:
        """Return where the crop lies in the resized image, (top, left), rounded as in torchvision's CenterCrop."""
        top, left = (round((side - self.crop) / 2) for side in resized)
        return top, left


@dataclass(frozen=True)
class Tiles:
    """Resize the whole image and cut it into square tiles: dense features without a network for larger inputs.

    The short side becomes `short` pixels, the long side the multiple of `patch` just below its share (Walmer et al.,
    section 7.3: short 448, tile 224). Tiles lie side by side from the top left; the last of a row or column is shifted
    back to the border, and of the cells that two tiles cover the earlier tile's are kept.

    Attributes:
        short: length of the short side after resizing, in pixels, a multiple of `patch` and at least `tile`.
        tile: side of a tile in pixels, a multiple of `patch`.
        patch: the model's patch size in pixels, on which the long side depends.
    """

    short: int
    tile: int
    patch: int

    def __post_init__(self) -> None:
        if self.tile % self.patch or self.short % self.patch or self.short < self.tile:
            raise AtlasError(
                f"view '{self}': tile and short must be multiples of patch, and short at least tile; choose other sides"
            )

    def __str__(self) -> str:
        """Return the name, as ``short448-tile224-patch16``."""
        return f"short{self.short}-tile{self.tile}-patch{self.patch}"

    @property
    def shape(self) -> Size:
        """Height and width of a tile."""
        return self.tile, self.tile

    def seen_size(self, size: Size) -> Size:
        """Return the size after resizing; in whole numbers, so that no patch is lost to rounding."""
        short = min(size)
        height, width = (side * self.short // (short * self.patch) * self.patch for side in size)
        return height, width

    def scale(self, size: Size) -> float:
        """Return short / short side."""
        return self.short / min(size)


@dataclass(frozen=True)
class Letterbox:
    """Scale the long side to `side` pixels (PIL Lanczos) and centre the image on a black square.

    The keypoint protocol of SPair-71k in Walmer et al. (section 5.2, after Amir et al. 2021).

    Attributes:
        side: side of the square in pixels.
    """

    side: int

    def __str__(self) -> str:
        """Return the name, as ``letterbox224``."""
        return f"letterbox{self.side}"

    @property
    def shape(self) -> Size:
        """Height and width of the square."""
        return self.side, self.side

    def seen_size(self, size: Size) -> Size:
        """Return (side, side)."""
        return self.side, self.side

    def scale(self, size: Size) -> float:
        """Return side / long side."""
        return self.side / max(size)

    def resized(self, size: Size) -> Size:
        """Return the size of the image on the square."""
        height, width = (max(1, round(side * self.side / max(size))) for side in size)
        return height, width

    def corner(self, resized: Size) -> Size:
        """Return where the resized image lies on the square, (top, left)."""
        return (self.side - resized[0]) // 2, (self.side - resized[1]) // 2


@dataclass(frozen=True)
class Squash:
    """Resize the whole image to one shape, whatever its proportions (PIL bicubic, antialiased).

    A square is the normal feature extraction of the video task in Walmer et al. (section 7.3): one input of the model's size
    a frame.

    Attributes:
        rows: height of the crop in pixels.
        columns: width of the crop in pixels.
    """

    rows: int
    columns: int

    def __str__(self) -> str:
        """Return the name, as ``squash1024x2048``, or ``squash224`` of a square."""
        return f"squash{self.rows}" + (f"x{self.columns}" if self.columns != self.rows else "")

    @property
    def shape(self) -> Size:
        """Height and width of the crop."""
        return self.rows, self.columns

    def seen_size(self, size: Size) -> Size:
        """Return (rows, columns)."""
        return self.rows, self.columns

    def scale(self, size: Size) -> float:
        """Return the geometric mean of the scales of both axes."""
        return (self.rows * self.columns) ** 0.5 / (size[0] * size[1]) ** 0.5


@dataclass(frozen=True)
class Cut:
    """Cut the image into square tiles and resize each alone (PIL bicubic, antialiased).

    The few-shot tiles of Vanyan et al. (arXiv 2401.00463v2, section 3: tiles of 256 px, each seen at 224). Tiles lie side by
    side from the top left; the image is continued with black at the right and at the bottom to whole tiles.

    Attributes:
        tile: side of a tile in pixels of the image.
        side: side in pixels at which the model sees it.
        rows: height in pixels to which the image is resized before it is cut, a multiple of `tile`; 0: as it is.
        columns: width likewise; 0 together with `rows`.
    """

    tile: int
    side: int
    rows: int = 0
    columns: int = 0

    def __post_init__(self) -> None:
        if self.rows % self.tile or self.columns % self.tile or bool(self.rows) != bool(self.columns):
            raise AtlasError(f"view '{self}': resized images must become whole tiles; choose multiples of {self.tile}")

    def __str__(self) -> str:
        """Return the name, as ``tile256-resize224``, or ``squash448x672-tile224-resize224``."""
        squash = f"{Squash(self.rows, self.columns)}-" if self.rows else ""
        return f"{squash}tile{self.tile}-resize{self.side}"

    @property
    def shape(self) -> Size:
        """Height and width at which the model sees a tile."""
        return self.side, self.side

    def tiles(self, size: Size) -> Size:
        """Return the (rows, columns) of tiles of an image of `size`."""
        height, width = (self.rows, self.columns) if self.rows else size
        return -(-height // self.tile), -(-width // self.tile)

    def seen_size(self, size: Size) -> Size:
        """Return the size of all tiles together as the model sees them."""
        rows, columns = self.tiles(size)
        return rows * self.side, columns * self.side

    def scale(self, size: Size) -> float:
        """Return side / tile, times the geometric mean of the scales of both axes where the image is resized first."""
        first = (self.rows * self.columns) ** 0.5 / (size[0] * size[1]) ** 0.5 if self.rows else 1
        return first * self.side / self.tile


@dataclass(frozen=True)
class Area:
    """Resize the whole image to a square by the mean of the area under each pixel (PIL box filter).

    As an image of lower ground resolution, in the k-NN evaluation of Scale-MAE (Reed et al. 2023, in the released code).

    Attributes:
        side: side of the square in pixels.
    """

    side: int

    def __str__(self) -> str:
        """Return the name, as ``area64``."""
        return f"area{self.side}"

    @property
    def shape(self) -> Size:
        """Height and width of the square."""
        return self.side, self.side

    def seen_size(self, size: Size) -> Size:
        """Return (side, side)."""
        return self.shape

    def scale(self, size: Size) -> float:
        """Return the geometric mean of the scales of both axes."""
        return self.side / (size[0] * size[1]) ** 0.5


@dataclass(frozen=True)
class Padded:
    """The image at its own size or with its own proportions, continued at the right and at the bottom to whole patches.

    As objects are discovered in the public code of LOST (Simeoni et al., BMVC 2021), there at the image's own size. Crops have
    one shape, that of the largest image there may be, with the image at the top left and black elsewhere; a model sees of
    each as much as its own whole patches (`seen_size`), and what was added is zero there after normalisation, which pixels
    cannot say (see `onepass.padded_source`). No ground truth is reduced to such a view but boxes and points.

    Attributes:
        longest: longest side in pixels that an image may have, or with `scaled` the long side of all images.
        patch: the model's patch size in pixels.
        scaled: whether images are resized (PIL bicubic, antialiased), so that their long side is `longest`.
    """

    longest: int
    patch: int
    scaled: bool = False

    def __str__(self) -> str:
        """Return the name, as ``padded500-patch14``, or ``long672-patch14`` of scaled images."""
        return f"{'long' if self.scaled else 'padded'}{self.longest}-patch{self.patch}"

    @property
    def shape(self) -> Size:
        """Height and width of the crops: of whole patches that hold the longest side."""
        return self.seen_size((self.longest, self.longest))

    def seen_size(self, size: Size) -> Size:
        """Return the size that an image of `size` has with what is added."""
        height, width = (-(-side // self.patch) * self.patch for side in self.resized(size))
        return height, width

    def scale(self, size: Size) -> float:
        """Return longest / long side of scaled images, else 1."""
        return self.longest / max(size) if self.scaled else 1.0

    def resized(self, size: Size) -> Size:
        """Return the size of the image alone, without what is added."""
        if not self.scaled:
            return size
        height, width = (max(1, round(side * self.longest / max(size))) for side in size)
        return height, width


Geometry = CentreCrop | Tiles | Letterbox | Squash | Cut | Area | Padded


@dataclass(frozen=True)
class View:
    """A geometry and an alteration of the image, which comes first; both apply to image and ground truth alike.

    Attributes:
        geometry: how an image becomes crops.
        alteration: what is done to the whole image before that, which keeps its size, or None.
    """

    geometry: Geometry
    alteration: Alteration | None = None

    def __str__(self) -> str:
        """Return the name, as ``resize256-crop224-blur20``."""
        return str(self.geometry) + (f"-{self.alteration}" if self.alteration else "")

    @property
    def shape(self) -> Size:
        """Height and width of the crops."""
        return self.geometry.shape

    def seen_size(self, size: Size) -> Size:
        """Return the size that an image of `size` has after resizing and cropping, before it is cut into tiles."""
        return self.geometry.seen_size(size)

    def scale(self, size: Size) -> float:
        """Return how many pixels of the seen image a pixel of an image of `size` becomes."""
        resized = self.alteration.percent / 100 if isinstance(self.alteration, Scale) else 1
        return self.geometry.scale(size) * resized


_NUMBER = "[1-9][0-9]*"  # one way to write a number, or files of one view would have several names
_GEOMETRIES: dict[str, Callable[..., Geometry]] = {
    f"(?:fit({_NUMBER})-)?resize({_NUMBER})-crop({_NUMBER})": lambda fit, resize, crop: CentreCrop(resize, crop, fit),
    f"short({_NUMBER})-tile({_NUMBER})-patch({_NUMBER})": Tiles,
    f"letterbox({_NUMBER})": Letterbox,
    f"squash({_NUMBER})": lambda side: Squash(side, side),
    f"squash({_NUMBER})x({_NUMBER})": Squash,
    f"(?:squash({_NUMBER})(?:x({_NUMBER}))?-)?tile({_NUMBER})-resize({_NUMBER})": lambda rows, columns, tile, side: Cut(
        tile, side, rows, columns or rows
    ),
    f"area({_NUMBER})": Area,
    f"padded({_NUMBER})-patch({_NUMBER})": Padded,
    f"long({_NUMBER})-patch({_NUMBER})": lambda longest, patch: Padded(longest, patch, scaled=True),
}
_ALTERATION = f"(?:-({'|'.join(ALTERATIONS)})({_NUMBER}))?"
# How names of views are written; whether the numbers of one go together, only `parse_view` says.
PATTERN = f"(?:{'|'.join(_GEOMETRIES)}){_ALTERATION}"


def parse_view(name: str) -> View:
    """Return the view whose name is `name`.

    Raises:
        AtlasError: no view has such a name.
    """
    for pattern, make in _GEOMETRIES.items():
        if match := re.fullmatch(pattern + _ALTERATION, name):
            *sides, word, number = match.groups()
            view = View(make(*(int(side or 0) for side in sides)), ALTERATIONS[word](int(number)) if word else None)
            if str(view) != name:
                raise AtlasError(f"view '{name}': a square is named by one side; call it {view}")
            return view
    raise AtlasError(
        f"view '{name}': expected a name like resize224-crop224, short448-tile224-patch16, letterbox224, squash224 or "
        f"tile256-resize224, with -blur20 behind it for blurred images (or {', '.join([*ALTERATIONS][1:])})"
    )


def tile_corners(size: Size, tile: Size) -> list[Size]:
    """Return the top left corners (y, x) of the tiles of a plane of `size`, row by row, in the unit of `tile`."""
    starts = [[min(i * step, side - step) for i in range(-(-side // step))] for side, step in zip(size, tile, strict=True)]
    return [(y, x) for y in starts[0] for x in starts[1]]


def crops_per_image(view: View, size: Size) -> int:
    """Return how many crops an image of `size` becomes."""
    return len(tile_corners(view.seen_size(size), view.shape))


def shown_area(view: View, size: Size) -> tuple[int, int, int, int]:
    """Return where an image of `size` lies in the seen image, (top, left, bottom, right) in pixels, ends exclusive.

    All of it but for a letterbox, tiles that are cut and padding, which add black. An image that is moved keeps its canvas.
    """
    if isinstance(view.geometry, Padded):
        return 0, 0, *view.geometry.resized(size)
    if isinstance(view.geometry, Cut):
        cut = view.geometry
        height, width = (cut.rows, cut.columns) if cut.rows else size
        return 0, 0, height * cut.side // cut.tile, width * cut.side // cut.tile
    if isinstance(view.geometry, Letterbox):
        height, width = view.geometry.resized(size)
        top, left = view.geometry.corner((height, width))
        return top, left, top + height, left + width
    return 0, 0, *view.seen_size(size)


def whole_grid(seen: Size, shape: Size, grid: Size) -> Size:
    """Return the patch grid of a seen image of size `seen`, given the `grid` of a crop of `shape`."""
    return seen[0] * grid[0] // shape[0], seen[1] * grid[1] // shape[1]
