"""DINOv2 with registers: iBOT with a head of its own for patches, spread-out views, and four tokens that are free to use."""

from __future__ import annotations

from pathlib import Path

import torch
from lightly.loss import KoLeoLoss
from torch import Tensor, nn

from workflow_scripts.demo.checkpoints import cpu_state, save_torch
from workflow_scripts.demo.models import PATCH, REGISTERS, WIDTH, encode, places_apart, register_vit, xavier
from workflow_scripts.demo.objectives.distillation import Distillation, across_views, assigned, head, taught_loss
from workflow_scripts.demo.objectives.ibot import mask_some
from workflow_scripts.demo.training import Recipe, TrainingWorld

_SPREAD = 0.1  # weight of KoLeo, as in DINOv2


class DinoV2Registers(Distillation):
    """DINO's loss on CLS, iBOT's on masked patches, each through its own head, and KoLeo on CLS."""

    method = "dinov2reg"
    recipe = Recipe(steps=1200, batch=128, lr=1.5e-3, keep=0.6, small=0.9, whole=0.05, hard=0.4)

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__(world)
        self.spread = KoLeoLoss()

    def network(self) -> nn.ModuleDict:
        """Return a ViT with registers and a mask token, and its two heads."""
        vit = register_vit()
        xavier(vit, apart=True)
        places_apart(vit)
        vit.mask_token = nn.Parameter(torch.zeros(1, WIDTH))
        return nn.ModuleDict({"backbone": vit, "head": head(), "patch_head": head()})

    def loss(self, index: Tensor) -> Tensor:
        """Return the sum of the losses on CLS, on masked patches, and of the spread of CLS."""
        views = torch.cat(self.two_views(index))
        kept = self.kept(len(views))
        masked = mask_some(len(views), (self.size // PATCH) ** 2 if kept is None else kept.shape[1], views.device)
        with torch.no_grad():
            taught = encode(self.teacher["backbone"], views, kept)
            taught_view = self.teacher["head"](taught[:, 0])
            taught_patch = self.teacher["patch_head"](taught[:, 1 + REGISTERS :][masked])
        backbone = self.student["backbone"]
        seen = encode(backbone, views, kept, masked, backbone.mask_token[None])
        views_alike = across_views(taught_view, self.student["head"](seen[:, 0]))
        seen_patch = self.student["patch_head"](seen[:, 1 + REGISTERS :][masked])
        spread = sum(self.spread(tokens) for tokens in seen[:, 0].chunk(2))
        return views_alike + taught_loss(assigned(taught_patch), seen_patch).mean() + _SPREAD * spread

    def save(self, path: Path) -> None:
        """Write the teacher's backbone under the names of the released backbones."""
        state = cpu_state(self.teacher["backbone"])
        state["register_tokens"] = state.pop("reg_token")
        # The released table has a row for CLS, which timm adds to the token; here the token holds both.
        state["pos_embed"] = torch.cat([torch.zeros_like(state["cls_token"]), state["pos_embed"]], 1)
        save_torch(path, state)
