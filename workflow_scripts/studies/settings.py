"""The configuration and both registries, checked together: what the workflow builds its jobs from.

Every mistake is found before any job starts, and all of them are reported at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.common.config import check, check_names, locate, printable, restore_types
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.paths import path_problem, tidy
from workflow_scripts.common.run_model import is_demo, is_random
from workflow_scripts.common.sizes import grid_name, sides
from workflow_scripts.common.study import Setting, Study
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.data.views import Padded, View, parse_view
from workflow_scripts.demo.painted_sizes import painted_size
from workflow_scripts.studies.decoders import with_decoders
from workflow_scripts.studies.found import find_study, names_models, study_names
from workflow_scripts.studies.ground_truth import asked_datasets, with_ground_truth
from workflow_scripts.studies.plan import PlannedPass, at_own_sizes, planned_passes, sized
from workflow_scripts.studies.registries import (
    FETCHED,
    SCHEMAS,
    Registry,
    archive_problems,
    model_problems,
    place_datasets,
    read_registry,
)
from workflow_scripts.studies.schema import config_schema, fill_defaults

ROOT = Path(__file__).resolve().parents[2]
# What the repository itself holds: nothing of a run is written there.
OWN_FOLDERS = {
    *(".ci", ".git", ".snakemake", ".venv", "benchmarks", "config", "docs", "envs", "profiles", "rules", "tests"),
    "workflow_scripts",
}


@dataclass(frozen=True)
class Settings:
    """A checked configuration.

    Attributes:
        config: the configuration.
        models: registry entries of the models that it names, as mappings, in its order.
        datasets: all registry entries of datasets.
        studies: the enabled studies, in the order of the configuration.
        passes: model -> {name of the job: the pass}.
        registries: "models" and "datasets", with the files that entries are from.
        left_out: setting -> line, of datasets that lack the ground truth, and models that lack the decoder, that they need.
    """

    config: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    datasets: Mapping[str, Mapping[str, Any]]
    studies: tuple[Study, ...]
    passes: Mapping[str, Mapping[str, PlannedPass]]
    registries: Mapping[str, Registry]
    left_out: Mapping[str, str]

    def main_models(self, study: Study) -> list[str]:
        """Return the ids of the models of a study's main figures, in the order of the configuration; all if it runs none."""
        chosen = self.config[study.name].get("main_models") or []
        return [name for name in self.models if name in chosen] or list(self.models)

    @property
    def fetched_models(self) -> list[str]:
        """Ids of the models whose weights are fetched, or taken from the incoming folder."""
        return [name for name, entry in self.models.items() if entry["checkpoint"]["source"]["type"] in FETCHED]

    @property
    def demo_models(self) -> list[str]:
        """Ids of the models of the demo zoo."""
        return [name for name, entry in self.models.items() if is_demo(entry)]

    def checkpoint(self, model: str) -> str | None:
        """Return the path of a model's weights, None for a model without weights."""
        spec = self.models[model]["checkpoint"]
        if spec["source"]["type"] == "none":
            return None
        if spec["source"]["type"] == "path":
            return tidy(spec["source"]["path"])
        return f"{self.config['resources']}/checkpoints/{spec['file']}"

    def demo_view(self, model: str) -> str:
        """Return the view in which the demo's check shows both splits of its world to one of its models."""
        return sized(self.config["demo"]["geometry"], sides(self.models[model]["patch"])[0])

    def config_of(self, model: str) -> dict[str, Any]:
        """Return the configuration as a model has it, its own size where the configuration asks for that."""
        return at_own_sizes(self.config, self.studies, sides(self.models[model]["image_size"])[0])

    def patch_grid(self, model: str, view: str) -> str:
        """Return the patch grid of a model's crops in a view as ``rowsxcolumns``."""
        patch = sides(self.models[model]["patch"])
        return grid_name([size // side for size, side in zip(parse_view(view).shape, patch, strict=True)])


def load_settings(config: dict[str, Any], files: Sequence[str]) -> Settings:
    """Check `config` and the registries it names.

    Args:
        config: the merged configuration; numbers that the command line gave as text become numbers in place, and folders get
            the one spelling that all jobs use.
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
    _stop_on(_tidy_folders(config, files))
    registries = {kind: read_registry(kind, config["registries"][kind]) for kind in ("models", "datasets")}
    models = registries["models"].entries
    datasets, problems = place_datasets(registries["datasets"], config["resources"])
    datasets = {
        name: entry | painted_size(entry, config["demo"]) if entry["source"]["type"] == "demo" else entry
        for name, entry in datasets.items()
    }
    problems += model_problems(registries["models"])
    problems += archive_problems(registries["datasets"], datasets, config["resources"])
    problems += _unknown_names(config, studies, registries, files)
    problems += [
        f"{locate(files, tuple(key.split('.')))}: {key}: {problem}"
        for key, geometry in _sizes(config, studies).items()
        if (problem := _size_problem(geometry))
    ]
    _stop_on(problems)
    chosen, left_out = with_ground_truth(config, studies, datasets)
    entries = {name: models[name] for name in config["models"]}
    chosen, without_decoder = with_decoders(chosen, studies, entries)
    left_out |= without_decoder
    demo_models = {name for name, entry in entries.items() if is_demo(entry)}
    passes = planned_passes(chosen, entries, demo_models, studies)
    settings = Settings(chosen, entries, datasets, studies, passes, registries, left_out)
    checks = (_size_problems, _path_problems, _control_problems, _weights_problems)
    _stop_on([problem for check_of in checks for problem in check_of(settings, files)])
    return settings


def _tidy_folders(config: dict[str, Any], files: Sequence[str]) -> list[str]:
    """Give every folder and registry of the configuration its one spelling, in place; return what is wrong with them."""
    problems = []
    folders = ("results", "resources", "incoming")
    for name in folders:
        if problem := path_problem(config[name]) or _misplaced(tidy(config[name])):
            problems.append(f"{locate(files, (name,))}: {name}: '{config[name]}' {problem}")
        config[name] = tidy(config[name])
    for one, other in itertools.combinations(folders, 2):
        if config[one] == config[other]:
            problems.append(f"{locate(files, (other,))}: {other}: '{config[other]}' is also {one}; give each its own folder")
    for kind, paths in config["registries"].items():
        problems += [
            f"{locate(files, ('registries', kind))}: registries.{kind}: '{path}' {problem}"
            for path in ([paths] if isinstance(paths, str) else paths)
            if (problem := path_problem(path))
        ]
    return problems


def _misplaced(folder: str) -> str:
    """Return what is wrong with the place of a folder that a run fills, "" if nothing is."""
    path = Path(folder).resolve()
    if path in (ROOT, *ROOT.parents):
        return "holds the project itself; choose a folder of its own"
    inside = path.relative_to(ROOT).parts[0] if path.is_relative_to(ROOT) else ""
    return f"lies in {inside}/, which is the project's own; choose another folder" if inside in OWN_FOLDERS else ""


def _unknown_names(
    config: Mapping[str, Any], studies: Sequence[Study], registries: Mapping[str, Registry], files: Sequence[str]
) -> list[str]:
    """Find models and datasets that the configuration names and no registry has."""
    models, datasets = registries["models"], registries["datasets"]
    problems = check_names("models", config["models"], models.entries, models.named, files)
    for key, name, _ in asked_datasets(config, studies):
        problems += check_names(key, [name], datasets.entries, datasets.named, files)
    only = [config["only_dataset"]] if config["only_dataset"] else []
    for key, names in (("features.datasets", config["features"]["datasets"]), ("only_dataset", only)):
        problems += check_names(key, names, datasets.entries, datasets.named, files)
    for key, setting, chosen in _model_settings(config, studies):
        if chosen != setting.default:  # what a study names by itself need not be in a registry of the user's own
            problems += check_names(key, chosen or [], models.entries, models.named, files)
    drawn = [figure.key for name in study_names() for figure in find_study(name).figures]
    problems += check_names("figures.models", config["figures"]["models"], drawn, "docs/figures.md", files)
    for figure, chosen in config["figures"]["models"].items():
        problems += check_names(f"figures.models.{figure}", chosen, config["models"], "the models of this run", files)
    return problems


def _model_settings(config: Mapping[str, Any], studies: Sequence[Study]) -> Iterator[tuple[str, Setting, list[str] | None]]:
    """Yield key, setting and value of every setting of the studies that names models."""
    for study in studies:
        rooms = [(study.name, study.settings, config[study.name])]
        rooms += [(one.key.replace("/", "."), one.settings, config[study.name][name]) for name, one in study.analyses.items()]
        for key, settings, values in rooms:
            for name, setting in settings.items() if values else ():
                if names_models(setting):
                    yield f"{key}.{name}", setting, values[name]


def _size_problem(size: Mapping[str, int | None]) -> str:
    """Return what is wrong with a size, "" if nothing is."""
    given = [key for key in size if size[key]]
    if given in (["patches"], ["trained"]):
        return ""
    if sorted(given) != ["crop", "resize"]:
        return (
            f"found {', '.join(given) or 'nothing'}, expected resize and crop, or patches alone, or trained alone; null takes "
            "a key of an earlier file away"
        )
    if size["crop"] > size["resize"]:
        return f"crop {size['crop']} is larger than resize {size['resize']}; the crop is cut from the resized image"
    return ""


def _sizes(config: Mapping[str, Any], studies: Sequence[Study]) -> dict[str, Mapping[str, int | None]]:
    """Return the sizes (resize and crop, or patches) that the configuration sets, by their key."""
    used = {"demo.geometry": config["demo"]["geometry"]}
    if config["features"]["datasets"]:
        used["features.geometry"] = config["features"]["geometry"]
    for study in studies:
        own = (name for name, setting in study.settings.items() if "crop" in setting.schema.get("properties", {}))
        used |= {f"{study.name}.{name}": config[study.name][name] for name in own}
    return used


def _size_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    """Find models that are to see images of another size than they were trained at and cannot: no rule for their positions."""
    problems = []
    for name, entry in settings.models.items():
        views = {parse_view(view) for passed in settings.passes[name].values() for view in passed.views}
        fixed = not is_random(entry) and not entry["checkpoint"].get("position_resize")
        other = sorted(_shown(view) for view in views if _shown(view) != (*sides(entry["image_size"]), ""))
        if fixed and other:
            rows, columns, kind = other[0]
            problems.append(
                f"{locate(files, ('models',))}: models: '{name}' takes {entry['image_size']} px, but a study shows images of "
                f"{kind}{rows} x {columns} px; set the study's geometry to its size, or say in its entry how its "
                "positions are resampled (checkpoint.position_resize)"
            )
    return problems


def _shown(view: View) -> tuple[int, int, str]:
    """Return the rows and columns in pixels at which a view shows images, and words before them where these are the most."""
    return (*view.shape, "various sizes, up to " if isinstance(view.geometry, Padded) else "")


def _path_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    used = dict.fromkeys(passed.dataset for passes in settings.passes.values() for passed in passes.values())
    return [
        f"{settings.registries['datasets'].where(name, 'path')}: {settings.datasets[name]['path']} does not exist; put the "
        "images there or correct the path"
        for name in used
        if settings.datasets[name]["source"]["type"] not in ("demo", "archives")  # neither painted nor fetched
        and not Path(settings.datasets[name]["path"]).exists()
    ]


def _control_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    controls = [entry for entry in settings.models.values() if is_demo(entry) and entry["supervision"] == "none"]
    if not settings.demo_models or controls:
        return []
    return [f"{locate(files, ('models',))}: models: demo models are compared with their untrained control; add demo_untrained"]


def _weights_problems(settings: Settings, files: Sequence[str]) -> list[str]:
    problems = []
    for name, entry in settings.models.items():
        if entry["checkpoint"]["source"]["type"] == "path" and not Path(path := settings.checkpoint(name)).is_file():
            found = "is a folder; name the file in it" if Path(path).is_dir() else "does not exist; put the weights there"
            where = settings.registries["models"].where(name, "checkpoint", "source", "path")
            problems.append(f"{where}: {path} {found} or correct the path")
    return problems


def _stop_on(problems: list[str]) -> None:
    if problems:
        raise AtlasError("\n".join(map(printable, problems)))
