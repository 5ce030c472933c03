"""What a finished run has to show: its record, its figures in words, pages and pictures."""
