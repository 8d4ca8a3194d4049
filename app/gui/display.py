"""Which viewer shows which file: one table, by the label of the node and the name of the file."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

Viewer = Literal["map", "images", "star", "model", "job", "table", "text", "picture", "pdf", "desktop"]


@dataclass(frozen=True)
class Rule:
    """A viewer, and what it is for.

    Attributes
    ----------
    viewer
        Who shows it.
    names
        Patterns of the file's name, any of which fits; empty for every name.
    label
        Start of the node's label, empty for every label.
    """

    viewer: Viewer
    names: tuple[str, ...] = ()
    label: str = ""

    def fits(self, name: str, label: str) -> bool:
        """Tell whether a file is to be shown so."""
        by_name = not self.names or any(fnmatch.fnmatch(name.lower(), pattern) for pattern in self.names)
        return by_name and label.startswith(self.label)


#: The first rule that fits counts; the name decides before the label, because labels of old projects vary.
RULES: Final = (
    Rule("job", ("job.star", ".gui_*job.star", "*_job.star")),
    Rule("model", ("*_model.star", "postprocess*.star")),
    Rule("model", ("*.star",), "ProcessData.star"),
    Rule("star", ("*.star",)),
    Rule("images", ("*.mrcs", "*.st", "*.cs")),
    Rule("images", ("*.mrc",), "Image2D"),
    Rule("images", ("*.mrc",), "Micrograph"),
    Rule("map", ("*.mrc", "*.map", "*.rec", "*.ccp4")),
    Rule("pdf", ("*.pdf",)),
    Rule("picture", ("*.png", "*.jpg", "*.jpeg", "*.gif", "*.svg", "*.bmp")),
    Rule("table", ("*.csv", "*.tsv")),
    Rule("text", ("*.out", "*.err", "*.txt", "*.log", "*.json", "*.jsonl", "*.script", "*.sh", "*.py")),
    Rule(
        "text", ("*.pdb", "*.cif", "*.fasta", "*.xyz", "*.yaml", "*.yml", "*.md", "*.cmm", "*.cxc", "*.mtf")
    ),
    Rule("text", (), "ParamsData.txt"),
)

#: What the viewers are called in menus and titles.
TITLES: Final[dict[Viewer, str]] = {
    "map": "map",
    "images": "images",
    "star": "tables",
    "model": "curves and tables",
    "job": "settings",
    "table": "table",
    "text": "text",
    "picture": "picture",
    "pdf": "pages",
    "desktop": "with a program of the desktop",
}


def viewer_for(path: str, label: str = "") -> Viewer:
    """Return who shows a file; ``desktop`` when none of our viewers does."""
    name = PurePosixPath(path).name
    return next((rule.viewer for rule in RULES if rule.fits(name, label)), "desktop")
