"""Weight files from strangers: what is met is said, nothing is made that the file has no bytes for, and none crashes a job."""

from __future__ import annotations

import dataclasses
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.checkpoints import read_checkpoint
from workflow_scripts.zoo.registry import ModelEntry, read_models
from workflow_scripts.zoo.weight_files import read_weights

ENTRY = read_models(Path(__file__).parents[2] / "config" / "models.yaml")["demo_untrained"]


def tiny(entry: ModelEntry = ENTRY) -> ModelEntry:
    """A network of a few kilobytes, so that most of a file is not its numbers."""
    arguments = {"patch_size": 8, "embed_dim": 8, "depth": 1, "num_heads": 2, "mlp_ratio": 1}
    build = dataclasses.replace(entry.build, arguments=arguments)
    return dataclasses.replace(entry, layers=1, heads=2, dim=8, image_size=16, build=build)


NETWORK = tiny()
MODEL = build_model(NETWORK)


def zip_of(path: Path, files: dict[str, bytes], packing: int = zipfile.ZIP_STORED, root: str = "archive/") -> None:
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in files.items():
            archive.writestr(root + name, content)


def parts(**changes: bytes) -> dict[str, bytes]:
    """The members of a PyTorch zip that holds `a`, four zeros."""
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(4)}, buffer)
    with zipfile.ZipFile(buffer) as archive:
        content = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    return content | {name.replace("_", "."): value for name, value in changes.items()}


def refusal(path: Path) -> str:
    with pytest.raises(AtlasError) as caught:
        read_weights(path)
    text = str(caught.value)
    assert "\n" not in text and text.startswith(f"{path}: ")
    return text


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22e\nsize 346284714\n"
MET = {
    "a git-lfs pointer": (POINTER, "a git-lfs pointer to 346284714 bytes, not the weights; run 'git lfs pull'"),
    "a git-annex pointer": (
        b"/annex/objects/SHA256E-s3--ab.pth\n",
        "a git-annex pointer, not the weights; run",
    ),
    "a page": (
        b"\n<!DOCTYPE html><html><title>Sign\n in</title>",
        "a web page ('Sign in'), as servers send",
    ),
    "a denial": (b"<?xml version='1.0'?><Error><Message>AccessDenied</Message>", "a web page ('AccessDenied')"),
    "json": (b'{"error": "Invalid credentials"}\n', 'a text file (\'{"error": "Invalid credentials"}\')'),
    "text in utf-8": ("Größe: 3".encode(), "a text file ('Größe: 3')"),
    "nothing": (b"", "an empty file (0 bytes); its download or copy was cut short"),
    "gzip": (b"\x1f\x8b\x08\0\0", "a gzip archive; unpack it"),
    "tar": (b"weights.pth".ljust(257, b"\0") + b"ustar\x0000", "a tar archive; unpack it"),
    "hdf5": (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file"),
    "pickle of text": (pickle.dumps({"a": [1, 2]}, protocol=0), "a pickle written as text (protocol 0), which could run code"),
    "pickle": (pickle.dumps({"a": [1, 2]}, protocol=4), "a bare pickle (protocol 4) and no file of torch.save"),
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".npz"])
@pytest.mark.parametrize("case", MET)
def test_what_stands_in_place_of_weights_is_said(case: str, suffix: str, tmp_path: Path) -> None:
    content, said = MET[case]
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    assert f"refused, this is {said}" in refusal(path)


def write_npz(path: Path) -> None:
    with open(path, "wb") as file:
        np.savez(file, a=np.zeros(3))


