"""What columns are called for people: a title, a unit, and whether the values go round in a circle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Group = Literal["Model", "Motion", "Space", "Particle STAR"]
GROUPS: Final[tuple[Group, ...]] = ("Model", "Motion", "Space", "Particle STAR")


@dataclass(frozen=True)
class ColumnName:
    """How a column is shown.

    Attributes
    ----------
    title
        In words.
    unit
        Of its values, empty when they have none.
    period
        Of values that go round, in that unit; 0 for all others.
    group
        Where it stands among the columns.
    """

    title: str
    unit: str = ""
    period: float = 0.0
    group: Group = "Particle STAR"

    @property
    def label(self) -> str:
        """Title with unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


#: Measures of a model; see jobs.core.latent.LatentModel.measures.
MEASURES: Final[dict[str, ColumnName]] = {
    "amount": ColumnName("Amount of motion", "Å", group="Motion"),
    "direction": ColumnName("Direction of motion", group="Motion"),
    "location": ColumnName("Location of motion", "Å", group="Motion"),
    "uncertainty": ColumnName("Uncertainty", "Å", group="Motion"),
    "difference": ColumnName("Half-set difference", "Å", group="Motion"),
    "error": ColumnName("Estimated error", "Å", group="Motion"),
    "distance": ColumnName("Distance from the mean state", group="Model"),
    "latent_spread": ColumnName("Width of the posterior", group="Model"),
    "pose": ColumnName("Pose", group="Model"),
    "shift": ColumnName("Shift", "Å", group="Model"),
}
#: Measures that have three components.
VECTORS: Final = ("direction", "location", "pose")

#: Values that come with the explorer itself.
EXTRAS: Final[dict[str, ColumnName]] = {
    "density": ColumnName("Density", group="Space"),
    "log-density": ColumnName("Log-density", group="Space"),
    "index": ColumnName("Index", group="Model"),
    "cluster": ColumnName("Cluster", group="Model"),
    "half-set": ColumnName("Half-set", group="Model"),
    "norm": ColumnName("Norm ‖z‖", group="Space"),
    "error": ColumnName("Error", "Å", group="Model"),
}

