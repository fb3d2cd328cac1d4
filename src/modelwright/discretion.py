"""What may leave the machine: the one place through which every text for a language model passes.

Aggregates are made safe where they are measured (:mod:`modelwright.profiling`). What is left to do here is to show
names and levels so that they can't be taken for instructions, to keep the names of personal columns back where that
is asked for, and to let through of an error message only words that were known before: a cell that an exception
quotes is not among them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.resources import files

from modelwright.actions import registry
from modelwright.profile import Profile
from modelwright.table import Schema
from modelwright.tools import all_tools

LONGEST = 80
"""Characters of a name or a level that are shown."""

LONGEST_ERROR = 1_500
"""Characters of an error message that are shown: enough for a message and the end of its traceback."""

LONGEST_STATEMENT = 6_000
"""Characters of the user's own words that are shown."""

MOST_DIGITS = 3
GAP = "…"


def clean(text: str) -> str:
    """A text without control characters, invisible characters and those that change the writing direction.

    Line breaks and tabs stay, other blanks become spaces.
    """
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return "".join(_cleaned(text))


def _cleaned(text: str) -> Iterator[str]:
    for char in text:
        category = unicodedata.category(char)
        if char in "\n\t" or char.isprintable():
            yield char
        elif category in ("Zs", "Zl", "Zp"):
            yield " "


def quoted(text: str, limit: int = LONGEST) -> str:
    """A foreign text as a JSON string on one line, shortened, that can't end the block of data it stands in."""
    text = clean(text)
    if len(text) > limit:
        text = text[: limit - 1] + GAP
    shown = json.dumps(text, ensure_ascii=False)
    for char in "<>`":
        shown = shown.replace(char, f"\\u{ord(char):04x}")
    return shown


