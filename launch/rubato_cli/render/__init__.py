"""What engines are handed: manifests from the run file."""
