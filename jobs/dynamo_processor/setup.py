"""Set up a Dynamo project: tables, volume index, particles cut out, initial average, script and records."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from jobs.core.errors import UserError
from jobs.dynamo_processor.config_file import write_config
from jobs.dynamo_processor.contract import BoolArray, FloatArray, ParticleTable
from jobs.dynamo_processor.cropping import CropSettings, crop, particle_name
from jobs.dynamo_processor.dynamo_rows import crop_table, input_table, origin_offset
from jobs.dynamo_processor.gathering import Gathered
from jobs.dynamo_processor.initial_average import average, particle_reader
from jobs.dynamo_processor.looking import Made, Reporter, look, progress_of
from jobs.dynamo_processor.matlab_script import ScriptSettings, common_parameters, quoted, script_text
from jobs.dynamo_processor.params import DynamoOptions
from jobs.dynamo_processor.records import write_summary
from jobs.dynamo_processor.rounds import frequencies, rounds_of
from jobs.dynamo_processor.sidecar import write_sidecar
from jobs.dynamo_processor.unpacking import unpack, volume_index, volume_numbers
from jobs.dynamo_processor.words import CONFIG, DOC, SCRIPT, SIDECAR, SUMMARY, TABLE
from jobs.formats.dynamo_table import DynamoTable, write_index, write_original_table, write_table
from jobs.formats.files import replacing
from jobs.formats.mrc import write_map

PARTICLES: Final = "particles"


def set_up(options: DynamoOptions, base: Path, job_dir: Path, reporter: Reporter) -> Made:
    """Make a Dynamo project.

    Parameters
    ----------
    options
        The options; values of a configuration file already in them.
    base
        Folder to which their paths are relative.
    job_dir
        Folder of the job; the project is made there unless the options name another.
    reporter
        Told how it goes.

    Returns
    -------
    Made
        What was made; after a dry run nothing but the scan.

    Raises
    ------
    UserError
        When there is nothing to set up, or another project lies where it should go.
    """
    job_dir.mkdir(parents=True, exist_ok=True)
    found = look(options, base, job_dir, reporter)
    if options.scan_only:
        reporter.say(
            "This was a dry run: continue the job with 'Dry run only?' set to No to make the project."
        )
        return found
    gathered, particles = found.gathered, found.gathered.particles
    if particles is None or not len(particles):
        raise UserError(
            "no particles were found, so that there is nothing to set up",
            hint="The table above says for every tomogram what is missing.",
        )
    folder = (base / options.dynamo_dir if options.dynamo_dir else job_dir).absolute()
    _claim(folder, options, base)
    is_stack = bool((particles.section >= 0).any())
    particles = unpack(
        particles, folder / "tomograms", threads=options.nr_threads, each=progress_of(reporter, "volumes")
    )
    volume = volume_numbers(particles, gathered.tag, is_stack)
    offset = origin_offset(options.coordinate_origin, options.source_type)
    table = input_table(particles, gathered.tag, volume, offset)
    kept = np.ones(len(particles), bool) if options.out_of_bounds == "keep" else ~found.outside
    if not kept.any():
        raise UserError(
            f"the boxes of all {len(particles)} particles leave their tomograms",
            hint="Make the box smaller, or keep such particles.",
        )
    write_index(folder / DOC, volume_index(particles, volume, folder))
    shown = table.select(kept)
    (write_original_table if options.coordinate_origin == "as_is" else write_table)(folder / TABLE, shown)
    whole = replace(gathered, particles=particles)
    write_sidecar(
        folder / SIDECAR,
        whole,
        found.outside,
        offset=offset,
        source_type=options.source_type,
        particles_file=_particles_file(gathered, options),
    )
    made = replace(found, folder=folder, gathered=whole, written=int(kept.sum()))
    made = replace(made, voxel_size_a=_voxel_size(particles, reporter))
    for line in frequencies(rounds_of(options), options.box_size, made.voxel_size_a):
        reporter.say(line)
    if options.crop_with == "here":
        made = _crop_and_average(made, options, table, kept, offset, reporter)
    _write_script(folder, options, base, gathered.by_half)
    write_summary(folder / SUMMARY, options, made)
    reporter.say(f"{made.written} particles are in {folder / TABLE}.")
    script = str(folder / SCRIPT)
    reporter.say(f"In MATLAB, after dynamo_activate: run({quoted(script)})")
    reporter.say(f"Without MATLAB: dynamo {shlex.quote(script)}")
    return made


def _particles_file(gathered: Gathered, options: DynamoOptions) -> Path | None:
    """The STAR file whose rows the particles are; None for sources of another kind."""
    if options.source_type not in ("relion5", "warp"):
        return None
    return next((e.files["particles"] for e in gathered.entries if "particles" in e.files), None)


def _claim(folder: Path, options: DynamoOptions, base: Path) -> None:
    """Take a folder for this project: a table of another one is never overwritten."""
    folder.mkdir(parents=True, exist_ok=True)
    mine = folder / CONFIG
    fresh = mine.with_name(f".{CONFIG}.new")
    write_config(fresh, options, base)
    try:
        same = mine.is_file() and mine.read_bytes() == fresh.read_bytes()
        if (folder / TABLE).exists() and not same:
            raise UserError(
                f"there is a {TABLE} already, of another project",
                path=folder / TABLE,
                hint="Choose another folder, or move the old project away.",
            )
        fresh.replace(mine)
    finally:
        fresh.unlink(missing_ok=True)


def _voxel_size(particles: ParticleTable, reporter: Reporter) -> float:
    sizes = np.unique(np.round(particles.voxel_size_a, 4))
    if len(sizes) > 1:
        listed = ", ".join(f"{size:g}" for size in sizes[:5])
        reporter.say(f"The tomograms have different voxel sizes ({listed} Å): particles do not fit together.")
    return float(particles.voxel_size_a[0])


def _crop_and_average(
    made: Made,
    options: DynamoOptions,
    table: DynamoTable,
    kept: BoolArray,
    offset: FloatArray,
    reporter: Reporter,
) -> Made:
    """Cut particles out, write their table, and average them."""
    gathered, particles = made.gathered, made.gathered.particles
    assert particles is not None
    settings = CropSettings(
        options.box_size,
        options.crop_format,
        _inverted(options),
        options.out_of_bounds == "keep",
        options.nr_threads,
    )
    folder = made.folder / PARTICLES
    crop(particles, gathered.tag, folder, settings, progress=progress_of(reporter, "particles"))
    cut = crop_table(table, particles, offset).select(kept)
    write_table(folder / "crop.tbl", cut)
    if not options.do_average:
        return made
    tags = gathered.tag[kept]
    found = average(
        particle_reader([folder / particle_name(int(tag), options.crop_format) for tag in tags]),
        particles.rotation[kept],
        cut.shift,
        particles.tilt_deg[kept],
        gathered.half[kept],
        made.voxel_size_a,
        threads=options.nr_threads,
        each=progress_of(reporter, "average"),
    )
    voxel = made.voxel_size_a or 1.0
    write_map(made.folder / "initial_average.mrc", found.volume, voxel)
    for number, half in enumerate(found.halves, 1):
        write_map(made.folder / f"initial_average_half{number}.mrc", half, voxel)
    if found.halves and np.isfinite(found.resolution_a):
        reporter.say(f"The halves of the initial average agree to {found.agreement} (FSC 0.143).")
    elif found.halves:
        reporter.say(
            "WARNING: the halves of the initial average agree nowhere: orientations, places or the contrast "
            "are wrong, or the particles are too noisy or too few."
        )
    if found.warning:
        reporter.say(f"WARNING: {found.warning}")
    return replace(made, average=found)


def _inverted(options: DynamoOptions) -> bool:
    """Whether particles are multiplied by -1: EMAN2's are bright on a dark ground."""
    by_source = options.contrast == "automatic" and options.source_type == "eman2"
    return by_source or options.contrast == "invert"


def _write_script(folder: Path, options: DynamoOptions, base: Path, by_half: bool) -> None:
    mask = (base / options.mask).absolute() if options.mask else None
    settings = ScriptSettings(
        project_dir=folder,
        project_name=options.project_name,
        box_size=options.box_size,
        num_workers=options.num_workers,
        rounds=rounds_of(options),
        common=common_parameters(options, mask),
        halves=options.halves,
        crop=options.crop_with == "dynamo",
        invert=_inverted(options),
        randomize_azimuth=options.randomize_azimuth,
        by_tag=by_half,
        run_alignment=options.run_script,
        doc_file=DOC,
        table_file=TABLE,
        particles_dir=PARTICLES,
    )
    try:
        text = script_text(settings)
    except ValueError as error:
        raise UserError(f"the script cannot be written: {error}") from error
    with replacing(folder / SCRIPT) as file:
        file.write(text.encode())
