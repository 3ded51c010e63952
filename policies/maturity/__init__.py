"""The maturity model and the scores: how mature a team's work is, as far as evidence shows."""
