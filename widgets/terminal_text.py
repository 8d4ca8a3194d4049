"""Text as a terminal would leave it: carriage returns overwrite the line, colours codes are dropped."""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")


def visible_line(raw: str) -> str:
    """Return what is seen of a line: the text after the last carriage return that something follows."""
    shown = raw.rstrip("\r").rpartition("\r")[2]
    return _ESCAPES.sub("", shown) if not shown.isprintable() else shown


class LineAssembler:
    """Cuts a growing log into finished lines and the one still being written."""

    def __init__(self) -> None:
        self._unfinished = ""

    @property
    def unfinished(self) -> str:
        """What is seen of the line that has no end yet."""
        return visible_line(self._unfinished)

    def feed(self, text: str) -> list[str]:
        """Take more text; return the lines it finished, as they are seen."""
        *finished, rest = (self._unfinished + text).split("\n")
        # of a progress line that never ends only what is seen must be kept
        self._unfinished = rest if len(rest) < 4096 else self._last_part(rest)
        return [visible_line(line) for line in finished]

    @staticmethod
    def _last_part(raw: str) -> str:
        body = raw.rstrip("\r")
        return body.rpartition("\r")[2] + raw[len(body) :]

    def clear(self) -> None:
        """Forget the unfinished line."""
        self._unfinished = ""
