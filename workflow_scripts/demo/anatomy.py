"""What the demo world's things are made of: the names of parts and stuff, and what a body plan says.

Coordinates of a body plan: x to the right (every plan faces right), y down, any unit; plans are centred and scaled to a
half extent of 1 when they are compiled (`pose.py`). A part has its own axes: u across, v along, each from -1 to 1 over
the part. At angle 0, u points right and v down; angles are degrees clockwise on screen, so v points left at 90, up at
180 and right at -90.
"""

from __future__ import annotations

from dataclasses import dataclass, field

STUFF = ("none", "sky", "hills", "trees", "brick wall", "wood floor", "grass", "sand", "road", "water")
PARTS = (
    "none",
    "body",
    "head",
    "snout",
    "ear",
    "eye",
    "neck",
    "leg",
    "tail",
    "trunk",
    "horn",
    "shell",
    "beak",
    "wing",
    "fin",
    "chassis",
    "cabin",
    "window",
    "wheel",
    "cargo",
    "fuselage",
    "hull",
    "mast",
    "sail",
)
MAIN, SECOND, DARK, GLASS = range(4)
COATS_PER_OBJECT = 4


@dataclass(frozen=True)
class Part:
    """One ellipse or tapered box of a body plan.

    Attributes:
        name: one of `PARTS`.
        at: joint (x, y) in plan coordinates, in the rest pose.
        size: half extents (across, along).
        box: a tapered box instead of an ellipse.
        angle: direction of v in the rest pose, degrees.
        hang: where the joint sits: 0 at the centre of the part, 1 at its near end (v = -1).
        taper: how much narrower a box is at its far end, 0 to 1 (1 is a triangle).
        swing: standard deviation of the joint's angle, degrees.
        parent: index, in the plan, of the part whose swing carries this one along; None for the object itself.
        coat: the object's material that covers it: MAIN, SECOND, or one that looks alike everywhere, DARK or GLASS.
        marks: keypoint name to (u, v) on this part.
    """

    name: str
    at: tuple[float, float]
    size: tuple[float, float]
    box: bool = False
    angle: float = 0.0
    hang: float = 0.0
    taper: float = 0.0
    swing: float = 0.0
    parent: int | None = None
    coat: int = MAIN
    marks: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A class: its parts from back to front, where it is found, and how far it may lean.

    `habitat` is "ground" (stands below the horizon), "air" (anywhere above the lower third) or "afloat" (around the
    horizon and below); `home` is the ground that most of its scenes show. `lean` is the standard deviation of the whole
    object's angle, degrees.
    """

    parts: tuple[Part, ...]
    habitat: str
    home: str
    lean: float
    plural: str
