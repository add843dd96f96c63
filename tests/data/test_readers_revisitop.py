"""Revisited Oxford and Paris: positions, query crops, broken files, and a pickle that would run something."""

import pickle

import numpy as np
import pytest
from PIL import Image

from tests.formats import roxford5k, rparis6k
from tests.formats.pictures import shows
from tests.formats.revisitop import number
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.images import BadImageError
from workflow_scripts.data.reader import Judgement, open_reader


@pytest.fixture(params=[roxford5k, rparis6k], ids=["oxford", "paris"])
def folder(request, tmp_path):
    request.param.write(tmp_path)
    return tmp_path


def test_database_then_queries_in_the_order_of_the_ground_truth(folder):
    reader = open_reader("revisitop", folder)
    assert len(reader) == 8
    assert reader.database() == [0, 1, 2, 3, 4, 5]
    names = [reader.id(p) for p in range(8)]
    assert names[:6] == sorted(names[:6], reverse=True)  # as the file has it, which is not sorted
    assert all(shows(reader.image(p), number(names[p])) for p in range(8))
    assert reader.judgements() == [Judgement(6, (), (1, 2), (5,)), Judgement(7, (0,), (), (3, 4))]
    assert reader.label(7) == -1


def test_queries_are_cropped_or_not(folder):
    cropped, whole = open_reader("revisitop", folder), open_reader("revisitop", folder, {"crop_queries": False})
    assert cropped.image(6).size == (20, 17)  # x from 5.2 to 25.4, y from 3 to 20
    assert whole.image(6).size == (40, 30)
    assert cropped.image(0).size == whole.image(0).size == (40, 30)


def test_a_jpeg_that_ends_early_is_read_as_far_as_it_goes(tmp_path):
    roxford5k.write(tmp_path)
    reader = open_reader("revisitop", tmp_path)
    path = next(tmp_path.rglob(f"{reader.id(0)}.jpg"))
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, quality=95)
    before = np.asarray(reader.image(0), int)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    after = np.asarray(reader.image(0), int)
    assert after.shape == before.shape
    assert np.array_equal(after[:12], before[:12])
    assert not np.array_equal(after[-16:], before[-16:])
    path.write_bytes(b"<html>")
    with pytest.raises(BadImageError, match="not an image file"):
        reader.image(0)
    path.write_bytes(b"\xff\xd8 broken")
    with pytest.raises(BadImageError, match="cannot be decoded"):
        reader.image(0)


class Evil:
    def __reduce__(self):
        return (eval, ("open('ran', 'w')",))


def test_nothing_in_a_pickle_is_run(folder, monkeypatch):
    monkeypatch.chdir(folder)
    truth = next(folder.glob("gnd_*.pkl"))
    truth.write_bytes(pickle.dumps({"imlist": Evil()}))
    with pytest.raises(AtlasError, match=r"gnd_.*pkl: not a pickle of plain data .it refers to builtins\.eval"):
        open_reader("revisitop", folder)
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_plain_pickles_of_every_protocol(folder, protocol):
    truth = next(folder.glob("gnd_*.pkl"))
    content = pickle.loads(truth.read_bytes())
    content["gnd"][0]["bbx"] = np.array([5.2, 3.0, 25.4, 20.0])
    content["gnd"][0]["hard"] = [np.int64(1), np.int32(2)]
    truth.write_bytes(pickle.dumps(content, protocol))
    reader = open_reader("revisitop", folder)
    assert reader.judgements()[0].hard == (1, 2)
    assert reader.image(6).size == (20, 17)


def test_a_pickle_of_python_2_and_numpy_1(folder):
    truth = next(folder.glob("gnd_*.pkl"))
    content = pickle.dumps(pickle.loads(truth.read_bytes()), 2)
    # Module names of numpy 1; plain str of Python 2 is the same opcode as latin-1 text.
    truth.write_bytes(content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert b"numpy.core.multiarray" in truth.read_bytes()
    assert open_reader("revisitop", folder).judgements()[1].easy == (0,)


def test_ground_truth_and_images_that_do_not_fit(folder):
    truth = next(folder.glob("gnd_*.pkl"))
    content = pickle.loads(truth.read_bytes())

    def broken(change, message):
        other = pickle.loads(pickle.dumps(content))
        change(other)
        truth.write_bytes(pickle.dumps(other))
        with pytest.raises(AtlasError, match=message):
            open_reader("revisitop", folder)

    broken(lambda c: c["imlist"].append("none_000001"), r"jpg: no none_000001\.jpg, nor 0 more images that gnd_\w+\.pkl names")
    broken(lambda c: c["gnd"][0].pop("junk"), r"not a ground truth of the benchmark .no key 'junk'")
    broken(lambda c: c["gnd"][0].update(junk=[6]), r"the place of a database image is 6, expected a whole number from 0 to 5")
    broken(lambda c: c["gnd"].pop(), r"2 queries but 1 judgements with boxes")
    broken(lambda c: c["gnd"][0].update(bbx=[1, 2]), r"2 queries but 2 judgements with boxes")
    truth.write_bytes(b"<html>log in</html>")
    with pytest.raises(AtlasError, match=r"pkl: not a pickle of plain data .*, expected the ground truth"):
        open_reader("revisitop", folder)
    truth.unlink()
    with pytest.raises(AtlasError, match=r"expected one ground truth file gnd_\*\.pkl, found none"):
        open_reader("revisitop", folder)
