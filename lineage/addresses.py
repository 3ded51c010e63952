"""Where a server may listen: on this machine, or beyond it with keys."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence

from sqlalchemy import Engine

from catalog.errors import UserError
from lineage.guarding import is_loopback
from lineage.keyring import Keyring


def require_loopback(hosts: Sequence[str]) -> None:
    """Refuse to show pages to other machines.

    Raises:
        UserError: One of the addresses is not this machine's own.
    """
    for host in hosts:
        if not is_loopback(host):  # an empty one means every address
            raise UserError(
                f'will not listen on "{host}": without sign-in and producer keys everybody there '
                "could read and write everything. Use 127.0.0.1, a tunnel to this machine, or "
                "andon serve --no-dashboard with keys."
            )


def require_keys(host: str, engine: Engine) -> None:
    """Refuse to take events from other machines that could not show a key.

    Raises:
        UserError: No living key exists.
    """
    if not is_loopback(host) and not Keyring(engine).has_living(time.time_ns() // 1000):
        raise UserError(
            f'will not listen on "{host}" without producer keys: nobody there could be told from '
            "anybody else. Make one with: andon token create."
        )


def listen(host: str, port: int) -> socket.socket:
    """An open socket.

    Raises:
        UserError: It cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = error.strerror or os.strerror(error.errno or 0)
        raise UserError(
            f"cannot listen on {host}:{port}: {why}. Choose another with --port."
        ) from error
