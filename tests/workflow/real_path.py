"""The studies' own registries in small: every archive and checkpoint tiny, in its official format, and served from here.

The registries are copies of the real ones. What differs is where open files are (the local server), what is said of their
bytes (digests, where one is published, and sizes), and how large networks are. Files behind a login go into the folder of
incoming files.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
import yaml

from tests.fetch.server import FaultServer
from tests.formats.pack import pack
from tests.workflow.conftest import Workflow, checkout
from tests.zoo.official_files import OFFICIAL, shrunk
from tests.zoo.zoo_families import randomise
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.registry import entry_from_dict

# One model per layout of checkpoints, and chance. The thesis' own where it has one.
MODELS = [
    "fs_b16", "clip_b16", "dino_b16", "mocov3_s16", "mae_b16", "beit_b16", "simmim_b16", "ibot_b16", "mugs_b16", "sup_tv_b16",
    "scalemae_l16", "dinov2_s14", "dinov3_b16", "dinov3_b16_owners", "deit3_b16_in22k", "openclip_b16", "random_b16",
]  # fmt: skip
MAIN = "dino_b16"  # goes through every analysis, the others through the one that compares all models
SIDE, PATCH = 48, 16
GEOMETRY = f"resize{SIDE}-crop{SIDE}"
# What is written over config/paper.yaml.
CONFIG = {
    "registries": {"models": "small/models.yaml", "datasets": "small/datasets.yaml"},
    "models": MODELS,
    "gpu": "never",
    "fetch_limits": {"attempts": 2, "wait": 0.01, "longest_wait": 0.05},
    "thesis": {
        "geometry": {"resize": SIDE, "crop": SIDE},
        "main_models": [MAIN],
        "attention": {"mask_dataset": "partimagenet_100", "cls_map_images": 10, "whole_map_images": 1},
        "clustering": {"image_clusters": 4, "object_clusters": 2, "part_clusters": 2, "restarts": 1},
        "knn": {"neighbours": [10, 20]},
        "retrieval": {"fit": SIDE},
    },
}
# The owners' own file of DINOv3, as a note of the registry describes it.
OWNERS = {
    "source": {
        "type": "incoming",
        "name": "dinov3_vitb16_pretrain_lvd1689m-73cec8be.pth",
        "url": "https://ai.meta.com/resources/models-and-libraries/dinov3-downloads/",
        "terms": "DINOv3 License",
    },
    "file": "dinov3_b16_owners.pth",
    "layout": "dinov3",
    "drop": ["mask_token", "*.bias_mask"],
}
# Python looks for this module when it starts. A job that is not of a fetch rule cannot reach any network, and its attempt is
# written down, because libraries swallow such errors.
GUARD = """
import os, socket, sys

words = sys.orig_argv
command = words[words.index("-m") + 1] if "-m" in words[:-1] else ""
folder = os.path.dirname(__file__)


def note(name, text):
    with open(os.path.join(folder, name), "a") as file:
        file.write(text + chr(10))


