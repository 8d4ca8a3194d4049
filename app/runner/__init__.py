"""Launching, watching, aborting and queueing jobs; GPUs and processes."""
