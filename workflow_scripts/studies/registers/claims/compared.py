"""What the claims compare: numbers of the last layer, of the models of the paper's methods without registers, and of twins."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence, listed
from workflow_scripts.studies.registers.conditions import HIGH, OF_LAST, SHARE
from workflow_scripts.studies.registers.methods import DEIT3, DINOV2, OPENCLIP, of_method
from workflow_scripts.studies.verdict import CannotTestError, Number, Part

NORMS, OUTLIERS, LOCAL, CLASSES, DISCOVERY = "norms", "outliers", "local_information", "classification", "discovery"
# Sizes in which the paper shows high-norm patches of a method (figures 2, 4c, 7).
SEEN_IN = {DINOV2: ("L", "H", "g"), DEIT3: ("B", "L"), OPENCLIP: ("B", "L")}


def plain(evidence: Evidence, method: str, sizes: Sequence[str] = ()) -> list[RunModel]:
    """Return the models of a method without registers, of some sizes, or with none given of any.

    Raises:
        CannotTestError: the run has none.
    """
    found = [model for model in of_method(evidence.models, method) if not sizes or model.size in sizes]
    if not found:
        which = f" of size {' or '.join(sizes)}" if sizes else ""
        raise CannotTestError(f"needs a model trained by {method} without registers{which}; this run has none")
    return found


def last(evidence: Evidence, model: RunModel, analysis: str, metric: str, setting: str, facet: str = "token") -> Number:
    """Return a number of the last layer.

    Raises:
        CannotTestError: it was not measured.
    """
    name = f"{metric.replace('_', ' ')} of {model.display_name}, {setting}"
    return evidence.curve(model, analysis, metric, facet, setting).at(model.layers, name)


def share(evidence: Evidence, model: RunModel) -> Number:
    """Return the share of high-norm patches, 0 where the norms have no cutoff.

    Raises:
        CannotTestError: it was not measured.
    """
    return last(evidence, model, NORMS, SHARE, OF_LAST).named(f"share of high-norm patches of {model.display_name}")


def any_of(high: Number) -> Part:
    """Return whether there are high-norm patches."""
    return Part(f"{high} {'above' if high.value > 0 else 'not above'} 0", high.value > 0)


def none_of(high: Number) -> Part:
    """Return whether there are no high-norm patches."""
    return Part(f"{high} {'is' if high.value == 0 else 'not'} 0", high.value == 0)


def holders(evidence: Evidence, analysis: str, metric: str, always: str) -> list[RunModel]:
    """Return the models of DINOv2 without registers that have high-norm patches in an analysis.

    Args:
        evidence: what was measured.
        analysis: the analysis.
        metric: what it measured of high-norm patches, where there are some.
        always: setting of a row that it has of every model.

    Raises:
        CannotTestError: none has, the run has no such model, or the analysis was made of none.
    """
    models = plain(evidence, DINOV2)
    found = [model for model in models if _measured(evidence, model, analysis, metric, HIGH)]
    if not found:
        without = [model for model in models if _measured(evidence, model, analysis, metric, always)]
        if without:
            raise CannotTestError(f"needs high-norm patches, which {listed(without)} of this run lack")
        last(evidence, models[0], analysis, metric, always)  # says what is not there
    return found


def _measured(evidence: Evidence, model: RunModel, analysis: str, metric: str, setting: str) -> bool:
    with suppress(CannotTestError):
        last(evidence, model, analysis, metric, setting)
        return True
    return False
