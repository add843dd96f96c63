"""The fault server, short patience, and archives made by hand."""

import pytest

from tests.fetch.server import FaultServer
from workflow_scripts.fetch.digests import DigestLock
from workflow_scripts.fetch.obtain import Place
from workflow_scripts.fetch.transport import Limits

SHORT = Limits(attempts=3, wait=0.01, longest_wait=0.05, silence=0.4, window=0.3, slowest=1000, total=20)


@pytest.fixture
def server(monkeypatch):
    # A proxy of this machine must not come between.
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = FaultServer()
    yield made
    made.close()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "incoming", DigestLock(tmp_path / "fetched.lock.yaml"), "config/datasets.yaml", SHORT)
