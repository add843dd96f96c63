"""Downloads against a real server that goes wrong: what is said, what is left, how many bytes were sent."""

import dataclasses
import errno
import hashlib
import json
import os
import random
import re
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest

from tests.fetch.conftest import SHORT
from tests.fetch.server import FaultServer
from workflow_scripts.common.disk import size_text
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.fetch import download as download_module
from workflow_scripts.fetch.obtain import obtain
from workflow_scripts.fetch.remote_file import RemoteFile
from workflow_scripts.fetch.transport import limits_from

DATA = random.Random(0).randbytes(200_000)
SHA = hashlib.sha256(DATA).hexdigest()


def remote(*urls, name="a.bin", **facts):
    return RemoteFile(name, urls, urls[0], **facts)


def fetch(place, file, target):
    return obtain("flowers", file, target, "downloads/a.bin", place)


def refusal(place, file, target):
    with pytest.raises(AtlasError) as error:
        fetch(place, file, target)
    text = str(error.value)
    assert "\n" not in text
    assert not target.exists()
    return text


@pytest.fixture
def target(tmp_path):
    return tmp_path / "downloads" / "a.bin"


def names(target):
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_arrives_whole_and_alone(server, place, target, capsys):
    got = fetch(place, remote(server.put("/a.bin", DATA), digests={"sha256": SHA}, size=len(DATA)), target)
    assert target.read_bytes() == DATA
    assert (got.path, got.sha256, got.size, got.published) == (target, SHA, len(DATA), True)
    assert names(target) == ["a.bin"]
    assert "a.bin: 200 of 200 kB" in capsys.readouterr().err


def test_a_second_call_asks_nobody(server, place, target):
    file = remote(server.put("/a.bin", DATA), digests={"sha256": SHA})
    fetch(place, file, target)
    fetch(place, file, target)
    assert len(server.requests) == 1


def test_a_dropped_connection_is_gone_on_with(server, place, target):
    url = server.put("/a.bin", DATA, drop_after=[70_000, 50_000])
    fetch(place, remote(url, digests={"sha256": SHA}), target)
    assert target.read_bytes() == DATA
    assert server.ranges("/a.bin") == [None, "bytes=70000-", "bytes=120000-"]
    assert server.sent["/a.bin"] == len(DATA)
    assert server.requests[1][1]["If-Range"].startswith('"')


def test_many_drops_with_progress_between_them_are_not_given_up(server, place, target):
    url = server.put("/a.bin", DATA, drop_after=[20_000] * 9)
    fetch(place, remote(url, digests={"sha256": SHA}), target)
    assert server.sent["/a.bin"] == len(DATA)


def test_what_a_failed_run_got_the_next_one_goes_on_with(server, place, target):
    url = server.put("/a.bin", DATA, drop_after=[150_000, 0, 0, 0])
    text = refusal(place, remote(url, digests={"sha256": SHA}), target)
    assert "the connection ended after 150.0 kB of 200.0 kB" in text
    assert "150.0 kB are kept" in text
    assert names(target) == ["a.bin.part", "a.bin.part.json"]
    server.files["/a.bin"].drop_after.clear()
    fetch(place, remote(url, digests={"sha256": SHA}), target)
    assert server.sent["/a.bin"] == len(DATA)
    assert names(target) == ["a.bin"]


def test_a_killed_download_is_gone_on_with(server, place, target):
    url = server.put("/a.bin", DATA, drip=0.01, step=1000)
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.fetch.test_download import remote, SHORT\n"
        "from workflow_scripts.fetch.download import download\n"
        "download(sys.argv[1], Path(sys.argv[2]), remote(sys.argv[1]), SHORT)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, url, str(target)])
    part = target.with_name("a.bin.part")
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    have = part.stat().st_size
    assert 0 < have < len(DATA)
    server.files["/a.bin"].drip = 0
    fetch(place, remote(url, digests={"sha256": SHA}), target)
    assert target.read_bytes() == DATA
    assert server.ranges("/a.bin")[-1] == f"bytes={have}-"


def test_a_server_that_ignores_range_starts_over(server, place, target):
    url = server.put("/a.bin", DATA, ranges=False, drop_after=[150_000])
    fetch(place, remote(url, digests={"sha256": SHA}), target)
    assert target.read_bytes() == DATA
    assert server.sent["/a.bin"] == 150_000 + len(DATA)


def test_a_server_that_goes_on_from_elsewhere_starts_over(server, place, target):
    url = server.put("/a.bin", DATA, shift=7, drop_after=[150_000])
    fetch(place, remote(url), target)
    assert target.read_bytes() == DATA
    assert server.ranges("/a.bin") == [None, "bytes=150000-", None]


