"""The configuration and both registries, checked together: what the workflow builds its jobs from.

Every mistake is found before any job starts, and all of them are reported at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.common.config import check, check_names, locate, restore_types
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import is_demo, is_random
from workflow_scripts.common.sizes import grid_name, sides
from workflow_scripts.common.study import Study
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.data.views import parse_view
from workflow_scripts.studies.found import find_study, study_names, truth_of
from workflow_scripts.studies.plan import PlannedPass, planned_passes, sized
from workflow_scripts.studies.schema import config_schema, fill_defaults

SCHEMAS = Path(__file__).resolve().parents[2] / "config" / "schemas"


@dataclass(frozen=True)
class Settings:
    """A checked configuration.

    Attributes:
        config: the configuration.
        models: registry entries of the models that it names, as mappings, in its order.
        datasets: all registry entries of datasets.
        studies: the enabled studies, in the order of the configuration.
        passes: model -> {name of the job: the pass}.
    """

    config: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    datasets: Mapping[str, Mapping[str, Any]]
    studies: tuple[Study, ...]
    passes: Mapping[str, Mapping[str, PlannedPass]]

    def main_models(self, study: Study) -> list[str]:
        """Return the ids of the models of a study's main figures, in the order of the configuration; all if it runs none."""
        chosen = self.config[study.name].get("main_models") or []
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

    def demo_view(self, model: str) -> str:
        """Return the view in which the demo's check shows both splits of its world to one of its models."""
        return sized(self.config["demo"]["geometry"], sides(self.models[model]["patch"])[0])

    def patch_grid(self, model: str, view: str) -> str:
        """Return the patch grid of a model's crops in a view as ``rowsxcolumns``."""
        patch = sides(self.models[model]["patch"])
        return grid_name([size // side for size, side in zip(parse_view(view).shape, patch, strict=True)])


def load_settings(config: dict[str, Any], files: Sequence[str]) -> Settings:
    """Check `config` and the registries it names.

    Args:
        config: the merged configuration; numbers that the command line gave as text become numbers in place.
        files: the files it was merged from, the last one winning.

    Raises:
        AtlasError: one line per mistake, all of them together.
    """
    every = [find_study(name) for name in study_names()]
    schema = config_schema(read_yaml(SCHEMAS / "config.schema.yaml"), every)
    restore_types(config, schema)
    enabled = config.get("studies") if isinstance(config.get("studies"), list) else []
    studies = tuple(study for name in enabled for study in every if study.name == name)
    fill_defaults(config, studies)
    _stop_on(check(config, schema, files))
    models = _read_registry(config["registries"]["models"], "models")
    datasets = {
        name: entry | {"path": entry["path"].replace("{resources}", config["resources"])}
        for name, entry in _read_registry(config["registries"]["datasets"], "datasets").items()
    }
    problems = check_names("models", config["models"], models, config["registries"]["models"], files)
    registry = config["registries"]["datasets"]
    for key, name, _ in _asked_datasets(config, studies):
        problems += check_names(key, [name], datasets, registry, files)
    problems += check_names("features.datasets", config["features"]["datasets"], datasets, registry, files)
    for study in studies:
        chosen = config[study.name].get("main_models") or []
        problems += check_names(f"{study.name}.main_models", chosen, models, config["registries"]["models"], files)
    problems += [
        f"{locate(files, tuple(key.split('.')))}: {key}: crop {geometry['crop']} is larger than resize {geometry['resize']}; "
        "the crop is cut from the resized image"
        for key, geometry in _sizes(config, studies).items()
        if geometry["crop"] > geometry["resize"]
    ]
    _stop_on(problems)
    entries = {name: models[name] for name in config["models"]}
    demo_models = {name for name, entry in entries.items() if is_demo(entry)}
    settings = Settings(config, entries, datasets, studies, planned_passes(config, entries, demo_models, studies))
    checks = (_size_problems, _truth_problems, _path_problems, _control_problems)
    checks += (_archive_problems, _weights_problems)
    _stop_on([problem for check_of in checks for problem in check_of(settings, files)])
    return settings


def _read_registry(path: str, kind: str) -> dict[str, Any]:
    content = read_yaml(path)
    _stop_on(check(content, read_yaml(SCHEMAS / f"{kind}.schema.yaml"), [path]))
    return content[kind]


def _sizes(config: Mapping[str, Any], studies: Sequence[Study]) -> dict[str, Mapping[str, int]]:
    """Return the sizes (resize, crop) that the configuration sets, by their key."""
    used = {"demo.geometry": config["demo"]["geometry"]}
    if config["features"]["datasets"]:
        used["features.geometry"] = config["features"]["geometry"]
    for study in studies:
        own = (name for name, setting in study.settings.items() if "crop" in setting.schema.get("properties", {}))
        used |= {f"{study.name}.{name}": config[study.name][name] for name in own}
    return used


def _asked_datasets(config: Mapping[str, Any], studies: Sequence[Study]) -> list[tuple[str, str, str | None]]:
    """Return (key, dataset, ground truth it must have) for every dataset that an enabled study names."""
    return [
        (f"{study.name}.{analysis.name}.{setting.name}", chosen, truth_of(setting))
        for study in studies
        for analysis in study.analyses.values()
        for setting in analysis.settings.values()
        if setting.truth and (chosen := (config[study.name][analysis.name] or {}).get(setting.name)) is not None
    ]


def _size_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    """Find models that are to see images of another size than they were trained at and cannot: no rule for their positions."""
    problems = []
    for name, entry in settings.models.items():
        seen = {parse_view(view).shape for passed in settings.passes[name].values() for view in passed.views}
        fixed = not is_random(entry) and not entry["checkpoint"].get("position_resize")
        other = sorted(shape for shape in seen if shape != sides(entry["image_size"]))
        if fixed and other:
            problems.append(
                f"{locate(files, ('models',))}: model '{name}' takes {entry['image_size']} px, but a study shows images of "
                f"{other[0][0]} x {other[0][1]} px; set the study's geometry to its size, or say in its entry how its "
                "positions are resampled (checkpoint.position_resize)"
            )
    return problems


def _truth_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    problems = []
    for key, name, truth in _asked_datasets(settings.config, settings.studies):
        if truth and truth not in settings.datasets[name]["ground_truth"]:
            having = [other for other, entry in settings.datasets.items() if truth in entry["ground_truth"]]
            problems.append(
                f"{locate(files, tuple(key.split('.')))}: {key}: '{name}' has no {truth} (datasets that have: "
                f"{', '.join(having) or 'none'})"
            )
    return problems


def _path_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    used = dict.fromkeys(passed.dataset for passes in settings.passes.values() for passed in passes.values())
    return [
        f"dataset '{name}': {settings.datasets[name]['path']} does not exist; put the images there or correct its path"
        for name in used
        if settings.datasets[name]["source"]["type"] == "local" and not Path(settings.datasets[name]["path"]).exists()
    ]


def _control_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    controls = [entry for entry in settings.models.values() if is_demo(entry) and entry["supervision"] == "none"]
    if not settings.demo_models or controls:
        return []
    return [f"{locate(files, ('models',))}: models: demo models are compared with their untrained control; add demo_untrained"]


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
