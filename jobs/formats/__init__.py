"""Readers and writers of foreign file formats, one file per format; no torch."""