@pytest.mark.parametrize("etag", [True, False])
def test_halves_of_two_versions_are_not_joined(server, place, target, etag):
    new = DATA[::-1]
    url = server.put("/a.bin", DATA, drop_after=[150_000, 0, 0, 0], etag=etag)
    file = remote(url, digests={"sha256": hashlib.sha256(new).hexdigest()})
    refusal(place, file, target)
    server.put("/a.bin", new, etag=etag)
    fetch(place, file, target)
    assert target.read_bytes() == new


def test_a_version_mark_keeps_halves_apart_where_no_digest_does(server, place, target):
    url = server.put("/a.bin", DATA, drop_after=[150_000, 0, 0, 0])
    refusal(place, remote(url), target)
    server.put("/a.bin", DATA[::-1])
    fetch(place, remote(url), target)
    assert target.read_bytes() == DATA[::-1]


def test_a_file_that_shrank_meanwhile_starts_over(server, place, target):
    url = server.put("/a.bin", DATA, drop_after=[150_000, 0, 0, 0], etag=False)
    refusal(place, remote(url), target)
    server.put("/a.bin", DATA[:1000], etag=False)
    fetch(place, remote(url), target)
    assert target.read_bytes() == DATA[:1000]


def test_a_part_that_is_all_is_not_downloaded_again(server, place, target):
    url = server.put("/a.bin", DATA, length=False, drop_after=[150_000, 0, 0, 0])
    target.parent.mkdir()
    fetch(place, remote(url, size=150_000), target)
    # As after a kill between the last byte and the renaming; this server never tells a size.
    server.put("/a.bin", DATA[:150_000], length=False)
    target.replace(target.with_name("a.bin.part"))
    target.with_name("a.bin.part.json").write_text(json.dumps({"url": url, "total": None, "validator": None}))
    fetch(place, remote(url), target)
    assert target.read_bytes() == DATA[:150_000]
    assert server.sent["/a.bin"] == 150_000


def test_a_mirror_goes_on_where_the_first_address_died(server, place, target):
    first = server.put("/a.bin", DATA, drop_after=[150_000, 0, 0, 0])
    mirror = server.put("/mirror/a.bin", DATA)
    fetch(place, remote(first, mirror, digests={"sha256": SHA}), target)
    assert target.read_bytes() == DATA
    assert server.sent == {"/a.bin": 150_000, "/mirror/a.bin": 50_000}


def test_without_a_digest_a_mirror_starts_over(server, place, target):
    first = server.put("/a.bin", DATA, drop_after=[150_000, 0, 0, 0])
    mirror = server.put("/mirror/a.bin", DATA)
    fetch(place, remote(first, mirror), target)
    assert server.sent["/mirror/a.bin"] == len(DATA)


def test_a_busy_server_is_asked_again(server, place, target, capsys):
    url = server.put("/a.bin", DATA, fail_first=2)
    fetch(place, remote(url, digests={"sha256": SHA}), target)
    assert len(server.requests) == 3
    assert "answers 503 (Service Unavailable); attempt 2 in" in capsys.readouterr().err


def test_a_broken_server_is_given_up(server, place, target):
    text = refusal(place, remote(server.put("/a.bin", DATA, fail_first=99)), target)
    assert "answers 503" in text
    assert "given up after 3 attempts" in text
    assert len(server.requests) == 3


def test_a_dead_host_is_named(place, target):
    text = refusal(place, remote("http://127.0.0.1:9/a.bin"), target)
    assert "no connection to 127.0.0.1:9 (Connection refused)" in text
    assert f"put it into {place.incoming} as a.bin" in text


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "md5"])
def test_a_wrong_digest_is_refused_and_the_file_kept_aside(server, place, target, algorithm):
    url = server.put("/a.bin", DATA)
    wrong = hashlib.new(algorithm, b"other").hexdigest()
    text = refusal(place, remote(url, digests={algorithm: wrong}, trust="B"), target)
    assert f"{algorithm} is {hashlib.new(algorithm, DATA).hexdigest()}, config/datasets.yaml says {wrong}" in text
    assert names(target) == ["a.bin.rejected"]
    assert (target.parent / "a.bin.rejected").read_bytes() == DATA
    assert not place.lock.path.exists()


def test_the_strongest_digest_decides(server, place, target):
    url = server.put("/a.bin", DATA)
    got = fetch(place, remote(url, digests={"md5": "0" * 32, "sha256": SHA[:8]}), target)
    assert got.by == "sha256, as published"


def test_a_third_partys_digest_only_warns(server, place, target, capsys):
    url = server.put("/a.bin", DATA)
    got = fetch(place, remote(url, digests={"md5": "0" * 32}, size=5, trust="C"), target)
    assert target.exists()
    assert not got.published
    said = capsys.readouterr().err
    assert "warning: " in said
    assert "md5 is" in said
    assert "200000 bytes, config/datasets.yaml says 5" in said
    assert "trust C" in said


