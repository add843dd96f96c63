"""bf16 and fp16 on the CPU against float32: every collector and fit within its stated tolerance."""

import numpy as np
import pytest

from tests.gpu.statistics import FITTED, collected, fitted, small_vit
from tests.gpu.tolerances import BOUNDS, Bound, comparable, misses, moved, others, relative
from workflow_scripts.onepass.collectors import COLLECTORS


@pytest.fixture(scope="module")
def exact():
    return collected(small_vit()) | {name: fitted(small_vit(), name) for name in FITTED}


def test_every_statistic_has_a_tolerance():
    assert BOUNDS.keys() == COLLECTORS.keys() | FITTED.keys()


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_collectors_and_fits(exact, precision):
    vit = small_vit(precision=precision)
    found = collected(vit) | {name: fitted(vit, name) for name in FITTED}
    lines = [line for name, arrays in exact.items() for line in misses(name, found[name], arrays, precision)]
    assert not lines, "\n".join(lines)


def test_measures_by_hand():
    assert relative(np.array([3.0, 4.5, np.nan]), np.array([3.0, 4.0, np.nan])) == pytest.approx(0.1)
    assert relative(np.array([3.0, np.nan]), np.array([3.0, 4.0])) is not None
    assert not relative(np.array([3.0, np.nan]), np.array([3.0, 4.0])) <= 1
    assert relative(np.array([1.0]), np.array([np.inf])) == np.inf
    assert moved(np.array([4, 6]), np.array([5, 5])) == pytest.approx(0.1)
    assert others(np.array([1, 2, 3, 4]), np.array([1, 2, 3, 5])) == 0.25
    arrays = {"pooled_features": {"cls": np.ones(4, np.float16)}}
    assert misses("pooled_features", {"cls": np.full(4, 1.1)}, arrays["pooled_features"], "bf16") == [
        "pooled_features cls: relative 1.0e-01, allowed 2e-02 (bf16)"
    ]
    assert isinstance(BOUNDS["codebooks"], Bound)
    turned = {"x_components": np.eye(2)[::-1].copy(), "x_variance": np.ones(2)}
    assert np.array_equal(comparable(turned)["x_components"], np.eye(2))