WRITERS: dict[str, Callable[[Path], None]] = {
    ".pth": lambda path: torch.save({"a": torch.zeros(3)}, path),
    ".safetensors": lambda path: save_file({"a": torch.zeros(3)}, path),
    ".npz": write_npz,
}


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("right", WRITERS)
def test_weights_under_the_suffix_of_another_kind_say_which_is_theirs(right: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    WRITERS[right](path)
    if suffix == right:
        assert list(read_weights(path)) == ["a"]
    else:
        assert refusal(path).endswith(f"; give it the suffix {right}")


def test_zips_that_are_no_checkpoints_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    zip_of(path, {"readme.txt": b"x", "config.json": b"{}"}, root="")
    assert "a zip archive of 2 files ('readme.txt', 'config.json'); unpack it" in refusal(path)
    zip_of(path, {name: content for name, content in parts().items() if "version" not in name})
    assert "a zip like torch.save's that has no version in it; something has packed it anew" in refusal(path)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("how", ["script", "trace"])
def test_torchscript_is_named(how: str, tmp_path: Path) -> None:
    module = torch.nn.Linear(2, 2)
    made = torch.jit.script(module) if how == "script" else torch.jit.trace(module, torch.zeros(1, 2))
    made.save(tmp_path / "clip.pt")
    assert "this is a TorchScript archive; it contains code" in refusal(tmp_path / "clip.pt")


def test_a_pickle_of_a_newer_protocol_says_how_to_save_it(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(3)}, tmp_path / "a.pth", pickle_protocol=4)
    text = refusal(tmp_path / "a.pth")
    assert "its pickle uses FRAME (protocol 4)" in text and "operand" not in text
    zip_of(tmp_path / "b.pth", parts(data_pkl=b"\x80\x02v."))
    text = refusal(tmp_path / "b.pth")
    assert "a byte that means nothing" in text and "operand" not in text


def test_a_folder_and_no_file_are_said(tmp_path: Path) -> None:
    assert "a folder, not a file" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "absent.pth")


def header(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def bomb_npz(path: Path) -> None:
    np.savez_compressed(path, a=np.zeros(10_000_000, np.float32))


def lying_npz(path: Path) -> None:
    zip_of(path, {"a.npy": header((99_999_999_999_999,)) + b"1234"}, root="")


def packed_marks(path: Path) -> None:
    zip_of(path, parts(data_pkl=b"\x80\x02" + b"(" * 20_000_000), zipfile.ZIP_DEFLATED)


def plain_marks(path: Path) -> None:
    zip_of(path, parts(data_pkl=b"\x80\x02" + b"(" * 3_000_000))


def legacy_marks(path: Path) -> None:
    torch.save({}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"\x80\x02}")] + b"\x80\x02" + b"(" * 3_000_000)


def deflated_numbers(path: Path) -> None:
    zip_of(path, parts(), zipfile.ZIP_DEFLATED)


def lying_storage(path: Path) -> None:
    pickled = parts()["data.pkl"]
    assert pickled.count(b"K\x04") == 2
    zip_of(path, parts(data_pkl=pickled.replace(b"K\x04", b"J\xff\xff\xff\x3f")))


def twice_npz(path: Path) -> None:
    zip_of(path, {"a.npy": header((1,)) + b"1234"}, root="")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a.npy", header((1,)) + b"1234")


def twice_zip(path: Path) -> None:
    zip_of(path, parts())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/data/0", b"1234")


def twice_safetensors(path: Path) -> None:
    entry = '"a":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}'
    text = f"{{{entry % (0, 4)},{entry % (4, 8)}}}".encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))


def long_header(path: Path) -> None:
    path.write_bytes((11_000_000).to_bytes(8, "little") + b"{" + b" " * 11_000_000)


