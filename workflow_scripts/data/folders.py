"""The folders of a dataset: sorted listings without what systems leave behind, which remember what nobody read.

No order ever comes from the file system: names are sorted as plain strings, by code point. Links to folders are followed.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

from workflow_scripts.data.bad_data import no_file

# Names that are compared without their case; all that begin with a dot are hidden.
_JUNK = {
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "lost+found", "@eadir", "#recycle", "$recycle.bin",
    "system volume information", "__pycache__",
}  # fmt: skip
_NAMED = 3  # folders that are named where some are not looked into
_SUFFIXES = 8  # suffixes that are named
_ESCAPED = {"Cc", "Cs", "Zl", "Zp"}  # Unicode's categories: control characters, halves of pairs, ends of lines


def is_junk(name: str) -> bool:
    """Return whether a file or folder is hidden or left behind by a system: it is never data, nor a class."""
    return name.startswith(".") or name.lower() in _JUNK


def printable(name: str) -> str:
    r"""Return a file's name as text that every file format and screen takes; different names stay different.

    A file system takes any bytes. Those that are not UTF-8 are written as ``\xe9``, control characters and ends of lines as
    ``\u000a``, and a backslash as two.
    """
    if name.isprintable() and "\\" not in name:
        return name
    return "".join(_printable(character) for character in name)


def first_of(*candidates: Path) -> Path:
    """Return the first of the candidates that exists, else the first: archives keep or lose their top folder on unpacking."""
    return next((path for path in candidates if path.exists()), candidates[0])


class Folders:
    """Listings of one dataset's folders, none of which has junk.

    What no listing of a folder took, neither as a file nor as a folder to look into, is left over: `left_over` says it.
    """

    def __init__(self) -> None:
        self._left: dict[str, set[str]] = {}  # folder -> its entries that no listing took; folders end in "/"
        self._loops: set[str] = set()

    def files(self, folder: Path, suffixes: tuple[str, ...]) -> list[str]:
        """Return the sorted names of the files in `folder` that end in one of the `suffixes` (lower case).

        Raises:
            AtlasError: there is no such folder.
        """
        entries = _entries(folder)
        found = [name for name in entries if _ends_in(name, suffixes)]
        self._leave(folder, entries, found)
        return sorted(found)

    def folders(self, folder: Path, wanted: Callable[[str], bool] = lambda name: True) -> list[str]:
        """Return the sorted names of the folders in `folder` that are `wanted`.

        Raises:
            AtlasError: there is no such folder.
        """
        entries = _entries(folder)
        found = [name for name in entries if name.endswith("/") and wanted(name[:-1])]
        self._leave(folder, entries, found)
        return sorted(name[:-1] for name in found)

    def below(self, folder: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
        """Yield the path below `folder` of all files that end in one of the `suffixes`, however deep, in no order.

        A link that leads back to a folder above it is not followed.

        Raises:
            AtlasError: there is no such folder.
        """
        todo = [("", (_identity(folder),))]
        while todo:
            way, above = todo.pop()
            entries = _entries(folder / way)
            files = [name for name in entries if _ends_in(name, suffixes)]
            inner = [name for name in entries if name.endswith("/")]
            self._leave(folder / way, entries, files + inner)
            yield from (way + name for name in files)
            for name in inner:
                identity = _identity(folder / way / name)
                if identity in above:
                    self._loops.add(way + name[:-1])
                else:
                    todo.append((way + name, (*above, identity)))

    def by_name(self, folder: Path, suffixes: tuple[str, ...]) -> dict[str, str]:
        """Return file name -> path below `folder` of all files that end in one of the `suffixes`, however deep.

        Of several files of one name the one with the shortest way to it counts, then the first by path.

        Raises:
            AtlasError: there is no such folder.
        """
        found: dict[str, str] = {}
        for path in sorted(self.below(folder, suffixes), key=lambda path: (path.count("/"), path)):
            found.setdefault(path.rpartition("/")[2], path)
        return found

    def left_over(self) -> str:
        """Return what was not read, as ``3 .txt, 1 .mp4, 2 folders (a, b)``; empty if everything was."""
        names = [name for left in self._left.values() for name in left]
        counts = Counter(PurePath(name).suffix.lower() for name in names if not name.endswith("/"))
        ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        said = [f"{count} {printable(suffix) or 'without a suffix'}" for suffix, count in ranked[:_SUFFIXES]]
        if more := ranked[_SUFFIXES:]:
            said.append(f"{sum(count for _, count in more)} of {len(more)} other suffixes")
        said += _named(sorted(name[:-1] for name in names if name.endswith("/")), "folder", "folders")
        said += _named(sorted(self._loops), "link back to a folder above it", "links back to folders above them")
        return ", ".join(said)

    def _leave(self, folder: Path, entries: list[str], taken: list[str]) -> None:
        left = set(entries) - set(taken)
        self._left[str(folder)] = self._left.get(str(folder), left) & left


def _entries(folder: Path) -> list[str]:
    """Return the names in a folder without junk, in no order; those of folders end in "/", also of links to folders."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name + "/" * _is_folder(entry) for entry in entries if not is_junk(entry.name)]
    except (FileNotFoundError, NotADirectoryError, ValueError):  # a ValueError: no file system takes such a name
        raise no_file(folder, "a folder") from None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: what opens it names it
        return False


def _ends_in(name: str, suffixes: tuple[str, ...]) -> bool:
    return name.lower().endswith(suffixes)  # a folder's name ends in "/"


def _identity(folder: Path) -> tuple[int, int]:
    try:
        status = folder.stat()
    except FileNotFoundError:
        return 0, 0  # `_entries` says it
    return status.st_dev, status.st_ino


def _named(names: list[str], one: str, several: str) -> list[str]:
    if not names:
        return []
    shown = ", ".join([*map(printable, names[:_NAMED]), *["..."] * (len(names) > _NAMED)])
    return [f"{len(names)} {one if len(names) == 1 else several} ({shown})"]


def _printable(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if "\udc80" <= character <= "\udcff":  # how Python writes a byte that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    if unicodedata.category(character) in _ESCAPED:
        return f"\\u{ord(character):04x}"
    return character
