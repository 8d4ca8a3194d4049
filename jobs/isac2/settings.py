"""Every option of a classification in the units it is computed in, and what follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jobs.core.errors import UserError

_CUTOFF_STEP = 0.05
_CLASSES_BY_DEFAULT = 200
_SMALLEST_DEFAULT_GROUP = 50
_MINIMUM_SHARE = 0.6


@dataclass(frozen=True)
class IsacSettings:
    """The options of ISAC2 under the names its users know, lower case.

    Attributes
    ----------
    radius
        Radius of the particle in pixels of the input images.
    target_radius, target_nx
        Radius and box of the working images, in working pixels.
    img_per_grp, minimum_grp_size
        Images per group and the size a class must exceed; -1 = from the number of images.
    ctf, vpp
        Phase flipping; whitening of phase plate data.
    ir, rs
        Inner ring and ring step, working pixels.
    xr, yr, ts
        Search range in x and y (-1 = as x) and step of it, working pixels.
    maxit, dst
        Iterations of the alignment within groups, and its coarse angle in degrees.
    center_method
        Centring of the global average, -1 to 7.
    fl, fh, ff
        Lowest and highest cutoff of the tangent filter in 1/px of working pixels, and its fall-off.
    init_iter, iter_reali, stab_ali, thld_err
        Inner iterations at most, how often stability is checked, alignments per check, pixel error
        limit in working pixels.
    keep_noise
        Whether members that resemble their class no more than noise does are kept.
    rand_seed
        The seed of all random numbers (a drawn one when the user gave none).
    skip_prealignment, skip_ordering
        What is left out.
    filament_width, filament_mask_ignore
        Width of a filament in input pixels (-1 = no filaments), and whether its mask only normalises.
    main_iter_limit
        Stop after so many main iterations; -1 = when nothing more is found.
    delta_good
        Stop when the first generation of a main iteration finds no more new classes than this.
    gpu_memory_use
        Fraction of the free memory that may be used, of the card or of the machine.
    restart
        -1 resumes where the run was stopped, 0 after the last finished main iteration, k after the k-th.
    """

    radius: float
    target_radius: int = 29
    target_nx: int = 76
    img_per_grp: int = -1
    minimum_grp_size: int = -1
    ctf: bool = False
    vpp: bool = False
    ir: int = 1
    rs: int = 1
    xr: int = 1
    yr: int = -1
    ts: float = 1.0
    maxit: int = 30
    center_method: int = 0
    dst: float = 90.0
    fl: float = 0.2
    fh: float = 0.45
    ff: float = 0.2
    init_iter: int = 7
    iter_reali: int = 1
    stab_ali: int = 5
    thld_err: float = 0.7
    keep_noise: bool = False
    rand_seed: int = 0
    skip_prealignment: bool = False
    skip_ordering: bool = False
    filament_width: float = -1.0
    filament_mask_ignore: bool = False
    main_iter_limit: int = -1
    delta_good: int = 0
    gpu_memory_use: float = 0.9
    restart: int = -1

    @property
    def shrink(self) -> float:
        """Working pixels per input pixel: the pixel size of the working images is ``apix / shrink``."""
        return self.target_radius / self.radius

    @property
    def box(self) -> int:
        """Box of the working images."""
        return self.target_nx + self.xr - 1

    @property
    def range_y(self) -> int:
        """Search range in y, working pixels."""
        return self.xr if self.yr < 0 else self.yr

    @property
    def offset_limit(self) -> int:
        """Largest offset of an image's centre along x or y at which the last ring stays inside, px."""
        return max(0, self.box // 2 + 1 - self.target_radius - 2)

    @property
    def filament(self) -> bool:
        """Whether the images are segments of filaments."""
        return self.filament_width > 0

    @property
    def cutoffs(self) -> tuple[float, ...]:
        """Cutoffs of the passes of one inner iteration, 1/px (six of them by default)."""
        steps = math.floor((self.fh - self.fl) / _CUTOFF_STEP + 1e-6)
        return tuple(round(self.fl + _CUTOFF_STEP * step, 6) for step in range(max(0, steps) + 1))

    def small_box(self, box: int) -> int:
        """Return the box that an input box becomes by shrinking, before cropping or padding."""
        return int(box * self.shrink + 0.5)

    def group_size(self, images: int) -> int:
        """Return the images per group of a run with so many images."""
        if self.img_per_grp > 0:
            return self.img_per_grp
        return max(_SMALLEST_DEFAULT_GROUP, images // _CLASSES_BY_DEFAULT)

    def minimum_size(self, images: int) -> int:
        """Return the size that a class of a run with so many images must exceed to be accepted."""
        if self.minimum_grp_size >= 0:
            return self.minimum_grp_size
        return int(_MINIMUM_SHARE * self.group_size(images))

    def check(self, images: int, box: int) -> None:
        """Raise what makes a run with these settings impossible.

        Parameters
        ----------
        images
            Number of images.
        box
            Box of the input images, px.

        Raises
        ------
        UserError
            With the option at fault.
        """
        if self.radius < 1 or 2 * self.radius > box:
            raise UserError(
                f"the radius of {self.radius:g} px does not fit into the box of {box} px",
                column="radius",
                hint=f"Choose a radius between 1 and {box // 2} px",
            )
        if self.target_radius < 1 or 2 * (self.target_radius + 1) > self.box:
            raise UserError(
                f"a target radius of {self.target_radius} px does not fit into the working box of "
                f"{self.box} px",
                column="target_radius",
                hint="Choose a larger target_nx or a smaller target_radius",
            )
        if self.ctf and self.vpp:
            raise UserError(
                "CTF and VPP cannot be used together",
                column="VPP",
                hint="Choose VPP for phase plate data and CTF for all other",
            )
        group = self.group_size(images)
        if images < 2 * group:
            raise UserError(
                f"{images} images do not make two groups of {group}",
                column="img_per_grp",
                hint=f"Choose at most {images // 2} images per group" if images > 1 else "Give more images",
            )
        if self.minimum_size(images) >= group:
            raise UserError(
                f"a class must have more than {self.minimum_size(images)} images but a group has {group}",
                column="minimum_grp_size",
                hint="Choose a smaller minimum_grp_size or a larger img_per_grp",
            )
