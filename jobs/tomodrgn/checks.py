"""Cheap checks of a tomoDRGN job across its fields, run while somebody types.

Only the head of the particle file is read. What needs all particles is found by the worker.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from jobs.core.declaration import Check, CheckContext
from jobs.core.errors import FormatError, Problem
from jobs.tomodrgn.file_checks import check_files
from jobs.tomodrgn.input_facts import TiltFacts, tilt_facts
from jobs.tomodrgn.sources import contradiction
from jobs.tomodrgn.task_checks import check_filter, check_more_epochs, check_volumes
from jobs.tomodrgn.words import numbers_of

if TYPE_CHECKING:
    from jobs.tomodrgn.params import TomoDrgnOptions

_LARGE_BOX: Final = 512


def check_inputs(options: TomoDrgnOptions, context: CheckContext) -> list[Problem]:
    """Check the particle file against what is to be done with it."""
    star = context.resolve(options.fn_star)
    if context.is_continue:
        if options.fn_star and not star.is_file():
            return [
                Problem(
                    f"{options.fn_star} does not exist any more",
                    field="fn_star",
                    hint="Put it back where it was when the job was made",
                )
            ]
        return []
    if not options.fn_star or not star.is_file():
        return []
    try:
        datadir = context.resolve(options.datadir) if options.datadir else None
        facts = tilt_facts(star, context.project_dir, datadir)
    except FormatError as error:
        return [Problem(str(error), field="fn_star")]
    except OSError as error:
        return [Problem(f"{error.filename}: {error.strerror}", field="fn_star")]
    return [*_check_file(options, facts), *_check_tilts(options, facts), *_check_doses(options, facts)]


def _check_file(options: TomoDrgnOptions, facts: TiltFacts) -> list[Problem]:
    found: list[Problem] = []
    wrong = contradiction(options.source_software, facts.flavour)
    if wrong:
        found.append(
            Problem(
                wrong,
                field="source_software",
                hint="Set it to auto, or choose another file",
            )
        )
    if facts.box is not None and facts.box % 2:
        found.append(
            Problem(
                f"The images of {options.fn_star} are {facts.box} pixels wide, an even number is needed",
                field="fn_star",
                hint="Extract the particles in an even box, or use heteroscope tomodrgn downsample",
            )
        )
    if facts.box is not None and facts.box > _LARGE_BOX:
        found.append(
            Problem(
                f"The images are {facts.box} pixels wide, which takes very long",
                field="fn_star",
                hint="64 to 256 pixels are usual; heteroscope tomodrgn downsample makes smaller images",
                severity="warning",
            )
        )
    if facts.box is not None and options.enc_mask is not None and options.enc_mask > facts.box // 2:
        found.append(
            Problem(
                f"The encoder mask is a radius of {options.enc_mask} pixels, but the images end at "
                f"{facts.box // 2}",
                field="enc_mask",
                hint="Give a smaller radius (newer versions of tomoDRGN ask for the diameter), or -1 for all",
            )
        )
    if facts.pixel_size_a is None and options.angpix is None:
        found.append(
            Problem(
                "The file does not say the pixel size",
                field="angpix",
                hint="Give the pixel size of the extracted images",
            )
        )
    return found


def _check_tilts(options: TomoDrgnOptions, facts: TiltFacts) -> list[Problem]:
    found: list[Problem] = []
    least, most = facts.n_images_least, facts.n_images_most
    first = options.use_first_ntilts
    for name, what in (("use_first_ntilts", "image of each particle"), ("use_first_nptcls", "particle")):
        if getattr(options, name) == 0:
            found.append(Problem(f"Not one {what} is to be used", name, "Give -1 for all"))
    if first > most > 0 and facts.complete:
        found.append(
            Problem(
                f"The first {first} images of each particle are to be used, but no particle has more than "
                f"{most}",
                field="use_first_ntilts",
                hint=f"Give {most} or less, or -1 for all",
            )
        )
    elif first > least > 0:
        found.append(
            Problem(
                f"Particles with fewer than {first} images keep those they have; the fewest is {least}",
                field="use_first_ntilts",
                severity="warning",
            )
        )
    drawn = options.sample_ntilts
    if drawn is not None and drawn > most > 0 and facts.complete:
        found.append(
            Problem(
                f"{drawn:,} images of each particle are to be drawn, but no particle has more than {most}",
                field="sample_ntilts",
                hint=f"Give {most} or less, or leave the field empty",
            )
        )
    elif drawn is not None and drawn > least > 0:
        found.append(
            Problem(
                f"Particles with fewer than {drawn:,} images show all they have; the fewest is {least}",
                field="sample_ntilts",
                severity="warning",
            )
        )
    return found


def _check_doses(options: TomoDrgnOptions, facts: TiltFacts) -> list[Problem]:
    if options.dose_override == 0 and (options.recon_dose_weight or options.l_dose_mask):
        return [
            Problem(
                "With a dose of 0 per tilt there is no radiation damage to model",
                field="dose_override",
                hint="Give the dose per tilt, or leave it empty for that of the file",
            )
        ]
    if facts.has_dose or options.dose_override is not None:
        return []
    named = [name for name in ("recon_dose_weight", "l_dose_mask") if getattr(options, name)]
    return [
        Problem(
            "The dose of the images is needed, but the file does not state it (rlnCtfBfactor)",
            field=name,
            hint="Give the dose per tilt, or set this to No",
        )
        for name in named
    ]


def check_model(options: TomoDrgnOptions, context: CheckContext) -> list[Problem]:
    """Check the shapes of the networks."""
    if context.is_continue:
        return []
    found: list[Problem] = []
    if options.model_kind == "train_vae" and options.zdim is None:
        found.append(
            Problem(
                "The dimension of the latent space is not given",
                field="zdim",
                hint="8 is a good start, up to 128 are in use",
            )
        )
    if options.pooling_function == "set_encoder" and options.enc_dim_b % options.num_heads:
        found.append(
            Problem(
                f"{options.num_heads} attention heads do not divide the {options.enc_dim_b} nodes of encoder "
                "B",
                field="num_heads",
                hint="Give 1, 2, 4 or 8 heads",
            )
        )
    if options.pooling_function == "set_encoder" and options.num_seeds != 1:
        found.append(
            Problem(
                f"{options.num_seeds} seeds: the set encoder gives one latent place from one seed",
                field="num_seeds",
                hint="Set it to 1",
            )
        )
    if options.enc_mask == 0:
        found.append(
            Problem(
                "A mask of radius 0 shows the encoder nothing",
                field="enc_mask",
                hint="Give a radius from 1 pixel, or -1 for all",
            )
        )
    if options.pe_dim == 1 and options.pe_type.startswith("geom"):
        found.append(
            Problem("A geometric series of one wave has no ratio", "pe_dim", "Give 2 or more, or empty")
        )
    return found


def check_learning(options: TomoDrgnOptions, context: CheckContext) -> list[Problem]:
    """Check how the networks learn."""
    found: list[Problem] = []
    if context.is_continue:
        return found
    found += _check_beta(options)
    if options.do_window and options.window_r >= options.window_r_outer:
        found.append(
            Problem(
                f"The window begins to fall at {options.window_r:g} and has fallen at "
                f"{options.window_r_outer:g}",
                field="window_r_outer",
                hint="The outer radius must be larger than the inner one",
            )
        )
    if options.norm:
        values = numbers_of(options.norm)
        if values is None or len(values) != 2 or values[1] <= 0:
            found.append(
                Problem(
                    f"The normalisation '{options.norm}' is not two numbers with a positive second one",
                    field="norm",
                    hint="Such as '0 176.4'; empty: found from the data",
                )
            )
    if options.load and options.load != "latest" and not context.resolve(options.load).is_file():
        found.append(
            Problem(
                f"The weights {options.load} do not exist", "load", "Choose a weights.pkl, or leave empty"
            )
        )
    return found


def _check_beta(options: TomoDrgnOptions) -> list[Problem]:
    # Imported here: the declaration imports this module.
    from jobs.tomodrgn.training_options import BETA_SCHEDULES

    if options.model_kind == "train_nn" or not options.beta:
        if options.beta_control is not None and options.model_kind == "train_vae":
            return [
                Problem(
                    "The divergence is to be controlled, but the value to hold it at is not given",
                    field="beta",
                    hint="Give a number, or leave the strength of control empty",
                )
            ]
        return []
    if options.beta in BETA_SCHEDULES:
        if options.beta_control is None:
            return [
                Problem(
                    f"Schedule {options.beta} says at which value the divergence is held, but not how "
                    "strongly",
                    field="beta_control",
                    hint="Give the strength of control (0.01 is usual), or a number instead of the schedule",
                )
            ]
        return []
    values = numbers_of(options.beta)
    if values is None or len(values) != 1 or values[0] < 0:
        letters = ", ".join(BETA_SCHEDULES)
        return [
            Problem(
                f"'{options.beta}' is neither a number nor a schedule", "beta", f"Give a number or {letters}"
            )
        ]
    return []


def epochs_done(job: Path) -> int:
    """Return how many epochs a job has been trained for, as its files tell; 0 for none."""
    found = [path.name.split(".") for path in job.glob("weights.*.pkl")]
    numbers = [int(parts[1]) for parts in found if len(parts) == 3 and parts[1].isdigit()]
    return max(numbers, default=-1) + 1


CHECKS: tuple[Check, ...] = (
    check_inputs,
    check_files,
    check_model,
    check_learning,
    check_more_epochs,
    check_volumes,
    check_filter,
)
