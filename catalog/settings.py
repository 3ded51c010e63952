"""How the process runs. Read by entry points only; the core gets plain arguments."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from pydantic import Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from catalog.errors import UserError

LEAST_RUN_DAYS = 40
"""What is known today is told from the runs of a month, which are not summed up."""


class OutOfScope(StrEnum):
    """What becomes of an event outside the scope of its producer key."""

    REFUSE = "refuse"
    FLAG = "flag"


class Settings(BaseSettings):
    """Settings from the environment, each with the prefix ``ANDON_``."""

    model_config = SettingsConfigDict(env_prefix="ANDON_", extra="ignore")

    database_url: str = Field(
        default="sqlite:///andon.db",
        description="Where everything is kept, as an SQLAlchemy URL.",
    )
    assess_every_s: float = Field(
        default=0.5,
        gt=0,
        description="How long after an event the worker waits for more before it judges, seconds.",
    )
    max_body_bytes: int = Field(
        default=32 * 1024 * 1024,
        gt=0,
        description="Largest event accepted after decompression, bytes.",
    )
    require_keys: bool = Field(
        default=False,
        description="Whether events are taken with a producer key only, on this machine too.",
    )
    out_of_scope: OutOfScope = Field(
        default=OutOfScope.REFUSE,
        description="What becomes of an event that its key does not cover: `refuse` or `flag`.",
    )
    name_reducers: str = Field(
        default="",
        description="Which endings name a part of a dataset, such as `key_value,dates`; see "
        "[One dataset, several names](identity.md#parts-of-a-dataset).",
    )
    keep_superseded_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="For how many days events are kept that later ones of their run say again, "
        "whole days; 0: for ever. See [What is kept](stores.md#what-is-kept).",
    )
    roll_up_runs_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="For how many days runs are kept one by one, 40 or more; older ones on which "
        "nothing rests are summed up by day; 0: for ever. See "
        "[Old runs](stores.md#old-runs).",
    )

    @field_validator("roll_up_runs_days")
    @classmethod
    def _spares_the_present(cls, days: int) -> int:
        if 0 < days < LEAST_RUN_DAYS:
            raise PydanticCustomError("days", f"0, or {LEAST_RUN_DAYS} or more")
        return days

    def __init__(self) -> None:
        """Read them.

        Raises:
            UserError: One of them cannot be used.
        """
        try:
            super().__init__()
        except ValidationError as error:
            raise UserError(" ".join(_sentences(error))) from error


def _sentences(error: ValidationError) -> Iterator[str]:
    for found in error.errors():
        name = f"ANDON_{'_'.join(map(str, found['loc'])).upper()}"
        expected = found["msg"].removeprefix("Input should be ").removeprefix("a ")
        yield f'{name} is "{found["input"]}"; expected {expected}. Change it or leave it out.'
