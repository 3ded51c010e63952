"""Orchard Lane, a made-up company: what its tools would send, and what is wrong with it."""

from pathlib import Path

GOVERNANCE = Path(__file__).with_name("governance")
"""The company's declared catalog."""
