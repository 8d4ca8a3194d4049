"""Options of a tomoDRGN job on the tab Tasks: what can be done once it is trained."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.declaration import JobOptions, Kind, option

IND_TYPES: Final = ("particle", "image", "tilt")
EXPORTS: Final = ("as_input", "warp", "relion5")


def _task(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    details.setdefault("enabled", "continue")
    return option(default, label=label, help=help, tab="Tasks", kind=kind, **details)


class _VolumeOptions(JobOptions):
    """Tab Tasks: volumes of chosen states."""

    epoch: int = _task(
        -1,
        "Epoch to use:",
        "Number of a checkpoint, counted from 0 as in weights.0.pkl. -1: the final one.",
        kind=Kind.INTEGER,
        minimum=-1,
    )
    do_more_epochs: bool = _task(
        False,
        "Train for more epochs?",
        "Goes on from the last checkpoint to the number of epochs on the tab Training, which must be larger "
        "than what has been done.",
        kind=Kind.YESNO,
    )
    do_eval_vol: bool = _task(
        False,
        "Make volumes?",
        "Writes the volume of each chosen place of the latent space; of a train_nn model, its one volume.",
        kind=Kind.YESNO,
    )
    fn_zfile: str = _task(
        "",
        "File with latent places (optional):",
        "A z.pkl, or a text file with one place per line. Empty: the places below, else those of all "
        "particles.",
        kind=Kind.FILE,
        pattern="*.pkl *.txt *.npy",
        when="do_eval_vol",
        cli=("--zfile",),
        cli_task="eval_vol",
    )
    z_value: str = _task(
        "",
        "One latent place (optional):",
        "Its coordinates, separated by blanks.",
        kind=Kind.TEXT,
        when="do_eval_vol",
    )
    z_start: str = _task(
        "",
        "First place of a line (optional):",
        "Coordinates of the beginning of a straight line through the latent space.",
        kind=Kind.TEXT,
        when="do_eval_vol",
    )
    z_end: str = _task(
        "",
        "Last place of a line (optional):",
        "Coordinates of the end of that line.",
        kind=Kind.TEXT,
        when="do_eval_vol",
    )
    n_volumes: int = _task(
        10,
        "Volumes along the line:",
        "How many places, evenly spaced, both ends included.",
        kind=Kind.INTEGER,
        low=2,
        high=100,
        step=1,
        minimum=1,
        when="do_eval_vol",
        cli=("--n-volumes",),
        cli_task="eval_vol",
    )
    vol_downsample: int | None = _task(
        None,
        "Box of the volumes (optional):",
        "An even number of voxels below the box of the images: the same space with larger voxels. Empty: the "
        "full box.",
        kind=Kind.INTEGER,
        minimum=2,
        unit="voxels",
        when="do_eval_vol",
        cli=("--downsample",),
        cli_task="eval_vol",
    )
    vol_lowpass: float | None = _task(
        None,
        "Low-pass filter (optional):",
        "Resolution to which volumes are filtered.",
        kind=Kind.NUMBER,
        minimum=0.01,
        unit="Å",
        when="do_eval_vol",
        cli=("--lowpass",),
        cli_task="eval_vol",
    )
    vol_flip: bool = _task(
        False,
        "Flip the handedness?",
        "Yes: volumes are mirrored.",
        kind=Kind.YESNO,
        when="do_eval_vol",
        cli=("--flip",),
        cli_task="eval_vol",
    )
    vol_invert: bool = _task(
        False,
        "Invert the contrast?",
        "Yes: the sign of all densities is changed.",
        kind=Kind.YESNO,
        when="do_eval_vol",
        cli=("--invert",),
        cli_task="eval_vol",
    )
    vol_angpix: float | None = _task(
        None,
        "Pixel size to write (optional):",
        "Overrides what is written into the headers of the volumes. Empty: what belongs to the images.",
        kind=Kind.NUMBER,
        minimum=0.001,
        unit="Å",
        when="do_eval_vol",
        cli=("--Apix", "--apix"),
        cli_task="eval_vol",
    )
    vol_prefix: str = _task(
        "vol_",
        "Names of the volumes begin with:",
        "The number of each volume follows.",
        kind=Kind.TEXT,
        when="do_eval_vol",
        cli=("--prefix",),
        cli_task="eval_vol",
    )
    vol_batch: int = _task(
        8,
        "Volumes at once:",
        "How many volumes are computed together. Fewer need less memory.",
        kind=Kind.INTEGER,
        low=1,
        high=64,
        step=1,
        minimum=1,
        when="do_eval_vol",
        cli=("--batch-size",),
        cli_task="eval_vol",
    )


class _ParticleOptions(JobOptions):
    """Tab Tasks: other images, a reconstruction, and selections."""

    do_eval_images: bool = _task(
        False,
        "Embed images?",
        "Finds the latent places of particles with the trained encoder, also of such as it has not seen.",
        kind=Kind.YESNO,
    )
    fn_embed: str = _task(
        "",
        "Particles to embed (optional):",
        "STAR file of the particles. Empty: those of the training.",
        kind=Kind.FILE,
        pattern="*.star",
        when="do_eval_images",
    )
    embed_batch: int = _task(
        64,
        "Particles at once:",
        "How many particles are embedded together. Fewer need less memory.",
        kind=Kind.INTEGER,
        low=1,
        high=256,
        step=1,
        minimum=1,
        when="do_eval_images",
        cli=("--batch-size",),
        cli_task="eval_images",
    )
    do_backproject: bool = _task(
        False,
        "Backproject the particles?",
        "Makes a reconstruction of the particles with half-maps, to compare volumes with.",
        kind=Kind.YESNO,
    )
    backproject_lowpass: float | None = _task(
        None,
        "Filter of the backprojection (optional):",
        "Resolution to which the filtered map is limited. Empty: where the half-maps cease to agree (FSC "
        "0.143).",
        kind=Kind.NUMBER,
        minimum=0.01,
        unit="Å",
        when="do_backproject",
        cli=("--lowpass",),
        cli_task="backproject",
    )
    backproject_flip: bool = _task(
        False,
        "Flip the backprojection?",
        "Yes: the handedness of the map is changed.",
        kind=Kind.YESNO,
        when="do_backproject",
        cli=("--flip",),
        cli_task="backproject",
    )
    do_filter: bool = _task(
        False,
        "Write a selection of particles?",
        "Writes the chosen particles with all their images, columns and blocks, for further refinement.",
        kind=Kind.YESNO,
    )
    fn_filter_ind: str = _task(
        "",
        "Indices to select (optional):",
        "A .pkl, .npy or text file with numbers of particles, counted from 0 in the order of the file.",
        kind=Kind.FILE,
        pattern="*.pkl *.npy *.txt",
        when="do_filter",
        cli=("--ind", "--ind-ptcls"),
        cli_task="filter",
    )
    filter_ind_type: str = _task(
        "particle",
        "What the indices count:",
        "Particles, single images, or places in the tilt series of each particle.",
        kind=Kind.CHOICE,
        choices=IND_TYPES,
        when="do_filter",
        cli=("--ind-type",),
        cli_task="filter",
    )
    fn_filter_labels: str = _task(
        "",
        "Labels of the particles (optional):",
        "A file with one label per particle, such as labels.pkl of a k-means.",
        kind=Kind.FILE,
        pattern="*.pkl *.npy *.txt",
        when="do_filter",
        cli=("--labels",),
        cli_task="filter",
    )
    filter_labels_sel: str = _task(
        "",
        "Labels to select:",
        "Those that are chosen, separated by blanks.",
        kind=Kind.TEXT,
        when="do_filter",
    )
    filter_tomogram: str = _task(
        "",
        "Tomogram (optional):",
        "Only particles of tomograms with this text in their name; all: one further file per tomogram.",
        kind=Kind.TEXT,
        when="do_filter",
        cli=("--tomogram",),
        cli_task="filter",
    )
    filter_action: str = _task(
        "keep",
        "What happens to the selected:",
        "They are kept and the others dropped, or the other way round.",
        kind=Kind.CHOICE,
        choices=("keep", "drop"),
        when="do_filter",
        cli=("--action",),
        cli_task="filter",
    )
    filter_export: str = _task(
        "as_input",
        "Form of the selection:",
        "As the input: the same columns and blocks. warp: one row per image. relion5: an optimisation set of "
        "RELION 5.",
        kind=Kind.CHOICE,
        choices=EXPORTS,
        when="do_filter",
    )


# The bases are searched from the right, so volumes come first on the tab.
class TaskOptions(_ParticleOptions, _VolumeOptions):
    """Tab Tasks."""
