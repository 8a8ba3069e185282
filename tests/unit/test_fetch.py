"""Downloads from a web server on this machine that serves a tiny tree laid out like PhysioNet's."""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from amfn import fetch as module
from amfn.fetch import CHECKSUMS, fetch, unpack
from amfn.types import InputError

RECORD = b"Time,Parameter,Value\n00:00,HR,80\n" * 400


class Site(ThreadingHTTPServer):
    """Serves `tree` with byte ranges. `cut[name]` ends the first transfer of that file after so many bytes;
    `busy` answers 503 to so many requests; `asked` lists each request as (name, Range header)."""

    daemon_threads = True

    def __init__(self, tree: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tree = tree
        self.publish()
        self.cut: dict[str, int] = {}
        self.busy = 0
        self.ranges = True
        self.asked: list[tuple[str, str | None]] = []

    def publish(self) -> None:
        lines = [
            f"{hashlib.sha256(body).hexdigest()} {name}\n" for name, body in self.tree.items() if name != CHECKSUMS
        ]
        self.tree[CHECKSUMS] = "".join(lines).encode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def times_asked(self, name: str) -> int:
        return sum(asked == name for asked, _ in self.asked)


class Handler(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        site, name, asked = self.server, self.path.lstrip("/"), self.headers.get("Range")
        site.asked.append((name, asked))
        if site.busy:
            site.busy -= 1
            return self.answer(503)
        if name not in site.tree:
            return self.answer(404)
        body = site.tree[name]
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and site.ranges else 0
        if start >= len(body) > 0:
            return self.answer(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        cut = site.cut.pop(name, None)
        self.wfile.write(body[start:cut])
        if cut is not None:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        return None

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests read `asked` instead."""


def tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return buffer.getvalue()


TRAINING = {"training/RECORDS": b"a1\n", "training/ALARMS": b"a1,Asystole,1\n", "training/a1.hea": b"a1 0 250 1\n"}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "PAUSES_S", (0.0, 0.0))
    tree = {
        "set-a.tar.gz": tar({"set-a/1.txt": RECORD, "set-a/2.txt": RECORD}),
        "set-b.tar.gz": tar({"set-b/3.txt": RECORD}),
        "Outcomes-a.txt": b"RecordID,In-hospital_death\n1,0\n2,1\n",
        "Outcomes-b.txt": b"RecordID,In-hospital_death\n3,0\n",
        "training.zip": zipped({**TRAINING, "training/": b""}),
    }
    server = Site(tree)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_challenge_2012_arrives_whole(site: Site, tmp_path: Path) -> None:
    got = fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)

    assert [path.name for path in got] == ["set-a", "set-b", "Outcomes-a.txt", "Outcomes-b.txt"]
    assert (tmp_path / "set-a" / "2.txt").read_bytes() == RECORD
    assert (tmp_path / "Outcomes-b.txt").read_bytes() == site.tree["Outcomes-b.txt"]
    assert not list(tmp_path.rglob("*.part"))


def test_challenge_2015_arrives_whole(site: Site, tmp_path: Path) -> None:
    assert fetch("challenge-2015", tmp_path, base_url=site.url, progress=False) == [tmp_path / "training"]
    assert {f"training/{path.name}" for path in (tmp_path / "training").iterdir()} == set(TRAINING)


def test_files_one_by_one_where_the_archive_is_not_listed(site: Site, tmp_path: Path) -> None:
    del site.tree["training.zip"]
    site.tree.update(TRAINING)
    site.publish()

    assert fetch("challenge-2015", tmp_path, base_url=site.url, progress=False) == [tmp_path / "training"]
    assert (tmp_path / "training" / "ALARMS").read_bytes() == TRAINING["training/ALARMS"]


def test_a_second_run_asks_for_the_checksums_alone(site: Site, tmp_path: Path) -> None:
    fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)
    unpacked = (tmp_path / "set-a" / "1.txt").stat().st_mtime_ns
    site.asked.clear()

    fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)

    assert site.asked == [(CHECKSUMS, None)]
    assert (tmp_path / "set-a" / "1.txt").stat().st_mtime_ns == unpacked


@pytest.mark.parametrize("ranges", [True, False], ids=["server-with-ranges", "server-without-ranges"])
def test_a_cut_transfer_goes_on(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranges: bool) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 10)
    site.cut["set-a.tar.gz"] = 100
    site.ranges = ranges

    fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)

    assert [asked for name, asked in site.asked if name == "set-a.tar.gz"] == [None, "bytes=100-"]
    assert (tmp_path / "set-a.tar.gz").read_bytes() == site.tree["set-a.tar.gz"]


def test_the_part_of_an_earlier_run_is_used(site: Site, tmp_path: Path) -> None:
    (tmp_path / "set-a.tar.gz.part").write_bytes(site.tree["set-a.tar.gz"][:50])
    (tmp_path / "set-b.tar.gz.part").write_bytes(site.tree["set-b.tar.gz"])

    fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)

    assert ("set-a.tar.gz", "bytes=50-") in site.asked
    assert (tmp_path / "set-b" / "3.txt").read_bytes() == RECORD


def test_the_part_of_an_older_file_is_replaced(site: Site, tmp_path: Path) -> None:
    (tmp_path / "set-a.tar.gz.part").write_bytes(b"something else")

    fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)

    assert (tmp_path / "set-a.tar.gz").read_bytes() == site.tree["set-a.tar.gz"]


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.busy = 2
    fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)
    assert site.times_asked(CHECKSUMS) == 3


def test_a_server_that_stays_busy_is_named(site: Site, tmp_path: Path) -> None:
    site.busy = 3
    with pytest.raises(InputError, match="ServerBusy"):
        fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)


def test_a_wrong_checksum_is_named_and_leaves_nothing(site: Site, tmp_path: Path) -> None:
    site.tree["set-b.tar.gz"] = tar({"set-b/3.txt": b"changed"})

    with pytest.raises(InputError, match=r"set-b\.tar\.gz: SHA-256 .* does not agree"):
        fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)

    assert not list(tmp_path.glob("set-b*"))


def test_a_damaged_file_on_disk_is_downloaded_again(site: Site, tmp_path: Path) -> None:
    fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)
    (tmp_path / "Outcomes-a.txt").write_bytes(b"RecordID,In-hospital_death\n1,1\n")

    fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)

    assert (tmp_path / "Outcomes-a.txt").read_bytes() == site.tree["Outcomes-a.txt"]


def test_offline_is_one_plain_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "PAUSES_S", (0.0,))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/"

    with pytest.raises(InputError) as caught:
        fetch("challenge-2012", tmp_path, base_url=closed, progress=False)

    assert "no connection to 127.0.0.1" in caught.value.came
    assert f"by hand from {closed} into {tmp_path}" in caught.value.mend


def test_a_file_the_server_does_not_have(site: Site, tmp_path: Path) -> None:
    del site.tree["Outcomes-b.txt"]
    with pytest.raises(InputError, match="answered 404"):
        fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)
    assert site.times_asked("Outcomes-b.txt") == 1


@pytest.mark.parametrize("listing", [b"<html>Please log in</html>", b"", b"0" * 64 + b" ../../evil\n"])
def test_a_listing_that_is_none(site: Site, tmp_path: Path, listing: bytes) -> None:
    site.tree[CHECKSUMS] = listing
    with pytest.raises(InputError, match=CHECKSUMS):
        fetch("challenge-2012", tmp_path, base_url=site.url, progress=False)
    assert not list(tmp_path.iterdir())


def test_a_listing_cannot_name_a_file_outside(site: Site, tmp_path: Path) -> None:
    del site.tree["training.zip"]
    site.tree["training/../../evil"] = b"1"
    site.publish()
    with pytest.raises(InputError, match="leaves the folder"):
        fetch("challenge-2015", tmp_path / "out", base_url=site.url, progress=False)
    assert not (tmp_path / "evil").exists()


def test_a_folder_that_cannot_be_written(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        fetch("challenge-2012", tmp_path / "file" / "below", base_url=site.url, progress=False)


@pytest.mark.parametrize("address", ["physionet.org/files", "http://"])
def test_an_address_that_is_none(tmp_path: Path, address: str) -> None:
    with pytest.raises(InputError, match="cannot be fetched"):
        fetch("challenge-2012", tmp_path, base_url=address, progress=False)


def test_an_unknown_challenge_names_the_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="challenge-2012, challenge-2015"):
        fetch("challenge-2019", tmp_path, progress=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["../evil", "/evil", "set-a/../../evil", "set-a\\..\\evil", "c:evil"])
@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_an_archive_cannot_write_outside(tmp_path: Path, name: str, suffix: str) -> None:
    archive, out = tmp_path / f"bad{suffix}", tmp_path / "in" / "out"
    archive.write_bytes((tar if suffix == ".tar.gz" else zipped)({"good": b"1", name: b"2"}))

    with pytest.raises(InputError, match="leaves the folder"):
        unpack(archive, out)

    assert not out.exists()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [archive.name]


def test_an_archive_cannot_hold_links(tmp_path: Path) -> None:
    archive = tmp_path / "bad.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        link = tarfile.TarInfo("set-a")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        packed.addfile(link)
    with pytest.raises(InputError, match="is a link"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_a_damaged_archive_is_named(tmp_path: Path, suffix: str) -> None:
    archive = tmp_path / f"cut{suffix}"
    archive.write_bytes((tar if suffix == ".tar.gz" else zipped)({"set-a/1.txt": RECORD * 50})[:200])
    with pytest.raises(InputError, match="is damaged"):
        unpack(archive, tmp_path / "out")


def test_the_real_addresses_are_physionets() -> None:
    assert {source.url for source in module.SOURCES.values()} == {
        "https://physionet.org/files/challenge-2012/1.0.0/",
        "https://physionet.org/files/challenge-2015/1.0.0/",
    }
