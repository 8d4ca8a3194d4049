"""The record of a set-up, ``dynamo_summary.json``: every parameter, every file, and what was found."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.dynamo_processor.config_file import arguments_of
from jobs.formats.files import replacing

if TYPE_CHECKING:
    from jobs.dynamo_processor.looking import Made
    from jobs.dynamo_processor.params import DynamoOptions


def write_summary(path: Path, options: DynamoOptions, made: Made) -> None:
    """Write the record; it is the last file of a set-up."""
    gathered = made.gathered
    content: dict[str, Any] = {
        "arguments": arguments_of(options),
        "options": options.model_dump(),
        "folder": str(made.folder),
        "tomograms": [
            {
                "number": entry.number,
                "name": entry.name,
                "volume": None if entry.volume is None else str(entry.volume),
                "size": [int(side) for side in entry.size],
                "voxel_size_A": _number(entry.voxel_size_a),
                "tilt_range_deg": [_number(entry.tilt_min_deg), _number(entry.tilt_max_deg)],
                "particles": entry.n_particles,
                "files": {role: str(file) for role, file in entry.files.items()},
                "problems": [problem.sentence for problem in entry.problems],
            }
            for entry in gathered.entries
        ],
        "particles_found": gathered.n,
        "particles_written": made.written,
        "tags_outside": gathered.tag[made.outside].tolist(),
        "halves_of_the_source": gathered.by_half,
        "voxel_size_A": _number(made.voxel_size_a),
    }
    if made.average is not None:
        content["initial_average"] = {
            "fsc": [round(float(value), 5) for value in made.average.fsc],
            "resolution_A": _number(made.average.resolution_a),
            "mean_fsc_of_some_particles": _mean(made.average.right),
            "mean_fsc_of_the_same_turned_the_other_way": _mean(made.average.other_way),
            "warning": made.average.warning,
        }
    with replacing(path) as file:
        file.write((json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _mean(curve: np.ndarray) -> float | None:
    return round(float(curve[1:].mean()), 5) if len(curve) > 1 else None
