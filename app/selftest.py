"""The graphics self-test: what draws and computes on this machine, and what to do where that fails.

Every look is taken in a process of its own (:mod:`app.gui.selftest_probe`), so that a driver that crashes
ends only that one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from app import __version__
from app import selftest_advice as advice

State = Literal["good", "doubtful", "bad"]
_LIMIT_S = 120.0
_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "software")
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Finding:
    """One result of the test.

    Attributes
    ----------
    key, title
        Which look it was.
    state
        ``good``; ``doubtful``: it works, but slowly or partly; ``bad``.
    found
        What was found, in a line.
    hint
        What to do; empty when all is well.
    """

    key: str
    title: str
    state: State
    found: str
    hint: str = ""


@dataclass(frozen=True)
class Probed:
    """What a probe's process said, and how it ended."""

    facts: Mapping[str, Any]
    problem: str = ""
    errors: str = ""


def probe(name: str, environment: Mapping[str, str] | None = None, limit_s: float = _LIMIT_S) -> Probed:
    """Take one look, whatever happens to the process that takes it."""
    command = [sys.executable, "-P", "-m", "app.gui.selftest_probe", name]
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit_s,
            stdin=subprocess.DEVNULL,
            env=dict(os.environ if environment is None else environment),
        )
    except subprocess.TimeoutExpired:
        return Probed({}, f"no answer within {limit_s:g} s")
    except OSError as error:
        return Probed({}, f"it could not be started ({error.strerror})")
    errors = done.stderr.strip()
    try:
        facts = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return Probed({}, _end_in_words(done.returncode), errors)
    return Probed(facts, str(facts.get("problem", "")), errors)


def _end_in_words(code: int) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"the process was ended by {name}"
    return f"the process ended with code {code}"


def look_at_machine() -> Finding:
    """Tell system, Python and session, none of which can be wrong."""
    session = "over SSH" if "SSH_CONNECTION" in os.environ else "local"
    display = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or "none"
    found = (
        f"Heteroscope {__version__}, Python {platform.python_version()}, {platform.platform()}; "
        f"session {session}, display {display}"
    )
    return Finding("machine", "This machine", "good", found)


def look_at_qt() -> Finding:
    """Start Qt."""
    seen = probe("qt")
    if not seen.facts or seen.problem:
        return Finding("qt", "Windows (Qt)", "bad", seen.problem, advice.about_qt(seen.errors))
    screens = [
        f"{s['size'][0]} × {s['size'][1]} at scale {s['scale']:g} ({s['dpi']:g} dpi)"
        for s in seen.facts["screens"]
    ]
    found = f"Qt {seen.facts['qt']} on {seen.facts['platform']}; {', '.join(screens) or 'no screen'}"
    if seen.facts["platform"] in ("offscreen", "minimal", "vnc", "linuxfb"):
        return Finding("qt", "Windows (Qt)", "doubtful", found, advice.NO_SCREEN)
    return Finding("qt", "Windows (Qt)", "good", found)


def look_at_opengl() -> Finding:
    """Make an OpenGL context."""
    title = "Three dimensions (OpenGL)"
    seen = probe("opengl")
    if not seen.facts or seen.problem:
        return Finding("opengl", title, "bad", seen.problem, advice.about_opengl(seen.errors))
    renderer = str(seen.facts["renderer"])
    found = f"OpenGL {seen.facts['version']}, {renderer} ({seen.facts['vendor']})"
    major, minor = (int(part) for part in str(seen.facts["format"]).split("."))
    if (major, minor) < (2, 1):
        return Finding("opengl", title, "bad", found, advice.OLD_OPENGL)
    if any(word in renderer.lower() for word in _SOFTWARE):
        return Finding("opengl", title, "doubtful", found, advice.software_drawing())
    return Finding("opengl", title, "good", found)


