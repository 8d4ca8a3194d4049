"""Text files as the text viewer shows them: at most so much of them, JSON in order."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from jobs.core.errors import FormatError

#: More is not read: the end of the text is what matters in a log.
MOST_BYTES = 16 << 20


def read_text(path: Path) -> tuple[str, bool]:
    """Return the text of a file, and whether its beginning was left out.

    Raises
    ------
    FormatError
        When it cannot be read, or is no text.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - MOST_BYTES))
            data = file.read(MOST_BYTES)
    except OSError as error:
        raise FormatError(f"the file cannot be read ({error.strerror})", path=path) from error
    if b"\0" in data[: 1 << 16]:
        raise FormatError("this is not a text file", path=path)
    text = data.decode("utf-8", "replace")
    if path.suffix == ".json" and size <= MOST_BYTES:
        with contextlib.suppress(ValueError):  # shown as it stands
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
    return text, size > MOST_BYTES
