"""Particles and averages of chosen 2D classes, for those who may not read files themselves."""

from __future__ import annotations

from jobs.formats.class_subset import AVERAGES, PARTICLES, STACK, ClassSubset, write_subset

__all__ = ["AVERAGES", "PARTICLES", "STACK", "ClassSubset", "write_subset"]
