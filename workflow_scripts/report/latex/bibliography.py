"""The bibliography, ``refs.bib``: papers of the studies from CITATION.cff; methods, data and software as the run names them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.common.study import Study
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.report.latex.text import escape_latex

_NO_ADDRESS = re.compile(r"[{}\\%#\s]")  # what LaTeX's \url does not take in a file of references


def bibliography(studies: Iterable[Study], info: Mapping[str, Any], citation: Path) -> str:
    """Return the entries of what a run rests on.

    Args:
        studies: of the run.
        info: the run's facts, see `run_info`.
        citation: the project's CITATION.cff.
    """
    cited = read_yaml(citation)
    entries = [_entry(software_key("vit-atlas"), "misc", _work(cited) | _version(info, "vit-atlas"))]
    entries += [_paper(study, cited.get("references", [])) for study in studies]
    entries += _methods(info["models"])
    entries += [_dataset(item) for item in info["datasets"]]
    for name, version in (info.get("versions") or {}).items():
        if name != "vit-atlas":
            entries.append(_entry(software_key(name), "misc", {"title": name, "note": f"Software, version {version}"}))
    return "\n\n".join([*entries, ""])


def study_key(study: str) -> str:
    """Return the key of a study's paper."""
    return _key("study", study)


def method_key(method: str) -> str:
    """Return the key of a training method."""
    return _key("method", method)


def dataset_key(dataset: str) -> str:
    """Return the key of a dataset."""
    return _key("data", dataset)


def software_key(name: str) -> str:
    """Return the key of a program or library."""
    return _key("software", name)


def _key(kind: str, name: str) -> str:
    """Return a key of letters, digits and hyphens; a sign is spelled by its code, so that no two names share a key."""
    plain = unicodedata.normalize("NFC", name)
    return f"{kind}-" + re.sub(r"[^A-Za-z0-9-]", lambda sign: f"-{ord(sign.group()):x}-", plain)


def _paper(study: Study, references: Sequence[Mapping[str, Any]]) -> str:
    arxiv = study.reference.get("arxiv", "")
    for reference in references:
        if arxiv and f"arXiv:{arxiv}" in [item["value"] for item in reference.get("identifiers", [])]:
            kind = "inproceedings" if reference["type"] == "conference-paper" and "conference" in reference else "misc"
            return _entry(study_key(study.name), kind, _work(reference), _arxiv(arxiv))
    named = {"title": study.title, "note": study.reference.get("short", "")}
    return _entry(study_key(study.name), "misc", named, _arxiv(arxiv))


def _work(reference: Mapping[str, Any]) -> dict[str, str]:
    fields = {"title": reference["title"], "year": str(reference.get("year", ""))}
    if "conference" in reference:
        fields["booktitle"] = reference["conference"]["name"]
    # A comma or an "and" in a name would be read as a separator; braces keep it whole.
    return {"author": " and ".join(_author(author) for author in reference.get("authors", []))} | fields


def _author(author: Mapping[str, str]) -> str:
    if "family-names" not in author:
        return f"{{{escape_latex(author['name'])}}}"
    return ", ".join(f"{{{escape_latex(author[key])}}}" for key in ("family-names", "given-names") if author.get(key))


def _arxiv(arxiv: str) -> str:
    return f"https://arxiv.org/abs/{arxiv}" if arxiv else ""


def _version(info: Mapping[str, Any], name: str) -> dict[str, str]:
    version = (info.get("versions") or {}).get(name)
    return {"note": f"Software{f', version {version}' if version else ''}"}


def _methods(models: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    by_method: dict[str, list[Mapping[str, Any]]] = {}
    for model in models:
        by_method.setdefault(model.get("method") or "", []).append(model)
    for method, group in by_method.items():
        if method:
            names = ", ".join(
                f"{model['display_name']} ({model.get('architecture') or 'architecture not recorded'})" for model in group
            )
            licences = ", ".join(dict.fromkeys(model.get("licence") or "not recorded" for model in group))
            fields = {"title": method, "note": f"Training method. Weights: {names}. Licence: {licences}"}
            addresses = list(dict.fromkeys(model["address"] for model in group if model.get("address")))
            yield _entry(method_key(method), "misc", fields, *addresses)


def _dataset(item: Mapping[str, Any]) -> str:
    fields = {"title": item.get("display_name", item["id"]), "note": f"Data. Licence: {item.get('licence', 'not recorded')}"}
    return _entry(dataset_key(item["id"]), "misc", fields, item.get("address", ""))


def _entry(key: str, kind: str, fields: Mapping[str, str], *addresses: str) -> str:
    """Return an entry; addresses stand in the note, since few styles print a field of their own."""
    # What is in braces keeps its capitals; the field of authors is spelled already.
    values = {name: value if name == "author" else f"{{{escape_latex(value)}}}" for name, value in fields.items() if value}
    urls = [rf"\url{{{_NO_ADDRESS.sub('', address)}}}" for address in addresses if address]
    if urls:
        values["note"] = ". ".join([*([values["note"]] if "note" in values else []), *urls])
    return "\n".join([f"@{kind}{{{key},", *(f"  {name} = {{{value}}}," for name, value in values.items()), "}"])
