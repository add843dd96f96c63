"""The readers by name, and their options. Imports neither NumPy nor PIL, so that planning can name and check them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflow_scripts.common.errors import AtlasError, nearest

# Name -> module below the package, and class. They are imported by name, when one is opened: a command depends on the
# reader that it uses and on no other (`reader_module` names it for Snakemake).
READERS = {
    "demo_world": "data.demo_world:DemoWorld",
    "demo_clips": "data.demo_world:DemoClips",
    "demo_pairs": "data.demo_world:DemoPairs",
    "image_folder": "data.image_folder:ImageFolder",
    "label_maps": "data.readers.label_maps:LabelMaps",
    "imagenet": "data.readers.imagenet:ImageNet",
    "tiny_imagenet": "data.readers.tiny_imagenet:TinyImageNet",
    "partimagenet": "data.readers.partimagenet:PartImageNet",
    "coco_instances": "data.readers.coco:CocoInstances",
    "revisitop": "data.readers.revisitop:Revisited",
    "davis": "data.readers.davis:Davis",
    "spair": "data.readers.spair:SPair",
    "cocostuff27": "data.readers.cocostuff:CocoStuff27",
    "cityscapes": "data.readers.cityscapes:Cityscapes",
    "ade20k": "data.readers.ade20k:Ade20k",
    "fair1m": "data.readers.fair1m:Fair1m",
    "bdd100k_mot": "data.readers.bdd100k:Bdd100kTrack",
    "mot17": "data.readers.mot17:Mot17",
    "scenes": "data.readers.scenes:Scenes",
    "broden": "data.readers.broden:Broden",
    "pascal_part_animals": "data.readers.pascal_part:PascalPartAnimals",
    "voc": "data.readers.voc:Voc",
    "coco20k": "data.readers.coco20k:Coco20k",
}


BRODEN_CATEGORIES = ("object", "part", "material", "texture", "scene", "color")
_GREATEST_SEED = 2**32 - 1  # of numpy's RandomState


@dataclass(frozen=True)
class Option:
    """What the value of a reader's option may be. A default is what the reader's own `__init__` says.

    Attributes:
        choices: the values it may have; empty where it is a whole number.
        least, most: between which a whole number lies.
        null: whether it may be null.
        several: whether it is a list of choices.
        required: whether it must be given.
    """

    choices: tuple[Any, ...] = ()
    least: int = 1
    most: int | None = None
    null: bool = False
    several: bool = False
    required: bool = False


def _one_of(*choices: Any, required: bool = False) -> Option:
    return Option(tuple(choice for choice in choices if choice is not None), null=None in choices, required=required)


_COUNT = Option(null=True)
_SEED = Option(least=0, most=_GREATEST_SEED, null=True)
_TRAIN_VAL = _one_of("train", "val")

# Reader -> option -> what it may be. Whether two options go together, or the files have so many, only the reader says.
OPTIONS: dict[str, dict[str, Option]] = {
    "demo_world": {"query_every": Option(least=2), "dense": _one_of("classes", "parts"), "images": _COUNT},
    "demo_clips": {},
    "demo_pairs": {"pairs_per_class": Option(), "seed": Option(least=0)},
    "image_folder": {},
    "label_maps": {"split": _one_of(None, "train", "val", "test"), "void": Option(least=0, most=255, null=True)},
    "imagenet": {"split": _TRAIN_VAL, "subset": _one_of(None, "imagenet50", "tiny200"), "per_class": _COUNT},
    "tiny_imagenet": {"split": _TRAIN_VAL, "per_class": _COUNT},
    "partimagenet": {"per_supercategory": _COUNT},
    "coco_instances": {"split": _one_of("val2017", "train2017"), "limit": _COUNT},
    "revisitop": {"crop_queries": _one_of(True, False)},
    "davis": {"split": _TRAIN_VAL},
    "spair": {
        "split": _one_of("test", "val", "trn"),
        "pairs_per_category": _COUNT,
        "seed": Option(least=0, most=_GREATEST_SEED),
    },
    "cocostuff27": {"split": _TRAIN_VAL},
    "cityscapes": {
        "split": _TRAIN_VAL,
        "classes": _one_of(19, 27),
        "per_city": _COUNT,
        "seed": _SEED,
        "in_turn": _one_of(False, True),
    },
    "ade20k": {"split": _TRAIN_VAL, "limit": _COUNT, "per_class": _COUNT, "seed": _SEED},
    "fair1m": {"split": _one_of("train", "validation"), "tile": _COUNT, "per_category": _COUNT, "seed": _SEED},
    "bdd100k_mot": {"split": _TRAIN_VAL, "videos": _COUNT},
    "mot17": {"detector": _one_of("FRCNN", "DPM", "SDP")},
    "scenes": {
        "collection": _one_of("uc_merced", "resisc45", "eurosat", required=True),
        "split": _one_of(None, "train", "val", "test"),
    },
    "broden": {"split": _one_of(None, "train", "val"), "categories": Option(BRODEN_CATEGORIES, several=True)},
    "pascal_part_animals": {"split": _TRAIN_VAL},
    "voc": {"year": _one_of(2007, 2012, required=True), "split": _one_of("trainval", "train", "val")},
    "coco20k": {},
}


def reader_module(reader: str) -> str:
    """Return the module of the reader named `reader`, as `common.code_inputs` takes it.

    Raises:
        AtlasError: no reader has that name.
    """
    if reader not in READERS:
        raise AtlasError(f"reader '{reader}' is not known (known: {', '.join(READERS)}){nearest(reader, READERS)}")
    return READERS[reader].split(":")[0]


def check_options(reader: str, options: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a reader's options, one line each, without a look at its files.

    Args:
        reader: name of the reader, a key of `READERS`.
        options: what the registry says under `options`.
    """
    known = OPTIONS[reader]
    problems = [
        f"reader '{reader}' has no option '{option}' (options: {', '.join(known) or 'none'}){nearest(option, known)}"
        for option in options
        if option not in known
    ]
    problems += [
        f"reader '{reader}' needs the option '{option}'; give it in the dataset's options"
        for option, what in known.items()
        if what.required and option not in options
    ]
    for option, value in options.items():
        if option in known and (problem := _problem(known[option], value)):
            problems.append(f"reader '{reader}': option {option}: {problem}")
    return problems


def _problem(option: Option, value: Any) -> str:
    """Return what is wrong with an option's value, an empty text if nothing."""
    if value is None and option.null:
        return ""
    if option.several:
        if not isinstance(value, list | tuple) or not value:
            return f"found {value!r}, expected a list of some of {', '.join(option.choices)}"
        wrong = [item for item in value if not _is_one(item, option.choices)]
        return _not_allowed(wrong[0], option) if wrong else ""
    if option.choices:
        return "" if _is_one(value, option.choices) else _not_allowed(value, option)
    most = "" if option.most is None else f" to {option.most}"
    if isinstance(value, int) and not isinstance(value, bool) and option.least <= value and (not most or value <= option.most):
        return ""
    return f"found {value!r}, expected a whole number from {option.least}{most}{', or null' * option.null}"


def _not_allowed(value: Any, option: Option) -> str:
    allowed = ["null"] * option.null + [str(choice) for choice in option.choices]
    return f"found {value!r}, allowed: {', '.join(allowed)}{nearest(value, allowed)}"


def _is_one(value: Any, choices: tuple[Any, ...]) -> bool:
    # 1 is True and 19 is 19.0, but a registry that says so means something else.
    return any(value == choice and type(value) is type(choice) for choice in choices)