BOMBS: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "an npz of zeros": (".npz", bomb_npz, "40000128 bytes are packed into its"),
    "an npy header of 10^14": (
        ".npz",
        lying_npz,
        "'a.npy' says it is (99999999999999,) of float32, 399999999999996 bytes",
    ),
    "packed marks": (".pth", packed_marks, "bytes are packed into its"),
    "plain marks": (".pth", plain_marks, "its pickle has 3000002 bytes"),
    "marks in an old file": (".pth", legacy_marks, "its pickle has more than 2000000 parts"),
    "packed numbers": (".pth", deflated_numbers, "is compressed, which torch.save never does"),
    "more numbers than stored": (".pth", lying_storage, "not a readable PyTorch checkpoint"),
    "a name twice in an npz": (".npz", twice_npz, "'a.npy' is in it 2 times"),
    "a name twice in a zip": (".pth", twice_zip, "'archive/data/0' is in it 2 times"),
    "a name twice in safetensors": (".safetensors", twice_safetensors, "'a' is in it 2 times"),
    "a header without end": (".safetensors", long_header, "its header should have 11000000 bytes"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_what_a_file_has_no_bytes_for_is_never_made(case: str, tmp_path: Path) -> None:
    suffix, write, said = BOMBS[case]
    path = tmp_path / f"weights{suffix}"
    write(path)
    assert said in refusal(path)


def held(content: Any, tmp_path: Path, **drop: tuple[str, ...]) -> str:
    """What the loader says of a file for the tiny network."""
    torch.save(content, tmp_path / "weights.pth")
    network = dataclasses.replace(NETWORK, checkpoint=dataclasses.replace(NETWORK.checkpoint, **drop))
    with pytest.raises(AtlasError) as caught:
        read_checkpoint(network, tmp_path / "weights.pth").put_into(MODEL, network)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_tensor_larger_than_what_is_stored_of_it_is_refused(tmp_path: Path) -> None:
    state = MODEL.state_dict()
    giant = torch.zeros(1).as_strided((2**38,), (0,))
    said = f"'norm.weight' has shape ({2**38},), of whose {2**38} numbers 1 are in the file, and the whole network has "
    assert said in held({**state, "norm.weight": giant}, tmp_path)
    # What is dropped costs nothing, whatever it claims.
    assert "missing 'norm.weight'" in held(
        {**{k: v for k, v in state.items() if k != "norm.weight"}, "head.x": giant}, tmp_path, drop=("head.*",)
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (torch.eye(8).to_sparse(), "no plain array of numbers (torch.sparse_coo, torch.float32, on cpu)"),
        (torch.empty(8, device="meta"), "no plain array of numbers (torch.strided, torch.float32, on meta)"),
        (torch.zeros(8, dtype=torch.complex64), "no plain array of numbers"),
        (torch.zeros(8, dtype=torch.int8), "'norm.weight' is of torch.int8, the network expects floats"),
        (torch.zeros(()), "'norm.weight' has shape ()"),
    ],
    ids=["sparse", "meta", "complex", "quantised", "scalar"],
)
def test_what_is_no_array_of_floats_is_refused(value: torch.Tensor, said: str, tmp_path: Path) -> None:
    assert said in held({**MODEL.state_dict(), "norm.weight": value}, tmp_path)


@pytest.mark.parametrize("content", [{}, {"state_dict": {}}, {"model": {"state_dict": {}}, "epoch": 3}])
def test_a_checkpoint_without_tensors_is_refused_by_that_word(content: Any, tmp_path: Path) -> None:
    assert "holds no tensors" in held(content, tmp_path)


def saved(kind: str, path: Path) -> None:
    state = MODEL.state_dict()
    if kind == ".npz":
        with open(path, "wb") as file:
            np.savez(file, **{name: value.numpy() for name, value in state.items()})
    elif kind == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind == ".pth")


@pytest.fixture(scope="module")
def good_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, bytes]]:
    files = {}
    for kind in (".pth", "old .pth", ".npz", ".safetensors"):
        path = tmp_path_factory.mktemp("good") / f"weights{kind.removeprefix('old ')}"
        saved(kind, path)
        read_checkpoint(NETWORK, path).put_into(MODEL, NETWORK)
        files[kind] = path, path.read_bytes()
    return files


def outcome(path: Path) -> str | None:
    """None if the file loads, the project's error if it does not; anything else is raised."""
    try:
        read_checkpoint(NETWORK, path).put_into(MODEL, NETWORK)
    except AtlasError as error:
        return str(error)
    return None


EDIT = st.tuples(
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(["flip", "cut", "insert", "remove", "copy", "largest"]),
    st.binary(min_size=1, max_size=12),
)


def edited(content: bytes, edits: list[tuple[float, str, bytes]]) -> bytes:
    for place, how, noise in edits:
        at = int(place * len(content))
        before, after = content[:at], content[at:]
        content = {
            "flip": before + noise + after[len(noise) :],
            "cut": before,
            "insert": before + noise + after,
            "remove": before + after[len(noise) :],
            "copy": before + content[: len(noise) * 20] + after,
            "largest": before + b"\xff" * len(noise) + after[len(noise) :],
        }[how]
    return content


@pytest.mark.parametrize("kind", [".pth", "old .pth", ".npz", ".safetensors"])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(EDIT, min_size=1, max_size=4))
def test_a_damaged_file_gives_weights_or_one_line(kind: str, good_files: dict, edits: list[tuple[float, str, bytes]]) -> None:
    path, content = good_files[kind]
    path.write_bytes(edited(content, edits))
    said = outcome(path)
    assert said is None or ("\n" not in said and path.name in said)