def look_at_scene() -> Finding:
    """Draw a ball, and compare the pixels with what they must be."""
    title = "Drawing of maps (napari)"
    seen = probe("scene")
    if not seen.facts or seen.problem:
        return Finding("scene", title, "bad", seen.problem, advice.about_scene(seen.errors))
    facts = seen.facts
    found = f"napari {facts['napari']}, vispy {facts['vispy']}; "
    if not facts["right"]:
        pixels = f"centre {facts['centre']:.0f}, edge {facts['edge']:.0f}, {100 * facts['lit']:.0f} % lit"
        return Finding(
            "scene", title, "bad", f"{found}a ball was drawn wrongly ({pixels})", advice.WRONG_PIXELS
        )
    return Finding("scene", title, "good", found + "a ball was drawn, and its pixels are right")


def look_at_computing() -> Finding:
    """Compute a little on every graphics card, and compare with the processor."""
    title = "Computing (CUDA)"
    seen = probe("compute")
    if not seen.facts or seen.problem:
        return Finding("compute", title, "bad", seen.problem, advice.about_computing(seen.errors))
    facts = seen.facts
    cupy = facts["cupy"]
    versions = f"torch {facts['torch']}, cupy {cupy['version'] if cupy else 'not installed'}"
    if not facts["devices"]:
        hint = advice.no_gpu(bool(facts["cuda"]))
        return Finding("compute", title, "doubtful", f"{versions}; no GPU, the processor computes", hint)
    cards = ", ".join(f"{d['name']} with {d['memory_gib']:g} GiB" for d in facts["devices"])
    worst = max([d["error"] for d in facts["devices"]] + [cupy.get("error", 0.0) if cupy else 0.0])
    found = f"{versions}, CUDA {facts['cuda']}; {cards}; same as the processor to {worst:.1e}"
    if worst > _TOLERANCE:
        return Finding("compute", title, "bad", found, advice.WRONG_NUMBERS)
    if cupy and cupy.get("problem"):
        return Finding("compute", title, "doubtful", f"{found}; cupy: {cupy['problem']}", advice.CUPY)
    return Finding("compute", title, "good", found)


LOOKS: tuple[Callable[[], Finding], ...] = (
    look_at_machine,
    look_at_qt,
    look_at_opengl,
    look_at_scene,
    look_at_computing,
)


def findings() -> Iterator[Finding]:
    """Take every look in turn."""
    for look in LOOKS:
        yield look()


def report(found: Sequence[Finding]) -> str:
    """Return the results as text, for a person and for a bug report."""
    words = {"good": "good", "doubtful": "note", "bad": "BAD"}
    lines = ["Heteroscope graphics self-test", ""]
    for finding in found:
        lines.append(f"[{words[finding.state]:>4}] {finding.title}: {finding.found}")
        if finding.hint:
            lines.append(f"       {finding.hint}")
    names = ("QT_QPA_PLATFORM", "QT_SCALE_FACTOR", "LIBGL_ALWAYS_SOFTWARE", "CUDA_VISIBLE_DEVICES")
    lines += ["", *(f"{name}={os.environ[name]}" for name in names if name in os.environ)]
    return "\n".join(lines).rstrip() + "\n"


def command(arguments: Sequence[str]) -> int:
    """Carry out ``heteroscope selftest``: 0 when nothing is bad, else 1."""
    parser = argparse.ArgumentParser(
        prog="heteroscope selftest", description="Try windows, OpenGL, drawing of maps and the GPU."
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON for each result, as it comes")
    wanted = parser.parse_args(arguments)
    found: list[Finding] = []
    for finding in findings():
        found.append(finding)
        if wanted.json:
            sys.stdout.write(json.dumps(asdict(finding)) + "\n")
            sys.stdout.flush()
        else:
            sys.stderr.write(f"{finding.title} …\n")
    if not wanted.json:
        sys.stdout.write(report(found))
    return int(any(finding.state == "bad" for finding in found))
