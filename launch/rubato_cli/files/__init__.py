"""What is written to disk: whole or not at all, sealed, locked, and swept when left behind."""
