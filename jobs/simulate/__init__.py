"""Simulated single-particle data with known motions."""
