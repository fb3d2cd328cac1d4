"""Virtual environments, made when they are needed and again when what they hold has changed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent / ".venvs"
ALWAYS = ("pandas", "pyarrow")
"""What reads the rows and writes the predictions."""


class InstallError(Exception):
    """An environment can't be made; the text says why."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment of one or more rivals.

    Args:
        name: of its folder.
        first: what pip installs before the rest.
        requirements: what pip installs; a path of a folder is built and installed from there.
    """

    name: str
    first: tuple[str, ...]
    requirements: tuple[str, ...]

    def python(self, home: Path = HOME) -> Path:
        """Its interpreter; the environment is made or brought up to date if need be.

        Raises:
            InstallError: when pip can't install it.
        """
        folder = home.resolve() / self.name
        python = folder / "bin" / "python"
        stamp = folder / ".installed"
        wanted = self._stamp()
        if python.exists() and stamp.exists() and stamp.read_text() == wanted:
            return python
        print(f"installing {self.name} into {folder}", file=sys.stderr, flush=True)
        stamp.unlink(missing_ok=True)
        if not python.exists():
            _called([sys.executable, "-m", "venv", str(folder)])
        for step in (self.first, (*self.requirements, *ALWAYS)):
            if step:
                _called([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *step])
        stamp.write_text(wanted)
        return python

    def _stamp(self) -> str:
        parts = [*self.first, "then", *self.requirements]
        parts += [fingerprint(Path(r)) for r in self.requirements if Path(r).is_dir()]
        return "\n".join(parts)


def fingerprint(folder: Path) -> str:
    """Changes when what would be installed from a folder of sources changes."""
    digest = hashlib.sha256()
    files = [folder / "pyproject.toml", *sorted(p for p in (folder / "src").rglob("*") if p.is_file())]
    for path in files:
        if "__pycache__" not in path.parts and path.exists():
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def version(python: Path, package: str) -> str:
    """The version of a package that is installed in an environment."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _called(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if not line.startswith("WARNING")]
        raise InstallError(f"{' '.join(command)}\n" + "\n".join(said[-8:]))
