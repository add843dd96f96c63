"""Every numeric library computes with one thread in tests: on a busy machine several threads mostly wait for each other.

Set before any of them is imported; what a test starts inherits it. Tests run two at a time, those of one file one after
another, and so do all that share something that takes long to make.
"""

import os

import pytest

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Fixtures of a session that take long; and folders of tests in the order of their time, so that the longest does not come last.
SHARED = ("finished", "small_files", "demo_files", "twenty_files", "split", "clips")
LONGEST = ("workflow", "report", "studies", "figures", "demo")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Put tests that belong together on one process, the longest first."""

    def turn(item):
        folder = item.path.relative_to(item.config.rootpath / "tests").parts[0]
        return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)

    items.sort(key=turn)
    for item in items:
        shared = next((fixture for fixture in SHARED if fixture in item.fixturenames), None)
        item.add_marker(pytest.mark.xdist_group(shared or str(item.path)))
