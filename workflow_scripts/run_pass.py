"""Pass a dataset through a model once and gather every enabled study's statistics (rule run_pass)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from workflow_scripts.common.errors import run_command


def main() -> None:
    """Read the command line, run the pass, write its statistics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="id of the model")
    parser.add_argument("--entry", required=True, help="the model's registry entry, as JSON")
    parser.add_argument("--checkpoint", help="the weights; left out for a model without weights")
    parser.add_argument("--dataset", required=True, help="id of the dataset")
    parser.add_argument("--geometry", required=True)
    parser.add_argument("--collectors", required=True, help="JSON: collector name -> options")
    parser.add_argument("--crops", required=True)
    parser.add_argument("--samples", required=True)
    parser.add_argument("--grid-masks", type=Path, help="object and part masks on the model's patch grid")
    parser.add_argument("--grid-labels", type=Path, help="first labels of videos on the model's patch grid")
    parser.add_argument("--keypoint-pairs", type=Path, help="key-point pairs in pixels of the crops")
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--gpu", choices=["auto", "require", "never"], default="auto")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", required=True, help="output .safetensors")
    args = parser.parse_args()

    # After the command line is read, so that a wrong option does not wait for PyTorch.
    import torch

    from workflow_scripts.common.device import compute_device
    from workflow_scripts.common.progress import Progress
    from workflow_scripts.common.provenance import code_fingerprint, file_sha256, versions
    from workflow_scripts.onepass.collectors import make_collectors
    from workflow_scripts.onepass.engine import run_pass
    from workflow_scripts.onepass.source import CropSource
    from workflow_scripts.onepass.states import write_states
    from workflow_scripts.zoo.load import load_vit
    from workflow_scripts.zoo.registry import entry_from_dict

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    # Denormal numbers slow a CPU down a hundredfold and carry nothing at float32's precision.
    torch.set_flush_denormal(True)
    entry = entry_from_dict(args.model, json.loads(args.entry))
    checkpoint = Path(args.checkpoint) if args.checkpoint else None
    output = Path(args.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with compute_device(args.gpu) as device:
        vit = load_vit(entry, checkpoint, device)
        source = CropSource(vit, Path(args.crops), Path(args.samples), args.grid_masks, args.grid_labels, args.keypoint_pairs)
        collectors = make_collectors(json.loads(args.collectors), vit.n_layers, len(source), source.n_classes, output.parent)
        print(f"{args.model} on {device}: {', '.join(c.name for c in collectors)}", file=sys.stderr, flush=True)
        progress = Progress(f"{args.model} on {args.dataset}", len(source), "images")
        # The batch size counts what the model sees at once: crops.
        run_pass(vit, args.model, source, collectors, max(1, args.batch_size // source.crops_per_image), progress)
    metadata = {
        "model": args.model,
        "entry": args.entry,
        "weights_sha256": file_sha256(checkpoint) if checkpoint else "",
        "dataset": args.dataset,
        "geometry": args.geometry,
        "grid": "x".join(str(side) for side in vit.grid),
        "n_prefix": str(vit.n_prefix),
        "n_images": str(len(source)),
        "preprocessing": f"{args.geometry}, mean {list(vit.normalisation.mean)}, std {list(vit.normalisation.std)}",
        "seed": str(args.seed),
        "device": vit.device.type,
        "precision": str(vit.dtype).removeprefix("torch."),
        "versions": json.dumps(versions("torch", "timm", "numpy", "vit-atlas"), sort_keys=True),
        "code": code_fingerprint(sorted(_loaded_sources())),
    }
    write_states(output, {collector.name: collector.state() for collector in collectors}, metadata)


def _loaded_sources() -> list[str]:
    """Return the project's source files that this process has really imported."""
    files = (getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("workflow_scripts"))
    return [file for file in (*files, __file__) if file]


if __name__ == "__main__":
    run_command(main)
