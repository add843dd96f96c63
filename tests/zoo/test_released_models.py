"""The released models of the registry against the facts of the five studies, written out here a second time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workflow_scripts.common.config import check
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.zoo.registry import read_models

ROOT = Path(__file__).parents[2]
PATH = ROOT / "config" / "models.yaml"
MODELS = {name: entry for name, entry in read_models(PATH).items() if entry.studies}

STUDIES = {
    "thesis": """fs_s32 fs_s16 fs_b32 fs_b16 fs_b8 fs_l16 clip_b32 clip_b16 clip_l14 dino_s16 dino_s8_300ep dino_b16 dino_b8
        mocov3_s16 mocov3_b16 mae_b16 mae_l16 mae_h14 beit_b16 beit_l16""",
    "local": "dino_b16 mae_b16 mae_b16_full simmim_b16 ibot_b16 sup_tv_b16 scalemae_l16 dinov2_b14",
    "tokens": "dino_s8 mae_b16",
    "segmentation": """dino_b16 mocov3_b16 mae_b16 mae_l16 ibot_b16 ibot_l16 dinov2_b14 dinov2_l14 dinov2reg_b14 dinov2reg_l14
        dinov3_b16 dinov3_l16 sup_in21k_b16 sup_in21k_l16 openclip_b16 openclip_l14 mugs_b16 mugs_l16""",
    "registers": """dino_b16 mae_b16 dinov2_s14 dinov2_b14 dinov2_l14 dinov2_g14 dinov2reg_s14 dinov2reg_b14 dinov2reg_l14
        dinov2reg_g14 openclip_b16 openclip_l14 deit3_b16_in22k deit3_b16_in1k deit3_l16_in22k deit3_l16_in1k""",
}
COUNTS = {"thesis": 20, "local": 8, "tokens": 2, "segmentation": 18, "registers": 16}
# layers, heads, width
SIZES = {"s": (12, 6, 384), "b": (12, 12, 768), "l": (24, 16, 1024), "h": (32, 16, 1280), "g": (40, 24, 1536)}
HALF, IMAGENET = (0.5, 0.5, 0.5), (0.485, 0.456, 0.406)
OPENAI = (0.48145466, 0.4578275, 0.40821073)
NON_COMMERCIAL = {"mocov3_s16", "mocov3_b16", "mae_b16", "mae_b16_full", "mae_l16", "mae_h14", "scalemae_l16"}


@pytest.mark.parametrize("study", STUDIES)
def test_every_study_has_its_models(study: str) -> None:
    wanted = STUDIES[study].split()
    assert len(wanted) == COUNTS[study]
    assert [name for name in wanted if study not in MODELS[name].studies] == []
    assert {name for name, entry in MODELS.items() if study in entry.studies} == set(wanted)


def test_there_are_47_and_nothing_else() -> None:
    assert len(MODELS) == 47
    others = set(read_models(PATH)) - set(MODELS)
    assert all(name.startswith(("demo_", "random_")) for name in others)


def test_the_registry_follows_its_schema() -> None:
    assert check(read_yaml(PATH), read_yaml(ROOT / "config" / "schemas" / "models.schema.yaml"), [PATH]) == []


@pytest.mark.parametrize("name", MODELS)
def test_numbers_follow_from_the_name(name: str) -> None:
    entry = MODELS[name]
    size, patch = re.search(r"_([sblhg])(\d+)", name).groups()
    layers, heads, width = SIZES[size]
    side = 518 if entry.method.startswith("DINOv2") else 224
    assert (entry.layers, entry.dim, entry.patch, entry.image_size) == (layers, width, int(patch), side)
    assert entry.heads == (12 if name == "mocov3_s16" else heads)
    letter = size if size == "g" else size.upper()
    assert entry.architecture == f"ViT-{letter}/{patch}"
    assert entry.prefix_tokens == (5 if name.startswith(("dinov2reg", "dinov3")) else 1)


@pytest.mark.parametrize("name", MODELS)
def test_normalisation_is_the_models_own(name: str) -> None:
    mean = IMAGENET
    if name.startswith(("fs", "sup_in21k", "beit")) or name == "openclip_l14":
        mean = HALF
    elif name.startswith("clip") or name == "openclip_b16":
        mean = OPENAI
    entry = MODELS[name]
    assert entry.normalisation.mean == mean
    spread = {HALF: HALF, IMAGENET: (0.229, 0.224, 0.225), OPENAI: (0.26862954, 0.26130258, 0.27577711)}
    assert entry.normalisation.std == spread[mean]


@pytest.mark.parametrize("name", MODELS)
def test_networks_are_those_of_the_right_name(name: str) -> None:
    entry = MODELS[name]
    build, arguments = entry.build.name, dict(entry.build.arguments)
    tags = {
        "fs": ".augreg_in21k_ft_in1k",
        "sup_in21k": ".augreg_in21k",
        "clip": "_clip_quickgelu_224.openai",
        "mae": ".mae",
        "dinov2": "_dinov2.lvd142m",
        "dinov3": "_dinov3.lvd1689m",
    }
    for start, ending in tags.items():
        assert not re.match(rf"{start}(reg)?_", name) or build.endswith(ending)
    assert ("reg4" in build) == name.startswith("dinov2reg")
    if name.startswith(("beit", "simmim")):
        assert arguments == {"global_pool": "token", "use_rel_pos_bias": False, "use_shared_rel_pos_bias": True}
    elif name.startswith("dinov3"):
        assert arguments == {"global_pool": "token"}
    else:
        assert arguments == ({"num_heads": 12} if name == "mocov3_s16" else {})


@pytest.mark.parametrize("name", MODELS)
def test_sources_are_complete(name: str) -> None:
    entry = MODELS[name]
    source = entry.checkpoint.source
    addresses = [value for key, value in source.items() if key == "url"] + source.get("mirrors", [])
    assert all(address.startswith("https://") and " " not in address for address in addresses)
    if source["type"] == "hub":
        # A pinned revision, or a sentence that it is not.
        assert re.fullmatch("[0-9a-f]{40}", source["revision"]) or any("revision" in text for text in entry.unverified)
    # The file's name says what it is, whatever its owners call it.
    assert entry.checkpoint.file.partition(".")[0] == name
    # Nothing smaller than the network in float32 can be the file.
    assert entry.checkpoint.download_mb >= 3.99 * entry.parameters


@pytest.mark.parametrize("name", MODELS)
def test_what_is_uncertain_is_said(name: str) -> None:
    entry = MODELS[name]
    assert set(entry.confidence) == {"identity", "route", "format"}
    assert entry.unverified or set(entry.confidence.values()) == {"high"}
    assert all(sentence.endswith(".") for sentence in (*entry.unverified, *entry.notes))
    assert (entry.licence == "CC-BY-NC-4.0") == (name in NON_COMMERCIAL)


def test_the_special_cases() -> None:
    source = {name: entry.checkpoint.source for name, entry in MODELS.items()}
    assert source["dino_s8"]["url"] != source["dino_s8_300ep"]["url"]
    assert "300ep" in source["dino_s8_300ep"]["url"]
    assert [name for name in MODELS if source[name]["type"] == "incoming"] == ["simmim_b16"]
    assert source["simmim_b16"]["name"] == "simmim_pretrain__vit_base__img224__800ep.pth"
    assert source["sup_tv_b16"]["sha256"] == "c867db91"
    assert len(source["mugs_l16"]["mirrors"]) == 1
    assert all("License" in source[name]["terms"] for name in ("dinov3_b16", "dinov3_l16"))
    rules = {name: entry.checkpoint.position_resize for name, entry in MODELS.items()}
    assert {rule for name, rule in rules.items() if re.match("(dino|ibot|mugs|dinov2)_", name)} == {"offset"}
    assert {rule for name, rule in rules.items() if name.startswith("dinov2reg")} == {"antialiased"}
