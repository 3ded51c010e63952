"""The command that sends the sample company."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from catalog.cli import progress
from lineage.sample.scenario import load_company


@click.command("emit-demo")
@click.option("--url", default="http://127.0.0.1:8501", show_default=True, help="Where to send it.")
@click.option(
    "--days",
    type=click.IntRange(1, 1000),
    default=200,
    show_default=True,
    help="How many days up to now.",
)
def emit_demo(url: str, days: int) -> None:
    """Send the sample company's events with the OpenLineage client over HTTP.

    The newest two days come first, then history, backwards. The client appends api/v1/lineage to
    the URL, and drops the last part of its path unless that ends in a slash: write
    http://host/andon/ for http://host/andon/api/v1/lineage.

    Example: andon emit-demo --url http://127.0.0.1:8501 --days 14
    """
    from lineage.sample.send import emit

    sent = 0
    company = load_company()
    with progress(emit(company, url, days, datetime.now(UTC)), days, "Sending days") as done:
        for _, events in done:
            sent += events
    click.echo(f"Sent {sent:,} events of {company.name} to {url}.")


commands: list[click.Command] = [emit_demo]
