"""What can be done with the results of each task, in the words of the window."""

from __future__ import annotations

from typing import Final

NEXT_STEPS: Final = {
    "classify": "Look at the classes, choose the good ones and write their particles: an input of Refine3D "
    "or of an initial model. RELION's Select opens run_optimiser.star.",
    "full_size": "The averages are in full_size/run_classes.mrcs, in the order of the classes.",
    "substack": "The STAR file of the chosen classes is an input of the next job.",
    "evaluate": "The report is in evaluation/report.html. Another run with another seed tells how far "
    "classes are reproduced.",
}
