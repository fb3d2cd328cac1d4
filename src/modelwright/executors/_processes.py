"""What the platform offers to watch processes and to end them: all of it on Linux, the common part elsewhere."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from functools import lru_cache

LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def _prctl(option: int, value: int) -> None:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl failed")


def die_with_parent(parent: int) -> None:
    """Have this process killed when its parent ends. Elsewhere than on Linux the parent's owner must see to it."""
    if LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the request was made
            os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that none of them gets out of sight."""
    if LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def first_to_go() -> None:
    """Ask the kernel to end this process rather than others when the machine runs out of memory."""
    if LINUX:
        with contextlib.suppress(OSError):  # a hardened system may refuse; it is a wish only
            fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
            try:
                os.write(fd, b"800")
            finally:
                os.close(fd)


def kill_group(leader: int) -> None:
    """Kill a process and its process group; those that are gone already don't matter."""
    for send in (os.kill, os.killpg):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(leader, signal.SIGKILL)


def kill_tree(leader: int) -> None:
    """Kill a process with all its descendants, also when they fork while this goes on.

    They are stopped before any of them is killed: one that is stopped can't fork, and those that a dead parent leaves
    behind would be looked for in vain. What hides even so comes to light as an orphan.
    """
    stopped: set[int] = set()
    for _ in range(20):
        found = set(tree_of(leader)) - stopped
        if not found:
            break
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGSTOP)
        stopped |= found
    for pid in stopped | {leader}:
        kill_group(pid) if pid == leader else _kill(pid)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process with this number exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123  called twenty times a second
        return stream.read(1 << 16)


@lru_cache(maxsize=1)
def _lists_children() -> bool:
    return LINUX and os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110  as its neighbours


def children(pid: int) -> list[int]:
    """The children of a process; none when it has ended."""
    if _lists_children():
        found: list[int] = []
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  called twenty times a second
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    found += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
        return found
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.NoSuchProcess:
        return []


def _resident(pid: int) -> int:
    if not LINUX:
        import psutil

        try:
            return int(psutil.Process(pid).memory_info().rss)
        except psutil.Error:
            return 0
    total = 0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in _read(f"/proc/{pid}/status").splitlines():
            if line.startswith((b"RssAnon:", b"RssShmem:")):
                total += int(line.split()[1]) * 1024
    return total


def tree_of(leader: int, most: int = 100_000) -> list[int]:
    """A process and all its descendants; the search ends when more than ``most`` are found."""
    found: list[int] = []
    waiting, seen = [leader], {leader}
    while waiting and len(found) <= most:
        pid = waiting.pop()
        found.append(pid)
        new = [child for child in children(pid) if child not in seen]
        seen.update(new)
        waiting += new
    return found


def memory_of(*pids: int) -> int:
    """Resident bytes of some processes.

    On Linux without the pages of mapped files, which the kernel can take back at any time: mapping a large data set
    isn't held against anybody.
    """
    return sum(map(_resident, pids))


def memory_shared_out(*pids: int) -> int:
    """Resident bytes of some processes, each page shared out among those that share it; dearer than :func:`memory_of`.

    Processes that were forked from each other share most of their pages.
    """
    total = 0
    for pid in pids:
        try:
            lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
            total += sum(int(w.split()[1]) * 1024 for w in lines if w.startswith((b"Pss_Anon:", b"Pss_Shmem:")))
        except OSError:  # it has ended, or this isn't Linux
            total += _resident(pid)
    return total


def cap_files(size: int) -> None:
    """Let writing fail in this process beyond a file size of so many bytes; Python raises ``OSError`` there."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


def disk_of(folder: str, most_files: int = 20_000) -> int:
    """Bytes on disk of the files below a folder; of the first ``most_files`` where there are more."""
    total, seen, waiting = 0, 0, [folder]
    while waiting and seen < most_files:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                seen += 1
                with contextlib.suppress(OSError):  # files come and go
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total


def data_size() -> int:
    """Bytes of private writable memory that this process has mapped, touched or not; 0 where it isn't known."""
    if LINUX:
        for line in _read("/proc/self/status").splitlines():
            if line.startswith(b"VmData:"):
                return int(line.split()[1]) * 1024
    return 0


def cap_data(allowance: int) -> None:
    """Let allocations fail in this process once it has mapped ``allowance`` bytes more than now (Linux only).

    The limit is on private writable memory (``RLIMIT_DATA``), since one on address space would forbid mapping large
    files. Only the soft limit is set; :func:`uncap_data` takes it back.
    """
    if LINUX:
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        wanted = data_size() + allowance
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def uncap_data() -> None:
    """Take back what :func:`cap_data` did."""
    if LINUX:
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
