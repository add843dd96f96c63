"""Every method of the demo zoo by its name."""

from __future__ import annotations

from workflow_scripts.demo.objectives.beit import Beit
from workflow_scripts.demo.objectives.clip import Clip
from workflow_scripts.demo.objectives.controls import Untrained
from workflow_scripts.demo.objectives.dino import Dino
from workflow_scripts.demo.objectives.dinov2reg import DinoV2Registers
from workflow_scripts.demo.objectives.fs import Fs
from workflow_scripts.demo.objectives.ibot import Ibot
from workflow_scripts.demo.objectives.mae import Mae
from workflow_scripts.demo.objectives.mocov3 import MocoV3
from workflow_scripts.demo.training import Objective

METHODS: dict[str, type[Objective]] = {
    objective.method: objective for objective in (Fs, Clip, Dino, MocoV3, Ibot, DinoV2Registers, Mae, Beit, Untrained)
}
