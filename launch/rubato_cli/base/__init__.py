"""What every room needs: failures, and how numbers, names and sentences reach a person."""
