"""Names in words of the job types of other programs, which are listed but not offered."""

from __future__ import annotations

from typing import Final

#: RELION 5 type label to the name that RELION shows.
TITLES: Final[dict[str, str]] = {
    "relion.import": "Import",
    "relion.motioncorr": "Motion correction",
    "relion.ctffind": "CTF estimation",
    "relion.manualpick": "Manual picking",
    "relion.autopick": "Auto-picking",
    "relion.extract": "Particle extraction",
    "relion.select": "Subset selection",
    "relion.class2d": "2D classification",
    "relion.class3d": "3D classification",
    "relion.refine3d": "3D auto-refine",
    "relion.maskcreate": "Mask creation",
    "relion.joinstar": "Join star files",
    "relion.subtract": "Particle subtraction",
    "relion.postprocess": "Post-processing",
    "relion.localres": "Local resolution",
    "relion.initialmodel": "3D initial reference",
    "relion.multibody": "3D multi-body",
    "relion.polish": "Bayesian polishing",
    "relion.ctfrefine": "CTF refinement",
    "dynamight": "DynaMight flexibility",
    "modelangelo": "ModelAngelo building",
    "relion.importtomo": "Import (tomo)",
    "relion.pseudosubtomo": "Extract subtomos",
    "relion.ctfrefinetomo": "CTF refinement (tomo)",
    "relion.framealigntomo": "Bayesian polishing (tomo)",
    "relion.reconstructparticletomo": "Reconstruct particle",
    "relion.aligntiltseries": "Align tilt-series",
    "relion.reconstructtomograms": "Reconstruct tomograms",
    "relion.excludetilts": "Exclude tilt-images",
    "relion.denoisetomo": "Denoise tomograms",
    "relion.picktomo": "Pick tomograms",
    "relion.external": "External",
}


def title_of(type_label: str) -> str:
    """Return the type in words; as RELION does, the last dot-part is dropped until a type is found."""
    label = type_label
    while label:
        if label in TITLES:
            return TITLES[label]
        label = label.rpartition(".")[0]
    return type_label
