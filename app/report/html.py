"""Pieces of a page. Whatever comes from files or people goes through `text` and cannot become markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from jobs.core.figures import Fact


def text(words: object) -> str:
    """Return words as they are to be read; characters no page may hold become spaces."""
    plain = "".join(c if c.isprintable() or c in "\n\t" else " " for c in str(words))
    return escape(plain.encode("utf-8", "replace").decode("utf-8"))


def paragraph(words: str, kind: str = "") -> str:
    """Return a paragraph."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def section(identity: str, title: str, *parts: str) -> str:
    """Return a part of the page with its title; nothing when there is nothing to say."""
    body = "\n".join(part for part in parts if part)
    if not body:
        return ""
    head = f'<h2 id="{identity}-title">{text(title)}</h2>'
    return f'<section id="{identity}" aria-labelledby="{identity}-title">\n{head}\n{body}\n</section>\n'


def heading(words: str) -> str:
    """Return the title of a smaller part."""
    return f"<h3>{text(words)}</h3>"


def bullets(lines: Iterable[str]) -> str:
    """Return a list of sentences."""
    rows = "".join(f"<li>{text(line)}</li>" for line in lines)
    return f"<ul>{rows}</ul>" if rows else ""


def block(words: str) -> str:
    """Return text as it stands in a file."""
    return f"<pre>{text(words)}</pre>" if words else ""


def folded(title: str, body: str, *, is_open: bool = False) -> str:
    """Return a part that can be opened and closed; paper always shows it."""
    return (
        f"<details{' open' if is_open else ''}><summary>{text(title)}</summary>{body}</details>"
        if body
        else ""
    )


def facts(known: Sequence[Fact]) -> str:
    """Return numbers worth knowing as cards."""
    cards = []
    for fact in known:
        if fact.value:
            detail = f"<small>{text(fact.detail)}</small>" if fact.detail else ""
            cards.append(f"<div><dt>{text(fact.title)}</dt><dd>{text(fact.value)}{detail}</dd></div>")
    return f'<dl class="facts">{"".join(cards)}</dl>' if cards else ""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], kinds: Sequence[str] = ()) -> str:
    """Return a table of texts, the first column naming the row.

    Parameters
    ----------
    titles
        Of the columns.
    rows
        Cells as plain text.
    kinds
        Class of each column's cells: ``number`` or ``hash``, empty for text.
    """
    marks = [f' class="{kind}"' if kind else "" for kind in kinds] or [""] * len(titles)
    body = []
    for first, *others in rows:
        cells = "".join(f"<td{k}>{text(c)}</td>" for c, k in zip(others, marks[1:], strict=True))
        body.append(f'<tr><th scope="row">{text(first)}</th>{cells}</tr>')
    return framed(titles, body, kinds) if body else ""


def framed(titles: Sequence[str], rows: Sequence[str], kinds: Sequence[str] = ()) -> str:
    """Return rows that are markup already as a table."""
    marks = [' class="number"' if kind == "number" else "" for kind in kinds] or [""] * len(titles)
    head = "".join(f'<th scope="col"{mark}>{text(t)}</th>' for t, mark in zip(titles, marks, strict=True))
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def figure(caption: str, body: str, detail: str = "") -> str:
    """Return a picture with what it shows."""
    more = f"<small>{text(detail)}</small>" if detail else ""
    return f"<figure><figcaption>{text(caption)}{more}</figcaption>{body}</figure>"


def grid(figures: Sequence[str], kind: str = "") -> str:
    """Return pictures side by side."""
    name = f"plots {kind}".strip()
    return f'<div class="{name}">{"".join(figures)}</div>' if figures else ""
