"""The graph of the estate: which data comes from where, as known at one instant."""
