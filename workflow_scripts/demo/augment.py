"""Augmentation of whole batches on their device, as tensor operations."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_GREY = (0.299, 0.587, 0.114)


def crops(images: Tensor, size: int, area: tuple[float, float], flip: bool = True) -> Tensor:
    """Return one random resized crop of each image.

    Args:
        images: [B, 3, H, W].
        size: side of the crops, pixels.
        area: least and greatest share of the image that a crop covers.
        flip: mirror half of them.

    Returns:
        [B, 3, size, size], bilinear.
    """
    count, device = len(images), images.device
    share = torch.empty(count, device=device).uniform_(*area)
    aspect = torch.empty(count, device=device).uniform_(-math.log(4 / 3), math.log(4 / 3)).div(2).exp()
    width, height = ((share.sqrt() * f).clamp(max=1) for f in (aspect, 1 / aspect))
    x, y = ((torch.rand(count, device=device) * 2 - 1) * (1 - side) for side in (width, height))
    if flip:
        width = width * (torch.randint(0, 2, (count,), device=device) * 2 - 1)
    zero = torch.zeros_like(x)
    window = torch.stack([torch.stack([width, zero, x], 1), torch.stack([zero, height, y], 1)], 1)
    grid = F.affine_grid(window, [count, 3, size, size], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def colour_jitter(images: Tensor, strength: float, hue: float) -> Tensor:
    """Return the images with brightness, contrast and saturation changed by up to `strength`, and the hue turned.

    Args:
        images: [B, 3, H, W], 0 to 1.
        strength: greatest relative change, 0 to 1.
        hue: greatest turn of the hue, in turns: 0.5 is any hue.

    Returns:
        [B, 3, H, W], 0 to 1.
    """
    count, device = len(images), images.device

    def factor() -> Tensor:
        return 1 + strength * (2 * torch.rand(count, 1, 1, device=device) - 1)

    # One 3 x 3 matrix per image: a turn about the grey axis, then saturation.
    angle = 2 * math.pi * hue * (2 * torch.rand(count, device=device) - 1)
    grey = torch.full((3, 3), 1 / 3, device=device)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=device) / math.sqrt(3)
    c, s = angle.cos()[:, None, None], angle.sin()[:, None, None]
    turn = c * torch.eye(3, device=device) + s * cross + (1 - c) * grey
    luma = torch.tensor(_GREY, device=device).expand(3, 3)
    saturation = factor()
    matrix = (saturation * torch.eye(3, device=device) + (1 - saturation) * luma) @ turn
    flat = (matrix @ images.flatten(2)) * factor()
    middle = flat.mean((1, 2), keepdim=True)
    return ((flat - middle) * factor() + middle).clamp(0, 1).view_as(images)


def greyscale(images: Tensor, share: float) -> Tensor:
    """Return the images [B, 3, H, W] with that share of them, drawn at random, without colour."""
    grey = torch.einsum("bchw,c->bhw", images, images.new_tensor(_GREY))[:, None]
    return torch.where(_some(images, share), grey, images)


def solarise(images: Tensor, share: float) -> Tensor:
    """Return the images [B, 3, H, W], 0 to 1, with the bright half of the scale inverted in that share of them."""
    return torch.where(_some(images, share) & (images > 0.5), 1 - images, images)


def _some(images: Tensor, share: float) -> Tensor:
    return torch.rand(len(images), 1, 1, 1, device=images.device) < share


def normalise(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Return (images - mean) / std per channel; images [B, 3, H, W], 0 to 1."""
    shape = (1, 3, 1, 1)
    return (images - images.new_tensor(mean).view(shape)) / images.new_tensor(std).view(shape)
