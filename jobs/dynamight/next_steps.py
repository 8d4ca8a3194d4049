"""What can be done with the results of each task, in the words of the window."""

from __future__ import annotations

NEXT_STEPS = {
    "train": "Explore shows the motions. On the Tasks tab, set inverse-deformation estimation to Yes and "
    "continue; deformed backprojection follows.",
    "inverse": "On the Tasks tab, set deformed backprojection to Yes and continue: maps with each particle's "
    "motion undone.",
    "reconstruct": "PostProcess of RELION takes backprojection/map_half1.mrc and map_half2.mrc as its "
    "unfiltered half-maps. Explore shows the motions beside the map.",
}
