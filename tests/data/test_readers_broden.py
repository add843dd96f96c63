"""Broden: codes above 8 and 16 bits, layers, labels of whole images, and images without a label."""

import numpy as np
import pytest
from PIL import Image

from tests.formats import broden
from tests.formats.pictures import shows
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import open_reader


@pytest.fixture
def folder(tmp_path):
    broden.write(tmp_path)
    return tmp_path


def test_images_with_a_label_in_the_chosen_categories(folder):
    def ids(**options):
        reader = open_reader("broden", folder, options)
        return [reader.id(p).split("/")[0] for p in range(len(reader))]

    assert ids() == ["ade20k", "dtd", "opensurfaces"]  # the image of pascal has colours only
    assert ids(categories=["color"]) == ["dtd", "pascal"]
    assert ids(split="train") == ["ade20k"]
    assert ids(split="val", categories=["texture"]) == ["dtd"]
    assert shows(open_reader("broden", folder).image(2), 3)


def test_codes_layers_and_labels_of_the_whole_image(folder):
    reader = open_reader("broden", folder / "broden1_224")
    found = reader.concepts(0)
    assert list(found) == ["object", "part", "scene"]
    assert all(layers.dtype == np.int32 for layers in found.values())
    assert np.array_equal(found["object"], broden.label_map("ade20k/ADE_train_00000001_object.png")[None])
    assert found["object"].max() == 40000  # 64 + 256 * 156: more than 16 bits with a sign hold
    assert found["part"].shape == (2, 12, 12)
    assert found["part"][:, 0, 0].tolist() == [0, 9]
    assert found["part"][:, 0, 11].tolist() == [300, 0]
    assert found["scene"].tolist() == [[[700]]]
    assert reader.concepts(1)["texture"].tolist() == [[[521]], [[300]]]
    mixed = reader.concepts(2)["material"]
    assert mixed.shape == (2, 12, 12)
    assert (mixed[1] == 300).all()


def test_names_and_categories_of_concepts(folder):
    reader = open_reader("broden", folder)
    assert reader.concept_names[300] == "head"
    assert reader.concept_categories[300] == ["part", "object"]
    assert reader.concept_categories[40000] == ["object", "material"]
    assert 0 not in reader.concept_names


def test_a_map_saved_with_a_palette_reads_the_same(folder):
    name = "ade20k/ADE_train_00000001_object.png"
    path = folder / "broden1_224/images" / name
    Image.open(path).quantize(4).save(path)
    assert Image.open(path).mode == "P"
    assert np.array_equal(open_reader("broden", folder).concepts(0)["object"][0], broden.label_map(name))


def test_broken_tables(folder):
    index = folder / "broden1_224/index.csv"
    content = index.read_text()
    index.write_text(content.replace("521;300", "521;stripes"))
    with pytest.raises(AtlasError, match=r"index\.csv: 'stripes' is neither a label nor a map"):
        open_reader("broden", folder).concepts(1)
    index.write_text(content.replace("material,", "stuff,"))
    with pytest.raises(AtlasError, match=r"index\.csv: no column 'material'"):
        open_reader("broden", folder)
    index.write_text(content)
    labels = folder / "broden1_224/label.csv"
    labels.write_text(labels.read_text().replace("object(2)", "object"))
    with pytest.raises(AtlasError, match=r"label\.csv: expected number, name and category\(count\);\.\.\. in '8,sky"):
        open_reader("broden", folder)
    with pytest.raises(AtlasError, match=r"option categories: found 'colour', allowed: .* did you mean 'color'"):
        open_reader("broden", folder, {"categories": ["colour"]})
