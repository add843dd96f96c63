"""A checkpoint in its place, by each way it may come."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import save

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.fetch.model import fetch_model
from workflow_scripts.fetch.remote_file import model_file

ROOT = Path(__file__).resolve().parents[2]


def npz():
    out = io.BytesIO()
    np.savez(out, weight=np.arange(1000.0))
    return out.getvalue()


WEIGHTS = npz()


def fetch(place, source, output):
    return fetch_model("vit", model_file(source, output.name), output, place)


def test_a_checkpoint_with_a_published_prefix(server, place, tmp_path):
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    source = {"type": "torchvision", "weights": "IMAGENET1K_V1", "url": server.put("/vit.npz", WEIGHTS), "sha256": digest[:8]}
    fetch(place, source, tmp_path / "checkpoints/vit.npz")
    assert (tmp_path / "checkpoints/vit.npz").read_bytes() == WEIGHTS
    assert not place.lock.path.exists()


def test_a_hub_file_is_recorded_by_the_checkpoints_name(server, place, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.base)
    server.put("/timm/vit/resolve/abc/model.safetensors", save({"a": np.ones(3)}))
    source = {"type": "hub", "repository": "timm/vit", "file": "model.safetensors", "revision": "abc"}
    fetch(place, source, tmp_path / "checkpoints/vit.safetensors")
    assert list(yaml.safe_load(place.lock.path.read_text())) == ["checkpoints/vit.safetensors"]
    server.put("/timm/vit/resolve/abc/model.safetensors", save({"a": np.zeros(3)}))
    (tmp_path / "checkpoints/vit.safetensors").unlink()
    with pytest.raises(AtlasError, match="the file has changed or is damaged"):
        fetch(place, source, tmp_path / "checkpoints/vit.safetensors")
    assert not (tmp_path / "checkpoints/vit.safetensors").exists()


def test_a_gated_hub_file_is_asked_for_with_its_page(server, place, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.base)
    server.put("/meta/dinov3/resolve/abc/model.safetensors", status=401)
    source = {"type": "hub", "repository": "meta/dinov3", "file": "model.safetensors", "revision": "abc", "terms": "DINOv3"}
    with pytest.raises(AtlasError) as error:
        fetch(place, source, tmp_path / "checkpoints/dinov3.safetensors")
    assert "answers 401" in str(error.value)
    assert f"get the file by hand from {server.base}/meta/dinov3 (terms: DINOv3)" in str(error.value)
    assert f"put it into {place.incoming} as dinov3.safetensors" in str(error.value)


@pytest.mark.parametrize("missing", [1, 40])
def test_a_checkpoint_cut_short_is_not_recorded(server, place, tmp_path, missing):
    for name, data in (("a.npz", WEIGHTS), ("a.pth", WEIGHTS), ("a.safetensors", save({"a": np.ones(300)}))):
        source = {"type": "url", "url": server.put(f"/{name}", data[:-missing])}
        with pytest.raises(AtlasError, match="not a whole"):
            fetch(place, source, tmp_path / "checkpoints" / name)
        assert not (tmp_path / "checkpoints" / name).exists()
    assert not place.lock.path.exists()


@pytest.mark.parametrize("data", [b"", b"1234", b"\xff" * 100, b"\x02" + bytes(7) + b"[]", b"\x02" + bytes(7) + b"{]"])
def test_what_is_no_safetensors_file_is_told(server, place, tmp_path, data):
    source = {"type": "url", "url": server.put("/a.safetensors", data)}
    with pytest.raises(AtlasError, match="not a whole safetensors file"):
        fetch(place, source, tmp_path / "a.safetensors")


def test_an_incoming_checkpoint_is_copied_under_its_new_name(place, tmp_path):
    place.incoming.mkdir()
    given, output = place.incoming / "simmim_pretrain.npz", tmp_path / "checkpoints/simmim.npz"
    given.write_bytes(WEIGHTS)
    source = {"type": "incoming", "name": given.name, "url": "https://drive.google.com/x", "terms": "MIT"}
    fetch(place, source, output)
    assert output.read_bytes() == WEIGHTS
    assert not output.samefile(given)
    assert output.stat().st_mtime >= given.stat().st_mtime
    assert list(yaml.safe_load(place.lock.path.read_text())) == ["checkpoints/simmim.npz"]
    given.unlink()
    output.unlink()
    with pytest.raises(
        AtlasError, match=r"simmim_pretrain.npz: not there yet \(for vit\); get it from https://drive.google.com/x"
    ):
        fetch(place, source, output)


def test_the_command(server, place, tmp_path):
    source = {"type": "url", "url": server.put("/vit.npz", WEIGHTS)}
    output = tmp_path / "checkpoints/vit.npz"
    command = [
        sys.executable, "-m", "workflow_scripts.fetch_model", "--model", "vit", "--source", json.dumps(source),
        "--output", str(output), "--incoming", str(place.incoming), "--lock", str(place.lock.path),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{output}: {len(WEIGHTS)} bytes, sha256 {hashlib.sha256(WEIGHTS).hexdigest()}" in done.stdout
    assert zipfile.is_zipfile(output)
    server.put("/vit.npz", status=403)
    output.unlink()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: vit: vit.npz: http://127.0.0.1")
    assert "correct the entry in config/models.yaml" in done.stderr
