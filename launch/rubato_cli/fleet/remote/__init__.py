"""Processes of other hosts: one agent on each, which the launcher reaches by ssh."""
