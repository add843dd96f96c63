"""A GPU that is pretended: tensors that say they are on cuda:0, compute real numbers on the CPU, and refuse to be mixed.

A tensor that a GPU path makes on the CPU and hands to an operation with one of the card then raises as CUDA itself would, on
any machine. What CUDA allows is allowed: numbers without dimensions, indices on the CPU, copies from one to the other.
Fake tensors (`torch._subclasses.FakeTensorMode`) hold no values, and most collectors look at some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

CARD = torch.device("cuda:0")
_COPIES = ("aten::copy_", "aten::_to_copy")
_INDEXED = ("aten::index", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_", "aten::_unsafe_index")


class OnCard(Tensor):
    """A tensor on the card; `values` are its numbers, on the CPU. For PyTorch it is on "meta", which starts no driver."""

    values: Tensor

    @staticmethod
    def __new__(cls, values: Tensor) -> OnCard:
        return Tensor._make_wrapper_subclass(
            cls, values.size(), strides=values.stride(), storage_offset=values.storage_offset(), dtype=values.dtype,
            device="meta", requires_grad=values.requires_grad,
        )  # fmt: skip

    def __init__(self, values: Tensor) -> None:
        self.values = values.detach()

    @property
    def device(self) -> torch.device:
        return CARD

    @property
    def is_cuda(self) -> bool:
        return True

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"OnCard({self.values!r})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _Values(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _Devices(TorchFunctionMode):
    """Takes "cuda" out of what is asked for before PyTorch starts CUDA for it, and puts the answer on the card."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.tolist and isinstance(args[0], OnCard):  # PyTorch has none of a subclass
            return args[0].values.tolist()
        if func in (Tensor.__getitem__, Tensor.__setitem__) and isinstance(args[0], OnCard):
            # Lists: PyTorch would make them on "meta", without their values.
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            index = tuple(torch.as_tensor(one) if isinstance(one, (list, np.ndarray)) else one for one in index)
            return func(args[0], index, *args[2:])
        if func is Tensor.pin_memory:
            return args[0]
        made_like = getattr(func, "__name__", "").startswith("new_") and isinstance(args[0], OnCard) and "device" not in kwargs
        if func is torch.device or not (made_like or any(map(_is_card, [*args, *kwargs.values()]))):
            return func(*args, **kwargs)
        args = [_off(_cpu_for(value)) for value in args]
        kwargs = {key: _off(_cpu_for(value)) for key, value in kwargs.items()}
        return tree_map(lambda made: OnCard(made) if isinstance(made, Tensor) else made, func(*args, **kwargs))


@contextmanager
def pretended_card() -> Iterator[torch.device]:
    """Pretend that there is a GPU for the duration of the block; yield its device."""
    with _Values(), _Devices():
        yield CARD


def module_on_card(model: nn.Module) -> nn.Module:
    """Put the parameters and buffers of `model` on the card, in place."""
    for module in model.modules():
        for name, value in module._parameters.items():
            if value is not None:
                module._parameters[name] = nn.Parameter(OnCard(value.detach()), requires_grad=False)
        for name, value in module._buffers.items():
            if value is not None:
                module._buffers[name] = OnCard(value)
    return model


# Wrappers are ordinary tensors also in inference mode, where views of them must be.
@torch.inference_mode(False)
@torch.no_grad()
def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
    ours = [value for value in tensors if isinstance(value, OnCard)]
    _require_one_device(func, args, tensors, ours)
    target = kwargs.get("device")
    to_cpu = target is not None and torch.device(target).type == "cpu"
    made = func(*tree_map(_off, args), **{key: tree_map(_off, _cpu_for(value)) for key, value in kwargs.items()})
    if not ours or (to_cpu and func._schema.name not in _COPIES[:1]):
        return tree_map(lambda value: value.clone() if to_cpu and isinstance(value, Tensor) else value, made)
    # What is changed in place, or written to, is the tensor that was given.
    return tree_map(_wrap({id(value.values): value for value in ours}), made)


def _wrap(given: dict[int, OnCard]) -> Callable[[Any], Any]:
    def wrap(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        return given[id(value)] if id(value) in given else OnCard(value)

    return wrap


def _require_one_device(func: Any, args: Any, tensors: list[Tensor], ours: list[OnCard]) -> None:
    name = func._schema.name
    if name in _COPIES:
        return
    if name in _INDEXED and isinstance(args[0], OnCard):
        tensors = [value for value in tensors if not any(value is index for index in args[1])]
    if ours and any(value.ndim and not isinstance(value, OnCard) for value in tensors):
        raise RuntimeError(f"Expected all tensors to be on the same device, but {name} found cuda:0 and cpu")


def _off(value: Any) -> Any:
    return value.values if isinstance(value, OnCard) else value


def _is_card(value: Any) -> bool:
    return isinstance(value, (str, torch.device)) and str(value).startswith(("cuda", "meta"))


def _cpu_for(value: Any) -> Any:
    return torch.device("cpu") if _is_card(value) else value
