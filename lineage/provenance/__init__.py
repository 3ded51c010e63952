"""Where one version of a dataset came from, and what was built on it."""
