"""The page of a GPU can be measured: on the CPU, as small as can be; without a GPU it says that it was not."""

import torch

from benchmarks import gpu
from benchmarks.gpu import Sizes, page
from benchmarks.passes import TOGETHER

TINY = Sizes("vit_tiny_patch16_224", 32, 8, 4, 300, 40, 16, 5, rounds=1)


def test_every_row_is_measured():
    rows = page("cpu", TINY)
    everything = f"pass with all {len(TOGETHER)} collectors"
    expected = [
        f"{what}, {precision}"
        for precision in ("float32", "bf16", "fp16")
        for what in ("bare forward", "pass without attention / bare forward", f"{everything} / bare forward")
    ]
    expected += ["pass that reads ahead / pass over one batch in memory", "pass that reads ahead / pass that does not"]
    expected += ["1-NN, share of a float32 product on the same device", "k-NN, share of a float32 product on the CPU"]
    assert [row["what"] for row in rows] == expected
    assert all(row["value"] > 0 and row["detail"].startswith("cpu, PyTorch") for row in rows)


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.measure() == []
    assert capsys.readouterr().out == "gpu: not measured, there is no NVIDIA GPU here\n"
