"""The registries of models and of datasets, from the project's files and the user's own, later files laid over earlier ones.

Each file is checked by itself and every message names the file at fault, so that an entry can live anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from workflow_scripts.common.config import Key, check, locate_near
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.paths import path_problem, tidy
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.data.reader_names import check_options

SCHEMAS = Path(__file__).resolve().parents[2] / "config" / "schemas"
FETCHED = ("url", "hub", "torchvision", "incoming")  # kinds of sources that put a checkpoint into the resources
Entries = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Registry:
    """All entries of one kind.

    Attributes:
        kind: "models" or "datasets".
        files: the registry files, the last one winning.
        entries: by id.
        sources: id -> the file that its entry is from.
    """

    kind: str
    files: tuple[str, ...]
    entries: Entries
    sources: Mapping[str, str]

    @cached_property
    def named(self) -> str:
        """The files, for messages."""
        return ", ".join(self.files)

    def where(self, name: str, *key: str | int) -> str:
        """Return ``file:line: models.name.key`` of a key of an entry, for messages."""
        path: Key = (self.kind, name, *key)
        return f"{locate_near([self.sources[name]], path)}: {'.'.join(map(str, path))}"


def read_registry(kind: str, files: str | Sequence[str]) -> Registry:
    """Read the registries of a kind; an entry of a later file takes the place of one with its name in an earlier file.

    Raises:
        AtlasError: one line per mistake in any of the files.
    """
    files = (files,) if isinstance(files, str) else tuple(files)
    schema = read_yaml(SCHEMAS / f"{kind}.schema.yaml")
    entries: dict[str, Mapping[str, Any]] = {}
    sources: dict[str, str] = {}
    problems: list[str] = []
    for file in files:
        try:
            content = read_yaml(file)
        except AtlasError as error:
            problems += str(error).splitlines()
            continue
        if found := check(content, schema, [file]):
            problems += found
            continue
        for name, entry in content[kind].items():
            entries[name], sources[name] = entry, file
    if problems:
        raise AtlasError("\n".join(problems))
    return Registry(kind, files, entries, sources)


def place_datasets(registry: Registry, resources: str) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the entries of datasets with their paths spelled out and tidy, and a line per path or option that cannot be."""
    placed, problems = {}, []
    for name, entry in registry.entries.items():
        path = entry["path"].replace("{resources}", resources)
        if problem := path_problem(path):
            problems.append(f"{registry.where(name, 'path')}: '{path}' {problem}")
        problems += [
            f"{registry.where(name, 'options')}: {problem}"
            for problem in check_options(entry["reader"], entry.get("options", {}))
        ]
        placed[name] = {**entry, "path": tidy(path)}
    return placed, problems


def model_problems(registry: Registry) -> list[str]:
    """Find models whose checkpoint cannot lie where its entry says, and names of files that stand for several."""
    problems: list[str] = []
    known: dict[str, tuple[str, Any]] = {}
    for name, entry in registry.entries.items():
        spec = entry["checkpoint"]
        source, file = spec["source"], spec.get("file")
        if source["type"] == "path":
            if problem := path_problem(source["path"]):
                problems.append(f"{registry.where(name, 'checkpoint', 'source', 'path')}: '{source['path']}' {problem}")
        elif source["type"] != "none":
            problem = path_problem(file) or ("is no plain file name; leave folders out" if "/" in file else "")
            other, of_other = known.setdefault(file, (name, source))
            if not problem and of_other != source:
                problem = f"is also the file of '{other}', from another source; rename one"
            if problem:
                problems.append(f"{registry.where(name, 'checkpoint', 'file')}: '{file}' {problem}")
    return problems


def archive_problems(registry: Registry, datasets: Entries, resources: str) -> list[str]:
    """Find archives that get in each other's way.

    Archives of all datasets lie in one folder, so a name stands for one file; a dataset's folder lies in that of all
    datasets and is filled by one source.
    """
    problems: list[str] = []
    known: dict[str, str] = {}
    folders: dict[str, Any] = {}
    for name, entry in datasets.items():
        if entry["source"]["type"] != "archives":
            continue
        path, source = entry["path"], entry["source"]
        if Path(path).parent != Path(resources) / "datasets":
            problems.append(
                f"{registry.where(name, 'path')}: '{path}' must be {{resources}}/datasets/ and one name: it is fetched"
            )
        if folders.setdefault(path, source) != source:
            problems.append(f"{registry.where(name)}: another dataset fills {path} from other archives; give it its own path")
        problems += [
            f"{registry.where(name)}: '{file['name']}' is also the name of {known[file['name']]}; rename one"
            for file in source["files"]
            if known.setdefault(file["name"], file["url"]) != file["url"]
        ]
    return problems
