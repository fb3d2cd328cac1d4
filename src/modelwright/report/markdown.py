"""The tree as Markdown (CommonMark with GitHub's tables)."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from modelwright.report import tree
from modelwright.report.numbers import clean, prose, shorten

_SPECIAL = re.compile(r"[\\`*\[\]<>|~$]|&(?=[#\w])|(?<![^\W_])_|_(?![^\W_])")
_EVENTS = 12  # named at the end of a section; all of them stand in the appendix
_START = re.compile(r"^(?:([-+=#>])|(\d+)([.)])(?=\s|$))")


def render(document: tree.Document) -> str:
    """The whole report."""
    head = [f"*{_text(document.kicker)}*", f"# {inline(document.title)}"]
    if document.verdict:
        head.append(f"**Verdict: {_text(document.verdict)}**")
    body = [blocks(document.intro)]
    body += [_section(section, document) for section in document.sections]
    return "\n\n".join([*head, *filter(None, body), "---", f"*{_text(document.footer)}*"]) + "\n"


def _section(section: tree.Section, document: tree.Document) -> str:
    """A section with a note at its end that says which events of the log its figures were taken from."""
    told = f"## {_text(section.title)}\n\n{blocks(section.blocks)}"
    events = sorted({document.events[key][0] for key in section.sources() if key in document.events})
    if not events:
        return told
    shown = ", ".join(str(seq) for seq in events[:_EVENTS]) + (" …" if len(events) > _EVENTS else "")
    return f"{told}\n\n*Figures from {'event' if len(events) == 1 else 'events'} {shown} of the log.*"


def blocks(many: tuple[tree.Block, ...]) -> str:
    """Blocks in order, with blank lines between them."""
    return "\n\n".join(filter(None, (_BY_KIND[b.kind](b) for b in many)))


def inline(words: tree.Words, *, in_table: bool = False) -> str:
    """A run of text."""
    out = []
    for i, part in enumerate(tree.parts(words)):
        if isinstance(part, tree.Name):
            out.append(_code(part.text, in_table))
        elif isinstance(part, tree.Strong):
            out.append(f"**{_text(part.text)}**")
        elif isinstance(part, tree.Link):
            out.append(_text(part.text))
        else:
            text = _text(part, edges=True)
            out.append(text if i or in_table else _START.sub(_shield, text.lstrip()))
    return "".join(out).strip()


def _shield(match: re.Match[str]) -> str:
    return f"\\{match[1]}" if match[1] else f"{match[2]}\\{match[3]}"


def _text(text: str, *, edges: bool = False) -> str:
    cleaned = prose(text)
    if edges:  # blanks at the ends separate a part from its neighbours
        cleaned = f"{' ' if text[:1].isspace() else ''}{cleaned}{' ' if cleaned and text[-1:].isspace() else ''}"
    safe = _SPECIAL.sub(lambda m: "\\" + m[0], cleaned)
    return safe.replace("://", ":\\//").replace("www.", "www\\.")


def _code(text: str, in_table: bool) -> str:
    name = shorten(text)
    if in_table:
        name = name.replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", name)), default=0) + 1)
    pad = " " if name.startswith("`") or name.endswith("`") else ""
    return f"{fence}{pad}{name}{pad}{fence}"


def _paragraph(block: tree.Paragraph) -> str:
    text = inline(block.words)
    return f"> {text}" if block.style == "quote" else text


def _heading(block: tree.Heading) -> str:
    return f"### {_text(block.title)}"


def _bullets(block: tree.Bullets) -> str:
    return "\n".join(f"{f'{i}.' if block.ordered else '-'} {inline(item)}" for i, item in enumerate(block.items, 1))


def _facts(block: tree.Facts) -> str:
    return "\n".join(f"- **{_text(label)}:** {inline(words)}" for label, words in block.rows)


def _callout(block: tree.Callout) -> str:
    lines = [f"> **{_text(block.title)}**"] if block.title else []
    for line in block.lines:
        lines += [">", f"> {inline(line)}"] if lines else [f"> {inline(line)}"]
    return "\n".join(lines)


def _cards(block: tree.Cards) -> str:
    rows = tuple((tree.Strong(c.label), c.value, c.note) for c in block.cards)
    return _table(tree.Table(("", "", ""), rows, "lrl"))


def _table(block: tree.Table) -> str:
    rule = {"r": "---:", "l": "---", "w": "---"}
    lines = [f"| {' | '.join(_text(c) for c in block.columns)} |", f"| {' | '.join(rule[a] for a in block.align)} |"]
    lines += [f"| {' | '.join(inline(cell, in_table=True) for cell in row)} |" for row in block.rows]
    return "\n".join(lines)


def _code_block(block: tree.Code) -> str:
    text = clean(block.text, keep_lines=True).strip("\n")
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}{block.language}\n{text}\n{fence}"


def _figure(block: tree.Figure) -> str:
    stop = "" if block.title.endswith("?") else "."
    head = f"**{_text(block.title)}{stop}** {inline(block.finding)}"
    return f"{head}\n\n{_table(block.table)}" if block.table else head


def _pictures(block: tree.Pictures) -> str:
    return "\n\n".join(_figure(f) for f in block.figures)


def _details(block: tree.Details) -> str:
    words = (shorten(p.text) if isinstance(p, tree.Name) else p if isinstance(p, str) else p.text
             for p in tree.parts(block.summary))  # fmt: skip
    summary = html.escape(clean("".join(words)))
    return f"<details>\n<summary>{summary}</summary>\n\n{blocks(block.blocks)}\n\n</details>"


def _from(block: tree.From) -> str:
    return blocks(block.blocks)


def _log(block: tree.Log) -> str:
    rows = tuple((str(seq), when, about) for seq, when, about in block.rows)
    return _table(tree.Table(("Event", "Time (UTC)", "What happened"), rows, "rlw"))


_BY_KIND: dict[str, Callable[[Any], str]] = {
    "paragraph": _paragraph, "heading": _heading, "bullets": _bullets, "facts": _facts, "callout": _callout,
    "cards": _cards, "table": _table, "code": _code_block, "figure": _figure, "pictures": _pictures,
    "details": _details, "from": _from, "log": _log,
}  # fmt: skip
