"""A configuration file of the original as values of the form."""

from __future__ import annotations

from pathlib import Path

from jobs.core.declaration import specs, to_values
from jobs.dynamo_processor.config_file import options_of, read_config
from jobs.dynamo_processor.params import DynamoOptions


def read_settings(path: Path, project_dir: Path) -> tuple[dict[str, str], list[str]]:
    """Return the values of the first ``dynamo`` entry of a file, and what was not taken up.

    Paths in such a file are relative to the folder where the original was started. They are taken as relative
    to the project; those that lead nowhere there, but somewhere from the file's own folder, are from there.

    Parameters
    ----------
    path
        The YAML file.
    project_dir
        Folder of the project.

    Raises
    ------
    FormatError
        When it cannot be used.
    """
    config = read_config(path)
    options, remarks = options_of(config)
    moved = {}
    for declared in specs(DynamoOptions):
        value = str(getattr(options, declared.name) or "")
        if declared.is_path and value and not (project_dir / value).exists():
            beside = path.parent / value
            if beside.exists():
                moved[declared.name] = str(beside.absolute())
    options = options.model_copy(update=moved)
    if config.passed_over:
        remarks.append(f"Other processors are passed over: {', '.join(config.passed_over)}.")
    if len(config.entries) > 1:
        remarks.append(
            f"The file has {len(config.entries)} dynamo entries; the first was taken. "
            "Name the file in the form to use another."
        )
    return to_values(options, everything=True), remarks
