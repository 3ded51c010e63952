"""Sends the sample company's events over HTTP, with the OpenLineage client as any tool would."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import requests
from openlineage.client import OpenLineageClient
from openlineage.client.transport.http import HttpConfig, HttpTransport

from catalog.errors import UserError
from lineage.sample.events import client_events_of_day, days_newest_first
from lineage.sample.model import Company


def emit(company: Company, url: str, days: int, anchor: datetime) -> Iterator[tuple[date, int]]:
    """Send the events of the last days, the newest two days first; yields each day when sent.

    Args:
        company: Whose events to send.
        url: Where Andon answers. The client appends ``api/v1/lineage`` to it; a path in the URL
            only counts if it ends in a slash.
        days: How many days, the anchor's own included.
        anchor: Nothing later than this is sent.

    Yields:
        A day and how many events it had.

    Raises:
        UserError: Nothing answers there, or an event was refused.
    """
    client = _client(url)
    try:
        for day in days_newest_first(anchor, days):
            sent = 0
            for event in client_events_of_day(company, day, anchor):
                client.emit(event)
                sent += 1
            yield day, sent
    except requests.HTTPError as error:
        raise UserError(
            f"{url} refused an event: {error}. Expected 201 or 200; is it an Andon that listens "
            "there?",
            exit_code=1,
        ) from error
    except requests.RequestException as error:
        raise UserError(
            f"{url} does not answer. Start Andon there with `andon serve`, or name another place "
            "with --url.",
            exit_code=1,
        ) from error
    finally:
        client.close()


def _client(url: str) -> OpenLineageClient:
    try:
        return OpenLineageClient(transport=HttpTransport(HttpConfig(url=url)))
    except ValueError as error:
        raise UserError(
            f'"{url}" is no URL; expected one such as http://127.0.0.1:8501.'
        ) from error
