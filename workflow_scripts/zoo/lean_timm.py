"""Importing timm without PyTorch's compiler, which torchvision, and so timm, would load for one question."""

from __future__ import annotations

import sys
from types import ModuleType


def import_timm() -> None:
    """Import timm, and torchvision with it, with a stand-in for ``torch._dynamo``; later imports get the real one.

    torchvision's RoIAlign asks it whether it may be compiled, timm tells it what not to compile. Passes compile nothing, and
    the compiler costs 1.1 of the 3 seconds of processor time that a job takes to start.
    """
    if "torchvision" in sys.modules or "torch._dynamo" in sys.modules:
        return
    dynamo, utils = ModuleType("torch._dynamo"), ModuleType("torch._dynamo.utils")
    dynamo.__path__ = []
    dynamo.disable = lambda function, *_, **__: function
    utils.is_compile_supported = lambda device: False
    sys.modules |= {"torch._dynamo": dynamo, "torch._dynamo.utils": utils}
    try:
        import timm  # noqa: F401
    finally:
        del sys.modules["torch._dynamo"], sys.modules["torch._dynamo.utils"]
