"""What `rubato init` makes of somebody's table: its label, its columns, a run file for it."""
