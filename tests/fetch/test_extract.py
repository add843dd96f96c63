"""Unpacking: what comes out of good archives, and what evil ones are refused for."""

import errno
import gzip
import os
import re
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.fetch.archives import tar_bytes, tar_special, tree, zip_bytes, zip_link
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.fetch import extract
from workflow_scripts.fetch.extract import KINDS, declared_size, unpack
from workflow_scripts.fetch.members import Member, member_path

FILES = {"a/b/one.txt": b"one" * 1000, "two.txt": b"", "a/three:four_5.json": b"{}"}


def make(tmp_path, data, name="archive"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def refused(tmp_path, data, kind, max_bytes=None, max_files=None):
    archive = make(tmp_path, data)
    with pytest.raises(AtlasError) as error:
        unpack(archive, kind, tmp_path / "out", "archive", max_bytes, max_files)
    # Nothing has landed outside, and nothing in it is anything but a plain file.
    assert {p.name for p in tmp_path.iterdir()} <= {"archive", "out"}
    assert not any(p.is_symlink() for p in tmp_path.rglob("*"))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_tars_of_every_compression(tmp_path, compression):
    archive = make(tmp_path, tar_bytes(FILES, compression))
    done = unpack(archive, "tar", tmp_path / "out", "archive")
    assert tree(tmp_path / "out") == FILES
    assert (done.files, done.size) == (3, 3002)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zips(tmp_path, compression):
    archive = make(tmp_path, zip_bytes(FILES, compression))
    done = unpack(archive, "zip", tmp_path / "out", "archive")
    assert tree(tmp_path / "out") == FILES
    assert (done.files, done.size) == (3, 3002)
    assert declared_size(archive, "zip") == 3002


def test_a_file_that_is_no_archive_is_copied_by_its_name(tmp_path):
    unpack(make(tmp_path, b"labels"), "none", tmp_path / "out/lists", "train/part1/labels.txt")
    assert tree(tmp_path / "out") == {"lists/train/part1/labels.txt": b"labels"}


def test_leading_dots_and_folder_entries(tmp_path):
    members = {"./": tar_special("./", tarfile.DIRTYPE), "./a": tar_special("./a", tarfile.DIRTYPE), "./a/b.txt": b"b"}
    unpack(make(tmp_path, tar_bytes(members)), "tar", tmp_path / "out", "archive")
    assert tree(tmp_path / "out") == {"a/b.txt": b"b"}


def test_what_finder_and_explorer_leave_behind_is_left_out(tmp_path):
    junk = ["__MACOSX/a/._one.txt", "a/._two.txt", "a/.DS_Store", ".DS_Store", "a/Thumbs.db", "thumbs.db"]
    for kind, pack in (("tar", tar_bytes), ("zip", zip_bytes)):
        archive = make(tmp_path, pack({**dict.fromkeys(junk, b"junk"), "a/one.txt": b"1"}))
        assert unpack(archive, kind, tmp_path / kind, "archive").files == 1
        assert tree(tmp_path / kind) == {"a/one.txt": b"1"}


def test_imagenets_tar_of_tars(tmp_path):
    inner = {f"n0144{i}": {f"n0144{i}_{j}.JPEG": bytes([i, j]) * 2000 for j in range(3)} for i in range(4)}
    outer = tar_bytes({f"{name}.tar": tar_bytes(files) for name, files in inner.items()})
    done = unpack(make(tmp_path, outer), "tar_of_tars", tmp_path / "out/train", "archive")
    assert tree(tmp_path / "out") == {f"train/{n}/{f}": data for n, files in inner.items() for f, data in files.items()}
    assert done.files == 12


def test_partimagenets_zip_of_zips(tmp_path):
    # One split begins with the folder of its own name, the other does not.
    outer = zip_bytes(
        {
            "OOD/train.zip": zip_bytes({"train/n01/x.JPEG": b"x", "train/.DS_Store": b""}),
            "OOD/val.zip": zip_bytes({"n02/y.JPEG": b"y"}),
            "OOD/train.json": b"{}",
        }
    )
    done = unpack(make(tmp_path, outer), "zip_of_zips", tmp_path / "out", "archive")
    assert tree(tmp_path / "out") == {"OOD/train/n01/x.JPEG": b"x", "OOD/val/n02/y.JPEG": b"y", "OOD/train.json": b"{}"}
    assert done.files == 3


def test_mixed_archives_of_archives(tmp_path):
    outer = zip_bytes({"a.tar.gz": tar_bytes({"one": b"1"}, "gz"), "b.zip": b"stays"})
    unpack(make(tmp_path, outer), "zip_of_tars", tmp_path / "out", "archive")
    assert tree(tmp_path / "out") == {"a/one": b"1", "b.zip": b"stays"}
    outer = tar_bytes({"a.zip": zip_bytes({"one": b"1"}), "b.tar": b"stays"}, "gz")
    unpack(make(tmp_path, outer), "tar_of_zips", tmp_path / "other", "archive")
    assert tree(tmp_path / "other") == {"a/one": b"1", "b.tar": b"stays"}


def test_only_one_level_is_unpacked(tmp_path):
    deep = tar_bytes({"x.tar": b"x"})
    unpack(make(tmp_path, tar_bytes({"a.tar": deep})), "tar_of_tars", tmp_path / "out", "archive")
    assert tree(tmp_path / "out") == {"a/x.tar": b"x"}


OUTSIDE = ["../evil", "a/../../evil", "a/..", "/evil", "..\\evil", "\\evil", "C:\\evil", "C:/evil"]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize(("kind", "pack"), [("tar", tar_bytes), ("zip", zip_bytes)])
def test_members_that_point_outside_are_refused(tmp_path, name, kind, pack):
    text = refused(tmp_path, pack({"good": b"good", name: b"evil"}), kind)
    assert f"member '{name}'" in text
    assert "absolute path" in text or "'..'" in text


@pytest.mark.parametrize(("kind", "pack"), [("tar_of_tars", tar_bytes), ("zip_of_zips", zip_bytes)])
def test_inner_archives_are_not_trusted_either(tmp_path, kind, pack):
    inner = kind[:3]
    text = refused(tmp_path, pack({f"a.{inner}": pack({"../../evil": b"evil"})}), kind)
    assert "member '../../evil' leaves the folder" in text


@pytest.mark.parametrize(
    ("kind", "target", "said"),
    [
        (tarfile.SYMTYPE, "/etc/passwd", "symbolic link to '/etc/passwd'"),
        (tarfile.SYMTYPE, "good", "symbolic link to 'good'"),
        (tarfile.LNKTYPE, "good", "hard link to 'good'"),
        (tarfile.CHRTYPE, "", "device or pipe"),
        (tarfile.BLKTYPE, "", "device or pipe"),
        (tarfile.FIFOTYPE, "", "device or pipe"),
    ],
)
def test_links_and_devices_are_refused(tmp_path, kind, target, said):
    text = refused(tmp_path, tar_bytes({"good": b"good", "evil": tar_special("evil", kind, target)}), "tar")
    assert f"member 'evil' is a {said}" in text


def test_a_symbolic_link_in_a_zip_is_refused(tmp_path):
    assert "member 'evil' is a symbolic link" in refused(tmp_path, zip_bytes({zip_link("evil"): b"/etc/passwd"}), "zip")


def test_an_encrypted_zip_is_refused(tmp_path):
    data = bytearray(zip_bytes({"a": b"a"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    assert "file with a password" in refused(tmp_path, bytes(data), "zip")


def test_a_name_that_is_a_file_and_a_folder(tmp_path):
    assert "'a/b' is a file and a folder" in refused(tmp_path, tar_bytes({"a": b"a", "a/b": b"b"}), "tar")


def test_a_folder_that_becomes_a_file(tmp_path):
    assert "'a' is a file and a folder" in refused(tmp_path, tar_bytes({"a/b": b"b", "a": b"a"}), "tar")


def bomb(size=20_000_000):
    return b"\0" * size


def test_a_zip_that_declares_too_much_is_not_begun(tmp_path):
    text = refused(tmp_path, zip_bytes({"good": b"good", "zeros": bomb()}), "zip")
    assert "decompression bomb" in text
    assert "20.0 MB or more, the limit for this archive is 10.0 MB" in text
    assert tree(tmp_path / "out") == {}


def test_a_zip_that_lies_about_its_size_is_stopped(tmp_path):
    # The list at the end says 10 bytes; the data are 20 MB.
    data = bytearray(zip_bytes({"zeros": bomb()}))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    text = refused(tmp_path, bytes(data), "zip")
    assert "not a whole zip archive" in text
    assert sum(len(d) for d in tree(tmp_path / "out").values()) < 10_000_000


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_a_compressed_tar_of_zeros_is_stopped(tmp_path, compression):
    text = refused(tmp_path, tar_bytes({"zeros": bomb()}, compression), "tar")
    assert "decompression bomb" in text
    assert "member 'zeros'" in text


def test_a_bomb_of_many_empty_members_is_stopped(tmp_path):
    archive = tar_bytes({f"{i}": b"" for i in range(3000)}, "gz")
    assert "decompression bomb" in refused(tmp_path, archive, "tar", max_bytes=1_000_000)


def test_a_bomb_behind_the_last_member_is_stopped(tmp_path):
    data = gzip.compress(tar_bytes({"a": b"a"}) + bomb())
    assert "decompression bomb" in refused(tmp_path, data, "tar")


@pytest.mark.parametrize(("kind", "pack"), [("tar_of_zips", tar_bytes), ("zip_of_zips", zip_bytes)])
def test_a_nested_bomb_is_stopped(tmp_path, kind, pack):
    inner = zip_bytes({"zeros": bomb()})
    assert "decompression bomb" in refused(tmp_path, pack({"a.zip": inner}), kind)


def test_many_bombs_below_the_limit_each_are_stopped(tmp_path):
    inner = zip_bytes({"zeros": bomb(4_000_000)})
    text = refused(tmp_path, tar_bytes({f"{i}.zip": inner for i in range(5)}), "tar_of_zips")
    assert "decompression bomb" in text


def test_the_registry_sets_the_limit(tmp_path):
    archive = make(tmp_path, zip_bytes({"zeros": bomb()}))
    assert unpack(archive, "zip", tmp_path / "out", "archive", max_bytes=20_000_000).size == 20_000_000
    assert "limit for this archive is 1.0 kB" in refused(tmp_path, tar_bytes({"a": b"a" * 1001}), "tar", max_bytes=1000)


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "none"])
@pytest.mark.parametrize("data", [b"", b"no archive at all" * 100])
def test_what_is_no_archive_is_called_damaged(tmp_path, kind, data):
    assert f"not a whole {kind[:3]} archive" in refused(tmp_path, data, kind)


def test_a_damaged_byte_is_noticed(tmp_path):
    for kind, data in (("tar", tar_bytes(FILES, "gz")), ("zip", zip_bytes(FILES, zipfile.ZIP_STORED))):
        broken = bytearray(data)
        broken[60 if kind == "zip" else len(data) // 2] ^= 255
        assert f"not a whole {kind} archive" in refused(tmp_path, bytes(broken), kind)


@given(st.data())
def test_a_tar_cut_short_is_noticed(tmp_path_factory, data):
    tmp_path = tmp_path_factory.mktemp("cut")
    compression = data.draw(st.sampled_from(["", "gz", "bz2", "xz"]))
    whole = tar_bytes({f"{i}": bytes([i]) * 700 for i in range(5)}, compression)
    # Up to the end of the last member's data; a plain tar without its closing zeros is common and accepted.
    last = 5 * (512 + 1024) - (1024 - 700) if not compression else len(whole)
    cut = data.draw(st.integers(0, last - 1))
    if not compression and cut and cut % 1536 == 0:
        return  # between two members: looks like the end
    assert "not a whole tar archive" in refused(tmp_path, whole[:cut], "tar")


def test_a_header_that_is_none_is_damage_and_not_the_end(tmp_path):
    data = bytearray(tar_bytes({"a": b"a" * 700, "b": b"b"}))
    data[1536 + 150] ^= 255
    assert "not a whole tar archive (at byte 1536: invalid header)" in refused(tmp_path, bytes(data), "tar")


def test_an_unknown_kind_is_named(tmp_path):
    with pytest.raises(AtlasError, match=r"extract.kind 'tar_of_tar' unknown; did you mean 'tar_of_tars'"):
        unpack(make(tmp_path, b""), "tar_of_tar", tmp_path / "out", "archive")


@pytest.mark.parametrize("name", [".unpacked.json", "a/.Complete.json", "train/.inner.zip"])
@pytest.mark.parametrize(("kind", "pack"), [("tar", tar_bytes), ("zip", zip_bytes)])
def test_a_member_cannot_pass_for_the_workflow_s_own_record(tmp_path, kind, pack, name):
    text = refused(tmp_path, pack({name: b"{}"}), kind)
    assert f"member '{name}' has the name of a record that this workflow keeps" in text


@pytest.mark.parametrize(("kind", "pack"), [("tar", lambda files: tar_bytes(files, "gz")), ("zip", zip_bytes)])
def test_members_are_counted(tmp_path, kind, pack):
    data = pack({f"{i}": b"" for i in range(10_001)})
    assert "it has 10001 members or more, the limit for this archive is 10000; " in refused(tmp_path, data, kind)
    assert "set extract.max_files" in refused(tmp_path, data, kind)
    assert "the limit for this archive is 2;" in refused(tmp_path, pack(FILES), kind, max_files=2)
    assert unpack(make(tmp_path, data), kind, tmp_path / "all", "archive", max_files=10_001).files == 10_001


def test_members_of_inner_archives_are_counted(tmp_path):
    data = tar_bytes({"a.tar": tar_bytes(FILES), "b.tar": tar_bytes(FILES)})
    assert "it has 8 members or more" in refused(tmp_path, data, "tar_of_tars", max_files=7)
    assert unpack(make(tmp_path, data), "tar_of_tars", tmp_path / "all", "archive", max_files=8).files == 6


@pytest.mark.parametrize("name", ["x" * 300, f"{'y' * 300}/z"])
def test_a_name_that_is_too_long_is_said_with_its_member(tmp_path, name):
    text = refused(tmp_path, tar_bytes({name: b"1"}), "tar")
    assert f"member '{name[:60]}...' of {len(name)} characters" in text
    assert "has a name that this file system does not take (File name too long)" in text


def test_what_messages_advise_the_registry_allows():
    schema = yaml.safe_load((Path(__file__).parents[2] / "config/schemas/datasets.schema.yaml").read_text())
    extract = schema["$defs"]["file"]["properties"]["extract"]["properties"]
    assert set(extract["kind"]["enum"]) == set(KINDS)
    assert {"to", "max_bytes", "max_files"} < set(extract)


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(path, mode):
        return full() if mode == "wb" else open(path, mode)

    monkeypatch.setattr(extract, "open", opened, raising=False)
    text = refused(tmp_path, tar_bytes(FILES), "tar")
    assert re.search(r"out: the disk is full \(.* are free\); what is unpacked so far is not used", text)


@given(st.text(alphabet="a./\\:_~C \0", max_size=12))
def test_no_name_leads_outside(name):
    try:
        path = member_path("archive", Member(name, 0, "file", lambda: None))
    except AtlasError:
        return
    if path is not None:
        assert os.path.normpath(f"/some/folder/{path}").startswith("/some/folder/")