_ANGLE: Final = 360.0
_RELION: Final[dict[str, ColumnName]] = {
    "image_name": ColumnName("Particle"),
    "tomogram": ColumnName("Tomogram"),
    "n_tilts": ColumnName("Images per particle"),
    "highest_dose": ColumnName("Highest dose", "e/Å²"),
    "x_A": ColumnName("Place x in tomogram", "Å"),
    "y_A": ColumnName("Place y in tomogram", "Å"),
    "z_A": ColumnName("Place z in tomogram", "Å"),
    "rlnImageName": ColumnName("Image"),
    "rlnMicrographName": ColumnName("Micrograph"),
    "rlnMicrographMovieName": ColumnName("Movie"),
    "rlnTomoName": ColumnName("Tomogram"),
    "rlnTomoParticleName": ColumnName("Tomogram particle"),
    "rlnTomoParticleId": ColumnName("Tomogram particle number"),
    "rlnGroupName": ColumnName("Group"),
    "rlnGroupNumber": ColumnName("Group number"),
    "rlnClassNumber": ColumnName("Class"),
    "rlnOpticsGroup": ColumnName("Optics group"),
    "rlnOpticsGroupName": ColumnName("Optics group name"),
    "rlnRandomSubset": ColumnName("Random half"),
    "rlnHelicalTubeID": ColumnName("Helical tube"),
    "rlnHelicalTrackLengthAngst": ColumnName("Place along helix", "Å"),
    "rlnDefocusU": ColumnName("Defocus U", "Å"),
    "rlnDefocusV": ColumnName("Defocus V", "Å"),
    "rlnDefocusAngle": ColumnName("Defocus angle", "°", 180.0),
    "rlnPhaseShift": ColumnName("Phase shift", "°"),
    "rlnCtfMaxResolution": ColumnName("CTF resolution", "Å"),
    "rlnCtfFigureOfMerit": ColumnName("CTF figure of merit"),
    "rlnCtfBfactor": ColumnName("CTF B-factor", "Å²"),
    "rlnCtfScalefactor": ColumnName("CTF scale"),
    "rlnCtfAstigmatism": ColumnName("Astigmatism", "Å"),
    "rlnVoltage": ColumnName("Voltage", "kV"),
    "rlnSphericalAberration": ColumnName("Spherical aberration", "mm"),
    "rlnAmplitudeContrast": ColumnName("Amplitude contrast"),
    "rlnBeamTiltX": ColumnName("Beam tilt x", "mrad"),
    "rlnBeamTiltY": ColumnName("Beam tilt y", "mrad"),
    "rlnImagePixelSize": ColumnName("Pixel size", "Å"),
    "rlnMicrographPixelSize": ColumnName("Micrograph pixel size", "Å"),
    "rlnMicrographOriginalPixelSize": ColumnName("Movie pixel size", "Å"),
    "rlnImageSize": ColumnName("Box", "px"),
    "rlnMagnification": ColumnName("Magnification"),
    "rlnDetectorPixelSize": ColumnName("Detector pixel", "µm"),
    "rlnAngleRot": ColumnName("Angle rot", "°", _ANGLE),
    "rlnAngleTilt": ColumnName("Angle tilt", "°"),
    "rlnAnglePsi": ColumnName("Angle psi", "°", _ANGLE),
    "rlnAngleRotPrior": ColumnName("Prior of rot", "°", _ANGLE),
    "rlnAngleTiltPrior": ColumnName("Prior of tilt", "°"),
    "rlnAnglePsiPrior": ColumnName("Prior of psi", "°", _ANGLE),
    "rlnAnglePsiFlipRatio": ColumnName("Flip ratio of psi"),
    "rlnAutopickFigureOfMerit": ColumnName("Picking score"),
    "rlnOriginXAngst": ColumnName("Shift x", "Å"),
    "rlnOriginYAngst": ColumnName("Shift y", "Å"),
    "rlnOriginZAngst": ColumnName("Shift z", "Å"),
    "rlnOriginX": ColumnName("Shift x", "px"),
    "rlnOriginY": ColumnName("Shift y", "px"),
    "rlnCoordinateX": ColumnName("Place x on micrograph", "px"),
    "rlnCoordinateY": ColumnName("Place y on micrograph", "px"),
    "rlnCoordinateZ": ColumnName("Place z in tomogram", "px"),
    "rlnCenteredCoordinateXAngst": ColumnName("Place x in tomogram", "Å"),
    "rlnCenteredCoordinateYAngst": ColumnName("Place y in tomogram", "Å"),
    "rlnCenteredCoordinateZAngst": ColumnName("Place z in tomogram", "Å"),
    "rlnNormCorrection": ColumnName("Norm correction"),
    "rlnLogLikeliContribution": ColumnName("Log-likelihood"),
    "rlnMaxValueProbDistribution": ColumnName("Sureness of pose"),
    "rlnNrOfSignificantSamples": ColumnName("Significant samples"),
    "rlnParticleFigureOfMerit": ColumnName("Particle figure of merit"),
    "rlnMicrographPreExposure": ColumnName("Dose before", "e/Å²"),
    "rlnAccumMotionTotal": ColumnName("Drift of movie", "Å"),
    "rlnAccumMotionEarly": ColumnName("Early drift", "Å"),
    "rlnAccumMotionLate": ColumnName("Late drift", "Å"),
    "rlnBodyNumber": ColumnName("Body"),
}
_SPACE_WORDS: Final = ("latent", "pc", "ic", "umap", "t-sne", "tsne", "pca", "ica", "axis", "z")


def star_column(raw: str) -> ColumnName:
    """Return how a column of a particle STAR file is shown; unknown ones keep their own name."""
    name = raw.lstrip("_")
    return _RELION.get(name) or ColumnName(name)


def measure(raw: str) -> ColumnName:
    """Return how a measure of a model is shown."""
    return MEASURES.get(raw) or ColumnName(raw.replace("_", " ").capitalize(), group="Motion")


def extra(raw: str) -> ColumnName:
    """Return how a value of the explorer is shown; axes of the shown space stand in the group ``Space``."""
    found = EXTRAS.get(raw)
    if found is not None:
        return found
    word = raw.lower().split()[0].rstrip("0123456789") if raw.strip() else ""
    return ColumnName(raw, group="Space" if word in _SPACE_WORDS else "Model")
