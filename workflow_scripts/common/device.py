"""Which device a job computes on: a free GPU where there is one, the CPU otherwise."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from workflow_scripts.common.errors import AtlasError

_VISIBLE, _SLURM_JOB = "CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID"
_NONE_VISIBLE = ("", "-1", "NoDevFiles")  # the last is what Slurm says
# What Slurm sets in a job or step that it gives GPUs (sbatch and srun of Slurm 21 and later); others forget one or another.
_SLURM_GRANTS = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SLURM_GPUS_ON_NODE", "SLURM_GPUS", "GPU_DEVICE_ORDINAL")


def machine_has_gpu() -> bool:
    """Return whether this machine has an NVIDIA GPU, by its device file: planning needs no PyTorch for it."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


@contextmanager
def gpu_slot(cards: Sequence[str], folder: str | Path | None = None, poll: float = 0.5) -> Iterator[int]:
    """Hold one of several GPUs of this machine for the duration of the block; wait while all are taken.

    Snakemake counts GPUs but does not assign them, so jobs agree through one locked file per GPU. The lock belongs to
    the process: when it dies, however it dies, the GPU is free again.

    Args:
        cards: what each GPU is called by all jobs that share it.
        folder: where the lock files are; if None, a folder of this user in XDG_RUNTIME_DIR, or in the temporary folder.
        poll: seconds between attempts.

    Yields:
        The index of the GPU held.

    Raises:
        AtlasError: the folder or a lock file in it may be somebody else's.
    """
    folder = _private(Path(folder) if folder else _lock_folder())
    while True:
        for index, card in enumerate(cards):
            with open(_lock_file(folder / f"gpu{card}.lock")) as file:
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

    Of the GPUs that PyTorch sees (CUDA heeds CUDA_VISIBLE_DEVICES, a scheduler's choice) one is taken that no other job of
    this user holds: also where several processes of one Slurm job share its GPUs. A Slurm job that was given no GPU takes none,
    though it may see all those of a shared node.

    Args:
        gpu: "auto" takes a GPU where there is one, "require" insists on one, "never" stays on the CPU.

    Raises:
        AtlasError: a GPU is required and there is none for this job, or the one held is another process' alone.
    """
    import torch

    why = "" if gpu == "never" else _no_gpu(torch.cuda.is_available())
    if gpu == "require" and why:
        raise AtlasError(f"gpu: require, but {why}")
    if gpu == "never" or why:
        if why and _SLURM_JOB in os.environ:
            print(f"on the CPU: {why}", file=sys.stderr, flush=True)
        yield "cpu"
        return
    _exact_float32()
    with gpu_slot([_card(index) for index in range(torch.cuda.device_count())]) as index:
        _touch(f"cuda:{index}")
        yield f"cuda:{index}"


def _no_gpu(available: bool) -> str:
    """Return why this process has no GPU, and what to do, "" if it has one."""
    chosen = os.environ.get(_VISIBLE)
    if _SLURM_JOB in os.environ and chosen is None and not any(os.environ.get(name) for name in _SLURM_GRANTS):
        return (
            f"Slurm job {os.environ[_SLURM_JOB]} was given no GPU; ask for one (--gres=gpu:1), or set {_VISIBLE} where Slurm "
            "does not manage them"
        )
    if available:
        return ""
    if chosen is not None and chosen.strip() in _NONE_VISIBLE:
        return f"{_VISIBLE} is '{chosen}', which hides all; unset it, or ask the scheduler for one"
    seen = "" if chosen is None else f" (of {_VISIBLE}={chosen})"
    return f"PyTorch sees no GPU here{seen}; set gpu: auto, or run on a machine that has one"


def _card(index: int) -> str:
    """Return what a GPU is called by all jobs that may share it: by its own number, for schedulers count those they give anew.

    Within a scheduler's job beside that: which jobs share a GPU it has decided, and nobody waits for another job.
    """
    import torch

    own = getattr(torch.cuda.get_device_properties(index), "uuid", None)
    job = os.environ.get(_SLURM_JOB, "")
    return f"{f'-job{job}-' if job else ''}{index if own is None else own}"


def _touch(device: str) -> None:
    """Begin to use a GPU, so that one that is another process' alone is known before anything is loaded.

    Raises:
        AtlasError: it is.
    """
    import torch

    try:
        torch.zeros(1, device=device)
    except RuntimeError as error:
        if "busy or unavailable" not in str(error):
            raise
        raise AtlasError(
            f"{device} is in exclusive mode and another process has it; ask the scheduler for a GPU of its own (--gres=gpu:1), "
            f"name a free one in {_VISIBLE}, or set gpu: never"
        ) from None


def _exact_float32() -> None:
    """Let products of float32 be those of float32 on a GPU: no TF32 (10 bits of 23), no sums of products in half precision.

    PyTorch's convolutions are in TF32 unless told otherwise, and an environment variable can make all products so. The bounds
    of `metrics.exact_neighbours` hold for IEEE products alone.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
