"""The configuration and both registries, checked together: what the workflow builds its jobs from.

Every mistake is found before any job starts, and all of them are reported at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.common.config import check, check_names, locate, read_yaml, restore_types
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.studies.plan import Collectors, planned_passes
from workflow_scripts.studies.thesis_plan import DATASETS
from workflow_scripts.zoo.registry import sides

RANDOM_PREFIX = "random_"
SCHEMAS = Path(__file__).resolve().parents[2] / "config" / "schemas"


@dataclass(frozen=True)
class Settings:
    """A checked configuration.

    Attributes:
        config: the configuration.
        models: registry entries of the models that it names, as mappings, in its order.
        datasets: all registry entries of datasets.
        passes: model -> {(dataset, geometry): {collector: options}}.
    """

    config: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    datasets: Mapping[str, Mapping[str, Any]]
    passes: Mapping[str, Mapping[tuple[str, str], Collectors]]

    @property
    def main_models(self) -> list[str]:
        """Ids of the models of the thesis' main figures, in the order of the configuration; all if it runs none of them."""
        chosen = self.config["thesis"]["main_models"] or []
        return [name for name in self.models if name in chosen] or list(self.models)

    @property
    def fetched_models(self) -> list[str]:
        """Ids of the models whose weights are fetched, or taken from the incoming folder."""
        kinds = ("url", "hub", "torchvision", "incoming")
        return [name for name, entry in self.models.items() if entry["checkpoint"]["source"]["type"] in kinds]

    @property
    def demo_models(self) -> list[str]:
        """Ids of the models that the demo trains."""
        return [name for name, entry in self.models.items() if is_demo(entry)]

    def checkpoint(self, model: str) -> str | None:
        """Return the path of a model's weights, None for a model without weights."""
        spec = self.models[model]["checkpoint"]
        if spec["source"]["type"] == "none":
            return None
        if spec["source"]["type"] == "path":
            return spec["source"]["path"]
        return f"{self.config['resources']}/checkpoints/{spec['file']}"

    def patch_grid(self, model: str) -> str:
        """Return the model's patch grid as ``rowsxcolumns``."""
        sizes, patches = (sides(self.models[model][key]) for key in ("image_size", "patch"))
        return "x".join(str(size // patch) for size, patch in zip(sizes, patches, strict=True))


def load_settings(config: dict[str, Any], files: Sequence[str]) -> Settings:
    """Check `config` and the registries it names.

    Args:
        config: the merged configuration; numbers that the command line gave as text become numbers in place.
        files: the files it was merged from, the last one winning.

    Raises:
        AtlasError: one line per mistake, all of them together.
    """
    schema = read_yaml(SCHEMAS / "config.schema.yaml")
    restore_types(config, schema)
    _stop_on(check(config, schema, files))
    models = _read_registry(config["registries"]["models"], "models")
    datasets = {
        name: entry | {"path": entry["path"].replace("{resources}", config["resources"])}
        for name, entry in _read_registry(config["registries"]["datasets"], "datasets").items()
    }
    problems = check_names("models", config["models"], models, config["registries"]["models"], files)
    registry = config["registries"]["datasets"]
    for key, name, _ in _asked_datasets(config):
        problems += check_names(key, [name], datasets, registry, files)
    problems += check_names("features.datasets", config["features"]["datasets"], datasets, registry, files)
    main_models = config["thesis"]["main_models"] or []
    problems += check_names("thesis.main_models", main_models, models, config["registries"]["models"], files)
    problems += [
        f"{locate(files, tuple(key.split('.')))}: {key}: crop {geometry['crop']} is larger than resize {geometry['resize']}; "
        "the crop is cut from the resized image"
        for key, geometry in _geometries(config).items()
        if geometry["crop"] > geometry["resize"]
    ]
    _stop_on(problems)
    entries = {name: models[name] for name in config["models"]}
    demo_models = {name for name, entry in entries.items() if is_demo(entry)}
    settings = Settings(config, entries, datasets, planned_passes(config, entries, demo_models))
    checks = (_name_problems, _geometry_problems, _data_problems, _archive_problems, _weights_problems)
    _stop_on([problem for check_of in checks for problem in check_of(settings, files)])
    return settings


def is_demo(entry: Mapping[str, Any]) -> bool:
    """Return whether the demo trains this model."""
    return entry["checkpoint"]["source"]["type"] == "demo"


def _read_registry(path: str, kind: str) -> dict[str, Any]:
    content = read_yaml(path)
    _stop_on(check(content, read_yaml(SCHEMAS / f"{kind}.schema.yaml"), [path]))
    return content[kind]


def _geometries(config: Mapping[str, Any]) -> dict[str, Mapping[str, int]]:
    """Return the geometries that the configuration uses, by their key."""
    used = {"demo.geometry": config["demo"]["geometry"]}
    if config["features"]["datasets"]:
        used["features.geometry"] = config["features"]["geometry"]
    if "thesis" in config["studies"]:
        used["thesis.geometry"] = config["thesis"]["geometry"]
    return used


def _asked_datasets(config: Mapping[str, Any]) -> list[tuple[str, str, str | None]]:
    """Return (key, dataset, ground truth it must have) for every dataset that an enabled study names."""
    if "thesis" not in config["studies"]:
        return []
    return [
        (f"thesis.{analysis}.{key}", config["thesis"][analysis][key], truth)
        for analysis, keys in DATASETS.items()
        if config["thesis"][analysis] is not None
        for key, truth in keys.items()
    ]


def _geometry_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    problems = []
    for key, geometry in _geometries(settings.config).items():
        for name, entry in settings.models.items():
            concerned = key != "demo.geometry" or is_demo(entry)
            if concerned and sides(entry["image_size"]) != (geometry["crop"], geometry["crop"]):
                problems.append(
                    f"{locate(files, tuple(key.split('.')))}: {key}: crop {geometry['crop']} px, but model '{name}' takes "
                    f"{entry['image_size']} px; give all models of a run one image size, and set the crop to it"
                )
    return problems


def _data_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    problems = []
    for key, name, truth in _asked_datasets(settings.config):
        if truth and truth not in settings.datasets[name]["ground_truth"]:
            having = [other for other, entry in settings.datasets.items() if truth in entry["ground_truth"]]
            problems.append(
                f"{locate(files, tuple(key.split('.')))}: {key}: '{name}' has no {truth} (datasets that have: "
                f"{', '.join(having) or 'none'})"
            )
    for dataset in dict.fromkeys(dataset for passes in settings.passes.values() for dataset, _ in passes):
        entry = settings.datasets[dataset]
        if entry["source"]["type"] == "local" and not Path(entry["path"]).exists():
            problems.append(f"dataset '{dataset}': {entry['path']} does not exist; put the images there or correct its path")
    if settings.demo_models and not any(
        is_demo(entry) and entry["supervision"] == "none" for entry in settings.models.values()
    ):
        problems.append(
            f"{locate(files, ('models',))}: models: demo models are compared with their untrained control; add demo_untrained"
        )
    return problems


def _name_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    """Figures tell random baselines from models by their id."""
    return [
        f"{locate(files, ('models',))}: model '{name}': ids that begin with '{RANDOM_PREFIX}' are for adapter random, and only "
        "for that; give it another id"
        for name, entry in settings.models.items()
        if name.startswith(RANDOM_PREFIX) != (entry["adapter"] == "random")
    ]


def _archive_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    """Archives of all datasets lie in one folder: a name stands for one file, and a folder is filled by one source."""
    registry = settings.config["registries"]["datasets"]
    problems, known, folders = [], {}, {}
    for name, entry in settings.datasets.items():
        if entry["source"]["type"] != "archives":
            continue
        path, source = entry["path"], entry["source"]
        if folders.setdefault(path, source) != source:
            problems.append(
                f"{registry}: datasets.{name}: another dataset fills {path} from other archives; give it its own path"
            )
        problems += [
            f"{registry}: datasets.{name}: '{file['name']}' is also the name of {known[file['name']]}; rename one"
            for file in source["files"]
            if known.setdefault(file["name"], file["url"]) != file["url"]
        ]
    return problems


def _weights_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    return [
        f"{locate(files, ('models',))}: model '{name}': {settings.checkpoint(name)} does not exist; put the weights there or "
        "correct the path of its entry"
        for name, entry in settings.models.items()
        if entry["checkpoint"]["source"]["type"] == "path" and not Path(settings.checkpoint(name)).exists()
    ]


def _stop_on(problems: list[str]) -> None:
    if problems:
        raise AtlasError("\n".join(problems))
