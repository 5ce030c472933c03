"""What is written to disk: whole or not at all, checksummed, locked, and swept when left behind."""
