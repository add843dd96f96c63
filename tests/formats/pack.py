"""Archives of a tiny dataset, packed as the originals are: what the workflow would download."""

import io
import tarfile
import zipfile
from pathlib import Path


def pack(tree: Path, entry: dict, parts: tuple[str, ...], archive: Path) -> None:
    """Pack parts of an unpacked dataset.

    Args:
        tree: the dataset's folder.
        entry: the file's entry in the registry: `extract` says how it is packed and where to it is unpacked.
        parts: files and folders below `tree`, without wildcards, that belong to this archive.
        archive: where to write it.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    kind, base = entry["extract"]["kind"], tree / entry["extract"].get("to", ".")
    sources = [tree / part for part in parts]
    if kind == "none":
        archive.write_bytes(sources[0].read_bytes())
    elif kind == "tar":
        with tarfile.open(archive, "w:gz" if archive.suffix in (".gz", ".tgz") else "w") as outer:
            for path in _files(sources):
                outer.add(path, path.relative_to(base).as_posix())
    elif kind == "zip":
        with zipfile.ZipFile(archive, "w") as outer:
            for path in _files(sources):
                outer.write(path, path.relative_to(base).as_posix())
    elif kind == "tar_of_tars":
        # Every folder is a tar of its own, named like it, whose members have no folder.
        with tarfile.open(archive, "w") as outer:
            for folder in sorted(path for source in sources for path in source.iterdir() if path.is_dir()):
                inner = io.BytesIO()
                with tarfile.open(fileobj=inner, mode="w") as tar:
                    for path in _files([folder]):
                        tar.add(path, path.relative_to(folder).as_posix())
                info = tarfile.TarInfo(f"{folder.name}.tar")
                info.size = len(inner.getvalue())
                outer.addfile(info, io.BytesIO(inner.getvalue()))
    elif kind == "zip_of_zips":
        # Every folder is a zip of its own that has it as its top folder; files lie beside the zips.
        with zipfile.ZipFile(archive, "w") as outer:
            for source in sources:
                if source.is_file():
                    outer.write(source, source.relative_to(base).as_posix())
                    continue
                inner = io.BytesIO()
                with zipfile.ZipFile(inner, "w") as packed:
                    for path in _files([source]):
                        packed.write(path, path.relative_to(source.parent).as_posix())
                outer.writestr(f"{source.relative_to(base).as_posix()}.zip", inner.getvalue())
    else:
        raise ValueError(f"{archive.name}: no such kind of archive: {kind}")


def _files(sources: list[Path]) -> list[Path]:
    found = []
    for source in sources:
        found += [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    return found
