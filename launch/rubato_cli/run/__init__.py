"""One run from its preparation to its last figure: what its fleets are made of, and told to do."""
