"""Reading weight files of others without ever running code from them."""

from __future__ import annotations

import argparse
import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from workflow_scripts.common.errors import AtlasError

# What official files carry beside tensors: DINO, MAE and Scale-MAE their command line as an argparse.Namespace, SimMIM its
# configuration as a dictionary class of the package yacs, which is read as a plain one and need not be installed. The
# restricted unpickler only sets items and attributes on them: neither has a __setstate__ that could run code.
_HARMLESS = [argparse.Namespace, (OrderedDict, "yacs.config.CfgNode")]


def read_weights(path: Path) -> Any:
    """Return what a weight file holds: a mapping of tensors, or the training record around it, on the CPU.

    ``.safetensors`` and ``.npz`` go by suffix, everything else is a PyTorch file.

    Raises:
        AtlasError: no such file, not a weight file or cut short, or a pickle that would run code.
    """
    if not path.is_file():
        raise AtlasError(f"{path}: no such checkpoint file")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if path.suffix == ".npz":
        return _read_npz(path)
    return _read_torch(path)


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise _damaged(path, "safetensors", error) from None


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        if "allow_pickle" in str(error):
            raise AtlasError(
                f"{path}: refused, the file contains a pickle, which could run code; get it from its official source"
            ) from None
        raise _damaged(path, "npz", error) from None


def _read_torch(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_HARMLESS), warnings.catch_warnings():
            # They announce what becomes an error below.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        text = str(error)
        if "TorchScript" in text:
            raise AtlasError(
                f"{path}: refused, a TorchScript archive contains code; use the safetensors copy of the model, or, if "
                "you trust the file, save its state dict: torch.save(torch.jit.load(file).state_dict(), other_file)"
            ) from None
        refused = re.search(r"GLOBAL (\S+)", text) or re.search(r"Unsupported (operand \d+)", text)
        if refused:
            raise AtlasError(
                f"{path}: refused, its pickle asks for '{refused[1]}', which could run code; get the weights from "
                "their official source, or as safetensors"
            ) from None
        raise _damaged(path, "PyTorch", error) from None
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise _damaged(path, "PyTorch", error) from None


def _damaged(path: Path, kind: str, error: Exception) -> AtlasError:
    reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    size = path.stat().st_size
    return AtlasError(
        f"{path}: not a readable {kind} checkpoint ({size} bytes; {reason}); it may be cut short: delete it and fetch it again"
    )
