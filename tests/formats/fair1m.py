"""FAIR1M: both parts number their images from 0; rotated boxes with the first corner repeated."""

from pathlib import Path

from tests.formats.pictures import picture

SIZE = (500, 460)
# Corner lists of two objects an image: a diamond, and a rectangle that lies on top of it.
DIAMOND = [(60.0, 20.0), (100.0, 60.0), (60.0, 100.0), (20.0, 60.0)]
SQUARE = [(60.0, 60.0), (240.0, 60.0), (240.0, 110.0), (60.0, 110.0)]
OBJECTS = {
    "train/part1/0": [("Boeing737", DIAMOND), ("Bridge", SQUARE)],
    "train/part1/1": [("Small Car", DIAMOND)],
    "train/part2/0": [("Small Car", DIAMOND), ("Van", DIAMOND)],
    "train/part2/1": [("Bus", [(x + 224, y + 224) for x, y in DIAMOND])],
    "validation/0": [("Tugboat", DIAMOND)],
}
XML = """<?xml version="1.0" encoding="utf-8"?>
<annotation>
  <source><filename>{name}.tif</filename><origin>GF2/GF3</origin></source>
  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>
  <objects>{objects}</objects>
</annotation>
"""
OBJECT = """
    <object>
      <coordinate>pixel</coordinate><type>rectangle</type><description>None</description>
      <possibleresult><name>{name}</name></possibleresult>
      <points>{points}</points>
    </object>"""
ARCHIVES = {
    "FAIR1M-train-part1-images.zip": ("train/part1/images",),
    "FAIR1M-train-part1-labelXml.zip": ("train/part1/labelXml",),
    "FAIR1M-train-part2-images.zip": ("train/part2/images",),
    "FAIR1M-train-part2-labelXmls.zip": ("train/part2/labelXml",),
}


def write(folder: Path) -> None:
    for i, (key, objects) in enumerate(OBJECTS.items()):
        part, name = key.rsplit("/", 1)
        picture(folder / part / "images" / f"{name}.tif", i, SIZE)
        shapes = ""
        for kind, corners in objects:
            points = "".join(f"<point>{x:.6f},{y:.6f}</point>" for x, y in [*corners, corners[0]])
            shapes += OBJECT.format(name=kind, points=points)
        (folder / part / "labelXml").mkdir(parents=True, exist_ok=True)
        text = XML.format(name=name, width=SIZE[0], height=SIZE[1], objects=shapes)
        (folder / part / "labelXml" / f"{name}.xml").write_text(text)
