"""Words of the import job: node types as RELION's own Import job spells them, labels, and file endings."""

from __future__ import annotations

AUTOMATIC = "Automatic"
PARTICLES = "Particles STAR file (.star)"
MAP = "3D reference (.mrc)"
MASK = "3D mask (.mrc)"
HALF_MAP = "Unfiltered half-map (unfil.mrc)"
MODEL = "Atomic model (.pdb or .cif)"
OPTIMISATION_SET = "Tomography optimisation set (.star)"
NODE_TYPES = (AUTOMATIC, PARTICLES, MAP, MASK, HALF_MAP, MODEL, OPTIMISATION_SET)

#: Label under which RELION's Browse buttons look for each.
LABELS = {
    PARTICLES: "ParticleGroupMetadata.star.relion",
    MAP: "DensityMap.mrc",
    MASK: "Mask3D.mrc",
    HALF_MAP: "DensityMap.mrc.halfmap",
    OPTIMISATION_SET: "TomoOptimisationSet.star.relion",
}

LINK, COPY, PATHS = "link", "copy", "paths"

TABLE_SUFFIXES = (".star", ".cs")
MAP_SUFFIXES = (".mrc", ".map", ".ccp4", ".rec")
MODEL_SUFFIXES = (".pdb", ".ent", ".cif", ".mmcif")
STACK_SUFFIXES = (".mrcs", ".st")
PATTERN = " ".join(f"*{suffix}" for suffix in (*TABLE_SUFFIXES, *MAP_SUFFIXES, *MODEL_SUFFIXES))
