"""Pascal VOC: one object, several objects of which one is difficult, coordinates with fractions."""

from pathlib import Path

from tests.formats.pictures import picture

SIZE = (40, 30)
# name -> (class, xmin, ymin, xmax, ymax, truncated, difficult)
OBJECTS = {
    "000012": [("car", 1, 1, 40, 30, 1, 0)],
    "000005": [("chair", 11, 6, 20, 15, 0, 0), ("diningtable", 2, 3, 4, 5, 0, 1)],
    "000007": [("person", 10.5, 6, 20, 15, 0, 0)],
}
OBJECT = """
  <object><name>{0}</name><pose>Unspecified</pose><truncated>{5}</truncated><difficult>{6}</difficult>
    <bndbox><xmin>{1}</xmin><ymin>{2}</ymin><xmax>{3}</xmax><ymax>{4}</ymax></bndbox>{part}
  </object>"""
PART = """
    <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>"""


def write_voc(folder: Path, year: int) -> None:
    root = folder / f"VOCdevkit/VOC{year}"
    (root / "Annotations").mkdir(parents=True)
    for i, (name, objects) in enumerate(OBJECTS.items()):
        picture(root / f"JPEGImages/{name}.jpg", i, SIZE)
        shapes = "".join(OBJECT.format(*thing, part=PART if thing[0] == "person" else "") for thing in objects)
        (root / f"Annotations/{name}.xml").write_text(f"<annotation><filename>{name}.jpg</filename>{shapes}\n</annotation>\n")
    for kind, names in (("Main", OBJECTS), ("Segmentation", ["000007"])):
        (root / f"ImageSets/{kind}").mkdir(parents=True)
        (root / f"ImageSets/{kind}/trainval.txt").write_text("".join(f"{name}\n" for name in names))
