"""Tiny ImageNet with two of its classes and, as in one public copy, a class too many."""

from pathlib import Path

from tests.formats.pictures import picture

WNIDS = ["n02124075", "n01443537", "n02480855"]  # the last is not in the official list
ARCHIVES = {"tiny-imagenet-200.zip": ("tiny-imagenet-200",)}


def write(folder: Path) -> None:
    root = folder / "tiny-imagenet-200"
    for i, wnid in enumerate(WNIDS):
        for j in (0, 1):
            picture(root / f"train/{wnid}/images/{wnid}_{j}.JPEG", 2 * i + j, (64, 64), "L" if (i, j) == (0, 1) else "RGB")
        (root / f"train/{wnid}/{wnid}_boxes.txt").write_text(f"{wnid}_0.JPEG\t0\t0\t10\t10\n")
    for i in range(3):
        picture(root / f"val/images/val_{i}.JPEG", 10 + i, (64, 64))
    rows = [("val_1.JPEG", WNIDS[0]), ("val_0.JPEG", WNIDS[1]), ("val_2.JPEG", WNIDS[0])]
    (root / "val/val_annotations.txt").write_text("".join(f"{name}\t{wnid}\t0\t0\t10\t10\n" for name, wnid in rows))
    picture(root / "test/images/test_0.JPEG", 20, (64, 64))
    (root / "wnids.txt").write_text("".join(f"{wnid}\n" for wnid in WNIDS))
    (root / "words.txt").write_text("".join(f"{wnid}\tsome words\n" for wnid in WNIDS))
