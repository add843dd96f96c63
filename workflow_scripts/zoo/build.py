"""The network of a registry entry, built by its library with random weights; nothing is ever downloaded."""

from __future__ import annotations

from torch import nn

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.zoo.registry import Network


def build_model(entry: Network) -> nn.Module:
    """Return the network of `entry` in eval mode, without classification head, on the CPU, with random weights.

    Raises:
        AtlasError: unknown library or model name, or arguments that the library's constructor refuses.
    """
    builders = {"timm": _timm, "open_clip": _open_clip, "torchvision": _torchvision}
    library = entry.build.library
    if library not in builders:
        known = ", ".join(builders)
        raise AtlasError(f"model '{entry.id}': build.library is '{library}', which builds no network; known: {known}")
    if ":" in str(entry.build.name):
        raise AtlasError(
            f"model '{entry.id}': build.name '{entry.build.name}' would be fetched from a hub; give the name of a "
            f"model in {library}, and the weights under checkpoint"
        )
    try:
        model = builders[library](entry)
    except (TypeError, ValueError, RuntimeError, AssertionError, AttributeError) as error:
        raise AtlasError(
            f"model '{entry.id}': {library} cannot build '{entry.build.name}' with image_size {entry.image_size} and "
            f"arguments {dict(entry.build.arguments)}: {error}"
        ) from None
    return model.eval().requires_grad_(False)


def _timm(entry: Network) -> nn.Module:
    import timm

    arguments = {"num_classes": 0, "img_size": _size(entry), **entry.build.arguments}
    return timm.create_model(entry.build.name, pretrained=False, **arguments)


def _open_clip(entry: Network) -> nn.Module:
    import open_clip

    config = open_clip.get_model_config(entry.build.name)
    if config is None:
        raise ValueError(f"no such model{nearest(str(entry.build.name), open_clip.list_models())}")
    vision = {**config["vision_cfg"], "image_size": _size(entry), "timm_model_pretrained": False}
    # The visual tower alone: the public constructor would also build the text tower, and fetch it for some models.
    visual = open_clip.model._build_vision_tower(
        config["embed_dim"], {**vision, **entry.build.arguments}, config.get("quick_gelu", False)
    )
    # The projection into the joint space comes after the last layer that is handed out.
    visual.proj = None
    return visual


def _torchvision(entry: Network) -> nn.Module:
    import torchvision

    arguments = {"image_size": _size(entry), **entry.build.arguments}
    model = torchvision.models.get_model(entry.build.name, weights=None, **arguments)
    model.heads = nn.Identity()
    return model


def _size(entry: Network) -> int | tuple[int, int]:
    rows, columns = entry.image_shape
    return rows if rows == columns else (rows, columns)
