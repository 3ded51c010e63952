"""Whether a request may come in, and with whose key."""

from __future__ import annotations

import time
from collections.abc import Sequence

from lineage.keyring import Keyring
from lineage.keys import CHALLENGE, Admission, Key
from lineage.templates import RefusedError


class ClosedError(Exception):
    """No key came with a request that needs one, or one that is no good."""

    def __init__(self, admission: Admission, key: Key | None) -> None:
        super().__init__(admission)
        self.key = key
        detail, expected = admission.detail(key), admission.expected
        self.refused = RefusedError(admission.status, detail, "Authorization", expected)
        self.headers = tuple((n.lower().encode(), v.encode()) for n, v in CHALLENGE.items())


class Door:
    """Looks at the keys of requests.

    Args:
        keyring: The keys of the store.
        is_key_needed: Whether nobody comes in without one.
    """

    def __init__(self, keyring: Keyring, *, is_key_needed: bool) -> None:
        self._keyring = keyring
        self._is_key_needed = is_key_needed

    def admit(self, headers: Sequence[tuple[bytes, bytes]]) -> Key | None:
        """The good key that came with a request, or ``None`` where none is needed.

        Raises:
            ClosedError: The request may not come in.
        """
        shown = None
        for name, value in headers:
            if name == b"authorization":
                shown = value.decode("latin-1")
        if shown is None and not self._is_key_needed:
            return None
        at = time.time_ns() // 1000
        said, key = self._keyring.admit(shown, at, is_needed=self._is_key_needed)
        if not said.is_open:
            raise ClosedError(said, key)
        if key is not None:
            self._keyring.used(key.id, at)
        return key
