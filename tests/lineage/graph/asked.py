"""Asking with commands, and reading what they print."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from catalog.errors import UserError
from lineage.graph_cli import commands
from tests.lineage.worlds import at, dataset, job


def moves(source: str, target: dict[str, Any], by: str, minute: int) -> dict[str, Any]:
    return {
        "eventTime": at(minute),
        "job": job(by),
        "inputs": [dataset(source)],
        "outputs": [target],
    }


def andon(database: str, *args: str) -> Result:
    group = click.Group(commands={c.name: c for c in commands if c.name})
    return CliRunner().invoke(group, [*args, "--database", database], catch_exceptions=False)


def document(database: str, *args: str) -> Any:
    return json.loads(andon(database, *args).stdout)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def refused(database: str, *args: str) -> str:
    """The one line that says why not."""
    with pytest.raises(UserError) as found:
        andon(database, *args)
    assert found.value.exit_code == 2
    assert "\n" not in str(found.value)
    return str(found.value)


def names(found: Any) -> list[str]:
    return [node["name"] for node in found["nodes"]]
