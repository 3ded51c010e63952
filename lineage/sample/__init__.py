"""Orchard Lane, a made-up company: what its tools would send, and what is wrong with it."""