def test_a_body_shorter_than_it_says(server, place, target):
    text = refusal(place, remote(server.put("/a.bin", DATA, drop_after=[1000, 0, 0])), target)
    assert "the connection ended after 1.0 kB of 200.0 kB" in text


def test_a_file_shorter_than_the_registry_says_is_not_even_fetched(server, place, target):
    text = refusal(place, remote(server.put("/a.bin", DATA[:1000]), size=len(DATA)), target)
    assert "offers 1000 bytes, the registry says 200000" in text
    assert names(target) == []


def test_a_body_without_a_length_must_still_have_the_registrys_size(server, place, target):
    text = refusal(place, remote(server.put("/a.bin", DATA[:1000], length=False, ranges=False), size=len(DATA)), target)
    assert "ended after 1.0 kB of 200.0 kB" in text
    text = refusal(place, remote(server.put("/b.bin", DATA, length=False), size=1000), target)
    assert "more than the 1000 bytes" in text


def test_half_a_zip_is_no_file_to_record(server, place, tmp_path):
    archive = Path(shutil.make_archive(str(tmp_path / "a"), "zip", Path(__file__).parent))
    url = server.put("/a.zip", archive.read_bytes()[:-100])
    target = tmp_path / "downloads/a.zip"
    with pytest.raises(AtlasError, match="not a whole zip"):
        obtain("flowers", remote(url, name="a.zip"), target, "downloads/a.zip", place)
    assert names(target) == ["a.zip.rejected"]


@pytest.mark.parametrize(
    ("status", "said"), [(404, "not there"), (410, "not there"), (403, "login"), (401, "login"), (418, "418")]
)
def test_refusals_are_not_repeated(server, place, target, status, said):
    text = refusal(place, remote(server.put("/a.bin", b"x", status=status), terms="research only"), target)
    assert f"answers {status}" in text
    assert said in text
    assert f"(terms: research only) and put it into {place.incoming} as a.bin" in text
    assert len(server.requests) == 1


def test_a_redirect_is_followed(server, place, target):
    server.put("/a.bin", DATA, drop_after=[150_000])
    url = server.put("/old.bin", status=302, headers={"Location": "/a.bin"})
    fetch(place, remote(url, digests={"sha256": SHA}), target)
    assert target.read_bytes() == DATA
    assert server.ranges("/a.bin") == [None, "bytes=150000-"]


def test_redirects_in_a_circle(server, place, target):
    url = server.put("/a.bin", status=302, headers={"Location": "/b.bin"})
    server.put("/b.bin", status=302, headers={"Location": "/a.bin"})
    assert "redirects in a circle or too often" in refusal(place, remote(url), target)
    assert len(server.requests) < 20


def test_redirects_without_end(server, place, target):
    for i in range(30):
        server.put(f"/{i}", status=301, headers={"Location": f"/{i + 1}"})
    assert "redirects in a circle or too often" in refusal(place, remote(server.base + "/0"), target)
    assert len(server.requests) <= SHORT.redirects + 1


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://127.0.0.1/a.bin"])
def test_redirects_stay_on_http(server, place, target, where):
    text = refusal(place, remote(server.put("/a.bin", status=302, headers={"Location": where})), target)
    assert "no http address" in text or "not an http address" in text


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/a", "https://www.image-net.org/download.php (account)", "x"])
def test_only_http_addresses_are_fetched(place, target, url):
    assert "is not an http address" in refusal(place, remote(url), target)


def test_a_slow_drip_is_not_waited_for(server, place, target):
    start = time.monotonic()
    text = refusal(place, remote(server.put("/a.bin", DATA, drip=0.05)), target)
    assert "slower than 1000 bytes/s for 0.3 s" in text
    assert "given up after 3 attempts" in text
    assert time.monotonic() - start < 10


def test_a_dripping_head_is_not_waited_for(server, place, target):
    start = time.monotonic()
    text = refusal(place, remote(server.put("/a.bin", DATA, head_drip=0.05)), target)
    assert "no answer from 127.0.0.1" in text
    assert time.monotonic() - start < 10


def test_silence_is_not_waited_for(server, place, target):
    text = refusal(place, remote(server.put("/a.bin", DATA, silent=30)), target)
    assert "within 0.4 s" in text


def test_the_whole_file_has_a_time_limit(server, place, target):
    hurried = dataclasses.replace(place, limits=dataclasses.replace(SHORT, total=0.5, slowest=1, silence=5, attempts=99))
    text = refusal(hurried, remote(server.put("/a.bin", DATA, drip=0.01, step=1000)), target)
    assert "given up after 0.5 s" in text
    assert "are kept" in text


