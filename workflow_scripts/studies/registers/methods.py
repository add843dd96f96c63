"""The paper's models by their methods' names in the registry, and how it finds objects with each (Darcet et al., section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workflow_scripts.common.run_model import RunModel

DINO, DINOV2, DEIT3, OPENCLIP, MAE = "DINO", "DINOv2", "DeiT-III", "OpenCLIP", "MAE"
REGISTERED = "+reg"  # ends the method of a model that was trained with registers, in the registry
_BY_VALUES = (DEIT3, OPENCLIP)  # section 3.3: "keys for DINOv2, values for DeiT-III and OpenCLIP"


def base_method(method: str) -> str:
    """Return the method without its registers."""
    return method.removesuffix(REGISTERED)


def has_registers(model: RunModel) -> bool:
    """Return whether a model has tokens beside CLS that no patch feeds."""
    return model.prefix_tokens > 1


def published_facet(model: RunModel) -> str:
    """Return the facet by which the paper finds objects with a model: keys where it does not say."""
    return "value" if base_method(model.method) in _BY_VALUES else "key"


def twins(models: Sequence[RunModel]) -> list[tuple[RunModel, RunModel]]:
    """Return the pairs of models that differ in registers alone, (without, with), in the order of the run.

    A pair has one method, the `REGISTERED` apart, one architecture and one kind of training data, as far as names say.
    """
    plain = [model for model in models if not has_registers(model)]
    return [(one, other) for one in plain for other in models if has_registers(other) and _family(one) == _family(other)]


def _family(model: RunModel) -> tuple[str, str]:
    return base_method(model.method), model.architecture


def of_method(models: Iterable[RunModel], method: str) -> list[RunModel]:
    """Return the models of a method without registers, smallest first as the run has them."""
    return [model for model in models if model.method == method and not has_registers(model)]
