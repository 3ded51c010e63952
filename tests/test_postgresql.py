"""The PostgreSQL of the tests ends with them, however they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests import postgresql

ROOT = Path(__file__).parents[1]
RUN = """
import time
from tests import postgresql
with postgresql.running() as url:
    print(url.partition("host=")[2], flush=True)
    time.sleep(600)
"""


def test_what_a_killed_run_left_behind_is_cleared_up_by_the_next() -> None:
    with subprocess.Popen([sys.executable, "-c", RUN], cwd=ROOT, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().decode().strip())
        run.kill()
    server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(server, 0)  # it lives

    postgresql.clear_up()

    assert not folder.exists()
    assert not Path(f"/proc/{server}").exists()


def test_what_a_run_still_uses_is_left_alone() -> None:
    with postgresql.running() as url:
        postgresql.clear_up()

        postgresql.run(url, "CREATE DATABASE x")
