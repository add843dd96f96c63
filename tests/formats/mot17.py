"""MOT17: one video in two copies of three frames, boxes counted from 1."""

from pathlib import Path

from tests.formats.pictures import picture

SIZE = (64, 48)
FRAMES = 3
TRUTH = """1,2,11,21,20,10,1,1,0.86
1,3,-4,1,10,10,0,7,1
3,2,13,21,20,10,1,1,0.5
2,5,1,1,8,8,0,3,1
"""
ARCHIVES = {"MOT17.zip": ("MOT17",)}


def write(folder: Path) -> None:
    for detector in ("DPM", "FRCNN"):
        root = folder / f"MOT17/train/MOT17-02-{detector}"
        for number in range(1, FRAMES + 1):
            picture(root / f"img1/{number:06d}.jpg", number, SIZE)
        (root / "seqinfo.ini").write_text(
            f"[Sequence]\nname=MOT17-02-{detector}\nimDir=img1\nframeRate=30\nseqLength={FRAMES}\n"
            f"imWidth={SIZE[0]}\nimHeight={SIZE[1]}\nimExt=.jpg\n\n"
        )
        for name, text in (("gt", TRUTH), ("det", "1,-1,11,21,20,10,0.9,-1,-1,-1\n")):
            (root / name).mkdir()
            (root / name / f"{name}.txt").write_text(text)
    picture(folder / "MOT17/test/MOT17-01-FRCNN/img1/000001.jpg", 9, SIZE)
