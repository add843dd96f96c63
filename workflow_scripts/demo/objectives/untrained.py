"""The control: a ViT as timm starts it, saved in timm's layout."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file

from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.demo.checkpoints import cpu_state
from workflow_scripts.demo.models import plain_vit


def save_untrained(path: Path) -> None:
    """Write a randomly started plain ViT (torch's global generator) as .safetensors."""
    with atomic_path(path) as temporary:
        save_file(cpu_state(plain_vit()), temporary)
