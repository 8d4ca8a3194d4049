"""The simulation job: which data set, of which molecule, with which motion, microscope and noise."""

from __future__ import annotations

from typing import Any

from jobs.core.declaration import JobOptions, JobType, Kind, NodeSpec, RunningOptions, Task, option
from jobs.simulate.captions import captions
from jobs.simulate.checks import CHECKS
from jobs.simulate.class_options import ClassOptions

MOTIONS = ("none", "hinge", "twist", "slide", "breathing")
REGIONS = ("plane", "sphere", "chain", "all")


def _io(default: Any, *, kind: Kind, **details: Any) -> Any:
    return option(default, tab="I/O", kind=kind, enabled="new", **details)


def _motion(default: Any, *, kind: Kind, **details: Any) -> Any:
    return option(default, tab="Motion", kind=kind, enabled="new", **details)


def _image(default: Any, *, kind: Kind, **details: Any) -> Any:
    """Options of the images: empty means as the recipe says."""
    return option(default, tab="Images", kind=kind, enabled="new", **details)


class _MoleculeOptions(JobOptions):
    """Tab I/O: what is simulated."""

    recipe: str = _io(
        "R1",
        kind=Kind.CHOICE,
        label="Data set:",
        help="R1: two domains, one turns about a hinge by up to 30 degrees either way. R2: the same molecule "
        "without motion. three_domains: a third of the mass twists by up to 25 degrees while a sixth slides "
        "by up to 7 Å. noise: images without any particle. R4: tilt series of 500 particles of four kinds, "
        "of which two parts are there or not. R5: 20 views of the molecule (of R1, or of the map or model "
        "below), turned and shifted, and images of noise alone: for 2D classes. custom: the map or atomic "
        "model below with the motion of the next tab.",
        choices=("R1", "R2", "three_domains", "noise", "R4", "R5", "custom"),
    )
    fn_structure: str = _io(
        "",
        kind=Kind.INPUT_NODE,
        label="Map or atomic model:",
        help="For custom data and R5: a map (each voxel above the threshold becomes one Gaussian; R5 takes "
        "it as it is) or a PDB or mmCIF file (each atom becomes one).",
        node_labels=("DensityMap.mrc", "DensityMap", "AtomCoords"),
        pattern="*.mrc *.map *.pdb *.ent *.cif *.mmcif",
    )
    voxel_size: float | None = _io(
        None,
        kind=Kind.NUMBER,
        label="Voxel size of the map (optional):",
        help="Only needed when the map's header does not say it, or says it wrongly.",
        minimum=0.01,
        unit="Å",
    )
    map_threshold: float | None = _io(
        None,
        kind=Kind.NUMBER,
        label="Map threshold (optional):",
        help="Density above which voxels belong to the molecule. Empty: found automatically.",
    )
    gaussian_width: float | None = _io(
        None,
        kind=Kind.NUMBER,
        label="Gaussian width (optional):",
        help="Standard deviation of every Gaussian. Empty: 3 Å for the recipes, 0.6 voxels for a map, 0.6 "
        "pixels (at least 1.5 Å) for an atomic model.",
        minimum=0.1,
        unit="Å",
    )
    fn_spec: str = _io(
        "",
        kind=Kind.FILE,
        label="Earlier simulation (optional):",
        help="A simulation.json that an earlier simulation wrote: everything is taken from it instead, to "
        "repeat it or to combine several motions.",
        pattern="*.json",
    )


