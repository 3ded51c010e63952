"""The trust sentence: whether to rely on an asset now, and what says so."""
