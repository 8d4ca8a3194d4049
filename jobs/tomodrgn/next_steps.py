"""What can be done with the results of each task, in the words of the window."""

from __future__ import annotations

from typing import Final

NEXT_STEPS: Final = {
    "train": "Explore shows the latent space and the volume of any place in it. On the Tasks tab, volumes "
    "are written, images embedded and particles selected.",
    "eval_vol": "The volumes open in the viewer, ChimeraX or any program that reads MRC.",
    "eval_images": "The latent places stand in the order of the particles in the STAR file beside them.",
    "backproject": "PostProcess of RELION takes the half-maps. Compare the map with the volumes.",
    "filter": "The selection is an input of a further refinement, or of another training.",
}
