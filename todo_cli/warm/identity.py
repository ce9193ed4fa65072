"""Which program this is, and what two processes must share.

A worker runs a command for another process. What it cannot take over from
that process must be equal already; it is compared here, as bytes.

Imports only what Python has loaded: every warm command comes here.
"""

import os
import sys

from todo_cli import __version__

# Importing typing would take longer than all that is read here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from todo_cli.warm.worker import Origin

_NAMESPACES = ("mnt", "net", "pid", "user", "uts", "ipc")
_RIGHTS = (b"Cap", b"NoNewPrivs", b"Seccomp")
"""How the lines of /proc/self/status begin that limit what we may do."""
_AT_LOADING = (
    "PYTHON",
    "LD_",
    "DYLD_",
    "OPENSSL_",
    "SSLKEYLOGFILE",
    "SQLITE_",
    "TMPDIR",
    "MALLOC_",
    "GLIBC_TUNABLES",
    "TYPER_",
    "_TYPER_",
    "TERMINAL_WIDTH",
    "GITHUB_ACTIONS",
    "JUPYTER_",
    "DATABRICKS_",
    "LOCPATH",
)
"""How the variables begin that Python and libraries read when they load."""
_FREE = frozenset(
    (
        "PYTHONCOERCECLOCALE",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONIOENCODING",
        "PYTHONSTARTUP",
        "PYTHONUNBUFFERED",
        "PYTHONUTF8",
    )
)
"""Those of Python that only decide what is compared or sent by itself."""


def program() -> bytes:
    """Say which program this is, and how Python was started."""
    folder = os.path.dirname(os.path.dirname(__file__))
    # UTF-8 mode decides encodings only, and those are compared below.
    mode = f"utf8_mode={sys.flags.utf8_mode}"
    flags = repr(sys.flags).replace(mode, "")
    # Whether compiled modules are kept is nothing that a caller sees.
    keeps = f"dont_write_bytecode={sys.flags.dont_write_bytecode}"
    flags = flags.replace(keeps, "")
    says = (
        __version__,
        folder,
        sys.prefix,
        sys.base_prefix,
        sys.version,
        flags,
        sys.warnoptions,
        sorted(sys._xoptions.items()),
        sys.getfilesystemencoding(),
        _preferred(),
    )
    return ascii(says).encode()


def _preferred() -> str:
    """Return the encoding of files that are opened without one."""
    if sys.flags.utf8_mode:
        return "utf-8"
    import _locale

    # mypy's stub of the module is that of an older Python.
    return str(_locale.getencoding()).lower()  # type: ignore[attr-defined,unused-ignore]


def process() -> bytes:
    """Say what this process may do, and which files and hosts it sees."""
    root = os.stat("/")
    says = [
        ascii((_users(), sorted(os.getgroups()))).encode(),
        b"%d:%d" % (root.st_dev, root.st_ino),
    ]
    for name in _NAMESPACES:
        says.append(_link(f"/proc/self/ns/{name}"))
    says.append(_content("/proc/self/attr/current"))
    for line in _content("/proc/self/status").split(b"\n"):
        if line.startswith(_RIGHTS):
            says.append(line)
    return b"\n".join(says)


def _users() -> "tuple[int, ...]":
    """Return the numbers of the users and groups that we run as."""
    try:
        return (*os.getresuid(), *os.getresgid())
    except AttributeError:  # macOS has none
        return (os.getuid(), os.geteuid(), os.getgid(), os.getegid())


def _link(path: str) -> bytes:
    """Return what a link of the system means; nothing if there is none."""
    try:
        return os.readlink(path).encode()
    except OSError:
        return b""


def _content(path: str) -> bytes:
    """Return what a file of the system says; nothing if there is none."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(number, 16384)
    except OSError:
        return b""
    finally:
        os.close(number)


def at_loading(variables: "Mapping[str, str]") -> "dict[str, str]":
    """Choose the variables that Python and libraries read when they load."""
    return {
        name: value
        for name, value in variables.items()
        if name.startswith(_AT_LOADING) and name not in _FREE
    }


def differing(
    origin: "Origin",
    program: bytes,
    process: bytes,
    variables: "Mapping[bytes, bytes]",
) -> "str | None":
    """Say in which way a caller is other than the parent; None if in none."""
    if program != origin.program:
        return "program"
    if process != origin.process:
        return "process"
    texts = {
        os.fsdecode(name): os.fsdecode(value)
        for name, value in variables.items()
    }
    if at_loading(texts) != origin.at_loading:
        return "variables"
    return None


class Files:
    """The files of the program, and the folders of what it has loaded."""

    def __init__(self, paths: "Iterable[str]") -> None:
        self._paths = list(paths)
        self._seen = self._look()

    def have_changed(self) -> bool:
        """Whether one of them was written, removed or replaced since."""
        return self._look() != self._seen

    def _look(self) -> "list[tuple[int, int, int] | None]":
        seen: list[tuple[int, int, int] | None] = []
        for path in self._paths:
            try:
                found = os.stat(path)
            except OSError:
                seen.append(None)
                continue
            seen.append((found.st_mtime_ns, found.st_size, found.st_ino))
        return seen


def files_of_program() -> "list[str]":
    """List the files of the package, and the folders of other packages.

    A folder of packages changes when one is installed or removed there.
    """
    package = os.path.dirname(os.path.dirname(__file__))
    paths = [sys.executable]
    for folder, folders, names in os.walk(package):
        if "__pycache__" in folders:
            folders.remove("__pycache__")
        paths += [os.path.join(folder, name) for name in sorted(names)]
    for folder in sys.path:
        name = os.path.basename(folder)
        if name in ("site-packages", "dist-packages"):
            paths.append(folder)
    return paths
