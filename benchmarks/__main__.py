"""All benchmarks, as ratios measured in one run: ``uv run --group benchmarks python -m benchmarks [name ...]``.

Prints a table and writes benchmarks/results.csv. Each row is a ratio or a count with the bound that it should keep. Speeds
are compared inside one process, turn by turn, and the median of the ratios is taken: the machine may be noisy.
"""

from __future__ import annotations

import argparse
import csv
import platform
from importlib.util import find_spec
from pathlib import Path

from benchmarks import (
    classifying_patches,
    decoding,
    gpu,
    high_norm_tokens,
    indexing,
    locality,
    memory,
    neighbours,
    passes,
    pixel_matching,
    planning,
    propagation,
    pytorch_cka,
    segmenting,
    similarity,
    templates,
)

BENCHMARKS = {
    "passes": passes.measure,
    "memory": memory.measure,
    "planning": planning.measure,
    "similarity": similarity.measure,
    "pytorch_cka": pytorch_cka.measure,
    "neighbours": neighbours.measure,
    "propagation": propagation.measure,
    "pixel_matching": pixel_matching.measure,
    "locality": locality.measure,
    "segmenting": segmenting.measure,
    "templates": templates.measure,
    "classifying_patches": classifying_patches.measure,
    "high_norm_tokens": high_norm_tokens.measure,
    "decoding": decoding.measure,
    "indexing": indexing.measure,
    "gpu": gpu.measure,
}


def main() -> None:
    """Run the benchmarks named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help="which benchmarks; all by default")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("results.csv"))
    names = parser.parse_args().names or list(BENCHMARKS)
    output = parser.parse_args().output
    if absent := [package for package in ("faiss", "cka") if find_spec(package) is None]:
        parser.error(f"{' and '.join(absent)} not installed: run `uv run --group benchmarks python -m benchmarks`")
    rows = [row for name in names for row in BENCHMARKS[name]()]
    width = max((len(row["what"]) for row in rows), default=0)
    for row in rows:
        verdict = "ok" if row["ok"] else "MISSED"
        print(f"{row['what']:<{width}}  {row['value']:>8.3f} {row['unit']:<6}  {row['bound']:<9} {verdict:<6}  {row['detail']}")
    with open(output, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["what", "value", "unit", "bound", "ok", "detail", "machine"])
        writer.writeheader()
        for row in rows:
            machine = f"{platform.machine()} {platform.system()} Python {platform.python_version()}"
            writer.writerow(row | {"value": f"{row['value']:.4g}", "machine": machine})


if __name__ == "__main__":
    main()
