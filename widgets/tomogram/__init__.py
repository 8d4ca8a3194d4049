"""Particles where they are in their tomogram, and what they look like there."""