class Discretion:
    """Decides how names, levels, errors and whole messages are shown to a language model.

    Columns whose names can't be shown as they are (invisible characters, more than 80 characters) are called
    ``column_1`` and so on; with ``private_names``, columns that look like personal data are called ``private_1`` and
    so on. Both are undone in replies.

    Args:
        schema: all columns of the table, so that names of columns that no model may use are kept back, too.
        profile: the levels that may be named.
        private_names: whether the names of columns that look like personal data stay on the machine.
        statement: the problem in the user's words, which is shown.
    """

    def __init__(self, schema: Schema, profile: Profile, *, private_names: bool = False, statement: str = "") -> None:
        personal = {f.name for f in schema.fields if f.personal} | {c.name for c in profile.columns if c.personal}
        self.private_names = private_names
        names = tuple(dict.fromkeys((*schema.names, *(c.name for c in profile.columns))))
        taken = "\n".join((statement, *names))
        private, awkward = _free("private_", taken), _free("column_", taken)
        hidden = [name for name in names if private_names and name in personal]
        self._hidden = {name: f"{private}{i}" for i, name in enumerate(hidden, 1)}
        unshowable = {name: f"{awkward}{i}" for i, name in enumerate(names, 1) if not _plain(name)}
        self._alias = unshowable | self._hidden
        self._names = frozenset(names)
        self._real = {alias: name for name, alias in self._alias.items()}
        self._levels = {c.name: frozenset(text for text, _ in c.levels) for c in profile.columns if not c.personal}
        if profile.target and profile.target not in personal:
            named = frozenset(text for text, _ in profile.target_levels)
            self._levels[profile.target] = self._levels.get(profile.target, frozenset()) | named
        self._every_level = frozenset().union(*self._levels.values()) if self._levels else frozenset()
        self._spoken = {clean(name).lower(): alias for name, alias in self._hidden.items() if clean(name).strip()}
        spoken = "|".join(map(re.escape, sorted(self._spoken, key=len, reverse=True)))
        self._speaking = re.compile(rf"(?<!\w)(?:{spoken})(?!\w)", re.IGNORECASE) if spoken else None
        self._statement = self._without_hidden(clean(statement))[:LONGEST_STATEMENT]
        self._said = frozenset(_words(self._statement))
        self._out = _replacer(self._alias)
        self._in = re.compile(rf"(?<!\w)(?:{re.escape(private)}|{re.escape(awkward)})\d+(?![^\W_])")

    def name(self, column: str) -> str:
        """How a column is called: its name, or an alias; names of columns made from others follow theirs."""
        if column in self._alias:
            return self._alias[column]
        if column in self._names:
            return column
        for real, alias in self._alias.items():
            if column.startswith(f"{real}_"):
                return clean(alias + column[len(real) :])
        return clean(column)

    def column(self, column: str) -> str:
        """A column's name as a JSON string."""
        return quoted(self.name(column))

    def about(self, column: str) -> str:
        """What can be shown of a name that had to be replaced, as a JSON string; empty otherwise."""
        if column not in self._alias or column in self._hidden:
            return ""
        return quoted(" ".join(clean(column).split()), 60)

    def level(self, column: str, text: str) -> str:
        """A level of a column as a JSON string, if enough rows have it to be named."""
        return quoted(text) if text in self._levels.get(column, ()) else f'"{GAP}"'

    def text(self, text: str, limit: int = LONGEST) -> str:
        """A text that may be shown as such (the user's own words, an agent's), as a JSON string."""
        return quoted(self._without_hidden(clean(text)), limit)

    def statement(self) -> str:
        """The problem in the user's words, as a JSON string."""
        return quoted(self._statement, LONGEST_STATEMENT)

    def error(self, text: str, known: str = "", limit: int = LONGEST_ERROR) -> str:
        """An error message or a traceback in which only words stay that were known before.

        These are the words of literal exception texts, of the registry and of the tools, the statement's words, column
        names, and levels that may be named. Other words become ``…``, numbers of more than three digits ``#``, and of
        quoted texts nothing stays unless all of it is known.

        Args:
            text: the message.
            known: what the reader has written or been shown before (its program), whose words it may see again.
            limit: characters; of longer messages the beginning and more of the end.
        """
        if len(text) > 20 * limit:
            text = f"{text[: 5 * limit]}\n{text[-15 * limit :]}"
        said = self._said | frozenset(_words(known))
        literals = frozenset(_literals(known)) - self._alias.keys()
        shown = self._scrubbed(clean(text), said, literals)
        shown = re.sub(rf"{GAP}(?:[\s\W]{{0,5}}{GAP})+", GAP, shown)
        if len(shown) > limit:
            shown = f"{shown[: limit // 3]} {GAP} {shown[-(limit - limit // 3 - 3) :]}"
        return shown

    def outgoing(self, text: str) -> str:
        """The last guard of a message: no control characters, and aliases instead of names where they stand as such.

        A name stands as such where it is quoted; one that isn't made of ordinary words also where it is not.
        """
        return clean(self._out(text) if self._alias else text)

    def inward(self, text: str) -> str:
        """A reply with the real names instead of aliases, escaped for the JSON string or program it stands in."""
        if not self._real:
            return text

        def real(match: re.Match[str]) -> str:
            name = self._real.get(match.group())
            if name is None:
                return match.group()
            escaped = json.dumps(name, ensure_ascii=False)[1:-1]
            # A text of a program that is itself a text of JSON is unwrapped twice.
            twice = match.string.endswith(('\\"', "'"), max(0, match.start() - 2), match.start())
            return json.dumps(escaped, ensure_ascii=False)[1:-1] if twice else escaped

        return self._in.sub(real, text)

    def _without_hidden(self, text: str) -> str:
        """A sentence of a person's with hidden names replaced wherever they stand, in capitals or not."""
        if self._speaking is None:
            return text
        return self._speaking.sub(lambda match: self._spoken.get(match.group().lower(), GAP), text)

    def _scrubbed(self, text: str, said: frozenset[str], literals: frozenset[str], depth: int = 0) -> str:
        def token(match: re.Match[str]) -> str:
            kind, found = match.lastgroup, match.group()
            if kind == "quoted":
                mark, inner = found[0], found[1:-1] if len(found) > 1 and found[-1] == found[0] else found[1:]
                return mark + self._quotation(inner, said, literals, depth) + mark
            if kind == "number":
                return found if sum(c.isdigit() for c in found) <= MOST_DIGITS else "#"
            if kind == "word":
                return self._word(found, said)
            return GAP  # an address

        return _TOKEN.sub(token, text)

    def _quotation(self, inner: str, said: frozenset[str], literals: frozenset[str], depth: int) -> str:
        if inner in self._names:
            return quoted(self.name(inner))[1:-1]
        if inner in self._every_level or inner in literals:
            return quoted(inner)[1:-1]
        if _WORD.fullmatch(inner):
            return self._word(inner, said)
        if depth < 3 and re.search(r"""[\[(]\s*["']""", inner):  # a list that was itself quoted: KeyError("['a']")
            return self._scrubbed(inner, said, literals, depth + 1)
        return GAP

    def _word(self, word: str, said: frozenset[str]) -> str:
        """A word or identifier, if it is known, or made of a column's name and known words."""
        if len(word) > 4 * LONGEST:
            return GAP
        if word in self._names:
            return self.name(word)
        if word.lower() in said or _known(word):
            return word
        for at in (m.start() for m in re.finditer("_", word)):
            if word[:at] in self._names and _known(word[at + 1 :]):
                return self.name(word[:at]) + word[at:]
        return GAP


