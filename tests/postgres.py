"""Where PostgreSQL is, and a throw-away cluster of it. `python -m tests.postgres --install` prints the folder of its
programs, installing Debian's package first where needed.

Order: the POSTGRES_BIN variable, PATH, /usr/lib/postgresql; the Debian package (as root only). A found folder counts
only when its `initdb` and `postgres` answer `--version`.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests import debian

PROGRAMS = ("initdb", "postgres")
# The server refuses to run as root; Debian's package makes the first of these, every system has the second.
USERS = ("postgres", "nobody")
# Reached through its socket only; nothing in it has to survive a power cut.
SETTINGS = "-c listen_addresses= -c fsync=off -c full_page_writes=off"
START_S = 60.0
# $0: the programs' folder, $1: the cluster's, $2: how it is made, $3: how it is served, until the pipe is closed.
KEEP = """
cd "$1" && "$0"/$2 || exit 1
"$0"/$3 & read -r closed; kill -QUIT $!; wait $!
cd / && rm -rf "$1"
"""


def find() -> Path | None:
    """The folder with PostgreSQL's programs, or None. Installs nothing."""
    return next((folder for folder in _candidates() if all(debian.answers(folder / name) for name in PROGRAMS)), None)


def install() -> Path | None:
    """The folder with PostgreSQL's programs, installed now where there were none; None where that was not possible."""
    folder = find()
    return find() if folder is None and debian.install("postgresql") else folder


@contextmanager
def cluster(programs: Path) -> Iterator[str]:
    """A cluster in a folder of its own. Gives the address of its databases, with {} in place of a database's name.

    It is stopped and removed at the end, also when the tests are killed: it lives as long as the pipe to it is open.
    """
    folder = Path(tempfile.mkdtemp(prefix="fusionscope-pg-"))
    user = _user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    # The cluster trusts whoever reaches its socket: nobody but its user can enter the folder.
    make = f"initdb -D {folder}/data -U tests -A trust -E UTF8 --locale=C --no-sync"
    serve = f"postgres -D {folder}/data -c unix_socket_directories={folder} {SETTINGS}"
    with (folder / "log.txt").open("ab") as said:
        server = subprocess.Popen(
            ["sh", "-c", KEEP, str(programs), str(folder), make, serve],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            start_new_session=True,
            user=user and user.pw_uid,
            group=user and user.pw_gid,
            extra_groups=user and [],
        )
    try:
        address = f"postgresql://tests@/{{}}?host={folder}"
        _wait_until_ready(address.format("postgres"), server, folder / "log.txt")
        yield address
    finally:
        server.communicate()


def _wait_until_ready(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(address, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}") from None
            time.sleep(0.05)


def _user() -> pwd.struct_passwd | None:
    """Whose processes the cluster's are: ours, or somebody else's where we are root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in USERS if name in known)


def _candidates() -> Iterator[Path]:
    named = os.environ.get("POSTGRES_BIN")
    if named:
        yield Path(named)
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)


def _version(programs: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", programs.parent.name)]


if __name__ == "__main__":
    found = install() if "--install" in sys.argv[1:] else find()
    if found is None:
        print("No PostgreSQL: its tests will be skipped. Set POSTGRES_BIN to the folder of initdb to run them.",
              file=sys.stderr)  # fmt: skip
    print(found or "")