PAGE = b"\n<!DOCTYPE html><html><head><title>Sign\n in &amp; accept</title></head></html>"


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_login_page_is_called_one(server, place, target, kind):
    text = refusal(place, remote(server.put("/a.bin", PAGE, content_type=kind)), target)
    assert "sends a web page ('Sign in & accept') in place of the file" in text
    assert names(target) == []
    assert not place.lock.path.exists()


def test_a_saved_login_page_among_incoming_files_is_called_one(place, target):
    place.incoming.mkdir()
    (place.incoming / "a.bin").write_bytes(PAGE)
    text = refusal(place, RemoteFile("a.bin", (), "https://example.org", digests={"sha256": SHA}), target)
    assert "a web page ('Sign in & accept')" in text


def test_a_full_disk_is_foreseen(server, place, target, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 10**6 - 5000, 5000))
    text = refusal(place, remote(server.put("/a.bin", DATA)), target)
    assert f"{target.parent}: a.bin needs 200.0 kB, only 5.0 kB are free" in text


def test_a_disk_that_fills_up_keeps_the_part(server, place, target, monkeypatch):
    url = server.put("/a.bin", DATA, drip=0)

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, block):
            self.file.write(block[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download_module, "open", lambda *a: Full(open(*a)), raising=False)  # noqa: SIM115
    text = refusal(place, remote(url, digests={"sha256": SHA}), target)
    assert f"{target}.part: the disk is full (at 100 bytes of {size_text(len(DATA))}, " in text
    assert "what has come of it is kept" in text
    assert target.with_name("a.bin.part").stat().st_size == 100
    monkeypatch.undo()
    fetch(place, remote(url, digests={"sha256": SHA}), target)
    assert target.read_bytes() == DATA
    assert server.ranges("/a.bin") == [None, "bytes=100-"]


SMALL_DISK = """
mount -t tmpfs -o size=64k none "$1" && "$2" -c '
import sys
from pathlib import Path
from tests.fetch.test_download import remote, SHORT
from workflow_scripts.common.errors import run_command
from workflow_scripts.common.disk import size_text
from workflow_scripts.fetch.download import download
run_command(lambda: download(sys.argv[1], Path(sys.argv[2]) / "a.bin", remote(sys.argv[1]), SHORT))
' "$3" "$1"; echo "status $?"; ls -A "$1"
"""


def test_a_disk_that_is_really_full(server, tmp_path):
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("no private mounts for this user")
    url = server.put("/a.bin", DATA, length=False)
    command = ["unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", str(tmp_path), sys.executable, url]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert re.search(r"a.bin.part: the disk is full \(at .* are free\); what has come of it is kept", done.stderr)
    assert done.stdout.split() == ["status", "1", "a.bin.part", "a.bin.part.json"]


def test_two_jobs_fetch_a_shared_file_once(server, place, target, capsys):
    file = remote(server.put("/a.bin", DATA, silent=0.2), digests={"sha256": SHA})
    threads = [threading.Thread(target=fetch, args=(place, file, target)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() == DATA
    assert len(server.requests) == 1
    assert names(target) == ["a.bin"]
    assert "another job is fetching it; waiting" in capsys.readouterr().err


def test_an_incoming_file_goes_before_the_network(server, place, target):
    place.incoming.mkdir()
    (place.incoming / "a.bin").write_bytes(DATA)
    got = fetch(place, remote("http://127.0.0.1:9/a.bin", digests={"sha256": SHA}), target)
    assert got.path == place.incoming / "a.bin"


def test_certificates_are_checked(place, target, tmp_path, monkeypatch):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    made = tmp_path / "made.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made), "-out", f"{made}.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{made}.crt", str(made))
    server = FaultServer(context)
    try:
        url = server.put("/a.bin", DATA, drop_after=[150_000])
        assert "certificate is not valid" in refusal(place, remote(url), target)
        monkeypatch.setenv("SSL_CERT_FILE", f"{made}.crt")
        fetch(place, remote(url, digests={"sha256": SHA}), target)
        assert target.read_bytes() == DATA
        server.put("/b.bin", DATA, head_drip=0.05)
        assert "no answer from" in refusal(place, remote(server.base + "/b.bin"), target.with_name("b.bin"))
    finally:
        server.close()


def test_progress_is_told_where_nobody_knows_the_size(server, place, target, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fetch(place, remote(server.put("/a.bin", DATA, length=False, drip=0.02, step=10_000)), target)
    assert "a.bin: " in capsys.readouterr().err


def test_unknown_limits_are_named():
    assert limits_from({"silence": 3}).silence == 3
    with pytest.raises(AtlasError, match="limits: patience unknown"):
        limits_from({"patience": 3})
