"""Curves in STAR files: Fourier shell correlations, signal to noise per class, Guinier plots, and others."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from jobs.core.errors import FormatError
from jobs.formats.star_table import FloatArray, StarTable
from widgets.fsc_viewer_data import Curve, CurveSheet

_FREQUENCY, _SHELL = "rlnResolution", "rlnAngstromResolution"
#: Columns of deformed backprojections: what was reconstructed, and inside which mask.
_OURS = "hsFsc"
_LABELS = {
    "rlnFourierShellCorrelationCorrected": "corrected",
    "rlnFourierShellCorrelationMaskedMaps": "masked",
    "rlnFourierShellCorrelationUnmaskedMaps": "unmasked",
    "rlnCorrectedFourierShellCorrelationPhaseRandomizedMaskedMaps": "phase-randomised, masked",
    "rlnFourierShellCorrelationParticleMaskFraction": "particle mask fraction",
    "rlnGoldStandardFsc": "FSC",
    "rlnFourierShellCorrelation": "FSC",
    "rlnSsnrMap": "SSNR",
}


def sheets_of(tables: Mapping[str, StarTable]) -> list[CurveSheet]:
    """Return what can be drawn of the tables of a file, correlations first."""
    correlations: list[Curve] = []
    noise: list[Curve] = []
    sheets: list[CurveSheet] = []
    for name, table in tables.items():
        if not table.is_loop or table.n_rows < 2:
            continue
        if _FREQUENCY in table or _SHELL in table:
            x = _frequencies(table)
            for column in table.columns:
                target = correlations if _is_correlation(column) else noise if "SsnrMap" in column else None
                y = _numbers(table, column) if target is not None else None
                if target is not None and y is not None and _is_curve(y):
                    target.append(Curve(_title(name, column), x, y))
        elif "rlnResolutionSquared" in table:
            sheets.append(_guinier(table))
    if noise:
        sheets.insert(0, CurveSheet("Signal to noise", "", "SSNR", tuple(noise), "resolution", log=True))
    if correlations:
        sheets.insert(
            0, CurveSheet("Fourier shell correlation", "", "Correlation", tuple(correlations), "fsc")
        )
    return [sheet for sheet in sheets if sheet.curves]


def _is_correlation(column: str) -> bool:
    return "FourierShellCorrelation" in column or column == "rlnGoldStandardFsc" or column.startswith(_OURS)


def _is_curve(y: FloatArray) -> bool:
    return bool(np.isfinite(y).any()) and bool((y[1:] != 0).any())


def _title(table: str, column: str) -> str:
    if column.startswith(_OURS):
        return ", ".join(word.lower() for word in re.findall("[A-Z][a-z]+", column.removeprefix(_OURS)))
    label = _LABELS.get(column, column.removeprefix("rln"))
    match = re.fullmatch(r"model_(class|body|group)_(\d+)", table)
    if match:
        return f"{match[1]} {int(match[2])}"
    return label


def _numbers(table: StarTable, column: str) -> FloatArray | None:
    try:
        return table.floats(column)
    except FormatError:
        return None


def _frequencies(table: StarTable) -> FloatArray:
    if _FREQUENCY in table:
        return table.floats(_FREQUENCY)
    spacing = table.floats(_SHELL)
    # the first shell is written as 999 Å
    return np.where(spacing >= 999, 0.0, 1.0 / np.maximum(spacing, 1e-9))


def _guinier(table: StarTable) -> CurveSheet:
    x = table.floats("rlnResolutionSquared")
    curves = []
    for column in table.columns:
        if column.startswith("rlnLogAmplitudes"):
            y = _numbers(table, column)
            if y is not None:
                # what is below the noise is written as -99
                words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column.removeprefix("rlnLogAmplitudes")).lower()
                curves.append(Curve(words or "amplitudes", x, np.where(y <= -90, np.nan, y)))
    return CurveSheet("Guinier plot", "1/d² (1/Å²)", "ln(amplitude)", tuple(curves), "plain")
