"""One body plan per class of the demo world; `anatomy.py` explains the coordinates."""

from __future__ import annotations

from workflow_scripts.demo.anatomy import DARK, GLASS, MAIN, SECOND, Part, Plan


def _leg(x: float, y: float, length: float, width: float, mark: str | None = None, coat: int = SECOND) -> Part:
    marks = {mark: (0.0, 0.8)} if mark else {}
    return Part("leg", (x, y), (width, length / 2), True, 0, 1, 0.15, 13, None, coat, marks)


def _eye(x: float, y: float, parent: int, radius: float = 0.05) -> Part:
    return Part("eye", (x, y), (radius, radius), parent=parent, coat=DARK, marks={"eye": (0.0, 0.0)})


def _wheel(x: float, y: float, radius: float, mark: str) -> Part:
    return Part("wheel", (x, y), (radius, radius), coat=DARK, marks={mark: (0.0, 0.0)})


_BODY_MARKS = {"back": (0.0, -0.8), "belly": (0.0, 0.8)}

PLANS: dict[str, Plan] = {
    "dog": Plan(
        (
            _leg(-0.42, 0.15, 0.75, 0.10),
            _leg(0.42, 0.15, 0.75, 0.10),
            Part("tail", (-0.68, -0.12), (0.07, 0.3), True, 130, 1, 0.5, 20, None, SECOND, {"tail tip": (0, 0.8)}),
            Part("body", (0, 0), (0.75, 0.32), marks=_BODY_MARKS),
            _leg(-0.56, 0.15, 0.75, 0.10, "back foot"),
            _leg(0.56, 0.15, 0.75, 0.10, "front foot"),
            Part("head", (0.78, -0.32), (0.3, 0.26), swing=12),
            Part("snout", (1.06, -0.24), (0.2, 0.12), parent=6, coat=SECOND, marks={"nose": (0.7, 0)}),
            Part("ear", (0.66, -0.5), (0.1, 0.22), angle=12, hang=0.9, swing=10, parent=6, coat=SECOND),
            _eye(0.86, -0.38, 6),
        ),
        "ground",
        "wood floor",
        5,
        "dogs",
    ),
    "cat": Plan(
        (
            Part("tail", (-0.6, -0.1), (0.06, 0.48), True, 160, 1, 0.3, 18, None, SECOND, {"tail tip": (0, 0.85)}),
            _leg(-0.36, 0.12, 0.6, 0.09),
            _leg(0.32, 0.12, 0.6, 0.09),
            Part("body", (0, 0), (0.66, 0.28), marks=_BODY_MARKS),
            _leg(-0.5, 0.12, 0.6, 0.09, "back foot"),
            _leg(0.46, 0.12, 0.6, 0.09, "front foot"),
            Part("head", (0.7, -0.36), (0.33, 0.31), swing=10, marks={"nose": (0.75, 0.2)}),
            Part("ear", (0.54, -0.56), (0.13, 0.2), True, 170, 0.7, 1.0, 5, 6, SECOND),
            Part("ear", (0.86, -0.56), (0.13, 0.2), True, 190, 0.7, 1.0, 5, 6, SECOND, {"ear tip": (0, 0.5)}),
            _eye(0.8, -0.4, 6),
        ),
        "ground",
        "wood floor",
        5,
        "cats",
    ),
    "horse": Plan(
        (
            _leg(-0.4, 0.1, 1.05, 0.09),
            _leg(0.36, 0.1, 1.05, 0.09),
            Part(
                "tail",
                (-0.66, -0.15),
                (0.1, 0.38),
                angle=28,
                hang=0.9,
                swing=14,
                coat=SECOND,
                marks={"tail tip": (0, 0.8)},
            ),
            Part("body", (0, 0), (0.7, 0.31), marks=_BODY_MARKS),
            _leg(-0.54, 0.1, 1.05, 0.09, "back foot"),
            _leg(0.5, 0.1, 1.05, 0.09, "front foot"),
            Part("neck", (0.5, -0.05), (0.2, 0.4), True, -145, 1, 0.3, 8),
            Part("head", (0.92, -0.68), (0.16, 0.3), angle=-50, hang=0.35, swing=10, parent=6, marks={"nose": (0, 0.8)}),
            Part("ear", (0.84, -0.78), (0.07, 0.12), True, 180, 0.8, 1.0, 5, 7, SECOND, {"ear tip": (0, 0.5)}),
            _eye(0.97, -0.68, 7),
        ),
        "ground",
        "grass",
        4,
        "horses",
    ),
    "giraffe": Plan(
        (
            _leg(-0.34, 0.1, 1.15, 0.08),
            _leg(0.3, 0.1, 1.15, 0.08),
            Part("tail", (-0.5, -0.05), (0.05, 0.26), True, 20, 1, 0.2, 14, None, SECOND, {"tail tip": (0, 0.8)}),
            Part("body", (0, 0), (0.54, 0.3), angle=-8, marks=_BODY_MARKS),
            _leg(-0.44, 0.12, 1.15, 0.08, "back foot"),
            _leg(0.42, 0.05, 1.15, 0.08, "front foot"),
            Part("neck", (0.36, -0.05), (0.15, 0.72), True, -162, 1, 0.35, 7, None, MAIN, {"neck": (0, 0.1)}),
            Part("horn", (0.8, -1.45), (0.035, 0.12), True, 180, 1, 0.0, 6, 8, SECOND),
            Part("head", (0.84, -1.38), (0.13, 0.24), angle=-70, hang=0.2, swing=9, parent=6, marks={"nose": (0, 0.8)}),
            _eye(0.9, -1.4, 8),
        ),
        "ground",
        "grass",
        3,
        "giraffes",
    ),
    "elephant": Plan(
        (
            _leg(-0.3, 0.25, 0.75, 0.15),
            _leg(0.32, 0.25, 0.75, 0.15),
            Part("tail", (-0.78, -0.1), (0.04, 0.25), True, 25, 1, 0.2, 12, None, SECOND, {"tail tip": (0, 0.8)}),
            Part("body", (0, 0), (0.8, 0.54), marks=_BODY_MARKS),
            _leg(-0.52, 0.25, 0.75, 0.15, "back foot", MAIN),
            _leg(0.5, 0.25, 0.75, 0.15, "front foot", MAIN),
            Part("trunk", (1.06, -0.1), (0.12, 0.48), True, -8, 0.9, 0.4, 14, 7, MAIN, {"trunk tip": (0, 0.85)}),
            Part("head", (0.85, -0.25), (0.34, 0.36), swing=6),
            Part("ear", (0.62, -0.2), (0.26, 0.36), swing=8, parent=7, coat=SECOND, marks={"ear": (0, 0)}),
            _eye(1.0, -0.34, 7),
        ),
        "ground",
        "sand",
        3,
        "elephants",
    ),
    "turtle": Plan(
        (
            Part("tail", (-0.78, 0.22), (0.06, 0.14), True, 80, 0.6, 0.9, 8, None, SECOND, {"tail tip": (0, 0.6)}),
            Part("neck", (0.6, 0.12), (0.1, 0.24), True, -100, 0.7, 0.1, 10, None, SECOND),
            Part("head", (0.98, 0.06), (0.2, 0.17), swing=6, parent=1, coat=SECOND, marks={"nose": (0.75, 0)}),
            Part(
                "leg",
                (-0.5, 0.2),
                (0.13, 0.22),
                angle=25,
                hang=0.8,
                swing=14,
                coat=SECOND,
                marks={"back foot": (0, 0.7)},
            ),
            Part(
                "leg",
                (0.45, 0.2),
                (0.13, 0.22),
                angle=-25,
                hang=0.8,
                swing=14,
                coat=SECOND,
                marks={"front foot": (0, 0.7)},
            ),
            Part("body", (0, 0.22), (0.78, 0.12), coat=SECOND, marks={"belly": (0, 0.5)}),
            Part("shell", (0, 0.14), (0.72, 0.32), True, 180, 1, 0.5, 0, None, MAIN, {"back": (0, 0.0)}),
            Part("shell", (0, 0.1), (0.74, 0.34), marks={"shell": (0, 0)}),
            _eye(1.03, 0.0, 2),
        ),
        "ground",
        "sand",
        6,
        "turtles",
    ),
    "bird": Plan(
        (
            Part("wing", (0.0, -0.05), (0.24, 0.42), True, 155, 0.95, 0.6, 22, None, SECOND),
            Part("tail", (-0.45, 0.02), (0.16, 0.32), True, 100, 0.8, -0.5, 10, None, SECOND, {"tail tip": (0, 0.8)}),
            Part("leg", (0.0, 0.25), (0.03, 0.14), True, 10, 0.8, 0, 8, None, DARK, {"foot": (0, 0.7)}),
            Part("body", (0, 0), (0.52, 0.29), angle=-8, marks={"belly": (0, 0.8)}),
            Part("beak", (0.78, -0.22), (0.08, 0.14), True, -90, 0.8, 1.0, 0, 5, DARK, {"beak tip": (0, 0.5)}),
            Part("head", (0.56, -0.24), (0.22, 0.21), swing=12),
            Part("wing", (-0.05, -0.08), (0.26, 0.5), True, 195, 0.9, 0.7, 25, None, SECOND, {"wing tip": (0, 0.8)}),
            _eye(0.62, -0.28, 5),
        ),
        "air",
        "grass",
        14,
        "birds",
    ),
    "fish": Plan(
        (
            Part("tail", (-0.55, 0), (0.36, 0.26), True, -90, -0.9, 0.85, 10, None, SECOND, {"tail tip": (0.6, -0.7)}),
            Part("fin", (-0.05, -0.3), (0.26, 0.2), True, 172, 0.6, 0.6, 8, None, SECOND, {"back fin": (0, 0.6)}),
            Part("fin", (-0.05, 0.3), (0.16, 0.16), True, 10, 0.6, 0.6, 8, None, SECOND, {"belly fin": (0, 0.6)}),
            Part("body", (0.05, 0), (0.68, 0.38), marks={"mouth": (0.88, 0.0), "side": (-0.2, 0)}),
            Part("head", (0.5, 0), (0.24, 0.25), coat=SECOND),
            _eye(0.5, -0.08, 4, 0.06),
        ),
        "afloat",
        "water",
        12,
        "fish",
    ),
    "car": Plan(
        (
            Part("cabin", (-0.08, -0.1), (0.56, 0.22), True, 180, 0.9, 0.35, 0, None, MAIN, {"roof": (0, 0.8)}),
            Part("window", (-0.29, -0.26), (0.17, 0.12), True, 180, 0, 0.2, coat=GLASS),
            Part("window", (0.12, -0.26), (0.17, 0.12), True, 180, 0, 0.2, coat=GLASS),
            Part("chassis", (0, 0.05), (1.0, 0.21), True, 180, 0, 0.08, marks={"front": (-0.9, 0), "rear": (0.9, 0)}),
            _wheel(-0.56, 0.27, 0.19, "back wheel"),
            _wheel(0.56, 0.27, 0.19, "front wheel"),
        ),
        "ground",
        "road",
        4,
        "cars",
    ),
    "truck": Plan(
        (
            Part("cabin", (0.72, -0.12), (0.28, 0.36), True, 180, 0, 0.2, 0, None, SECOND, {"roof": (0, 0.8)}),
            Part("window", (0.8, -0.24), (0.14, 0.13), True, coat=GLASS),
            Part("cargo", (-0.28, -0.25), (0.68, 0.46), True, marks={"cargo top": (0, -0.85), "rear": (-0.9, 0)}),
            Part("chassis", (0, 0.27), (1.0, 0.1), True, coat=SECOND, marks={"front": (0.92, 0)}),
            _wheel(-0.66, 0.39, 0.17, "back wheel"),
            _wheel(-0.2, 0.39, 0.17, "middle wheel"),
            _wheel(0.64, 0.39, 0.17, "front wheel"),
        ),
        "ground",
        "road",
        4,
        "trucks",
    ),
    "plane": Plan(
        (
            Part("wing", (0.1, -0.04), (0.2, 0.36), True, 155, 0.9, 0.5, 6, None, SECOND),
            Part("tail", (-0.78, -0.03), (0.17, 0.22), True, 165, 0.9, 0.5, 3, None, SECOND, {"tail tip": (0, 0.8)}),
            Part("fuselage", (0, 0), (1.0, 0.16), marks={"nose": (0.92, 0), "rear": (-0.92, 0)}),
            Part("window", (0.7, -0.06), (0.1, 0.05), coat=GLASS, marks={"window": (0, 0)}),
            Part("wing", (0.08, 0.04), (0.24, 0.46), True, 28, 0.95, 0.55, 6, None, SECOND, {"wing tip": (0, 0.85)}),
            Part("tail", (-0.78, 0.03), (0.1, 0.16), True, 30, 0.9, 0.4, 3, None, SECOND),
        ),
        "air",
        "road",
        16,
        "planes",
    ),
    "boat": Plan(
        (
            Part("mast", (0.0, 0.3), (0.035, 0.75), True, 180, 1, 0.0, 0, None, DARK, {"mast top": (0, 0.9)}),
            Part("sail", (-0.06, 0.2), (0.38, 0.58), True, 174, 1, 0.95, 4, None, MAIN, {"sail": (0, -0.2)}),
            Part("sail", (0.34, 0.2), (0.24, 0.42), True, 190, 1, 0.95, 4, None, SECOND, {"small sail": (0, -0.2)}),
            Part(
                "hull",
                (0, 0.42),
                (0.85, 0.2),
                True,
                0,
                0,
                0.4,
                0,
                None,
                SECOND,
                {"bow": (0.85, -0.5), "stern": (-0.85, -0.5)},
            ),
        ),
        "afloat",
        "water",
        5,
        "boats",
    ),
}

CLASSES = tuple(PLANS)
KEYPOINTS = tuple(dict.fromkeys(mark for plan in PLANS.values() for part in plan.parts for mark in part.marks))