class _MotionOptions(JobOptions):
    """Tab Motion: how a custom molecule moves."""

    motion: str = _motion(
        "hinge",
        kind=Kind.CHOICE,
        label="Kind of motion:",
        help="hinge: the region turns about an axis across its boundary. twist: about an axis through its "
        "boundary. slide: it shifts. breathing: it swells and shrinks about its centre. For custom data "
        "only.",
        choices=MOTIONS,
    )
    motion_low: float = _motion(
        -20.0,
        kind=Kind.NUMBER,
        label="Lowest value:",
        help="One end of the range of the motion, in degrees (hinge, twist) or Å (slide, breathing).",
        low=-60,
        high=0,
        step=1,
    )
    motion_high: float = _motion(
        20.0,
        kind=Kind.NUMBER,
        label="Highest value:",
        help="The other end of the range, in degrees (hinge, twist) or Å (slide, breathing).",
        low=0,
        high=60,
        step=1,
    )
    nr_states: int = _motion(
        0,
        kind=Kind.INTEGER,
        label="Number of states:",
        help="0: any value between the ends is equally likely. Otherwise a mixture of this many states, "
        "evenly "
        "spaced between the ends and equally frequent.",
        low=0,
        high=10,
        step=1,
        minimum=0,
    )
    region: str = _motion(
        "plane",
        kind=Kind.CHOICE,
        label="Moving region:",
        help="plane: everything beyond a plane. sphere: everything within a ball. chain: chains of an atomic "
        "model. all: the whole molecule.",
        choices=REGIONS,
    )
    region_fraction: float = _motion(
        0.35,
        kind=Kind.NUMBER,
        label="Share of the mass beyond the plane:",
        help="Places the plane, unless a point is given.",
        low=0.05,
        high=0.95,
        step=0.05,
        minimum=0.01,
        maximum=0.99,
    )
    region_normal: str = _motion(
        "0,0,1",
        kind=Kind.TEXT,
        label="Direction of the moving side (x,y,z):",
        help="Normal of the plane; it shows to the side that moves.",
    )
    region_point: str = _motion(
        "",
        kind=Kind.TEXT,
        label="Point on the plane, or centre of the ball (x,y,z, optional):",
        help="In Å from the centre of the box.",
    )
    region_radius: float = _motion(
        30.0, kind=Kind.NUMBER, label="Radius of the ball:", help="For a sphere.", minimum=1, unit="Å"
    )
    region_chains: str = _motion(
        "", kind=Kind.TEXT, label="Moving chains:", help="Names separated by commas, such as A,B."
    )
    region_softness: float = _motion(
        10.0,
        kind=Kind.NUMBER,
        label="Softness of the boundary:",
        help="Width over which the motion fades at a plane or sphere. 0 tears the molecule along it.",
        low=0,
        high=30,
        step=1,
        minimum=0,
        unit="Å",
    )
    motion_axis: str = _motion(
        "",
        kind=Kind.TEXT,
        label="Axis or direction (x,y,z, optional):",
        help="Axis of a hinge or twist, direction of a slide. Empty: one that suits the region.",
    )
    motion_centre: str = _motion(
        "",
        kind=Kind.TEXT,
        label="Centre of the motion (x,y,z, optional):",
        help="Point on the axis, or centre of breathing, in Å from the centre of the box. Empty: where the "
        "region "
        "meets the rest.",
    )
    absent_fraction: float = _motion(
        0.0,
        kind=Kind.NUMBER,
        label="Share of particles without the region:",
        help="In this share of the particles the moving region is missing altogether.",
        low=0,
        high=1,
        step=0.05,
        minimum=0,
        maximum=1,
    )


