"""Which device a job computes on: a free GPU where there is one, the CPU otherwise."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.common.errors import AtlasError


def machine_has_gpu() -> bool:
    """Return whether this machine has an NVIDIA GPU, by its device file: planning needs no PyTorch for it."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


@contextmanager
def gpu_slot(count: int, folder: str | Path | None = None, poll: float = 0.5) -> Iterator[int]:
    """Hold one of `count` GPUs of this machine for the duration of the block; wait while all are taken.

    Snakemake counts GPUs but does not assign them, so jobs agree through one locked file per GPU. The lock belongs to
    the process: when it dies, however it dies, the GPU is free again.

    Args:
        count: number of GPUs that the jobs share.
        folder: where the lock files are; if None, a folder of this user in XDG_RUNTIME_DIR, or in the temporary folder.
        poll: seconds between attempts.

    Yields:
        The index of the GPU held.

    Raises:
        AtlasError: the folder or a lock file in it may be somebody else's.
    """
    folder = _private(Path(folder) if folder else _lock_folder())
    while True:
        for index in range(count):
            with open(_lock_file(folder / f"gpu{index}.lock")) as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield index
                return
        time.sleep(poll)


def _lock_folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")  # of this user alone, where the system makes one
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "vit-atlas-gpu"
    return Path(tempfile.gettempdir()) / f"vit-atlas-gpu-{os.getuid()}"


def _private(folder: Path) -> Path:
    """Make `folder` and return it; everybody may write to the temporary folder, so what is found there may be a trap."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise AtlasError(
            f"{folder}: the folder of GPU locks must be a folder of yours that nobody else can write to; remove it, or set "
            "XDG_RUNTIME_DIR to such a folder"
        )
    return folder


def _lock_file(path: Path) -> int:
    """Return a handle of the lock file, whose content is nobody's concern: never emptied, never behind a link."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AtlasError(f"{path}: cannot be the lock of a GPU ({error.strerror}); remove it") from None


@contextmanager
def compute_device(gpu: str = "auto") -> Iterator[str]:
    """Hold the device that a model runs on, ``cuda:i`` or ``cpu``, for the duration of the block.

    Where a scheduler has chosen already (CUDA_VISIBLE_DEVICES is set, or this is a Slurm job) its first GPU is taken.

    Args:
        gpu: "auto" takes a GPU where there is one, "require" insists on one, "never" stays on the CPU.

    Raises:
        AtlasError: a GPU is required and PyTorch sees none.
    """
    import torch

    available = gpu != "never" and torch.cuda.is_available()
    if gpu == "require" and not available:
        raise AtlasError("gpu: require, but PyTorch sees no GPU here; set gpu: auto, or run on a machine that has one")
    if not available:
        yield "cpu"
    elif "CUDA_VISIBLE_DEVICES" in os.environ or "SLURM_JOB_ID" in os.environ:
        yield "cuda:0"
    else:
        with gpu_slot(torch.cuda.device_count()) as index:
            yield f"cuda:{index}"
