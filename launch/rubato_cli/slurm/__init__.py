"""Slurm: the job that is a fleet, submitted and followed."""
