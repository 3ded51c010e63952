"""What exists: assets, teams, environments, the declared catalog, database and settings."""
