"""The tree as one self-contained HTML page: no request leaves it, and it reads without JavaScript."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from modelwright.report import tree
from modelwright.report.numbers import clean, prose, shorten

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_FOLDER = Path(__file__).parent / "templates"


def render(document: tree.Document, *, unfolded: bool = False) -> str:
    """The whole page; ``unfolded`` opens what is folded away, for paper."""
    style, script = (_FOLDER.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return template().render(
        document=document,
        unfolded=unfolded,
        title=clean("".join(p if isinstance(p, str) else shorten(p.text) for p in tree.parts(document.title))),
        style=_trusted(style),
        script=_trusted(script),
        script_hash=_hash(script),
    )


@cache
def template() -> Template:
    """The page, compiled."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {"words": inline, "source": _source, "svg": _trusted, "clean": clean, "events": events_of}
    return made.get_template("page.html.j2")


def events_of(section: tree.Section, document: tree.Document) -> list[int]:
    """The events that a section's figures were taken from."""
    return sorted({document.events[key][0] for key in section.sources() if key in document.events})


def _trusted(text: str) -> Markup:
    from markupsafe import Markup

    return Markup(text)  # only our own style, script and pictures come here


def _hash(script: str) -> str:
    """The script's digest for the page's security policy, which lets no other script run."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _source(text: str) -> str:
    return clean(text, keep_lines=True).strip("\n")


def _tied(text: str) -> str:
    """Per cent signs stay with their figure."""
    return re.sub(r"(?<=\d) (?=%)", "\u202f", text)


_FIGURE = re.compile(r"(?<![\w.,#])[−-]?\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?(?:[ \u202f](?:%|ms\b|s\b|min\b))?(?![\w#])")
_BY_DEFINITION = re.compile(r"of 100\b|\(95[ \u202f]%|95[ \u202f]% (?=interval)|95[ \u202f]%\)", re.IGNORECASE)


def inline(words: tree.Words, event: int = 0) -> Markup:
    """A run of text with everything escaped; long names are shortened and carry the whole in their title.

    With an event, figures carry its number: ``<span class="n" data-event="41">0.85</span>``.
    """
    from markupsafe import Markup, escape

    out = Markup("")
    for part in tree.parts(words):
        if isinstance(part, tree.Name):
            whole, short = clean(part.text), shorten(part.text)
            title = Markup(' title="{}"').format(whole[:2000]) if short != whole else Markup("")
            kind = "name long" if len(short) > 20 else "name"
            out += Markup('<code class="{}"{}><bdi>{}</bdi></code>').format(kind, title, short)
        elif isinstance(part, tree.Strong):
            out += Markup("<strong>{}</strong>").format(_marked(_tied(prose(part.text)), event))
        elif isinstance(part, tree.Link):
            out += Markup('<a href="#{}">{}</a>').format(part.anchor, _tied(prose(part.text)))
        else:
            text = _marked(_tied(prose(part)), event)
            space = part[-1:].isspace() if text else False
            out += escape(" " if part[:1].isspace() else "") + text + escape(" " if space else "")
    return out


def _marked(text: str, event: int) -> Markup:
    """Escaped text whose figures name the event that they were taken from."""
    from markupsafe import Markup, escape

    if not event:
        return escape(text)
    fixed = [range(m.start(), m.end()) for m in _BY_DEFINITION.finditer(text)]
    out, last = Markup(""), 0
    for match in _FIGURE.finditer(text):
        if any(match.start() in spot for spot in fixed):
            continue
        mark = Markup('<span class="n" data-event="{}" title="event {}">{}</span>').format(event, event, match[0])
        out += escape(text[last : match.start()]) + mark
        last = match.end()
    return out + escape(text[last:])
