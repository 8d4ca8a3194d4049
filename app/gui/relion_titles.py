"""Job types of other programs, which are listed but not offered: names, tabs and options of RELION 5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.provenance.relion_labels import label_of


@dataclass(frozen=True)
class RelionType:
    """A job type of RELION 5.

    Attributes
    ----------
    number
        The number it has in files of RELION 3.
    directory, label, title
        Directory of its jobs, type label, and name in the list of job types.
    hidden
        Part of the name of the file with its last settings, ``.gui_<hidden>job.star``.
    mpi, threads
        Whether it has these options.
    tabs
        Names of its tabs; every type has a Running tab besides.
    """

    number: int
    directory: str
    label: str
    title: str
    hidden: str
    mpi: bool
    threads: bool
    tabs: tuple[str, ...]


def _row(
    number: int, directory: str, label: str, title: str, hidden: str, runs: str, tabs: str
) -> RelionType:
    words = tuple(word.strip() for word in tabs.split(","))
    return RelionType(number, directory, label, title, hidden, "M" in runs, "T" in runs, words)


TYPES: Final[tuple[RelionType, ...]] = (
    _row(0, "Import", "relion.import", "Import", "import", "", "Movies/mics, Others"),
    _row(1, "MotionCorr", "relion.motioncorr", "Motion correction", "motioncorr", "MT", "I/O, Motion"),
    _row(2, "CtfFind", "relion.ctffind", "CTF estimation", "ctffind", "M", "I/O, CTFFIND-4.1"),
    _row(3, "ManualPick", "relion.manualpick", "Manual picking", "manualpick", "", "I/O, Display, Colors"),
    _row(
        4,
        "AutoPick",
        "relion.autopick",
        "Auto-picking",
        "autopick",
        "M",
        "I/O, Laplacian, Topaz, References, autopicking, Helix",
    ),
    _row(5, "Extract", "relion.extract", "Particle extraction", "extract", "M", "I/O, extract, Helix"),
    _row(
        7,
        "Select",
        "relion.select",
        "Subset selection",
        "select",
        "",
        "I/O, Class options, Subsets, Duplicates, Filaments",
    ),
    _row(
        8,
        "Class2D",
        "relion.class2d",
        "2D classification",
        "class2d",
        "MT",
        "I/O, CTF, Optimisation, Sampling, Helix, Compute",
    ),
    _row(
        9,
        "Class3D",
        "relion.class3d",
        "3D classification",
        "class3d",
        "MT",
        "I/O, Reference, CTF, Optimisation, Sampling, Helix, Compute",
    ),
    _row(
        10,
        "Refine3D",
        "relion.refine3d",
        "3D auto-refine",
        "auto3d",
        "MT",
        "I/O, Reference, CTF, Optimisation, Auto-sampling, Helix, Compute",
    ),
    _row(12, "MaskCreate", "relion.maskcreate", "Mask creation", "maskcreate", "T", "I/O, Mask, Helix"),
    _row(
        13,
        "JoinStar",
        "relion.joinstar",
        "Join star files",
        "joinstar",
        "",
        "particles, micrographs, movies",
    ),
    _row(14, "Subtract", "relion.subtract", "Particle subtraction", "subtract", "M", "I/O, Centering"),
    _row(15, "PostProcess", "relion.postprocess", "Post-processing", "post", "", "I/O, Sharpen"),
    _row(16, "LocalRes", "relion.localres", "Local resolution", "localres", "M", "I/O, ResMap, Relion"),
    _row(
        18,
        "InitialModel",
        "relion.initialmodel",
        "3D initial reference",
        "inimodel",
        "MT",
        "I/O, CTF, Optimisation, Compute",
    ),
    _row(
        19,
        "MultiBody",
        "relion.multibody",
        "3D multi-body",
        "multibody",
        "MT",
        "I/O, Auto-sampling, Analyse, Compute",
    ),
    _row(20, "Polish", "relion.polish", "Bayesian polishing", "bayespolish", "MT", "I/O, Train, Polish"),
    _row(21, "CtfRefine", "relion.ctfrefine", "CTF refinement", "ctfrefine", "MT", "I/O, Fit"),
    _row(22, "DynaMight", "dynamight", "DynaMight flexibility", "dynamight", "T", "I/O, Tasks"),
    _row(23, "ModelAngelo", "modelangelo", "ModelAngelo building", "modelangelo", "", "I/O, Hmmer"),
    _row(
        50,
        "Import",
        "relion.importtomo",
        "Import (tomo)",
        "tomo_import",
        "",
        "General, Tilt series, Coordinates",
    ),
    _row(51, "Extract", "relion.pseudosubtomo", "Extract subtomos", "tomo_subtomo", "MT", "I/O, Reconstruct"),
    _row(
        52,
        "CtfRefine",
        "relion.ctfrefinetomo",
        "CTF refinement (tomo)",
        "tomo_refine_ctf",
        "MT",
        "I/O, Defocus, Aberrations",
    ),
    _row(
        53,
        "Polish",
        "relion.framealigntomo",
        "Bayesian polishing (tomo)",
        "tomo_align",
        "MT",
        "I/O, Polish, Motion",
    ),
    _row(
        54,
        "Reconstruct",
        "relion.reconstructparticletomo",
        "Reconstruct particle",
        "tomo_reconstruct_particle",
        "MT",
        "I/O, Average, Helix",
    ),
    _row(
        55,
        "AlignTiltSeries",
        "relion.aligntiltseries",
        "Align tilt-series",
        "tomo_align_tiltseries",
        "M",
        "I/O, IMOD, AreTomo2",
    ),
    _row(
        56,
        "Tomograms",
        "relion.reconstructtomograms",
        "Reconstruct tomograms",
        "tomo_reconstruct_tomograms",
        "MT",
        "I/O, Reconstruct",
    ),
    _row(
        57,
        "ExcludeTiltImages",
        "relion.excludetilts",
        "Exclude tilt-images",
        "tomo_exclude_tilt_images",
        "",
        "I/O",
    ),
    _row(
        58,
        "Denoise",
        "relion.denoisetomo",
        "Denoise tomograms",
        "tomo_denoise_tomogram",
        "",
        "I/O, CryoCARE: Train, CryoCARE: Predict",
    ),
    _row(59, "Picks", "relion.picktomo", "Pick tomograms", "tomo_pick_tomogram", "", "I/O"),
    _row(99, "External", "relion.external", "External", "external", "T", "Input, Params"),
)

#: Type label to the name that RELION shows.
TITLES: Final[dict[str, str]] = {row.label: row.title for row in TYPES}

#: Directories stood for types in some older files; the single-particle type comes first where two share one.
_BY_DIRECTORY: Final[dict[str, str]] = {row.directory: row.title for row in reversed(TYPES)}

#: Options that several types have, with RELION's labels.
OPTION_LABELS: Final[dict[str, str]] = {
    "nr_mpi": "Number of MPI procs:",
    "nr_threads": "Number of threads:",
    "do_queue": "Submit to queue?",
    "queuename": "Queue name:",
    "qsub": "Queue submit command:",
    "qsubscript": "Standard submission script:",
    "min_dedicated": "Minimum dedicated cores per node:",
    "other_args": "Additional arguments:",
    "gpu_ids": "Which GPUs to use:",
    "gpu_id": "Which (single) GPU to use:",
}


def relion_type(type_label: str) -> RelionType | None:
    """Return the type of a label; as RELION does, the last dot-part is dropped until one is found."""
    types = {row.label: row for row in TYPES}
    label = type_label
    while label:
        if label in types:
            return types[label]
        label = label.rpartition(".")[0]
    return None


def title_of(type_label: str) -> str:
    """Return the type in words; an unknown label is its own name."""
    found = relion_type(type_label)
    return found.title if found is not None else _BY_DIRECTORY.get(type_label, type_label)


def option_title(name: str) -> str:
    """Return an option in words, without a colon, or its name in ``job.star`` when they are not known."""
    return OPTION_LABELS.get(name, "").rstrip(":") or label_of(name)
