"""MoCo-v3: contrast of two views with a momentum encoder, saved as its training script does."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
import torch.nn.functional as F
from lightly.models.modules.heads import MoCoProjectionHead
from lightly.models.utils import update_momentum
from torch import Tensor, nn

from workflow_scripts.demo.checkpoints import cpu_state, save_torch
from workflow_scripts.demo.models import WIDTH, encode, fix_positions, plain_vit, xavier
from workflow_scripts.demo.training import Objective, Recipe, TrainingWorld, momentum_at

_MOMENTUM = 0.98  # at the start; 1 at the end
_TEMPERATURE = 0.2
_HIDDEN, _OUT = 256, 64


class MocoV3(Objective):
    """Symmetric InfoNCE within the batch; both encoders see the same part of the patches of a view."""

    method = "mocov3"
    recipe = Recipe(steps=3000, batch=128, lr=2e-3, keep=0.5, small=0.9, whole=0.05, hard=0.5)

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__(world)
        self.base_encoder = plain_vit()
        xavier(self.base_encoder, apart=True)
        fix_positions(self.base_encoder)
        self.base_encoder.head = MoCoProjectionHead(WIDTH, _HIDDEN, _OUT, num_layers=3, batch_norm=True)
        self.momentum_encoder = copy.deepcopy(self.base_encoder).requires_grad_(False)
        self.predictor = MoCoProjectionHead(_OUT, _HIDDEN, _OUT, num_layers=2, batch_norm=True)

    @property
    def encoder(self) -> nn.Module:
        """The encoder that gradients train."""
        return self.base_encoder

    def loss(self, index: Tensor) -> Tensor:
        """Return the contrastive loss of both pairings of two views."""
        images = self.pixels(index)
        views = torch.cat([self.contrasted(images) for _ in range(2)])
        kept = self.kept(len(views))
        seen = self.predictor(self.base_encoder.head(encode(self.base_encoder, views, kept)[:, 0]))
        first, second = F.normalize(seen, dim=-1).chunk(2)
        with torch.no_grad():
            keys = self.momentum_encoder.head(encode(self.momentum_encoder, views, kept)[:, 0])
            key_first, key_second = F.normalize(keys, dim=-1).chunk(2)
        own = torch.arange(len(index), device=index.device)
        pairs = ((first, key_second), (second, key_first))
        return sum(F.cross_entropy(query @ key.T / _TEMPERATURE, own) for query, key in pairs)

    def after_step(self) -> None:
        """Let the momentum encoder follow, ever more slowly."""
        update_momentum(self.base_encoder, self.momentum_encoder, momentum_at(self.done, _MOMENTUM))

    def save(self, path: Path) -> None:
        """Write both encoders and the predictor."""
        state = {}
        for part in ("base_encoder", "momentum_encoder", "predictor"):
            state |= _official(cpu_state(getattr(self, part), f"module.{part}."))
        save_torch(path, {"epoch": 1, "arch": "vit_tiny", "state_dict": state})


def _official(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.replace(".layers.", "."): value for name, value in state.items()}
