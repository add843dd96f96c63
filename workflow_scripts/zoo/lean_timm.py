"""Importing PyTorch and timm without what passes do not use: the compiler and the client of the Hugging Face Hub."""

from __future__ import annotations

import gc
import sys
from types import ModuleType


def import_timm() -> None:
    """Import torch, torchvision and timm without ``torch._dynamo`` and ``huggingface_hub``; later imports get the real ones.

    torchvision's RoIAlign asks the compiler whether it may be compiled, timm tells it what not to compile: passes compile
    nothing. timm goes without the Hub, as where it is not installed: passes download nothing. The two cost 1.3 of the 3.3
    seconds of processor time that a job takes to start, and looking for garbage among what is imported, which has none,
    another 0.4.
    """
    if "torchvision" in sys.modules or "torch._dynamo" in sys.modules:
        return
    dynamo, utils = ModuleType("torch._dynamo"), ModuleType("torch._dynamo.utils")
    dynamo.__path__ = []
    dynamo.disable = lambda function, *_, **__: function
    utils.is_compile_supported = lambda device: False
    without = {"torch._dynamo": dynamo, "torch._dynamo.utils": utils}
    if "huggingface_hub" not in sys.modules:
        without["huggingface_hub"] = None  # an ImportError
    gc.disable()
    sys.modules |= without
    try:
        import timm  # noqa: F401
    finally:
        for name in without:
            del sys.modules[name]
        gc.freeze()
        gc.enable()
