"""Which writes no pipeline explains, as the declared catalog and what is guessed have it."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from catalog.model import AssetKey, Claim, Environment, Kind
from lineage.history import Standpoint
from lineage.scene import Scene, key_of


class Sanction(NamedTuple):
    """What is claimed of a job, and of who ran it, where it writes."""

    job: Claim[bool] | None
    principal: Claim[bool] | None

    @property
    def is_known(self) -> bool | None:
        """Whether it may write there; ``None``: nobody can tell.

        Where a pipeline has the job and the run does not say who ran it, the job's word counts.
        """
        claims = [claim.value for claim in self if claim is not None]
        if False in claims:
            return False
        return True if self.job is not None else None

    @property
    def objection(self) -> Claim[bool] | None:
        """What says that it may not."""
        return next((claim for claim in self if claim is not None and not claim.value), None)


_Who = tuple[int, int, str | None]
"""Job, dataset, principal."""


class Sanctions:
    """Who may write what; each combination is worked out once."""

    def __init__(self, standpoint: Standpoint) -> None:
        self._standpoint = standpoint
        self._known: dict[_Who, Sanction] = {}
        self._jobs: dict[tuple[int, int], Claim[bool] | None] = {}
        self._production: dict[int, bool] = {}

    def of(self, job: int, dataset: int, principal: str | None) -> Sanction:
        """What is claimed of a job that some principal ran and that wrote a dataset."""
        who = job, dataset, principal
        found = self._known.get(who)
        if found is None:
            keys = self._key(Kind.JOB, job), self._key(Kind.DATASET, dataset)
            found = self._lately.get((*keys, principal))
            if found is None:
                claims = self._scene.claims
                found = Sanction(
                    claims.job_sanctioned(job, dataset),
                    claims.principal_sanctioned(job, dataset, principal),
                )
            self._known[who] = found
        return found

    def is_outsider(self, job: int, dataset: int) -> bool:
        """Whether it is known that a job is in no pipeline that writes there."""
        who = job, dataset
        if who not in self._jobs:
            keys = self._key(Kind.JOB, job), self._key(Kind.DATASET, dataset)
            known = self._lately_by_job.get(keys)
            self._jobs[who] = known.job if known else self._scene.claims.job_sanctioned(*who)
        claim = self._jobs[who]
        return claim is not None and not claim.value

    def is_production(self, dataset: int) -> bool:
        """Whether it is a dataset in production that anybody cares for."""
        known = self._production.get(dataset)
        if known is None:
            found = self._standpoint.estate.datasets.get(self._key(Kind.DATASET, dataset))
            is_subject = found is not None and found.noise is None
            where = found.environment if found is not None and is_subject else None
            known = where is not None and where.value is Environment.PROD
            self._production[dataset] = known
        return known

    @cached_property
    def _lately(self) -> dict[tuple[AssetKey, AssetKey, str | None], Sanction]:
        """Of the last 30 days, from the estate."""
        return {
            (w.job, w.dataset, w.principal): Sanction(w.job_sanctioned, w.principal_sanctioned)
            for w in self._standpoint.estate.writes
        }

    @cached_property
    def _lately_by_job(self) -> dict[tuple[AssetKey, AssetKey], Sanction]:
        return {(job, dataset): found for (job, dataset, _), found in self._lately.items()}

    @cached_property
    def _scene(self) -> Scene:
        """For older writes: made once more, since the estate does not keep it."""
        at = self._standpoint
        return Scene(at.observed, at.catalog, at.as_of)

    def _key(self, kind: Kind, number: int) -> AssetKey:
        seen = self._standpoint.observed
        return key_of(kind, (seen.datasets if kind is Kind.DATASET else seen.jobs)[number])
