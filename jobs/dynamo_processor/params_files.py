"""Tab I/O of the Dynamo job: where particles and tomograms come from, and how their numbers are meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobs.core.declaration import JobOptions, Kind, option
from jobs.dynamo_processor.words import AXES, CONTRASTS, ORIGINS, POINT_SOURCES, SOURCES


def _io(default: Any, *, kind: Kind, **details: Any) -> Any:
    return option(default, tab="I/O", kind=kind, enabled="new", **details)


def _from(*kinds: str, simulated: bool | None = False) -> Callable[[Any], bool]:
    """Return what tells whether particles come from one of these kinds, real or simulated (None: either)."""

    def shown(options: Any) -> bool:
        is_simulated = not options.real_data_mode
        if simulated is None:  # a wrong choice must stay to be put right
            return options.source_type in kinds or is_simulated
        return options.source_type in kinds and is_simulated is simulated

    return shown


class _SourceOptions(JobOptions):
    """Which program, and its folders."""

    fn_config: str = _io(
        "",
        kind=Kind.FILE,
        label="Configuration file (optional):",
        help="YAML file of ETSimulations or of this job. What it states takes the place of the fields here; "
        "processors other than dynamo are passed over. Its paths are relative to the project.",
        pattern="*.yaml *.yml",
    )
    config_entry: int = _io(
        1,
        kind=Kind.INTEGER,
        label="Entry of the file:",
        help="Which of several dynamo entries of the configuration file is meant, from 1.",
        minimum=1,
        low=1,
        high=10,
        step=1,
        shown=lambda options: bool(options.fn_config),
    )

    source_type: str = _io(
        "imod",
        kind=Kind.CHOICE,
        label="Particles come from:",
        help="imod: slicer angles or points of models. eman2: a subtomogram refinement. relion5: an "
        "optimisation set, or particles with tomograms.star. warp: particles of Warp or M. peet: a motive "
        "list with its model.",
        choices=SOURCES,
    )
    real_data_mode: bool = _io(
        True,
        kind=Kind.YESNO,
        label="Real data?",
        help="No: the project was simulated with ETSimulations, and its layout (root, name) says where all "
        "is.",
        shown=_from("imod", "eman2", simulated=None),
    )
    imod_dir: str = _io(
        "",
        kind=Kind.FOLDER,
        label="Project folder (IMOD, PEET):",
        help="Folder with one folder per tomogram, each with reconstruction, model and tilt angles.",
        shown=_from("imod", "peet"),
    )
    dir_contains: str = _io(
        "",
        kind=Kind.TEXT,
        label="Folders whose name contains:",
        help="Only these folders are taken; * and ? stand for any letters. Empty: all folders.",
        shown=_from("imod", "peet"),
    )
    rec_contains: str = _io(
        "",
        kind=Kind.TEXT,
        label="Reconstruction contains:",
        help="Part of the name of the .mrc or .rec file in each folder; * and ? stand for any letters.",
        shown=_from("imod", "peet"),
    )
    mod_contains: str = _io(
        "",
        kind=Kind.TEXT,
        label="Model contains:",
        help="Part of the name of the .mod file in each folder; * and ? stand for any letters.",
        shown=_from("imod", "peet"),
    )
    tlt_contains: str = _io(
        "",
        kind=Kind.TEXT,
        label="Tilt angles contain:",
        help="Part of the name of the .tlt file in each folder; * and ? stand for any letters. Of several, "
        "the one that does not end in _fid.tlt is taken.",
        shown=_from("imod", "peet"),
    )
    eman2_dir: str = _io(
        "",
        kind=Kind.FOLDER,
        label="Project folder (EMAN2):",
        help="Folder of the EMAN2 project, with info, particles3d and sets.",
        shown=_from("eman2"),
    )
    params_json: str = _io(
        "",
        kind=Kind.FILE,
        label="Refinement (EMAN2):",
        help="particle_parms_XX.json or aliptcls3d_XX.lst of a spt folder.",
        pattern="*.json *.lst",
        shown=_from("eman2"),
    )
    fn_particles: str = _io(
        "",
        kind=Kind.INPUT_NODE,
        label="Particles (RELION 5, Warp):",
        help="RELION 5: the optimisation set, or the particles. Warp and M: the STAR file of the particles.",
        node_labels=(
            "ParticleGroupMetadata.star.relion.tomo",
            "ParticleGroupMetadata.star",
            "ParticleGroupMetadata",
            "TomoOptimisationSet.star.relion",
            "TomoOptimisationSet",
        ),
        pattern="*.star",
        shown=_from("relion5", "warp"),
    )
    fn_tomograms: str = _io(
        "",
        kind=Kind.FILE,
        label="Tomograms (RELION 5, optional):",
        help="tomograms.star of the particles. Empty: the one that the optimisation set names, or that lies "
        "beside.",
        pattern="*.star",
        shown=_from("relion5"),
    )
    volumes_dir: str = _io(
        "",
        kind=Kind.FOLDER,
        label="Reconstructions (RELION 5, Warp):",
        help="Folder of the reconstructed tomograms, where the STAR files do not name them. They are matched "
        "by name.",
        shown=_from("relion5", "warp"),
    )
    volume_contains: str = _io(
        "",
        kind=Kind.TEXT,
        label="Reconstruction also contains:",
        help="Which of several reconstructions of a tomogram is meant, such as 10.00Apx.",
        shown=_from("relion5", "warp", "peet"),
    )
    root: str = _io(
        "",
        kind=Kind.FOLDER,
        label="Root of the simulated project:",
        help="Folder of the simulated project, with sim_metadata.json.",
        shown=_from("imod", "eman2", simulated=True),
    )
    name: str = _io(
        "",
        kind=Kind.TEXT,
        label="Name of its series (optional):",
        help="Name of its series. Empty: the last part of the root.",
        shown=_from("imod", "eman2", simulated=True),
    )
    dynamo_dir: str = _io(
        "",
        kind=Kind.TEXT,
        label="Folder of the Dynamo project (optional):",
        help="Where table, volume index, script and particles are put. Empty: the folder of this job. An "
        "existing project there is not overwritten.",
    )


class _MeaningOptions(JobOptions):
    """How numbers of the source are meant."""

    point_source: str = _io(
        "auto",
        kind=Kind.CHOICE,
        label="A particle of a model is:",
        help="slicer: a stored slicer angle with its centre. contours: a point, without orientation. "
        "nearest: a point with the orientation of the nearest slicer angle. auto: slicer angles where there "
        "are any.",
        choices=POINT_SOURCES,
        shown=_from("imod"),
    )
    objects: str = _io(
        "",
        kind=Kind.TEXT,
        label="Objects of the model (optional):",
        help="Numbers of the objects of the model whose points are taken, from 1: 1 3. Empty: all.",
        shown=_from("imod"),
    )
    symmetry_axis: str = _io(
        "y",
        kind=Kind.CHOICE,
        label="Upright axis in the Slicer:",
        help="Along which axis of the Slicer window the axis of the particles was put; it becomes z in "
        "Dynamo. z: particles were seen from above.",
        choices=AXES,
        shown=_from("imod"),
    )
    rotx: bool = _io(
        False,
        kind=Kind.YESNO,
        label="Turn simulated particles by 90° about x?",
        help="Yes for particles whose axis lies along y in the simulated map.",
        shown=_from("eman2", simulated=True),
    )
    apix: float | None = _io(
        None,
        kind=Kind.NUMBER,
        label="Pixel size of the particles (optional):",
        help="Å per voxel of the tomograms, in place of what their headers state.",
        minimum=0.01,
        unit="Å",
    )
    coordinates_apix: float | None = _io(
        None,
        kind=Kind.NUMBER,
        label="Pixel size of coordinates (optional):",
        help="Å per pixel of the coordinates of relion5 and warp, where the files state none or a wrong one.",
        minimum=0.01,
        unit="Å",
        shown=_from("relion5", "warp"),
    )
    coordinate_origin: str = _io(
        "dynamo",
        kind=Kind.CHOICE,
        label="Voxels are counted:",
        help="dynamo: from 1, so that the particle lies at the centre of its box. as_is: the numbers and 32 "
        "columns of the original program, up to half a voxel and one voxel off.",
        choices=ORIGINS,
    )
    contrast: str = _io(
        "automatic",
        kind=Kind.CHOICE,
        label="Contrast of the particles:",
        help="Dynamo's masks expect no sign, but particles from several programs must agree. automatic: "
        "EMAN2's are inverted as the original does, all others are kept.",
        choices=CONTRASTS,
    )


class FileOptions(_MeaningOptions, _SourceOptions):
    """Tab I/O."""
