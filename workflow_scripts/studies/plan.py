"""What the configuration asks of each model: which datasets it passes over, in which views, and which collectors listen.

Pure data: no array, no file, no model. The workflow turns the plan into jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflow_scripts.common.sizes import sides
from workflow_scripts.common.study import Analysis, Ask, FitAsk, Study, fits_of, settings_of
from workflow_scripts.data.alterations import ALTERATIONS
from workflow_scripts.data.views import Area, CentreCrop, Cut, Geometry, Letterbox, Padded, Squash, Tiles, View
from workflow_scripts.onepass.names import owned
from workflow_scripts.studies.found import VIEW_GEOMETRIES

Collectors = dict[str, dict[str, Any]]
_ALL = "all"  # layers: all that a model has, whatever else is asked for
DEMO_SPLITS = ("demo_train", "demo_val")


@dataclass(frozen=True)
class Asked:
    """An ask of an analysis, spelled out for one model.

    Attributes:
        name: under which the analysis receives the pass; ``ask/value`` where it is asked for each of several values.
        dataset: id.
        view: name of the view.
        collectors: collector -> options.
        job: name of the pass that serves it: the dataset's, or of its own below the dataset's.
        files: what the analysis reads of the dataset beside the pass.
        owner: what the pass calls this ask's own collectors by (`onepass.names.owned`); "" where they are shared.
    """

    name: str
    dataset: str
    view: str
    collectors: Collectors
    job: str
    files: tuple[str, ...] = ()
    owner: str = ""


@dataclass(frozen=True)
class PlannedPass:
    """One job: a model over a dataset, `views` being view -> {collector: options}."""

    dataset: str
    views: dict[str, Collectors]


def asked(study: Study, analysis: Analysis, config: Mapping[str, Any], patch: int) -> list[Asked]:
    """Return what `analysis` asks of the passes of a model with patches of `patch` pixels; [] if it is left out.

    An analysis is left out where the configuration says null, for the whole of it or for a dataset that it needs. An ask that
    is optional is left out alone.
    """
    settings = config[study.name][analysis.name]
    if settings is None:
        return []
    asks = [ask for ask in analysis.asks.values() if not ask.condition or settings[ask.condition]]
    if any(settings[ask.dataset] is None and not ask.optional for ask in asks):
        return []
    asks = [ask for ask in asks if settings[ask.dataset] is not None]
    used = {*analysis.fits, *(fit for ask in asks for options in ask.gather.values() for fit in fits_of(options))}
    if any(_setting(config[study.name], name) is None for fit in used for name in _named(study.fits[fit])):
        return []
    return [one for ask in asks for one in _spelled_out(study, analysis, ask, config, patch)]


@dataclass(frozen=True)
class PlannedFit:
    """A fit of a study, spelled out for one model: the view of a dataset it sees, and {name: options}."""

    dataset: str
    view: str
    fit: dict[str, dict[str, Any]]


def planned_fits(study: Study, config: Mapping[str, Any], model: str, patch: int) -> dict[str, PlannedFit]:
    """Return the fits that the enabled analyses of a model use, by name."""
    used: set[str] = set()
    for analysis in (one for one in enabled_analyses(study, config) if model in analysed_models(one, config)):
        used |= {*analysis.fits, *(fit for ask in analysis.asks.values() for o in ask.gather.values() for fit in fits_of(o))}
    planned = {}
    for fit in study.fits.values():
        if fit.name in used:
            analysis = fit.dataset.split(".")[0]
            settings = {**config[study.name], **config[study.name][analysis]}
            options = {name: _options(o, settings, config) for name, o in fit.fit.items()}
            dataset = _setting(config[study.name], fit.dataset)
            planned[fit.name] = PlannedFit(dataset, view_name(study, config, fit.view, patch), options)
    return planned


def enabled_analyses(study: Study, config: Mapping[str, Any]) -> list[Analysis]:
    """Return the analyses of `study` that the configuration does not leave out."""
    config = at_own_sizes(config, [study], image_size=1)
    return [one for one in study.analyses.values() if asked(study, one, config, patch=1) and analysed_models(one, config)]


def analysed_models(analysis: Analysis, config: Mapping[str, Any]) -> list[str]:
    """Return the ids of the models that an analysis is made of: those of the run that its setting names, or all."""
    settings = config[analysis.study][analysis.name] or {}
    chosen = settings.get(analysis.models)
    return [model for model in config["models"] if chosen is None or model in chosen]


def planned_passes(
    config: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]], demo_models: set[str], studies: Iterable[Study]
) -> dict[str, dict[str, PlannedPass]]:
    """Return for each model the passes it makes, by the name of the job: the dataset, or a part of its own below it.

    All that the studies ask of one dataset is one pass over it, of one or more views; an ask that says `apart` has its own.

    Args:
        config: the validated configuration.
        models: registry entries of its models.
        demo_models: ids of the models of the demo zoo; they pass over both splits of the demo world as well, for
            the k-NN check that each has learned.
        studies: those that the configuration enables.
    """
    studies = list(studies)
    both = {"pooled_features": {"facets": ["cls", "mean_patch"], "precision": config["feature_precision"]}}
    plan: dict[str, dict[str, PlannedPass]] = {}
    for model in config["models"]:
        patch = sides(models[model]["patch"])[0]
        passes = plan[model] = {}
        own = at_own_sizes(config, studies, sides(models[model]["image_size"])[0])
        for study in studies:
            for analysis in (one for one in study.analyses.values() if model in analysed_models(one, config)):
                for one in asked(study, analysis, own, patch):
                    _add(passes, one.job, one.dataset, one.view, one.collectors)
        for dataset in config["features"]["datasets"]:
            _add(passes, dataset, dataset, sized(config["features"]["geometry"], patch), both)
        for dataset in DEMO_SPLITS if model in demo_models else ():
            _add(passes, dataset, dataset, sized(config["demo"]["geometry"], patch), both)
    return plan


def at_own_sizes(config: Mapping[str, Any], studies: Iterable[Study], image_size: int) -> dict[str, Any]:
    """Return the configuration as one model has it: sizes that say `trained` are those of the images it was trained on.

    Args:
        config: the validated configuration.
        studies: those whose sizes may say so.
        image_size: side of these images in pixels.
    """
    own = {"resize": image_size, "crop": image_size}
    spelled = dict(config)
    for study in studies:
        sizes = {
            name: value for name, value in config[study.name].items() if isinstance(value, Mapping) and value.get("trained")
        }
        spelled[study.name] = {**config[study.name], **dict.fromkeys(sizes, own)}
    return spelled


def sized(geometry: Mapping[str, int], patch: int) -> str:
    """Return the name of the centre crop that a setting asks for, rounded to a multiple of `patch` (half up)."""
    return str(View(_centre_crop(geometry, patch)))


def view_name(study: Study, config: Mapping[str, Any], view: str, patch: int, value: Any = None) -> str:
    """Return the name of one of a study's views for a model with patches of `patch` pixels.

    Args:
        study: whose description says what the view is.
        config: its settings say how large.
        view: name in the study.
        patch: side of a patch in pixels: sizes are rounded to it.
        value: of the ask's `each`, for a view that is altered by it or of that size.
    """
    spec, settings = study.views[view], config[study.name]
    geometry = _geometry(spec, settings, patch, value)
    altered = [alteration(_number(settings, spec[word], value)) for word, alteration in ALTERATIONS.items() if word in spec]
    return str(View(geometry, *altered))  # one at most


def _geometry(spec: Mapping[str, Any], settings: Mapping[str, Any], patch: int, value: Any) -> Geometry:
    (kind,) = VIEW_GEOMETRIES & spec.keys()
    size = _number(settings, spec[kind], value)
    if kind == "area":
        return Area(_whole_patches(size, patch))
    if kind == "padded":
        return Padded(size, patch, spec.get("scaled", False))
    if kind == "squash" and isinstance(size, list):  # a shape, not a square
        return Squash(*(_whole_patches(side, patch) for side in size))
    crop = _centre_crop(size, patch)
    match kind:
        case "crop":
            return CentreCrop(crop.resize, crop.crop, (_setting(settings, spec["fit"]) if "fit" in spec else 0) or 0)
        case "tiles":
            return Tiles(spec.get("times", 1) * crop.crop, crop.crop, patch)
        case "letterbox":
            return Letterbox(crop.crop)
        case "cut":
            first = (_setting(settings, spec["to"]) if "to" in spec else None) or (0, 0)
            return Cut(_setting(settings, spec["tile"]), crop.crop, *first)
        case _:
            return Squash(crop.crop, crop.crop)


def _number(settings: Mapping[str, Any], name: str, value: Any) -> Any:
    return value if name == "each" else _setting(settings, name)


def merged(collectors: Collectors, more: Collectors) -> Collectors:
    """Return what serves both requests: lists are united, all where one asks for ``all``; other options must be equal."""
    result = {name: dict(options) for name, options in collectors.items()}
    for name, options in more.items():
        known = result.setdefault(name, {})
        for key, value in options.items():
            known[key] = _united(known[key], value, f"two studies want {name} with other {key}") if key in known else value
    return result


def _united(known: Any, value: Any, problem: str) -> Any:
    lists = [isinstance(one, list) for one in (known, value)]
    if all(lists):
        return [*known, *(one for one in value if one not in known)]
    if any(lists) and _ALL in (known, value):
        return _ALL
    assert known == value, problem
    return value


def _add(passes: dict[str, PlannedPass], job: str, dataset: str, view: str, collectors: Collectors) -> None:
    views = passes.setdefault(job, PlannedPass(dataset, {})).views
    views[view] = merged(views.get(view, {}), collectors)


def _spelled_out(study: Study, analysis: Analysis, ask: Ask, config: Mapping[str, Any], patch: int) -> Iterator[Asked]:
    settings = config[study.name][analysis.name]
    dataset, name = settings[ask.dataset], f"{study.name}_{analysis.name}_{ask.name}"
    owner = name if ask.own else ""
    for value in settings[ask.each] if ask.each else (None,):
        collectors = {
            owned(kind, owner) if owner else kind: _options(options, settings, config, study.name)
            for kind, options in ask.gather.items()
        }
        yield Asked(
            name=f"{ask.name}/{value}" if ask.each else ask.name,
            dataset=dataset,
            view=view_name(study, config, ask.view, patch, value),
            collectors=collectors,
            job=f"{dataset}/{name}" if ask.apart else dataset,
            files=ask.files,
            owner=owner,
        )


def _options(options: Mapping[str, Any], settings: Mapping[str, Any], config: Mapping[str, Any], study: str = "") -> Any:
    """Return options with the values that they refer to: of a setting, or a general key of the configuration.

    A fit is called ``study/fit`` from here on: studies share passes.
    """

    def value(option: Any) -> Any:
        if not isinstance(option, Mapping):
            return option
        ((word, name),) = option.items()
        return {"fit": f"{study}/{name}"} if word == "fit" else _setting({"setting": settings, "config": config}[word], name)

    return {key: value(option) for key, option in options.items()}


def _named(fit: FitAsk) -> list[str]:
    """Return the settings that a fit reads, as ``analysis.setting``; without one of them there is no fit."""
    own = fit.dataset.split(".")[0]
    names = [name for options in fit.fit.values() for name in settings_of(options)]
    return [fit.dataset, *(name if "." in name else f"{own}.{name}" for name in names)]


def _setting(settings: Mapping[str, Any], name: str) -> Any:
    """Return a study's setting, or one of an analysis as ``analysis.setting``; None if that analysis is left out."""
    value: Any = settings
    for part in name.split("."):
        value = value[part] if value is not None else None
    return value


def _centre_crop(geometry: Mapping[str, int | None], patch: int) -> CentreCrop:
    """Return the centre crop of a size setting.

    Of one in patches, as many along each side, and nothing of the short side is cut; of one in pixels, the nearest multiple of
    `patch` to its crop, with the resizing in proportion.
    """
    if geometry.get("patches"):
        return CentreCrop(geometry["patches"] * patch, geometry["patches"] * patch)
    crop = _whole_patches(geometry["crop"], patch)
    resize = geometry["resize"] if crop == geometry["crop"] else max(crop, round(geometry["resize"] * crop / geometry["crop"]))
    return CentreCrop(resize, crop)


def _whole_patches(side: int, patch: int) -> int:
    """Return the multiple of `patch` that is nearest to `side`, half up, at least one."""
    return max(1, (side + patch // 2) // patch) * patch
