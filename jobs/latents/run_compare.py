"""The task that compares a latent space with another one of the same particles."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

from jobs.formats.files import replacing
from jobs.latents.compare import compare
from jobs.latents.pairing import open_latents, pair

if TYPE_CHECKING:
    from jobs.core.context import WorkerContext
    from jobs.latents.params import LatentsOptions


def run(context: WorkerContext) -> None:
    """Compare, and write numbers and a sentence.

    Raises
    ------
    UserError
        When the other one cannot be read, or has other particles.
    """
    options = cast("LatentsOptions", context.options)
    folder = Path(context.folder.path)
    first, second, sentence = pair(open_latents(folder), open_latents(context.project_dir / options.fn_other))
    context.say(sentence)
    context.check_abort()
    found = compare(first, second, options.nr_neighbours, options.seed)
    context.say(found.sentence)
    content = {"other": options.fn_other, **asdict(found), "sentence": found.sentence}
    with replacing(folder / "comparison.json") as file:
        file.write((json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    context.progress("comparison", 1, 1, overlap=found.overlap)
