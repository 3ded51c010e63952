"""What ought to be: facts, policies, verdicts, findings, the maturity model and scores."""
