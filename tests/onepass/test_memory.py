"""The estimate of a crop's memory against what is really alive at the peak; which errors say that memory is short."""

import weakref
from types import SimpleNamespace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.gpu.statistics import COLLECTED, Pictures, small_vit
from workflow_scripts.onepass import memory
from workflow_scripts.onepass.collectors import collector_class
from workflow_scripts.onepass.engine import out_of_memory, run_pass
from workflow_scripts.onepass.memory import bytes_per_crop, crops_that_fit

ATTENTION = ["average_attention", "aligned_attention", "attention_distance", "mask_iou", "attention_deviation"]
ATTENTION += ["top_token_share", "attention_information", "mean_head_average", "spatial_to_cls"]
FEATURES = ["pooled_features", "residual_ratio", "gram_blocks", "token_norms", "patch_store", "concept_patches", "cls_facets"]


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of tensors that operations have made and that are still alive, which tracemalloc does not see."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.known = weakref.WeakSet()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor) and (storage := tensor.untyped_storage()) not in self.known:
                self.known.add(storage)
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._gone, storage.nbytes())
        return made

    def _gone(self, size):
        self.now -= size


def peak(names, images):
    vit, source = small_vit(), Pictures(n=images)
    collectors = [collector_class(name)(vit.n_layers, None, **COLLECTED.get(name, {})) for name in names]
    with LiveBytes() as live:
        run_pass(vit, "small", source, collectors, images)
    return live.peak


def test_live_bytes_are_counted():
    with LiveBytes() as live:
        one = torch.zeros(1000)
        other = one + 1
        del one
        _ = other[10:].sum()
        assert 4000 <= live.now < 4100
        assert 8000 <= live.peak < 8100


@pytest.mark.parametrize(("names", "attention"), [(ATTENTION + FEATURES, True), (FEATURES, False)])
def test_an_estimate_is_never_below_the_peak_and_at_most_twice_as_much(names, attention):
    # Of four images more, so that what does not grow with them is no part of it.
    measured = (peak(names, 8) - peak(names, 4)) / 4
    assert measured <= bytes_per_crop(small_vit(), attention) <= 2 * measured


def test_a_batch_is_made_smaller_before_it_fails(monkeypatch, capsys):
    vit = small_vit()
    assert crops_that_fit(vit, [], 100) == 100
    vit.device = torch.device("cuda:0")
    collectors = [SimpleNamespace(attention=True)]
    one = bytes_per_crop(vit, True)
    for name, value in (("memory_reserved", 10 * one), ("memory_allocated", 4 * one)):
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4 * one, 80 * one))
    assert crops_that_fit(vit, collectors, 6) == 6
    assert capsys.readouterr().out == ""
    assert crops_that_fit(vit, collectors, 100) == int(memory._SHARE * 10)
    assert "batches of 8 crops: 0.0 GiB are free" in capsys.readouterr().out
    assert crops_that_fit(vit, [SimpleNamespace(attention=False)], 100) > 8
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, 80 * one))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 4 * one)
    assert crops_that_fit(vit, collectors, 100) == 1  # the engine says what does not fit


@pytest.mark.parametrize(
    "said",
    [
        "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
    ],
)
def test_errors_that_say_that_memory_is_short(said):
    assert out_of_memory(RuntimeError(said))


def test_other_errors_do_not():
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert out_of_memory(MemoryError())
    for said in ("CUDA error: an illegal memory access was encountered", "CUBLAS_STATUS_EXECUTION_FAILED", "shapes differ"):
        assert not out_of_memory(RuntimeError(said))
