"""Fleets that outlive the terminal that began them: who supervises them, and how he is found."""
