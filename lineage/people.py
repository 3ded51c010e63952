"""Who is named as owner, as principals, and which team answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from catalog.model import Basis, Claim, Evidence, Team
from lineage import observed as o
from lineage.principals import is_placeholder

_SLUG = re.compile(r"[^a-z0-9_-]+")


class People:
    """Owners in the words of producers, told by the teams that are declared."""

    def __init__(self, teams: Iterable[Team]) -> None:
        teams = tuple(teams)
        self._team_names = {t.name.lower(): t.id for t in teams}
        self._team_ids = {t.id for t in teams}
        self._member_of = {m.person: t.id for t in teams for m in t.members}

    def team(self, owners: Iterable[Claim[str]]) -> str | None:
        """The team that answers: the first owner that is a team or a person in one."""
        for claim in owners:
            kind, _, name = claim.value.partition(":")
            if kind == "team":
                return name
            if kind == "person" and name in self._member_of:
                return self._member_of[name]
        return None

    def owners(self, asset: o.Asset, why: str) -> Iterable[Claim[str]]:
        """Owners that an asset's own facet names."""
        facet = asset.facets.get("ownership")
        owners: Any = facet.body.get("owners") if facet else None
        for index, owner in enumerate(owners if isinstance(owners, list) else []):
            name = owner.get("name") if isinstance(owner, dict) else None
            if facet is None or not isinstance(name, str) or is_placeholder(name):
                continue
            path = f"{facet.path}.owners[{index}].name"
            evidence = Evidence(name, event_id=facet.event_id, facet=path)
            principal = self.principal(name.strip())
            if principal is not None:
                yield Claim(principal, Basis.ASSERTED, f"{why} says so", (evidence,))

    def owner_of_use(self, use: o.Use) -> Iterable[Claim[str]]:
        """The owner that a project names of a use of its data."""
        name = use.exposure.owner
        principal = self.principal(name.strip()) if name and not is_placeholder(name) else None
        if name and principal:
            evidence = Evidence(name, event_id=use.event_id, facet=use.path)
            yield Claim(principal, Basis.ASSERTED, "its dbt project says so", (evidence,))

    def principal(self, name: str) -> str | None:
        """A principal from the free text that producers give as an owner's name."""
        kind, colon, rest = name.partition(":")
        if not colon or kind not in ("team", "person", "service"):
            kind, rest = ("person" if "@" in name else "team"), name
        if kind == "team" and rest not in self._team_ids:
            rest = self._team_names.get(rest.lower()) or _SLUG.sub("-", rest.lower()).strip("-_")
        rest = "-".join(rest.split())
        return None if is_placeholder(rest) else f"{kind}:{rest}"