class _ImageOptions(JobOptions):
    """Tab Images: microscope, poses, noise. Empty numbers follow the recipe."""

    nr_images: int | None = _image(
        None,
        kind=Kind.INTEGER,
        label="Number of images (optional):",
        help="Empty: 2000. For tilt series: the number of particles; empty: 500. R5: without those of noise; "
        "empty: 4000.",
        low=100,
        high=100_000,
        step=100,
        minimum=2,
        cli=("--n-images",),
    )
    box_size: int | None = _image(
        None,
        kind=Kind.INTEGER,
        label="Box size (optional):",
        help="Even number of pixels. Empty: 64, that of the map (one less where that is odd), or "
        "large enough for the atomic model.",
        minimum=8,
        unit="pixels",
        cli=("--box",),
    )
    angpix: float | None = _image(
        None,
        kind=Kind.NUMBER,
        label="Pixel size (optional):",
        help="Empty: 3 Å, or that of the map.",
        minimum=0.1,
        unit="Å",
        cli=("--pixel-size",),
    )
    snr: float | None = _image(
        None,
        kind=Kind.NUMBER,
        label="Signal-to-noise ratio (optional):",
        help="Variance of the images without noise divided by that of the noise. Empty: 0.1.",
        minimum=1e-6,
    )
    defocus_low: float | None = _image(
        None,
        kind=Kind.NUMBER,
        label="Lowest defocus (optional):",
        help="Positive is underfocus. Empty: 8000 Å.",
        unit="Å",
    )
    defocus_high: float | None = _image(
        None, kind=Kind.NUMBER, label="Highest defocus (optional):", help="Empty: 25000 Å.", unit="Å"
    )
    astigmatism: float | None = _image(
        None,
        kind=Kind.NUMBER,
        label="Largest astigmatism (optional):",
        help="Largest difference of the two defocus values. Empty: as the recipe (none; 1000 Å for "
        "three_domains).",
        minimum=0,
        unit="Å",
    )
    shift: float | None = _image(
        None,
        kind=Kind.NUMBER,
        label="Largest shift (optional):",
        help="Particles lie off the centre by up to this in x and y; the origins in the STAR file tell. "
        "Empty: as "
        "the recipe (none; 2 pixels for three_domains).",
        minimum=0,
        unit="pixels",
    )
    pose_error: float = _image(
        0.0,
        kind=Kind.NUMBER,
        label="Error of the written angles:",
        help="Standard deviation, about random axes.",
        minimum=0,
        unit="degrees",
    )
    origin_error: float = _image(
        0.0,
        kind=Kind.NUMBER,
        label="Error of the written origins:",
        help="Standard deviation in x and in y.",
        minimum=0,
        unit="pixels",
    )
    kv: float = _image(
        300.0, kind=Kind.NUMBER, label="Voltage:", help="Of the microscope.", minimum=1, unit="kV"
    )
    cs: float = _image(
        2.7, kind=Kind.NUMBER, label="Spherical aberration:", help="Of the microscope.", minimum=0, unit="mm"
    )
    q0: float = _image(
        0.1,
        kind=Kind.NUMBER,
        label="Amplitude contrast:",
        help="Fraction of amplitude contrast.",
        minimum=0,
        maximum=0.99,
    )
    phase_shift: float = _image(
        0.0, kind=Kind.NUMBER, label="Phase shift:", help="Of a phase plate.", unit="degrees"
    )
    bfactor: float = _image(
        0.0,
        kind=Kind.NUMBER,
        label="B-factor:",
        help="Fall-off of the contrast at high resolution, exp(-B/4 u²).",
        unit="Å²",
    )
    do_halves: bool = _image(
        True,
        kind=Kind.YESNO,
        label="Write half-sets?",
        help="Yes: particles are divided into two random halves (rlnRandomSubset), and half-maps are "
        "written.",
    )
    do_unit_noise: bool = _image(
        False,
        kind=Kind.YESNO,
        label="Normalise the noise?",
        help="Yes: images are scaled so that the noise has standard deviation 1, as RELION's extraction "
        "does. No: "
        "the signal has.",
    )
    seed: int = _image(
        1,
        kind=Kind.INTEGER,
        label="Seed:",
        help="The same seed gives the same data; other settings do not change what it draws.",
        minimum=0,
    )


class DataOptions(ClassOptions, _ImageOptions, _MotionOptions, _MoleculeOptions):
    """What decides the data; all that the command line has without a project."""


class SimulateOptions(DataOptions, RunningOptions):
    """All options of a simulation job; the tabs stand in the order I/O, Motion, Images, Views, Running."""


JOB_TYPE = JobType(
    key="simulate",
    label="relion.external.simulate",
    directory="Simulate",
    title="Simulate particles",
    summary="Makes particle images of a moving molecule whose every displacement is known.",
    options=SimulateOptions,
    module="jobs.simulate",
    tasks=(
        Task(
            "simulate",
            "Simulate",
            switch=None,
            worker="jobs.simulate.run:run",
            outputs=(
                NodeSpec("particles.star", "ParticleGroupMetadata.star.relion"),
                NodeSpec("consensus.mrc", "DensityMap.mrc"),
                NodeSpec("mask.mrc", "Mask3D.mrc"),
            ),
        ),
        Task(
            "again",
            "Simulate again",
            switch=None,
            worker="jobs.simulate.run:run",
            resumes=True,
            unless=("particles.star",),
        ),
    ),
    checks=CHECKS,
    captions=captions,
    methods="Simulated particle images were made with Heteroscope.",
    result_files=(
        ("particles.star", "particles with poses and CTF"),
        ("particles.mrcs", "images"),
        ("consensus.mrc", "reconstruction from the noisy images"),
        ("mask.mrc", "mask of everywhere the molecule goes"),
        ("beads.csv", "points whose displacement is known"),
        ("ground_truth.npz", "state and true pose of every particle, displacement of every bead"),
    ),
)
