"""Tabs I/O and Classification of ISAC2: what is classified, and what counts as a stable class."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.declaration import JobOptions, Kind, option

PIXELS: Final = "pixels"
ANGSTROMS: Final = "Å"
LENGTH_UNITS: Final = (PIXELS, ANGSTROMS)


def _io(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    details.setdefault("enabled", "new")
    return option(default, label=label, help=help, tab="I/O", kind=kind, **details)


def _classes(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    details.setdefault("enabled", "new")
    return option(default, label=label, help=help, tab="Classification", kind=kind, **details)


class InputOptions(JobOptions):
    """Tab I/O: images, the size of the particle, CTF and filaments."""

    fn_stack: str = _io(
        "",
        "Input images:",
        "Particles to classify: a STAR file of RELION, a .cs file of cryoSPARC, an .mrcs stack, or an .hdf "
        "stack of EMAN2 or SPHIRE. Images must be square. Poses are not needed.",
        kind=Kind.INPUT_NODE,
        node_labels=(
            "ParticleGroupMetadata.star.relion",
            "ParticleGroupMetadata.star",
            "ParticleGroupMetadata",
            "Image2DGroupMetadata",
        ),
        pattern="*.star *.cs *.mrcs *.hdf",
        required=True,
    )
    angpix: float | None = _io(
        None,
        "Pixel size (optional):",
        "Overrides the pixel size of the input, or stands in where it has none.",
        kind=Kind.NUMBER,
        minimum=0.001,
        unit="Å",
        placeholder="from the input",
    )
    radius: float | None = _io(
        None,
        "Particle radius:",
        "Radius of the particle in the input images, from its centre to its farthest part. Images are "
        "shrunk so that it becomes the target radius.",
        kind=Kind.NUMBER,
        minimum=0.001,
        required=True,
        cli=("--radius",),
    )
    length_unit: str = _io(
        PIXELS,
        "Unit of radius and filament width:",
        "Unit of the particle radius and of the width of a filament: pixels of the input images, or Å.",
        kind=Kind.CHOICE,
        choices=LENGTH_UNITS,
    )
    ctf: bool = _io(
        False,
        "CTF phase flipping?",
        "Yes for cryo data: phases are flipped by the CTF that the input states for each image.",
        kind=Kind.YESNO,
        cli=("--CTF",),
    )
    vpp: bool = _io(
        False,
        "Phase plate data?",
        "Yes for data taken with a phase plate: besides flipping, the mean power spectrum is whitened. "
        "Cannot be used together with CTF phase flipping.",
        kind=Kind.YESNO,
        cli=("--VPP",),
    )
    filament_width: float = _io(
        -1.0,
        "Filament width (-1: no filaments):",
        "Width of helical filaments: their segments are normalised and masked by a rectangle along the "
        "filament, whose direction the input must state.",
        kind=Kind.NUMBER,
        minimum=-1,
        cli=("--filament_width",),
    )
    filament_mask_ignore: bool = _io(
        False,
        "Use the filament mask for normalising only?",
        "Yes: images are normalised with the rectangular mask but not multiplied by it. For filaments only.",
        kind=Kind.YESNO,
        cli=("--filament_mask_ignore",),
    )
    full_size: bool = _io(
        True,
        "Make full-size averages at the end?",
        "Yes: averages of all classes are made once more from the images as they are, at their own size and "
        "corrected for the CTF; also possible later, on the Tasks tab.",
        kind=Kind.YESNO,
        enabled="always",
    )


class ClassificationOptions(JobOptions):
    """Tab Classification: groups, stability, and how long the run goes on."""

    img_per_grp: int = _classes(
        -1,
        "Images per class (-1: automatic):",
        "Size of the groups that images are put into; also decides the number of classes. Automatic: so "
        "many that there are 200 classes, 50 at least.",
        kind=Kind.INTEGER,
        minimum=-1,
        low=-1,
        high=1000,
        step=10,
        cli=("--img_per_grp",),
    )
    minimum_grp_size: int = _classes(
        -1,
        "Minimum size of a class (-1: automatic):",
        "A class is kept when it has more stable members than this. Automatic: 60 % of the images per class.",
        kind=Kind.INTEGER,
        minimum=-1,
        low=-1,
        high=1000,
        step=10,
        cli=("--minimum_grp_size",),
    )
    thld_err: float = _classes(
        0.7,
        "Pixel error threshold:",
        "A particle is a stable member when its alignments of independent runs differ by less than this: "
        "root mean square of the distances of pixels, in pixels of the shrunken images.",
        kind=Kind.NUMBER,
        minimum=0,
        low=0.1,
        high=3,
        step=0.1,
        unit="small px",
        cli=("--thld_err",),
    )
    stab_ali: int = _classes(
        5,
        "Alignments for the stability check:",
        "How many times each group is aligned from an independent random start.",
        kind=Kind.INTEGER,
        minimum=2,
        low=2,
        high=10,
        step=1,
        cli=("--stab_ali",),
    )
    keep_noise: bool = _classes(
        False,
        "Keep images that show no more than noise?",
        "An image of noise can lie on the average of a group in the same way every time, and passes for a "
        "stable member. No: members must also resemble the average of the others more than they resemble "
        "decoys of the same power. Yes: stability alone decides, as in the original.",
        kind=Kind.YESNO,
        cli=("--keep_noise",),
    )
    init_iter: int = _classes(
        7,
        "Iterations of a generation, at most:",
        "A generation ends earlier once the members of its classes hardly change any more.",
        kind=Kind.INTEGER,
        minimum=1,
        low=1,
        high=20,
        step=1,
        cli=("--init_iter",),
    )
    iter_reali: int = _classes(
        1,
        "Check stability every … iterations:",
        "Interval of the stability check within a generation; its last iteration is always checked.",
        kind=Kind.INTEGER,
        minimum=1,
        low=1,
        high=7,
        step=1,
        cli=("--iter_reali",),
    )
    main_iter_limit: int = _classes(
        -1,
        "Stop after main iterations (-1: no limit):",
        "A main iteration takes all particles that are in no class yet. Without a limit the run ends when "
        "one finds no further stable class. May be raised when the job is continued.",
        kind=Kind.INTEGER,
        minimum=-1,
        low=-1,
        high=20,
        step=1,
        enabled="always",
        cli=("--main_iter_limit",),
    )
    delta_good: int = _classes(
        0,
        "Stop when no more new classes than:",
        "The run ends when the first generation of a main iteration finds no more new classes than this.",
        kind=Kind.INTEGER,
        minimum=0,
        low=0,
        high=20,
        step=1,
        enabled="always",
        cli=("--delta_good",),
    )
    rand_seed: int | None = _classes(
        None,
        "Random seed (optional):",
        "The same seed gives the same classes. Empty: one is drawn, and written to the log.",
        kind=Kind.INTEGER,
        minimum=0,
        placeholder="drawn",
        cli=("--rand_seed",),
    )
    gpu_id: str = _classes(
        "0",
        "Which GPUs to use:",
        "Numbers of GPUs, as nvidia-smi counts. Empty or cpu: no GPU. On a computer without any GPU the "
        "processor is used.",
        kind=Kind.GPU,
        multiple=True,
        enabled="always",
        cli=("--gpu_devices",),
    )
    gpu_memory_use: float = _classes(
        0.9,
        "Fraction of the memory to use:",
        "Of the free memory of the GPU, or of the computer where there is none. The result does not depend "
        "on it.",
        kind=Kind.NUMBER,
        minimum=0.01,
        maximum=1.0,
        low=0.1,
        high=1,
        step=0.05,
        enabled="always",
        cli=("--gpu_memory_use",),
    )
