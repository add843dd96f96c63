"""Whatever users call their folders and files: nothing of a name is run, and nothing breaks."""

import re

import pytest
import timm
import torch
import yaml
from PIL import Image

from tests.workflow.conftest import ROOT, checkout
from workflow_scripts.common.table import read_table

NASTY = "ü b'c\"d $(touch pwned) `touch pwned`;touch pwned;& #x ~*?[y]"
OWN_MODEL = {
    "display_name": "Mine $x_{",
    "supervision": "contrastive",
    "method": "it's $(touch pwned)",
    "architecture": "ViT-Ti/16",
    "layers": 2,
    "heads": 2,
    "dim": 32,
    "patch": 16,
    "prefix_tokens": 1,
    "image_size": 64,
    "adapter": "timm_vit",
    "build": {
        "library": "timm",
        "name": "vit_tiny_patch16_224",
        "arguments": {"embed_dim": 32, "depth": 2, "num_heads": 2},
    },
    "checkpoint": {"source": {"type": "path", "path": f"{NASTY}/-w {NASTY}.pth"}, "layout": "timm"},
    "normalisation": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    "licence": "mine; touch pwned",
}


def shell_fields():
    """(file, field) of all that the rules put into a shell command."""
    for file in (ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))):
        for block in re.findall(r"^( +)shell:\n((?:\1 +.*\n)+)", file.read_text(), re.MULTILINE):
            for field in re.findall(r"\{([^{}]+)\}", block[1]):
                yield file.name, field


def test_every_value_in_a_shell_command_is_quoted():
    fields = list(shell_fields())
    assert len(fields) > 80
    assert [(file, field) for file, field in fields if not field.endswith(":q") and field != "threads"] == []


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    """A checkout with a configuration in which every path that a user can name is a nasty one."""
    workflow = checkout(tmp_path_factory.mktemp("names") / "atlas")
    root = workflow.path
    demo = yaml.safe_load((root / "config/models.yaml").read_text())["models"]["demo_untrained"]
    demo["checkpoint"]["file"] = f"demo {NASTY}.safetensors"
    (root / NASTY).mkdir()
    (root / NASTY / f"models {NASTY}.yaml").write_text(
        yaml.safe_dump({"models": {"my_vit": OWN_MODEL, "demo_untrained": demo}})
    )
    torch.manual_seed(0)
    arguments = {"img_size": 64, "embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 0}
    weights = timm.create_model("vit_tiny_patch16_224", pretrained=False, **arguments).state_dict()
    torch.save(weights, root / OWN_MODEL["checkpoint"]["source"]["path"])
    photos = root / NASTY / f"photos {NASTY}"
    for folder in ("a b", f"c {NASTY}"):
        (photos / folder).mkdir(parents=True)
        for index in range(6):
            Image.new("RGB", (80, 70), (index * 40, 90, 30)).save(photos / folder / f"{index} $(touch pwned).jpg")
    entry = {"display_name": "Photos", "reader": "image_folder", "path": f"./{NASTY}//photos {NASTY}/", "licence": "own"}
    entry |= {"source": {"type": "local"}, "ground_truth": ["label"]}
    (root / NASTY / "data.yaml").write_text(yaml.safe_dump({"datasets": {"photos": entry}}))
    config = {
        "results": f"-results {NASTY}/",
        "resources": f"./resources {NASTY}",
        "incoming": f"incoming {NASTY}",
        "registries": {
            "models": ["config/models.yaml", f"{NASTY}/models {NASTY}.yaml"],
            "datasets": ["config/datasets.yaml", f"{NASTY}/data.yaml"],
        },
        "models": ["demo_untrained", "my_vit", "random_baseline"],
        "features": {"datasets": ["photos"]},
    }
    # What lies there already is asked for again by nothing: the small demo's other settings stay.
    small = yaml.safe_load((root / "small.yaml").read_text())
    (root / "small.yaml").write_text(yaml.safe_dump(small | config, allow_unicode=True))
    return workflow


def test_a_whole_run_with_nasty_names(nasty):
    before = {path.relative_to(nasty.path) for path in nasty.path.rglob("*")}
    made = nasty.run()
    results, resources = nasty.path / f"-results {NASTY}", nasty.path / f"resources {NASTY}"
    assert (results / "report/index.html").is_file()
    assert set(read_table(results / "tables/thesis/attention/my_vit.parquet")["model"]) == {"my_vit"}
    assert (results / "passes/photos/my_vit.safetensors").is_file()
    assert (resources / f"checkpoints/demo {NASTY}.safetensors").is_file()
    made_here = {path.relative_to(nasty.path) for path in nasty.path.iterdir()} - before
    assert {path.name for path in made_here} - {".snakemake", ".cache"} == {results.name, resources.name}
    assert not list(nasty.path.rglob("pwned"))
    assert "Traceback" not in made.text
    assert nasty.planned() == {}
    figure = f"-results {NASTY}/figures/thesis/residual_ratio.pdf"
    assert set(nasty.planned("--force", str(nasty.path / figure))) == {"thesis_figure"}


REFUSED = {
    "results": ("results: 'a{b}' has a brace", "results: 'a{b}'"),
    "resources": ("resources: 'a{b}' has a brace", "resources: 'a{b}'"),
    "incoming": ("incoming: 'a\\nb' has a character that cannot be printed", 'incoming: "a\\nb"'),
    "registries": ("registries.models: 'a{b}' has a brace", "registries: {models: 'a{b}'}"),
}


@pytest.mark.parametrize("key", REFUSED)
def test_what_nothing_can_carry_is_refused_by_its_key(nasty, key):
    expected, text = REFUSED[key]
    (nasty.path / "refused.yaml").write_text(text)
    made = nasty.run("--dry-run", "--configfile", "refused.yaml", check=False, config=())
    assert made.returncode == 1
    (line,) = [line for line in made.text.splitlines() if line.startswith("error:")]
    assert line.startswith(f"error: refused.yaml:1: {expected}")
    assert "Traceback" not in made.text
