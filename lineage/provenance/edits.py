"""Writes to production that no pipeline explains."""

from __future__ import annotations

from catalog.model import Trust
from lineage.log import event_ids
from lineage.provenance.ledger import Ledger
from lineage.provenance.model import Edit
from lineage.provenance.sanctions import Sanction
from lineage.provenance.versions import Wrote


def sanction_of(ledger: Ledger, write: Wrote) -> Sanction:
    """What is claimed of the job that wrote, and of who ran it."""
    number = write.run.principal_id
    principal = None if number is None else ledger.words[number]
    return ledger.sanctions.of(write.run.job, write.dataset, principal)


def is_edit(ledger: Ledger, write: Wrote) -> bool:
    """Whether it is known that no pipeline explains a write to production."""
    if write.is_drop or not ledger.sanctions.is_production(write.dataset):
        return False
    return sanction_of(ledger, write).is_known is False


def edit_of(ledger: Ledger, write: Wrote) -> Edit | None:
    """Such a write, as it is told outside; ``None``: it is none, or nobody can tell."""
    if not is_edit(ledger, write):
        return None
    run = write.run
    objection = sanction_of(ledger, write).objection
    return Edit(
        version=ledger.version(write),
        principal=None if run.principal_id is None else ledger.words[run.principal_id],
        trust=None if run.trust is None else Trust(run.trust),
        why=objection.why if objection else "",
        is_guess=objection is not None and objection.is_guess,
        event_id=event_ids(ledger.connection, [run.seq])[run.seq],
    )
