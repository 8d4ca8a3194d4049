"""Words that declaration, files and checks of the Dynamo job share."""

from __future__ import annotations

from typing import Final

#: Where particles come from, as the form and the YAML file call it.
SOURCES: Final = ("imod", "eman2", "relion5", "warp", "peet")
POINT_SOURCES: Final = ("auto", "slicer", "contours", "nearest")
AXES: Final = ("y", "z", "x")
ORIGINS: Final = ("dynamo", "as_is")
CONTRASTS: Final = ("automatic", "keep", "invert")
OUTSIDE: Final = ("drop", "keep")
CROP_WAYS: Final = ("here", "dynamo")
FILE_KINDS: Final = ("em", "mrc")
HALVES: Final = ("both", "odd", "together")
DESTINATIONS: Final = ("matlab_gpu", "standalone", "standalone_gpu", "matlab", "matlab_parfor", "system_gpu")

DOC: Final = "tomograms_input.doc"
TABLE: Final = "input.tbl"
SCRIPT: Final = "dynamo_process.m"
SIDECAR: Final = "particles_map.star"
SUMMARY: Final = "dynamo_summary.json"
CONFIG: Final = "dynamo.yaml"
SCAN: Final = "scan.star"
PREVIEW: Final = "preview.npz"
