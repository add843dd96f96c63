"""Every statistic on the CPU against the same on a GPU, within stated tolerances. Has never run: no GPU was to be had."""

import pytest
import torch

from tests.gpu.statistics import FITTED, analysed, collected, fitted, small_vit
from tests.gpu.tolerances import ANALYSED, misses, others, relative
from workflow_scripts.common.device import compute_device

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU: compares the CPU with it")


@pytest.fixture(scope="module")
def gpu():
    with compute_device("require") as device:
        yield device


@pytest.fixture(scope="module")
def on_cpu():
    return collected(small_vit()) | {name: fitted(small_vit(), name) for name in FITTED}


@pytest.mark.parametrize(("precision", "column"), [("float32", "gpu"), ("bf16", "bf16"), ("fp16", "fp16")])
def test_collectors_and_fits(gpu, on_cpu, precision, column):
    vit = small_vit(gpu, precision)
    found = collected(vit) | {name: fitted(vit, name) for name in FITTED}
    lines = [line for name, arrays in on_cpu.items() for line in misses(name, found[name], arrays, column)]
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("model", ["demo_beit", "demo_clip", "demo_mae", "demo_dinov2reg"])
def test_models(gpu, model):
    on_cpu, on_gpu = (collected(small_vit(device, name=model), ["patch_norms", "average_attention"]) for device in ("cpu", gpu))
    assert not [line for name, arrays in on_cpu.items() for line in misses(name, on_gpu[name], arrays, "gpu")]


def test_analyses(gpu):
    found = analysed(gpu)
    for key, value in analysed("cpu").items():
        if value.dtype.kind in "iu":
            assert others(found[key], value) <= ANALYSED.get(key, 0.02), key
        else:
            assert relative(found[key], value) <= 1e-4, key
