"""Tab Alignment of ISAC2: size of the working images, search, and filters."""

from __future__ import annotations

from typing import Any

from jobs.core.declaration import JobOptions, Kind, option


def _alignment(default: Any, label: str, help: str, *, kind: Kind, **details: Any) -> Any:
    details.setdefault("enabled", "new")
    return option(default, label=label, help=help, tab="Alignment", kind=kind, **details)


class AlignmentOptions(JobOptions):
    """Tab Alignment."""

    target_radius: int = _alignment(
        29,
        "Target particle radius:",
        "Radius to which particles are shrunk (or enlarged) before they are classified.",
        kind=Kind.INTEGER,
        minimum=1,
        low=10,
        high=100,
        step=1,
        unit="small px",
        cli=("--target_radius",),
    )
    target_nx: int = _alignment(
        76,
        "Target image size:",
        "Size to which the shrunken images are cropped or padded; the box is this plus the search range "
        "less one.",
        kind=Kind.INTEGER,
        minimum=4,
        low=30,
        high=256,
        step=2,
        unit="small px",
        cli=("--target_nx",),
    )
    skip_prealignment: bool = _alignment(
        False,
        "Skip the pre-alignment?",
        "Yes when images are centred already. The folder 2dalignment is written all the same, with zeros.",
        kind=Kind.YESNO,
        cli=("--skip_prealignment",),
    )
    center_method: str = _alignment(
        "0",
        "Centring of the global average:",
        "In the pre-alignment. 0: none, -1: by the mean shift of the particles, 1: phase centre of gravity, "
        "2 and 3: correlation with Gaussians, 4: with the mask, 5: with its own rotational average, "
        "6: centre of gravity above a threshold, 7: correlation of its outline with the mask.",
        kind=Kind.CHOICE,
        choices=("0", "-1", "1", "2", "3", "4", "5", "6", "7"),
        cli=("--center_method",),
    )
    xr: int = _alignment(
        1,
        "Search range in x:",
        "How far from its centre an image is shifted; the time grows with the square of it.",
        kind=Kind.INTEGER,
        minimum=0,
        low=0,
        high=5,
        step=1,
        unit="small px",
        cli=("--xr",),
    )
    yr: int = _alignment(
        -1,
        "Search range in y (-1: as in x):",
        "How far from its centre an image is shifted in y.",
        kind=Kind.INTEGER,
        minimum=-1,
        low=-1,
        high=5,
        step=1,
        unit="small px",
        cli=("--yr",),
    )
    ts: float = _alignment(
        1.0,
        "Search step:",
        "Step of the search in x and y; the range must be a multiple of it.",
        kind=Kind.NUMBER,
        minimum=0.05,
        low=0.25,
        high=2,
        step=0.25,
        unit="small px",
        cli=("--ts",),
    )
    ir: int = _alignment(
        1,
        "Inner ring:",
        "Radius of the innermost ring of the polar images.",
        kind=Kind.INTEGER,
        minimum=1,
        low=1,
        high=20,
        step=1,
        unit="small px",
        cli=("--ir",),
    )
    rs: int = _alignment(
        1,
        "Ring step:",
        "Distance between the rings of the polar images.",
        kind=Kind.INTEGER,
        minimum=1,
        low=1,
        high=5,
        step=1,
        unit="small px",
        cli=("--rs",),
    )
    maxit: int = _alignment(
        30,
        "Iterations within a group:",
        "Iterations of an alignment within a group.",
        kind=Kind.INTEGER,
        minimum=2,
        low=5,
        high=60,
        step=1,
        cli=("--maxit",),
    )
    dst: float = _alignment(
        90.0,
        "Discrete angle:",
        "In some iterations of the alignment within a group only multiples of this angle are tried, which "
        "shakes images out of wrong places.",
        kind=Kind.NUMBER,
        minimum=0,
        maximum=360,
        low=0,
        high=180,
        step=10,
        unit="°",
        cli=("--dst",),
    )
    fl: float = _alignment(
        0.2,
        "Lowest filter frequency:",
        "Where the cutoff of the low-pass filter of references starts.",
        kind=Kind.NUMBER,
        minimum=0.01,
        maximum=0.5,
        low=0.05,
        high=0.5,
        step=0.05,
        unit="1/small px",
        cli=("--FL",),
    )
    fh: float = _alignment(
        0.45,
        "Highest filter frequency:",
        "Where the cutoff of the low-pass filter of references ends.",
        kind=Kind.NUMBER,
        minimum=0.01,
        maximum=0.5,
        low=0.05,
        high=0.5,
        step=0.05,
        unit="1/small px",
        cli=("--FH",),
    )
    ff: float = _alignment(
        0.2,
        "Fall-off of the filter:",
        "Width of the edge of the tangent filter, relative to its cutoff.",
        kind=Kind.NUMBER,
        minimum=0.01,
        maximum=0.5,
        low=0.05,
        high=0.5,
        step=0.05,
        cli=("--FF",),
    )
    skip_ordering: bool = _alignment(
        False,
        "Skip the ordered averages?",
        "Yes: the averages are not put into an order in which neighbours look alike.",
        kind=Kind.YESNO,
        enabled="always",
        cli=("--skip_ordering",),
    )