def refuse(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg", "socket.connect"):
        if not (arguments and getattr(arguments[0], "family", None) == socket.AF_UNIX):
            note("attempts.txt", f"{command}: {event} {arguments[1:]}")
            raise OSError(f"{command} touches the network")


note("started.txt", command)
if command not in ("workflow_scripts.fetch_model", "workflow_scripts.fetch_dataset"):
    sys.addaudithook(refuse)
"""


class RealPath(Workflow):
    """A checkout with small registries, the server that they point to, and jobs that are kept from the network."""

    def __init__(self, path: Path, server: FaultServer) -> None:
        """Write registries, archives and checkpoints; serve them."""
        super().__init__(path)
        self.server = server
        self.guard = path.parent / "guard"
        self.guard.mkdir()
        (self.guard / "sitecustomize.py").write_text(GUARD)
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        self.environment = kept | {"PYTHONPATH": str(self.guard), "HF_ENDPOINT": server.base, "OMP_NUM_THREADS": "1"}
        self.archives = path.parent / "archives"  # everything that can be fetched, by name
        self.archives.mkdir()
        self.trees = path.parent / "trees"  # what unpacking should give, by folder
        self.addresses: dict[str, str] = {}  # name of an open file or checkpoint -> path on the server
        self.datasets = self._small_datasets()
        self.models = self._small_models()
        (path / "small").mkdir()
        (path / "small/datasets.yaml").write_text(yaml.safe_dump({"datasets": self.datasets}, sort_keys=False))
        (path / "small/models.yaml").write_text(yaml.safe_dump({"models": self.models}, sort_keys=False))
        (path / "small.yaml").write_text(yaml.safe_dump(CONFIG))

    def command(self, *arguments: str, **options: Any) -> list[str]:
        """Return the command line of a run of the paper's configuration in small."""
        command = super().command(*arguments, "--set-threads", "crop_images=1", **options)
        at = command.index("small.yaml")
        return [*command[:at], "config/paper.yaml", *command[at:]]

    def run(self, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess:
        """Run Snakemake with the guard."""
        return super().run(*arguments, check=check, env=self.environment, **options)

    def sha256(self, name: str) -> str:
        """Return the digest of an archive or checkpoint."""
        return hashlib.sha256((self.archives / name).read_bytes()).hexdigest()

    def folder(self, dataset: str) -> str:
        """Return the name of a dataset's folder."""
        return self.datasets[dataset]["path"].rsplit("/", 1)[1]

    def started(self) -> list[str]:
        """Return the modules of the project that have been run, one entry a job."""
        lines = (self.guard / "started.txt").read_text().splitlines()
        return [line.removeprefix("workflow_scripts.") for line in lines if line.startswith("workflow_scripts.")]

    def attempts(self) -> str:
        """Return what jobs of other rules tried to reach."""
        path = self.guard / "attempts.txt"
        return path.read_text() if path.exists() else ""

    def serve(self, name: str, **faults: Any) -> None:
        """Serve a file, with faults; `data` replaces its content."""
        data = faults.pop("data", None)
        self.server.put(self.addresses[name], (self.archives / name).read_bytes() if data is None else data, **faults)

    def _small_datasets(self) -> dict[str, Any]:
        registry = read_yaml(self.path / "config/datasets.yaml")["datasets"]
        fetched = [entry for entry in registry.values() if entry["source"]["type"] == "archives"]
        parts = self._write_trees({entry["path"].rsplit("/", 1)[1] for entry in fetched})
        for entry in fetched:
            folder = entry["path"].rsplit("/", 1)[1]
            for file in entry["source"]["files"]:
                archive = self.archives / file["name"]
                if not archive.exists():
                    pack(self.trees / folder, file, parts[folder][file["name"]], archive)
                self._describe(file, archive)
                if file["access"] == "open":
                    file["url"] = self._address(file["url"], archive)
                    file.pop("mirrors", None)
                else:
                    self._bring(archive)
        registry["imagenet50"]["options"]["per_class"] = 1
        return registry

    def _write_trees(self, folders: set[str]) -> dict[str, dict[str, tuple[str, ...]]]:
        """Write every layout and return what of it belongs to which archive; shared archives hold what all their users want."""
        layouts = {folder: importlib.import_module(f"tests.formats.{folder}") for folder in sorted(folders)}
        for folder, layout in layouts.items():
            (self.trees / folder).mkdir(parents=True)
            layout.write(self.trees / folder)
        for name in {name for layout in layouts.values() for name in layout.ARCHIVES}:
            users = [folder for folder, layout in layouts.items() if name in layout.ARCHIVES]
            for one, other in itertools.permutations(users, 2):
                for part in layouts[one].ARCHIVES[name]:
                    shutil.copytree(self.trees / one / part, self.trees / other / part, dirs_exist_ok=True)
        self._add_objects(self.trees / "coco2017/annotations/instances_val2017.json")
        return {folder: layout.ARCHIVES for folder, layout in layouts.items()}

    def _add_objects(self, path: Path) -> None:
        """Give COCO enough objects to be clustered: the layout's own are there for the reader's traps."""
        content = json.loads(path.read_text())
        for image in content["images"]:
            for category, left in ((1, 4), (18, 12)):
                ring = [left, 2, left + 7, 2, left + 7, 18, left, 18]
                box = {"bbox": [left, 2, 7, 16], "area": 112, "iscrowd": 0, "segmentation": [ring]}
                number = len(content["annotations"])
                content["annotations"].append({"id": number, "image_id": image["id"], "category_id": category, **box})
        path.write_text(json.dumps(content))

    def _small_models(self) -> dict[str, Any]:
        registry = read_yaml(self.path / "config/models.yaml")["models"]
        registry["dinov3_b16_owners"] = {**registry["dinov3_b16"], "checkpoint": OWNERS}
        torch.manual_seed(0)
        for seed, name in enumerate(MODELS):
            entry = registry[name] = dict(registry[name])
            source = entry["checkpoint"]["source"]
            self._shrink(name, entry)
            if source["type"] == "none":
                continue
            archive = self.archives / (source["name"] if source["type"] == "incoming" else entry["checkpoint"]["file"])
            self._write_checkpoint(name, entry, seed, archive)
            self._describe(source, archive)
            if source["type"] == "incoming":
                self._bring(archive)
            elif source["type"] == "hub":
                self._address(f"hub://hub/{source['repository']}/resolve/{source['revision']}/{source['file']}", archive)
            else:
                source["url"] = self._address(source["url"], archive)
                source.pop("mirrors", None)
        return registry

    def _shrink(self, name: str, entry: dict[str, Any]) -> None:
        """Make an entry that of a network of 2 layers, whose patches are all of one size."""
        entry["build"] = {**entry["build"], "arguments": dict(entry["build"].get("arguments", {}))}
        if entry["patch"] != PATCH:
            entry["patch"] = entry["build"]["arguments"]["patch_size"] = PATCH
        small = shrunk(entry_from_dict(name, entry))
        entry.update({key: getattr(small, key) for key in ("layers", "heads", "dim")}, image_size=SIDE)
        entry["build"]["arguments"] = dict(small.build.arguments) if entry["adapter"] != "random" else {}

    def _write_checkpoint(self, name: str, entry: dict[str, Any], seed: int, archive: Path) -> None:
        """Write a random network in its official file; DINOv2's is for a larger image, as the released ones are."""
        built = entry_from_dict(name, entry)
        layout = OFFICIAL[built.checkpoint.layout]
        if built.checkpoint.layout == "dinov2":
            built = dataclasses.replace(built, image_size=5 * PATCH)
        state = layout.names(randomise(build_model(built), seed))
        if built.build.library == "torchvision":
            # Its width and depth are fixed, so its tensors share memory: the file is small, its matrices of full rank.
            state = {key: overlapping(value) if value.numel() > 10_000 else value for key, value in state.items()}
        layout.write(state, archive)

    def _describe(self, file: dict[str, Any], archive: Path) -> None:
        """Put what is true of the small file in place of what is said of the real one."""
        content = archive.read_bytes()
        for algorithm in ("md5", "sha1", "sha256"):
            if algorithm in file:
                file[algorithm] = hashlib.new(algorithm, content).hexdigest()[: len(file[algorithm])]
        if "bytes" in file:
            file["bytes"] = len(content)

    def _address(self, url: str, archive: Path) -> str:
        parts = urlsplit(url)
        # The hub's address is given by HF_ENDPOINT; the others keep their host as the first folder.
        self.addresses[archive.name] = parts.path if parts.scheme == "hub" else f"/{parts.netloc}{parts.path}"
        self.serve(archive.name)
        return self.server.base + self.addresses[archive.name]

    def _bring(self, archive: Path) -> None:
        incoming = self.path / "data/incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        (incoming / archive.name).write_bytes(archive.read_bytes())


def overlapping(value: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the shape and spread of `value` whose rows share memory, each shifted by one against the last."""
    rows, columns = value.shape[0], value[0].numel()
    store = torch.randn(rows + columns - 1) * value.float().std()
    strides, step = [], 1
    for side in reversed(value.shape[1:]):
        strides.insert(0, step)
        step *= side
    return store.as_strided(value.shape, (1, *strides))


def real_path(folder: Path, server: FaultServer) -> RealPath:
    """Make the checkout."""
    return RealPath(checkout(folder / "atlas").path, server)
