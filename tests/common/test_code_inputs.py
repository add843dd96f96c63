"""The files a command imports, seen against what Python really loads."""

import subprocess
import sys
from pathlib import Path

import pytest

from workflow_scripts.common.code_inputs import code_inputs, imported_names

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", ["crop_images", "tabulate", "paint_world"])
def test_every_module_that_python_loads_is_listed(command):
    script = (
        f"import sys, workflow_scripts.{command}\n"
        "print('\\n'.join(m.__file__ for n, m in sys.modules.items() if n.startswith('workflow_scripts') and m.__file__))"
    )
    made = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {Path(line).relative_to(ROOT).as_posix() for line in made.stdout.splitlines()}
    assert loaded <= set(code_inputs(command))


def test_paths_are_relative_sorted_and_exist():
    files = code_inputs("run_pass")
    assert files == sorted(files)
    assert all((ROOT / file).is_file() and not Path(file).is_absolute() for file in files)


def test_a_metric_belongs_to_its_users_only():
    attention, propagation = (f"workflow_scripts/metrics/{name}.py" for name in ("attention", "propagation"))
    assert attention in code_inputs("run_pass", "onepass.attention_collectors")
    assert propagation in code_inputs("run_pass", "onepass.propagated_labels")
    assert not {attention, propagation} & {*code_inputs("run_pass", "onepass.feature_collectors")}
    assert "workflow_scripts/metrics/attention.py" not in code_inputs("tabulate", "studies.thesis.attention")
    assert "workflow_scripts/metrics/heads.py" in code_inputs("tabulate", "studies.thesis.attention")
    assert "workflow_scripts/metrics/heads.py" not in code_inputs("run_pass")


def test_imports_inside_functions_count():
    assert "torch" in imported_names("run_pass")
    assert "workflow_scripts/onepass/engine.py" in code_inputs("run_pass")
