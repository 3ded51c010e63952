"""What happened: events, the fold into runs, edges, schemas and data tests, the estate."""
