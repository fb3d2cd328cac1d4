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
    from jinja2 import Environment
    from markupsafe import Markup

_FOLDER = Path(__file__).parent / "templates"


def render(document: tree.Document) -> str:
    """The whole page."""
    style, script = (_FOLDER.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            document=document,
            title=clean("".join(p if isinstance(p, str) else shorten(p.text) for p in tree.parts(document.title))),
            style=_trusted(style),
            script=_trusted(script),
            script_hash=_hash(script),
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {"words": inline, "source": _source, "svg": _trusted, "clean": clean}
    return made


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


def inline(words: tree.Words) -> Markup:
    """A run of text with everything escaped; long names are shortened and carry the whole in their title."""
    from markupsafe import Markup, escape

    out = Markup("")
    for part in tree.parts(words):
        if isinstance(part, tree.Name):
            whole, short = clean(part.text), shorten(part.text)
            title = Markup(' title="{}"').format(whole[:2000]) if short != whole else Markup("")
            out += Markup('<code class="name"{}><bdi>{}</bdi></code>').format(title, short)
        elif isinstance(part, tree.Strong):
            out += Markup("<strong>{}</strong>").format(_tied(prose(part.text)))
        else:
            text = _tied(prose(part))
            out += escape(f"{' ' if part[:1].isspace() else ''}{text}{' ' if text and part[-1:].isspace() else ''}")
    return out
