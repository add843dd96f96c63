"""What an archive may contain: plain files and folders, inside, and not more than was to be expected."""

from __future__ import annotations

import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from workflow_scripts.common.atomic import DATASET_RECORDS
from workflow_scripts.common.disk import size_text
from workflow_scripts.common.errors import AtlasError

# Real archives of text reach some thirty times their size, deflate ends at about a thousand.
_RATIO = 100
_LEAST_LIMIT = 10_000_000
_MOST_LIMIT = 500_000_000_000
# A member takes a hundred bytes of a zip even if it is empty, and hardly less of a compressed tar unless all are alike.
_BYTES_PER_MEMBER = 100
_LEAST_MEMBERS = 10_000
# What the workflow itself writes into the folder: whose folder it is, what is in it, and an archive to be unpacked.
INNER_ARCHIVE = ".inner.zip"
_OWN_NAMES = {*DATASET_RECORDS, INNER_ARCHIVE}
_JUNK_FOLDERS = {"__MACOSX"}
_JUNK_NAMES = {".ds_store", "thumbs.db"}
# What the readers of archives raise when the bytes are not what they should be.
DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


class UnsafeArchiveError(AtlasError):
    """The archive wants what no dataset needs."""


@dataclass(frozen=True)
class Member:
    """One entry of an archive.

    Attributes:
        name: as the archive has it.
        size: bytes that it declares.
        kind: ``file``, ``folder``, or in words what else it is.
        open: gives its content; to be called before the next member is asked for.
    """

    name: str
    size: int
    kind: str
    open: Callable[[], IO[bytes]]


class Budget:
    """How many bytes may come out of an archive, declared or not, and how many members."""

    def __init__(self, archive: Path, limit: int | None, members: int | None = None) -> None:
        """Set the limits.

        Args:
            archive: the archive, for messages and for the defaults: of bytes 100 times its size, within 10 MB and 500 GB; of
                members one for 100 bytes of it, but 10 000 in any case.
            limit: bytes; the default if None.
            members: the default if None.
        """
        self.archive = archive
        size = archive.stat().st_size
        self.limit = limit or min(max(_RATIO * size, _LEAST_LIMIT), _MOST_LIMIT)
        self.members = members or max(size // _BYTES_PER_MEMBER, _LEAST_MEMBERS)
        self.spent = self.counted = 0

    def count(self, members: int = 1) -> None:
        """Count further members, before they are written.

        Raises:
            UnsafeArchiveError: they are too many in all.
        """
        self.counted += members
        if self.counted > self.members:
            raise UnsafeArchiveError(
                f"{self.archive}: stopped as a decompression bomb: it has {self.counted} members or more, the limit for this "
                f"archive is {self.members}; if the archive is sound, set extract.max_files in the registry"
            )

    def spend(self, count: int, member: str) -> None:
        """Count `count` bytes that came out.

        Raises:
            UnsafeArchiveError: that is too much in all.
        """
        self.spent += count
        self.allow(0, member)

    def allow(self, count: int, member: str) -> None:
        """Check `count` further bytes before they come out.

        Raises:
            UnsafeArchiveError: that would be too much in all.
        """
        if self.spent + count > self.limit:
            raise UnsafeArchiveError(
                f"{self.archive}: stopped as a decompression bomb: with member '{short(member)}' the content is "
                f"{size_text(self.spent + count)} or more, the limit for this archive is {size_text(self.limit)}; if the "
                "archive is sound, set extract.max_bytes in the registry"
            )


def member_path(archive: Path, member: Member) -> PurePosixPath | None:
    """Return where a member belongs below the target folder, None if it is to be left out (a folder, or junk).

    Raises:
        UnsafeArchiveError: it points outside, or is a link or a device; names it.
    """
    name = member.name
    parts = re.split(r"[/\\]", name)
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[/\\]", name):
        raise _refused(archive, name, "has an absolute path")
    if ".." in parts:
        raise _refused(archive, name, "leaves the folder by '..'")
    if "\0" in name:
        raise _refused(archive, name, "has a zero byte in its name")
    path = PurePosixPath(name)
    if path.name.lower() in _OWN_NAMES:
        raise _refused(archive, name, "has the name of a record that this workflow keeps in that folder")
    if _is_junk(path):
        return None
    if member.kind not in ("file", "folder"):
        raise _refused(archive, name, f"is a {member.kind}")
    return path if member.kind == "file" and path.parts else None


def tar_members(stream: Any, folder: Path) -> Iterator[Member]:
    """Yield the members of a tar stream, compressed or not, in one go and without keeping a list of them.

    Args:
        stream: the archive from its beginning; only its `read` is used.
        folder: where the members will go, for the library's own check.

    Raises:
        tarfile.TarError: not a tar, cut short, or refused by the library.
    """
    with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 15, tarinfo=_StrictHeader) as tar:
        while (info := tar.next()) is not None:
            # The library keeps every header; a million of them is gigabytes.
            tar.members.clear()
            kind = _tar_kind(info)
            yield Member(info.name, info.size, kind, lambda info=info: _content(tar, info, folder))
    # The end of a compressed stream holds its checksum.
    while stream.read(1 << 20):
        pass


def zip_members(archive: zipfile.ZipFile) -> Iterator[Member]:
    """Yield the members of an open zip in the order of their data."""
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        yield Member(info.filename, info.file_size, _zip_kind(info), lambda info=info: archive.open(info))


class _StrictHeader(tarfile.TarInfo):
    """A header in the middle of an archive that is none is damage; the library takes it for the archive's end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> tarfile.TarInfo:
        try:
            return super().fromtarfile(tarfile_)
        except (tarfile.EmptyHeaderError, tarfile.EOFHeaderError):
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"at byte {tarfile_.offset}: {error}") from None


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo, folder: Path) -> IO[bytes]:
    # A second opinion, by the rules of PEP 706.
    tarfile.data_filter(info, str(folder))
    content = tar.extractfile(info)
    assert content is not None, "only files are opened"
    return content


def _tar_kind(info: tarfile.TarInfo) -> str:
    if info.issparse():
        return "sparse file"
    if info.isreg():
        return "file"
    if info.isdir():
        return "folder"
    if info.issym():
        return f"symbolic link to '{info.linkname}'"
    return f"hard link to '{info.linkname}'" if info.islnk() else "device or pipe"


def _zip_kind(info: zipfile.ZipInfo) -> str:
    mode = stat.S_IFMT(info.external_attr >> 16)
    if stat.S_ISLNK(mode):
        return "symbolic link"
    if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "device or pipe"
    if info.flag_bits & 1:
        return "file with a password"
    return "folder" if info.is_dir() else "file"


def _is_junk(path: PurePosixPath) -> bool:
    name = path.name
    return bool(_JUNK_FOLDERS & set(path.parts)) or name.lower() in _JUNK_NAMES or name.startswith("._")


def short(name: str) -> str:
    """Return a member's name as a message can show it."""
    return name if len(name) <= 80 else f"{name[:60]}...' of {len(name)} characters, '...{name[-10:]}"


def _refused(archive: Path, name: str, why: str) -> UnsafeArchiveError:
    return UnsafeArchiveError(
        f"{archive}: member '{short(name)}' {why}; nothing of this archive is used: get it from its owner again"
    )
