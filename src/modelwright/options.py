"""What options of the command line take: texts from files, durations, sizes, kinds of columns, agents' models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelwright.errors import RequestError

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:  # not generic in older versions of click
    ParamType = click.ParamType


class Where(ParamType):
    """Where a run or a bundle is: a path, or a URL such as ``s3://bucket/runs/churn``.

    Args:
        local: whether it has to be a path.
    """

    name = "path or URL"

    def __init__(self, *, local: bool = False) -> None:
        self.local = local

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """A path, unless it is a URL of something that isn't on this machine."""
        from modelwright.objects import local_path

        if isinstance(value, Path):
            return value
        path = local_path(str(value))
        if path is None and self.local:
            self.fail(f"{value} isn't on this machine, where this needs a folder; give a path", param, ctx)
        return str(value).rstrip("/") if path is None else path


class Text(ParamType):
    """A text, or ``@FILE`` for the text of a file."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the file where one is named."""
        if not isinstance(value, str) or not value.startswith("@"):
            return str(value)
        try:
            return Path(value[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"{value[1:]} can't be read as text: {error}", param, ctx)


class Duration(ParamType):
    """Seconds, or ``90s``, ``5m``, ``1h``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse it."""
        from modelwright.request import parse_duration

        try:
            return value if isinstance(value, float) else parse_duration(str(value))
        except RequestError as error:
            self.fail(str(error), param, ctx)


class Size(ParamType):
    """Bytes, or ``800M``, ``4G``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse it."""
        from modelwright.request import parse_size

        try:
            return value if isinstance(value, int) else parse_size(str(value))
        except RequestError as error:
            self.fail(str(error), param, ctx)


class Kinds(ParamType):
    """``COLUMN=KIND``."""

    name = "column=kind"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split it at the last equals sign: names may hold one, kinds don't."""
        from modelwright.table import KINDS

        if isinstance(value, tuple):
            return value
        name, _, kind = str(value).rpartition("=")
        if not name or kind not in KINDS:
            self.fail(f"{value!r} should be COLUMN=KIND with a kind of {', '.join(KINDS)}", param, ctx)
        return name, kind


class Roles(ParamType):
    """``AGENT=PROVIDER:MODEL``: another language model for one agent."""

    name = "agent=model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The agent and the model."""
        if isinstance(value, tuple):
            return value
        agent, equals, model = value.partition("=")
        if not agent or not equals or not model:
            self.fail(f"{value!r} should be AGENT=PROVIDER:MODEL, for instance designer=openai:gpt-5", param, ctx)
        return agent, model