_TOKEN = re.compile(
    r"""(?P<address>[^\s"'`,;()\[\]]+@[^\s"'`,;()\[\]]+)"""
    r"""|(?P<quoted>(?<!\w)(?P<mark>["'`])(?:\\.|(?!(?P=mark)).)*(?:(?P=mark)|\Z))"""
    r"""|(?P<number>(?<!\w)\d+(?:(?:[.,:;/\-\s]|[,;]\s|[eE][+\-]?)\d+)*(?!\w))"""
    r"""|(?P<word>\w+)""",
    re.DOTALL,
)
_WORD = re.compile(r"\w+")


def _known(word: str) -> bool:
    """Whether all parts of a word or identifier are in the vocabulary; few digits may stand between them."""
    if word.lower() in _vocabulary():
        return True
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+", word)
    letters = [p for p in parts if not p.isdigit()]
    digits = sum(len(p) for p in parts if p.isdigit())
    return bool(parts) and digits <= MOST_DIGITS and all(len(p) == 1 or p.lower() in _vocabulary() for p in letters)


def _words(text: str) -> Iterator[str]:
    return (w.lower() for w in _WORD.findall(text))


def _literals(source: str) -> Iterator[str]:
    """The quoted texts of a program."""
    return (m.group(2) for m in re.finditer(r"""(["'])((?:(?!\1)[^\\\n]){1,200})\1""", source))


@cache
def ordinary() -> frozenset[str]:
    """Ordinary words: those of literal exception texts."""
    text = (files("modelwright") / "agents" / "vocabulary.txt").read_text("utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


@cache
def _vocabulary() -> frozenset[str]:
    def told() -> Iterable[str]:
        for action in registry().values():
            yield action.name
            yield action.render()
        for name, tool in all_tools().items():
            yield f"{name} {tool.signature} {tool.doc}"

    return ordinary() | {part for text in told() for word in _words(text) for part in (word, *word.split("_"))} - {""}


def _plain(name: str) -> bool:
    """Whether a name can be shown as it is."""
    return 0 < len(name) <= LONGEST and name == clean(name) and not {*"\n\t"} & {*name} and bool(name.strip())


def _free(prefix: str, taken: str) -> str:
    """A beginning for aliases that nothing else begins with."""
    while re.search(rf"(?<!\w){re.escape(prefix)}\d", taken):
        prefix = prefix[:-1] + "x_"
    return prefix


def _replacer(alias: dict[str, str]) -> Callable[[str], str]:
    """Replaces names by aliases: quoted ones, and those that can't be meant otherwise."""
    forms: dict[str, str] = {}
    for name, short in alias.items():
        for form in (name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1], repr(name)[1:-1]):
            if form.strip():
                forms.setdefault(form, short)
    if not forms:
        return lambda text: text
    longest_first = sorted(forms, key=len, reverse=True)
    any_form = "|".join(map(re.escape, longest_first))
    telling = "|".join(re.escape(f) for f in longest_first if not _everyday(f))
    either = rf"""(?<=["'`])(?:{any_form})(?=\\?["'`])"""
    pattern = re.compile(either + (rf"|(?<!\w)(?:{telling})(?![^\W_])" if telling else ""))
    return lambda text: pattern.sub(lambda m: forms[m.group()], text)


def _everyday(name: str) -> bool:
    words = re.findall(r"[^\W_]+", name.lower())
    plain = "_" not in name and all(w in ordinary() or w.isdigit() or len(w) < 3 for w in words)
    return plain or len(name) < 3
