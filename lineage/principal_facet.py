"""A run facet for the OpenLineage client that says outright who ran it.

For producers that know and have no place of their own for it: ``docs/principals.md`` has examples.
"""

from __future__ import annotations

from typing import ClassVar

import attr
from openlineage.client.generated.base import RunFacet

from lineage.principals import FACET

__all__ = ["FACET", "AndonPrincipalRunFacet"]


@attr.define
class AndonPrincipalRunFacet(RunFacet):
    """Who ran it. Goes into ``run.facets`` under ``FACET``."""

    principal: str
    """
    Who ran it: a person, a service or a team.

    Example: person:ana
    """
    how: str | None = attr.field(default=None)
    """
    How the run came about, in a word.

    Example: manual
    """
    on_behalf_of: str | None = attr.field(default=None)
    """
    For whom a service ran it, where somebody asked it to.

    Example: person:ana
    """

    _additional_skip_redact: ClassVar[list[str]] = ["principal", "how", "on_behalf_of"]

    @staticmethod
    def _get_schema() -> str:
        return "urn:andon:facets:1-0-0:AndonPrincipalRunFacet.json#/$defs/AndonPrincipalRunFacet"
