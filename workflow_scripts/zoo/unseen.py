"""Facts of a network that carry no weights, so that no key of a checkpoint shows them: activation and norm epsilon.

A file loads into a network with another activation without a complaint, and the features are others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from workflow_scripts.zoo.vit import Vit

_NAMES = {"gelu": "GELU", "gelu_tanh": "GELU by tanh", "quick_gelu": "QuickGELU", "silu": "SiLU", "relu": "ReLU"}
_CLASSES = {
    "GELUTanh": "gelu_tanh",
    "QuickGELU": "quick_gelu",
    "SiLU": "silu",
    "Swish": "silu",
    "ReLU": "relu",
}


@dataclass(frozen=True)
class Unseen:
    """What is known of such facts, or found in a network.

    Attributes:
        activations: keys of `_NAMES`: those that may be, empty if nothing is known; of a network those that are there.
        norm_epsilons: of the LayerNorms, likewise.
    """

    activations: frozenset[str] = frozenset()
    norm_epsilons: frozenset[float] = frozenset()

    def __str__(self) -> str:
        """As in ``GELU, norm epsilon 1e-06``."""
        names = " or ".join(sorted(_NAMES.get(name, name) for name in self.activations))
        return f"{names or 'no known activation'}, norm epsilon {' and '.join(f'{e:g}' for e in sorted(self.norm_epsilons))}"

    @property
    def is_certain(self) -> bool:
        """Whether nothing is left open."""
        return len(self.activations) == len(self.norm_epsilons) == 1

    def contradiction(self, built: Unseen) -> str | None:
        """Return how the network `built` differs from what is known, None if it does not."""
        if self.activations and not (built.activations and built.activations <= self.activations):
            return f"{_of(built.activations)}, where these weights are of a network with {_of(self.activations)}"
        if self.norm_epsilons and not (built.norm_epsilons and built.norm_epsilons <= self.norm_epsilons):
            return f"norm epsilon {_of(built.norm_epsilons)}, where these weights are of one with {_of(self.norm_epsilons)}"
        return None


def unseen_of(vit: Vit) -> Unseen:
    """Return these facts of a network, over all of its blocks and its final norm."""
    activations, epsilons = set(), {getattr(vit.final_norm, "eps", None)}
    for block in vit.blocks:
        activations |= set(map(_activation, _modules(block.mlp)))
        epsilons |= {getattr(norm, "eps", None) for norm in (block.norm1, block.norm2)}
    return Unseen(frozenset(activations - {None}), frozenset(epsilons - {None}))


def _modules(part: Callable[[Tensor], Tensor]) -> Any:
    return part.modules() if isinstance(part, nn.Module) else ()


def _activation(module: nn.Module) -> str | None:
    name = type(module).__name__
    if name == "GELU":
        return "gelu_tanh" if getattr(module, "approximate", "none") == "tanh" else "gelu"
    return _CLASSES.get(name)


def _of(facts: frozenset[Any]) -> str:
    return " or ".join(sorted(_NAMES.get(fact, f"{fact}") for fact in facts)) or "none that is known"
