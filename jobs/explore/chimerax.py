"""Scripts for ChimeraX: a map, or a series of maps that plays, with the atomic model that moves along.

File names are relative: ChimeraX runs a script in the folder in which it lies, so the folder can be moved.
"""

from __future__ import annotations

from collections.abc import Sequence

#: Steps per second at which a series plays.
RATE = 15
#: Screen updates per step when map and atoms are stepped together.
_UPDATES_PER_STEP = 3


def movie_script(
    n_frames: int,
    level: float,
    *,
    title: str = "",
    volumes: str = "volume*.mrc",
    atoms: str | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Return a ``.cxc`` script that opens a series of maps and plays it back and forth.

    Parameters
    ----------
    n_frames
        Number of maps.
    level
        Contour level.
    title
        What the movie shows, in words.
    volumes
        Names of the maps with a wildcard; their alphabetical order is their order in time.
    atoms
        File with one model per map, or None.
    notes
        Further sentences, as comments.
    """
    lines = [*_comments(title, *notes), "# Open this file in an empty ChimeraX session."]
    lines += [
        f"open {volumes} vseries true",
        _surface(level, seen_through=atoms is not None),
    ]
    if atoms is None:
        if n_frames > 1:
            lines += [
                f"vseries play #1 loop true direction oscillate maxFrameRate {RATE}",
                "# vseries stop #1 ends it.",
            ]
    else:
        lines.append(f"open {atoms} coordsets true")
        if n_frames > 1:
            last = n_frames - 1
            # one command per step for both: two players of their own would drift apart
            step = '"vseries play #1 jumpTo $1; coordset #2 $2"'
            every = f"interval {_UPDATES_PER_STEP}"
            forward = f"perframe {step} range 0,{last} range 1,{n_frames} {every}"
            back = f"perframe {step} range {last},0 range {n_frames},1 {every}"
            lines += [
                "# To see the way back as well, give this command:",
                f"# {back}",
                forward,
            ]
    lines += ["lighting soft", "view"]
    return "\n".join(lines) + "\n"


def map_script(volume: str, level: float, *, title: str = "", atoms: str | None = None) -> str:
    """Return a ``.cxc`` script that opens one map, and an atomic model in it.

    Parameters
    ----------
    volume
        Name of the map.
    level
        Contour level.
    title
        What the map shows, in words.
    atoms
        Atomic model, or None.
    """
    lines = [*_comments(title), f"open {_quoted(volume)}"]
    lines.append(_surface(level, seen_through=atoms is not None))
    if atoms is not None:
        lines.append(f"open {_quoted(atoms)}")
    lines += ["lighting soft", "view"]
    return "\n".join(lines) + "\n"


def _surface(level: float, *, seen_through: bool) -> str:
    # the last two digits are the opacity; as part of the colour it holds for every map of a series
    colour = "#b2b2b260" if seen_through else "#b2b2b2"
    return f"volume #1 style surface step 1 level {level:.6g} color {colour}"


def _comments(*sentences: str) -> list[str]:
    return [f"# {line}" for sentence in sentences for line in sentence.splitlines() if line.strip()]


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name
