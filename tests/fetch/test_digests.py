"""The lock file of digests: first use, change, many at once."""

import multiprocessing

import pytest
import yaml

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.fetch.contents import visible_fault
from workflow_scripts.fetch.digests import DigestLock, WrongFileError, check_file
from workflow_scripts.fetch.locks import locked
from workflow_scripts.fetch.remote_file import RemoteFile, dataset_file, model_file

ONE, TWO = "1" * 64, "2" * 64


def check(path, lock, **facts):
    return check_file(path, RemoteFile(path.name, (), "page", **facts), f"downloads/{path.name}", lock, "datasets.yaml")


def test_the_first_digest_is_recorded_and_another_one_refused(tmp_path):
    lock = DigestLock(tmp_path / "config" / "fetched.lock.yaml")
    lock.record("downloads/b.zip", ONE, 7)
    lock.record("checkpoints/a.pth", TWO, 8)
    text = lock.path.read_text()
    assert text.startswith("# ")
    assert list(yaml.safe_load(text).items()) == [
        ("checkpoints/a.pth", {"bytes": 8, "sha256": TWO}),
        ("downloads/b.zip", {"bytes": 7, "sha256": ONE}),
    ]
    lock.record("downloads/b.zip", ONE, 7)
    with pytest.raises(
        WrongFileError, match=f"sha256 is {TWO}, but .* recorded {ONE} for 'downloads/b.zip'.*remove that entry"
    ):
        lock.record("downloads/b.zip", TWO, 7)
    assert lock.path.read_text() == text
    assert [p.name for p in lock.path.parent.iterdir()] == ["fetched.lock.yaml"]


def test_a_changed_file_is_refused(tmp_path):
    lock, path = DigestLock(tmp_path / "lock.yaml"), tmp_path / "a.bin"
    path.write_bytes(b"first")
    first = check(path, lock)
    assert not first.published
    lock.record("downloads/a.bin", first.sha256, first.size)
    assert check(path, lock).by == "sha256, as on first fetch"
    path.write_bytes(b"other")
    with pytest.raises(WrongFileError, match="the file has changed or is damaged"):
        check(path, lock)


def test_a_third_partys_wrong_digest_falls_back_on_the_lock(tmp_path):
    lock, path = DigestLock(tmp_path / "lock.yaml"), tmp_path / "a.bin"
    path.write_bytes(b"first")
    facts = {"digests": {"md5": "0" * 32}, "trust": "C"}
    lock.record("downloads/a.bin", check(path, lock, **facts).sha256, 5)
    path.write_bytes(b"other")
    with pytest.raises(WrongFileError, match="recorded"):
        check(path, lock, **facts)


@pytest.mark.parametrize("content", ["- a\n", "a: 1\n", "a: {b: 1}\n"])
def test_a_lock_file_that_is_none_is_named(tmp_path, content):
    (tmp_path / "lock.yaml").write_text(content)
    with pytest.raises(AtlasError, match=r"lock.yaml: not a lock file"):
        DigestLock(tmp_path / "lock.yaml").recorded("a")


def record_many(path, start):
    for i in range(8):
        DigestLock(path).record(f"downloads/{start + i}", f"{start + i:064x}", i)


def test_jobs_that_record_at_once_lose_nothing(tmp_path):
    path = tmp_path / "lock.yaml"
    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=record_many, args=(path, start)) for start in (0, 100, 200)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0, 0, 0]
    found = yaml.safe_load(path.read_text())
    assert found == {f"downloads/{s + i}": {"bytes": i, "sha256": f"{s + i:064x}"} for s in (0, 100, 200) for i in range(8)}
    assert [p.name for p in tmp_path.iterdir()] == ["lock.yaml"]


def hold(path, ready, go):
    with locked(path):
        ready.set()
        go.wait(30)


def test_a_killed_holder_gives_its_lock_back(tmp_path, capsys):
    context = multiprocessing.get_context("fork")
    ready, go = context.Event(), context.Event()
    job = context.Process(target=hold, args=(tmp_path / "busy", ready, go))
    job.start()
    assert ready.wait(10)
    job.kill()
    job.join()
    with locked(tmp_path / "busy", "waiting"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "", "."])
def test_names_stay_in_their_folder(name):
    with pytest.raises(AtlasError, match="leaves the folder"):
        dataset_file({"name": name, "url": "http://x/a"})
    if name not in ("", "."):
        with pytest.raises(AtlasError, match="leaves the folder"):
            dataset_file({"name": "a", "url": "http://x/a", "extract": {"kind": "zip", "to": name}})


@pytest.mark.parametrize(("key", "digest"), [("md5", "12ab"), ("sha256", "12ab"), ("sha1", "x" * 40)])
def test_a_digest_that_is_none_is_named(key, digest):
    with pytest.raises(AtlasError, match=f"a.zip: {key} '{digest}' is not"):
        dataset_file({"name": "a.zip", "url": "http://x/a", key: digest})


def test_hub_addresses_pin_a_revision_and_follow_the_endpoint(monkeypatch):
    source = {"type": "hub", "repository": "timm/vit", "file": "model.safetensors", "revision": "abc"}
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert model_file(source, "a.safetensors").urls == ("https://huggingface.co/timm/vit/resolve/abc/model.safetensors",)
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror/")
    file = model_file(source, "a.safetensors")
    assert (file.urls, file.page) == (("http://mirror/timm/vit/resolve/abc/model.safetensors",), "http://mirror/timm/vit")


def test_a_source_without_a_file_is_named():
    with pytest.raises(AtlasError, match="type 'demo' cannot be fetched"):
        model_file({"type": "demo"}, "a.pth")


def test_a_pointer_in_place_of_a_file_is_seen_without_any_digest(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 346284714\n")
    fault = visible_fault(path, "weights.pth")
    assert fault.startswith("a git-lfs pointer to 346284714 bytes in place of the file: run 'git lfs pull'")
