"""Cheap checks of the tasks that go on with a trained tomoDRGN job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.core.declaration import CheckContext
from jobs.core.errors import Problem
from jobs.tomodrgn.words import numbers_of

if TYPE_CHECKING:
    from jobs.tomodrgn.params import TomoDrgnOptions


def check_more_epochs(options: TomoDrgnOptions, context: CheckContext) -> list[Problem]:
    """Check that there is more to train."""
    if not (context.is_continue and options.do_more_epochs) or context.job_dir is None:
        return []
    from jobs.tomodrgn.checks import epochs_done

    done = epochs_done(context.job_dir)
    if options.n_epochs > done:
        return []
    return [
        Problem(
            f"{options.n_epochs} epochs are asked for, and {done} are done",
            field="n_epochs",
            hint=f"Give more than {done}; it is the number in all",
        )
    ]


def check_volumes(options: TomoDrgnOptions, context: CheckContext) -> list[Problem]:
    """Check which volumes are asked for."""
    if not context.is_continue:
        return []
    if options.do_eval_images and options.model_kind == "train_nn":
        return [
            Problem(
                "A train_nn model has no encoder, so images cannot be embedded",
                field="do_eval_images",
                hint="Set it to No, or train with train_vae",
            )
        ]
    if not options.do_eval_vol:
        return []
    found: list[Problem] = []
    line = bool(options.z_start or options.z_end)
    given = [bool(options.fn_zfile), bool(options.z_value), line]
    if sum(given) > 1:
        found.append(
            Problem(
                "Latent places are given in more than one way (a file, one place, a line)",
                field="fn_zfile" if options.fn_zfile else "z_value",
                hint="Leave all but one empty",
            )
        )
    if line and not (options.z_start and options.z_end):
        missing = "z_end" if options.z_start else "z_start"
        found.append(Problem("A line needs both ends", missing, "Give the other end, or clear both"))
    if any(given) and options.model_kind == "train_nn":
        found.append(
            Problem("A train_nn model has one volume and no latent places", "z_value", "Leave them empty")
        )
    for name in ("z_value", "z_start", "z_end"):
        found += _check_place(name, getattr(options, name), options.zdim)
    if options.vol_downsample is not None and options.vol_downsample % 2:
        found.append(
            Problem(
                f"A box of {options.vol_downsample} voxels is odd", "vol_downsample", "Give an even number"
            )
        )
    return found


def _check_place(name: str, text: str, zdim: int | None) -> list[Problem]:
    if not text:
        return []
    values = numbers_of(text)
    if values is None:
        return [Problem(f"'{text}' is not a list of numbers", name, "Separate coordinates by blanks")]
    if zdim is not None and len(values) != zdim:
        return [
            Problem(
                f"A place has {zdim} coordinates in this latent space, not {len(values)}",
                field=name,
                hint="Give as many numbers as the latent space has dimensions",
            )
        ]
    return []


def check_filter(options: TomoDrgnOptions, context: CheckContext) -> list[Problem]:
    """Check that something is selected."""
    if not (context.is_continue and options.do_filter):
        return []
    if options.fn_filter_ind and options.fn_filter_labels:
        return [
            Problem("Both indices and labels are given", "fn_filter_labels", "Leave one of them empty"),
        ]
    if options.fn_filter_labels and not options.filter_labels_sel:
        return [Problem("No label is selected", "filter_labels_sel", "Give the labels, such as 0 3")]
    if not (options.fn_filter_ind or options.fn_filter_labels or options.filter_tomogram):
        return [
            Problem(
                "Nothing says which particles are selected",
                field="fn_filter_ind",
                hint="Give indices, labels or a tomogram; selections of the explorer are saved there as STAR",
            )
        ]
    return []
