"""Cheap checks of a DynaMight job across its fields; they read no more than the heads of files."""

from __future__ import annotations

from jobs.core.declaration import Check

CHECKS: tuple[Check, ...] = ()
