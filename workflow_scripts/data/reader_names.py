"""The readers by name. Imports neither NumPy nor PIL, so that planning can name their code."""

from __future__ import annotations

from workflow_scripts.common.errors import AtlasError, nearest

# Name -> module below the package, and class. They are imported by name, when one is opened: a command depends on the
# reader that it uses and on no other (`reader_module` names it for Snakemake).
READERS = {
    "demo_world": "data.demo_world:DemoWorld",
    "demo_clips": "data.demo_world:DemoClips",
    "demo_pairs": "data.demo_world:DemoPairs",
    "image_folder": "data.image_folder:ImageFolder",
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


def reader_module(reader: str) -> str:
    """Return the module of the reader named `reader`, as `common.code_inputs` takes it.

    Raises:
        AtlasError: no reader has that name.
    """
    if reader not in READERS:
        raise AtlasError(f"reader '{reader}' is not known (known: {', '.join(READERS)}){nearest(reader, READERS)}")
    return READERS[reader].split(":")[0]
