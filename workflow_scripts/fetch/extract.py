"""Unpacking archives, also archives of archives, without trusting them."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from workflow_scripts.common.disk import naming_a_full_disk
from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.fetch.members import DAMAGE, INNER_ARCHIVE, Budget, Member, member_path, short, tar_members, zip_members
from workflow_scripts.fetch.space import Meter

# A kind is the archive's, and after "of" that of the archives in it. "none" is a file that stays as it is.
KINDS = ("none", "tar", "zip", "tar_of_tars", "zip_of_zips", "tar_of_zips", "zip_of_tars")
_SUFFIXES = {"tar": (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"), "zip": (".zip",)}
_BLOCK = 1 << 20


@dataclass
class Unpacked:
    """What came out: number of files, and their bytes."""

    files: int = 0
    size: int = 0


def unpack(
    archive: Path, kind: str, folder: Path, name: str, max_bytes: int | None = None, max_files: int | None = None
) -> Unpacked:
    """Unpack `archive` into `folder`, over what is there.

    Archives within an archive go into a folder of their own name beside where they lie: ``train/n01440764.tar`` into
    ``train/n01440764/``; names in them that begin with that folder already do not get it twice. Finder and Explorer files are
    left out. Times and permissions are those of now.

    Args:
        archive: the file.
        kind: one of `KINDS`; compression of tars is found out.
        folder: where to.
        name: the file's own name, under which a file of kind none is copied.
        max_bytes: what may come out; by default 100 times the archive's size, at most 500 GB.
        max_files: how many members it may have, those of archives in it included; by default one for 100 bytes of it.

    Raises:
        UnsafeArchiveError: a member that is a link or a device or points outside, or more content than allowed.
        AtlasError: a damaged archive, or a full disk. In all cases the folder is not to be used.
    """
    if kind not in KINDS:
        raise AtlasError(f"{name}: extract.kind '{kind}' unknown{nearest(kind, KINDS)}; known: {', '.join(KINDS)}")
    with naming_a_full_disk(folder, kept="what is unpacked so far is not used; finished archives are not unpacked again"):
        folder.mkdir(parents=True, exist_ok=True)
        if kind == "none":
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(archive, target)
            return Unpacked(1, target.stat().st_size)
        outer, _, inner = kind.partition("_of_")
        job = _Job(archive, folder, inner.removesuffix("s"), Budget(archive, max_bytes, max_files))
        try:
            with open(archive, "rb") as file:
                job.meter = _PositionMeter(file, f"unpacking {name}", archive.stat().st_size)
                job.unpack(outer, file, PurePosixPath())
                job.meter.end()
        except (*DAMAGE, gzip.BadGzipFile, lzma.LZMAError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise AtlasError(
                f"{archive}: not a whole {outer} archive ({said}); delete it and run the same command again, or correct "
                "extract.kind in the registry"
            ) from None
        return job.done


def declared_size(archive: Path, kind: str) -> int:
    """Return how many bytes will at least come out of an archive, as far as can be told without unpacking it."""
    if kind.startswith("zip") and zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            return sum(info.file_size for info in file.infolist())
    return archive.stat().st_size


@dataclass
class _Job:
    archive: Path
    folder: Path
    inner: str
    budget: Budget
    done: Unpacked = field(default_factory=Unpacked)
    made: set[Path] = field(default_factory=set)
    meter: _PositionMeter | None = None

    def unpack(self, kind: str, stream: IO[bytes], within: PurePosixPath, depth: int = 0) -> None:
        """Unpack a tar stream or a seekable zip whose members go below `within`."""
        with ExitStack() as stack:
            if kind == "zip":
                file = stack.enter_context(zipfile.ZipFile(stream))
                # All of it before any of it.
                self.budget.allow(sum(info.file_size for info in file.infolist()), "(all members)")
                members = zip_members(file)
            else:
                plain = stack.enter_context(_decompressed(stream, self.budget))
                members = tar_members(plain, self.folder)
            for member in members:
                self.budget.count()
                path = member_path(self.archive, member)
                if path is not None:
                    self._member(member, path, within, depth)

    def _member(self, member: Member, path: PurePosixPath, within: PurePosixPath, depth: int) -> None:
        self.budget.allow(member.size, member.name)
        suffix = next((s for s in _SUFFIXES.get(self.inner, ()) if path.name.lower().endswith(s)), None)
        if suffix and depth == 0:
            self._nested(member, path.parent / path.name[: -len(suffix)])
            return
        # An inner archive may or may not begin with the folder of its own name.
        if len(path.parts) > 1 and path.parts[0] == within.name:
            path = PurePosixPath(*path.parts[1:])
        self._write(member, self.folder / within / path)
        self.done.files += 1
        self.done.size += member.size
        if self.meter:
            self.meter()

    def _nested(self, member: Member, within: PurePosixPath) -> None:
        if self.inner == "tar":
            with member.open() as content:
                self.unpack("tar", content, within, depth=1)
            return
        # The list of a zip's members stands at its end, so it is put down first.
        spool = self.folder / INNER_ARCHIVE
        self._write(member, spool)
        with open(spool, "rb") as content:
            self.unpack("zip", content, within, depth=1)
        spool.unlink()

    def _write(self, member: Member, target: Path) -> None:
        if target.parent not in self.made:
            self._make(target.parent, member)
        with self._created(target, member) as file, member.open() as content:
            written = 0
            while block := content.read(_BLOCK):
                self.budget.spend(len(block), member.name)
                file.write(block)
                written += len(block)
                if written > _BLOCK and self.meter:
                    self.meter()
        if written != member.size:
            raise EOFError(f"member '{member.name}' ends after {written} of {member.size} bytes")

    def _make(self, folder: Path, member: Member) -> None:
        with self._naming(member):
            folder.mkdir(parents=True, exist_ok=True)
        self.made.add(folder)

    def _created(self, target: Path, member: Member) -> IO[bytes]:
        with self._naming(member):
            return open(target, "wb")

    @contextmanager
    def _naming(self, member: Member) -> Iterator[None]:
        """Say which member it is whose name the file system does not take."""
        try:
            yield
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            clash = f"{self.archive}: member '{short(member.name)}' is a file and a folder at once; get the archive again"
            raise AtlasError(clash) from None
        except OSError as error:
            if error.errno not in (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL):
                raise
            raise AtlasError(
                f"{self.archive}: member '{short(member.name)}' has a name that this file system does not take "
                f"({error.strerror}); put the dataset's folder elsewhere, or get the archive again"
            ) from None


class _PositionMeter(Meter):
    """Progress by how far the archive has been read."""

    def __init__(self, file: IO[bytes], what: str, total: int) -> None:
        super().__init__(what, total)
        self.file = file

    def __call__(self, done: int | None = None) -> None:
        """Report where the file stands."""
        super().__call__(self.file.tell() if done is None else done)


@contextmanager
def _decompressed(stream: io.BufferedReader, budget: Budget) -> Iterator[Any]:
    """Yield the content of a stream that may be gzip, bzip2 or xz, told by its first bytes."""
    head = stream.peek(6)[:6]
    opener: Callable[[Any], Any]
    if head.startswith(b"\x1f\x8b"):
        opener = gzip.open
    elif head.startswith(b"BZh"):
        opener = bz2.BZ2File
    elif head.startswith(b"\xfd7zXZ\x00"):
        opener = lzma.LZMAFile
    else:
        yield stream
        return
    with opener(stream) as opened:
        yield _Counted(opened, Budget(budget.archive, budget.limit))


class _Counted:
    """A decompressed stream whose every byte counts, also that of headers and of what follows the last member."""

    def __init__(self, stream: IO[bytes], budget: Budget) -> None:
        self.stream, self.budget = stream, budget

    def read(self, size: int) -> bytes:
        block = self.stream.read(size)
        self.budget.spend(len(block), "(compressed stream)")
        return block
