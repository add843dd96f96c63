"""The paper's models by their methods' names in the registry (Vanyan et al., section 3 and A.1), and what stands for them.

A role is what the paper calls a model; a claim is about roles. Figures show any models. MODEL - m is a model without its m
features of largest variance; the paper shows it of the models that reconstruct pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

from workflow_scripts.common.run_model import RunModel

SUPERVISED, DINO, DINOV2, MAE, SIMMIM, IBOT, SCALE_MAE = (
    "Supervised", "DINO", "DINOv2", "MAE", "SimMIM", "iBOT", "Scale-MAE",
)  # fmt: skip
# Role -> methods, the first that a run has. A ViT trained with labels from scratch is one whatever its recipe.
METHODS = {
    SUPERVISED: ("Supervised", "FS"),
    DINO: ("DINO",),
    DINOV2: ("DINOv2",),
    MAE: ("MAE",),
    SIMMIM: ("SimMIM",),
    IBOT: ("iBOT",),
    SCALE_MAE: ("Scale-MAE",),
}
PATCH_MODELS = (SUPERVISED, DINO, DINOV2, MAE, SIMMIM)  # whose patches are classified (sections 4 and 5.1)
MASKED_METHODS = ("MAE", "SimMIM", "BEiT")  # BEiT, which the paper has not, beside them: it predicts tokens of masked patches


def reconstructs(model: RunModel) -> bool:
    """Return whether a model is shown without its features of largest variance as well."""
    return model.supervision == "reconstruction"


def reference(models: Sequence[RunModel]) -> RunModel:
    """Return the model of figures about MAE: the first of MAE, else the first that reconstructs, else the first of all."""
    of_mae = [model for model in models if model.method == MAE]
    return [*of_mae, *filter(reconstructs, models), *models][0]


def without(name: str, removed: int | None) -> str:
    """Return what figures and tables call a model without as many features."""
    return f"{name} \N{MINUS SIGN} {removed if removed is not None else 'm'}"
