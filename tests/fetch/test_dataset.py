"""A dataset's folder: whole or not there, made once, gone on with after a kill; files to be got by hand."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.fetch.archives import tar_bytes, tar_special, tree, zip_bytes
from tests.fetch.conftest import SHORT
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.fetch.dataset import COMPLETE, fetch_dataset
from workflow_scripts.fetch.incoming import missing_incoming
from workflow_scripts.fetch.remote_file import dataset_file

ROOT = Path(__file__).resolve().parents[2]
IMAGES, LABELS = {"val/a.jpg": b"a" * 5000, "val/b.jpg": b"b" * 5000}, {"labels.json": b"{}"}


def sha(data):
    return hashlib.sha256(data).hexdigest()


class World:
    """A dataset of two archives and a list, on the server."""

    def __init__(self, server, place, folder):
        self.server, self.place, self.folder = server, place, folder
        self.path, self.downloads = folder / "datasets" / "flowers", folder / "downloads"
        images, labels, names = tar_bytes(IMAGES, "gz"), zip_bytes(LABELS), b"one\ntwo\n"
        self.files = [
            {"name": "images.tgz", "url": server.put("/images.tgz", images), "sha256": sha(images),
             "extract": {"kind": "tar", "to": "images"}},
            {"name": "labels.zip", "url": server.put("/labels.zip", labels), "extract": {"kind": "zip"}},
            {"name": "names.txt", "url": server.put("/names.txt", names)},
        ]  # fmt: skip

    def fetch(self, **changes):
        files = [dataset_file(entry | changes) for entry in self.files]
        fetch_dataset("flowers", files, self.path, self.downloads, self.place)
        return json.loads((self.path / COMPLETE).read_text())

    def refusal(self):
        with pytest.raises(AtlasError) as error:
            self.fetch()
        assert not (self.path / COMPLETE).exists()
        return str(error.value)

    def data(self):
        return {name: data for name, data in tree(self.path).items() if not name.startswith(".")}

    def remains(self):
        return sorted(p.name for p in self.path.parent.iterdir())


@pytest.fixture
def world(server, place, tmp_path):
    return World(server, place, tmp_path)


WANTED = {"images/val/a.jpg": b"a" * 5000, "images/val/b.jpg": b"b" * 5000, "labels.json": b"{}", "names.txt": b"one\ntwo\n"}


def test_a_dataset_is_fetched_checked_and_unpacked(world):
    complete = world.fetch()
    assert world.data() == WANTED
    assert complete["number_of_files"] == 4
    by_name = {entry["name"]: entry for entry in complete["files"]}
    assert by_name["images.tgz"]["checked"] == "sha256, as published"
    assert by_name["images.tgz"]["files"] == 2
    assert by_name["images.tgz"]["unpacked_bytes"] == 10_000
    assert by_name["labels.zip"]["checked"].startswith("nothing: no digest is published")
    assert world.remains() == ["flowers"]
    assert sorted(p.name for p in world.downloads.iterdir()) == ["images.tgz", "labels.zip", "names.txt"]


def test_only_files_without_a_published_digest_are_recorded(world):
    world.fetch()
    recorded = yaml.safe_load(world.place.lock.path.read_text())
    assert recorded == {
        f"downloads/{name}": {"bytes": len(data), "sha256": sha(data)}
        for name, data in (("labels.zip", world.server.files["/labels.zip"].data), ("names.txt", b"one\ntwo\n"))
    }


def test_the_folder_that_snakemake_makes_is_no_obstacle(world):
    world.path.mkdir(parents=True)
    world.fetch()
    assert world.data() == WANTED


def test_a_second_run_does_nothing_even_without_the_archives(world):
    first = world.fetch()
    inode = (world.path / "names.txt").stat().st_ino
    shutil.rmtree(world.downloads)
    # As Snakemake does before it runs a rule again.
    (world.path / COMPLETE).unlink()
    asked = len(world.server.requests)
    assert world.fetch() == first
    assert len(world.server.requests) == asked
    assert (world.path / "names.txt").stat().st_ino == inode


def test_a_folder_that_lost_a_file_is_made_again(world):
    world.fetch()
    (world.path / "images/val/a.jpg").unlink()
    world.fetch()
    assert world.data() == WANTED
    assert world.remains() == ["flowers"]


def test_a_folder_made_to_another_wish_is_made_again(world):
    world.fetch()
    world.files[0]["extract"] = {"kind": "tar", "to": "pictures"}
    world.fetch()
    assert set(world.data()) == {"pictures/val/a.jpg", "pictures/val/b.jpg", "labels.json", "names.txt"}
    assert world.remains() == ["flowers"]


def test_what_is_not_ours_is_not_touched(world):
    world.path.mkdir(parents=True)
    (world.path / "thesis.txt").write_text("years of work")
    text = world.refusal()
    assert f"{world.path}: holds files that this workflow did not put there" in text
    assert (world.path / "thesis.txt").read_text() == "years of work"
    assert world.server.requests == []


def test_a_file_that_changed_on_the_server_is_refused(world):
    world.fetch()
    shutil.rmtree(world.path)
    shutil.rmtree(world.downloads)
    world.server.put("/names.txt", b"other\n")
    text = world.refusal()
    assert "recorded" in text
    assert "'downloads/names.txt'" in text
    assert f"remove that entry from {world.place.lock.path}" in text
    assert not world.path.exists()


def test_a_folder_that_differs_from_a_committed_lock_is_made_again(world):
    world.fetch()
    lock = world.place.lock.path
    lock.write_text(lock.read_text().replace(sha(b"one\ntwo\n"), sha(b"new\n")))
    world.server.put("/names.txt", b"new\n")
    (world.downloads / "names.txt").unlink()
    world.fetch()
    assert world.data()["names.txt"] == b"new\n"


def test_half_an_archive_is_not_recorded(world):
    whole = world.server.files["/images.tgz"].data
    del world.files[0]["sha256"]
    world.server.put("/images.tgz", whole[:-50])
    text = world.refusal()
    assert "images.tgz: not a whole tar archive" in text
    assert not world.place.lock.path.exists()
    (world.downloads / "images.tgz").unlink()
    world.server.put("/images.tgz", whole)
    world.fetch()
    assert world.data() == WANTED


def test_an_evil_archive_leaves_nothing(world):
    evil = tar_bytes({"good": b"good", "evil": tar_special("evil", b"2", "/etc")})
    world.server.put("/images.tgz", evil)
    world.files[0]["sha256"] = sha(evil)
    assert "member 'evil' is a symbolic link" in world.refusal()
    assert world.remains() == []


def test_room_for_all_is_asked_for_before_anything_is_fetched(world, monkeypatch):
    world.files[0]["bytes"] = 10**18
    text = world.refusal()
    assert "downloading flowers needs 1000000.0 TB" in text
    assert world.server.requests == []


def test_room_for_the_content_is_asked_for_before_anything_is_unpacked(world, monkeypatch):
    big = zip_bytes({"labels.json": b"x" * 9_000_000})
    world.server.put("/labels.zip", big)
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 1_000_000))
    assert "unpacking flowers needs 9.0 MB, only 1.0 MB are free" in world.refusal()
    assert not any(p.suffix == ".json" and p.stat().st_size > 10**6 for p in world.folder.rglob("*"))


def command(world, **changes):
    options = {
        "dataset": "flowers",
        "files": json.dumps(world.files),
        "path": world.path,
        "downloads": world.downloads,
        "incoming": world.place.incoming,
        "lock": world.place.lock.path,
        "limits": json.dumps({"attempts": SHORT.attempts, "wait": SHORT.wait, "silence": 5}),
    }
    pairs = [(f"--{name}", str(value)) for name, value in (options | changes).items()]
    return [sys.executable, "-m", "workflow_scripts.fetch_dataset", *(word for pair in pairs for word in pair)]


def test_a_run_killed_while_unpacking_is_gone_on_with(world):
    many = {f"{i}.txt": bytes([i % 256]) * 100 for i in range(4_000)}
    world.server.put("/labels.zip", zip_bytes(many, 0))
    process = subprocess.Popen(command(world), cwd=ROOT, stderr=subprocess.DEVNULL)
    partial = world.path.with_name("flowers.partial")
    deadline = time.monotonic() + 30
    while not (partial / "300.txt").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (partial / "3999.txt").exists()
    assert not world.path.exists()
    before = (partial / "images/val/a.jpg").stat()
    # Cut a file as a kill may have done.
    (partial / "300.txt").write_bytes(b"")
    asked = len(world.server.requests)
    world.fetch()
    assert len(world.server.requests) == asked
    found = world.data()
    assert found.pop("images/val/a.jpg") == WANTED["images/val/a.jpg"]
    assert {name: found[name] for name in many} == many
    after = (world.path / "images/val/a.jpg").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert world.remains() == ["flowers"]


def test_nothing_of_a_damaged_archive_is_mixed_with_the_good_one(world):
    del world.files[0]["sha256"]
    whole = world.server.files["/images.tgz"].data
    world.server.put("/images.tgz", tar_bytes({"stale.jpg": b"of another version", "x": b"x" * 9000})[:-12_000])
    assert "not a whole tar archive" in world.refusal()
    assert (world.path.with_name("flowers.partial") / "images/stale.jpg").exists()
    world.server.put("/images.tgz", whole)
    (world.downloads / "images.tgz").unlink()
    world.fetch()
    assert world.data() == WANTED
    assert world.remains() == ["flowers"]


def test_the_command_ends_in_one_line(world):
    world.server.put("/names.txt", status=404)
    done = subprocess.run(command(world), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: flowers: names.txt: http://127.0.0.1")
    assert "Traceback" not in done.stderr
    world.server.put("/names.txt", b"one\ntwo\n")
    done = subprocess.run(command(world), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert world.data() == WANTED


def test_two_jobs_of_one_dataset_do_not_disturb_each_other(world):
    world.server.files["/images.tgz"].silent = 0.3
    jobs = [subprocess.Popen(command(world), cwd=ROOT, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [job.wait(60) for job in jobs] == [0, 0]
    assert world.data() == WANTED
    assert len(world.server.requests) == 3


def test_all_files_to_be_got_by_hand_are_asked_for_at_once(world):
    for entry in world.files[1:]:
        entry |= {"access": "login", "url": "https://example.org/login", "terms": "research only", "bytes": 147_897_477_120}
    text = world.refusal()
    for name in ("labels.zip", "names.txt"):
        assert (
            f"{world.place.incoming / name}: not there yet (147.9 GB, for flowers); get it from https://example.org/login"
            in text
        )
    assert text.count("(terms: research only) and put it there under exactly this name") == 2
    assert world.server.requests == []


def test_files_got_by_hand_are_taken_from_incoming_and_left_there(world):
    world.place.incoming.mkdir()
    for entry, data in zip(world.files[1:], (zip_bytes(LABELS), b"one\ntwo\n"), strict=True):
        entry |= {"access": "request", "url": "https://example.org/form", "md5": hashlib.md5(data).hexdigest(), "trust": "B"}
        (world.place.incoming / entry["name"]).write_bytes(data)
    complete = world.fetch()
    assert world.data() == WANTED
    assert [entry["checked"] for entry in complete["files"][1:]] == ["md5, trust B"] * 2
    assert [p.name for p in world.downloads.iterdir()] == ["images.tgz"]
    assert len(list(world.place.incoming.iterdir())) == 2


def test_a_wrong_file_got_by_hand_is_left_where_it_is(world):
    world.place.incoming.mkdir()
    (world.place.incoming / "labels.zip").write_bytes(b"PK but not this one")
    world.files[1] |= {"access": "login", "url": "https://example.org/login", "md5": "0" * 32}
    text = world.refusal()
    assert f"{world.place.incoming / 'labels.zip'}: md5 is" in text
    assert f"delete {world.place.incoming / 'labels.zip'} and run the same command again" in text
    assert (world.place.incoming / "labels.zip").exists()


ENTRIES = {
    "imagenet": {"source": {"type": "archives", "files": [
        {"name": "train.tar", "url": "https://image-net.org", "access": "login", "bytes": 10, "terms": "research only"},
        {"name": "open.zip", "url": "http://x/open.zip", "access": "open"},
    ]}},
    "imagenet50": {"source": {"type": "archives", "files": [
        {"name": "train.tar", "url": "https://image-net.org", "access": "login", "bytes": 10, "terms": "research only"},
    ]}},
    "mine": {"source": {"type": "local"}},
    "demo": {"source": {"type": "demo"}},
    "simmim": {"checkpoint": {"file": "simmim.pth", "source": {
        "type": "incoming", "name": "simmim_pretrain.pth", "url": "https://drive.google.com/x", "terms": "MIT"}}},
    "dino": {"checkpoint": {"source": {"type": "url", "url": "http://x/dino.pth"}}},
}  # fmt: skip


def test_missing_files_are_listed_by_name_page_and_terms(tmp_path):
    first, second = missing_incoming(ENTRIES, tmp_path)
    assert first == (
        f"{tmp_path}/train.tar: not there yet (10 bytes, for imagenet, imagenet50); get it from https://image-net.org "
        "(terms: research only) and put it there under exactly this name"
    )
    assert second.startswith(
        f"{tmp_path}/simmim_pretrain.pth: not there yet (for simmim); get it from https://drive.google.com/x"
    )


def test_files_that_are_there_are_not_asked_for(tmp_path):
    (tmp_path / "incoming").mkdir()
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads/train.tar").write_bytes(b"0123456789")
    (tmp_path / "downloads/simmim_pretrain.pth").write_bytes(b"weights are not looked for here")
    assert len(missing_incoming(ENTRIES, tmp_path / "incoming", tmp_path / "downloads")) == 1
    (tmp_path / "incoming/simmim_pretrain.pth").write_bytes(b"x")
    assert missing_incoming(ENTRIES, tmp_path / "incoming", tmp_path / "downloads") == []


def test_a_copy_that_is_not_finished_is_told(tmp_path):
    (tmp_path / "train.tar").write_bytes(b"01234")
    assert missing_incoming(ENTRIES, tmp_path)[0].startswith(f"{tmp_path}/train.tar: 5 bytes, but the file has 10")


@pytest.mark.parametrize("name", ["train (1).tar", "Train.tar"])
def test_a_name_that_is_nearly_right_is_pointed_at(tmp_path, name):
    (tmp_path / name).write_bytes(b"0123456789")
    assert f"(is '{name}' beside it that file? then rename it)" in missing_incoming(ENTRIES, tmp_path)[0]


def test_asking_is_cheap():
    code = (
        "import sys; import workflow_scripts.fetch.incoming;"
        "assert not {'torch', 'numpy', 'pandas', 'requests'} & set(sys.modules), 'heavy'"
    )
    made = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
