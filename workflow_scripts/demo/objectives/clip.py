"""CLIP: images against captions, saved under the names of OpenAI's files."""

from __future__ import annotations

import math
import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workflow_scripts.demo.checkpoints import cpu_state, openai_visual, save_torch
from workflow_scripts.demo.models import HEADS, WIDTH, clip_start, clip_vit, encode
from workflow_scripts.demo.training import Objective, Recipe, TrainingWorld

_PAD, _BEGIN, _END = range(3)
_TEXT_DEPTH = 1


class Clip(Objective):
    """Symmetric contrast of images and captions; images with equal captions share the target."""

    method = "clip"
    recipe = Recipe(steps=4500, batch=96, lr=2e-3, keep=0.5, small=0.85, whole=0.1)

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__(world)
        self.vit = clip_vit()
        clip_start(self.vit)
        self.projection = nn.Parameter(torch.randn(WIDTH, WIDTH) * WIDTH**-0.5)
        tokens, words = tokenise(world.captions)
        self.register_buffer("caption_tokens", tokens)
        self.text = TextTower(words, tokens.shape[1])
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        _, numbers = tokens.unique(dim=0, return_inverse=True)
        self.register_buffer("caption_number", numbers)

    @property
    def encoder(self) -> nn.Module:
        """The visual tower."""
        return self.vit

    def loss(self, index: Tensor) -> Tensor:
        """Return the mean of the image-to-text and text-to-image cross-entropies."""
        # No flips and little colour: captions name both sides of a scene alike, and stuff by its look.
        images = self.view(self.pixels(index), (0.6, 1.0), strength=0.2, hue=0.05, flip=False)
        seen = F.normalize(encode(self.vit, images, self.kept(len(images)))[:, 0] @ self.projection, dim=-1)
        read = F.normalize(self.text(self.caption_tokens[index]), dim=-1)
        logits = self.logit_scale.clamp(max=math.log(100)).exp() * seen @ read.T
        number = self.caption_number[index]
        target = (number[:, None] == number[None]).float()
        target /= target.sum(1, keepdim=True)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2

    def save(self, path: Path) -> None:
        """Write both towers as one state dict."""
        state = openai_visual(self.vit, self.projection) | cpu_state(self.text)
        save_torch(path, state | {"logit_scale": self.logit_scale.detach().cpu().clone()})


def tokenise(captions: list[str]) -> tuple[Tensor, int]:
    """Return (tokens [N, longest] int64, size of the vocabulary): whole words between a begin and an end token."""
    split = [re.findall(r"\w+", caption.lower()) for caption in captions]
    known = {word: number for number, word in enumerate(sorted({w for words in split for w in words}), _END + 1)}
    tokens = torch.full((len(split), max(map(len, split)) + 2), _PAD)
    for row, words in zip(tokens, split, strict=True):
        row[: len(words) + 2] = torch.tensor([_BEGIN, *(known[word] for word in words), _END])
    return tokens, _END + 1 + len(known)


class TextTower(nn.Module):
    """A causal transformer read at the end token; parameters named as in OpenAI's CLIP."""

    def __init__(self, words: int, context: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(words, WIDTH)
        self.positional_embedding = nn.Parameter(torch.randn(context, WIDTH) * 0.01)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(_TextBlock() for _ in range(_TEXT_DEPTH))
        self.ln_final = nn.LayerNorm(WIDTH)
        self.text_projection = nn.Parameter(torch.randn(WIDTH, WIDTH) * WIDTH**-0.5)
        nn.init.normal_(self.token_embedding.weight, std=0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return [B, width] text features of tokens [B, context]."""
        x = self.token_embedding(tokens) + self.positional_embedding
        for block in self.transformer.resblocks:
            x = block(x)
        end = (tokens == _END).int().argmax(1)
        return self.ln_final(x[torch.arange(len(x), device=x.device), end]) @ self.text_projection


class _TextBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(WIDTH, 4 * WIDTH), "c_proj": nn.Linear(4 * WIDTH, WIDTH)})

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, attn_mask=mask, need_weights=False)[0]
        y = self.mlp["c_fc"](self.ln_2(x))
        return x + self.mlp["c_proj"](y * torch.sigmoid(1.702 * y))
