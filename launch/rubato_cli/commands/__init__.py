"""What a person types: a module per command, and what only it needs."""
