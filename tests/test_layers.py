"""The layers: each imports only from those before it, and the core uses nothing of the outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import otrfast

ROOT = Path(otrfast.__file__).parent
LAYERS = [
    {"errors", "policy", "_records", "_views", "wire", "events", "limits", "trust"},
    {"crypto"},
    {"environment", "outcome"},
    {"protocol"},
    {"engine"},
    {"session", "bytes_like"},
    {"account"},
    {"storage"},
    {"journal"},
    {"aio"},
    {"chat", "drop_in"},
    {"potr", "otr", "toolkit", "xmpp", "irc"},
    {"proxy"},
    {"apps", "cli"},
]
"""`wire` stands beside `errors` and `events`, which name TLVs; within a layer no circle either."""

PUBLIC = "__init__"
CORE = set().union(*LAYERS[:7])
OUTSIDE = {
    "asyncio", "datetime", "fcntl", "getpass", "glob", "http", "logging", "multiprocessing",
    "pathlib", "queue", "random", "sched", "secrets", "select", "selectors", "shutil", "signal",
    "socket", "socketserver", "ssl", "subprocess", "syslog", "tempfile", "threading", "time",
    "urllib", "_thread", "concurrent", "io",
}  # fmt: skip
ALLOWED = {"environment": {"time", "os"}}
CALLS = {"open", "print", "input", "exec", "eval"}
ALLOWED_CALLS = {"_records": {"exec"}}


def modules() -> dict[str, Path]:
    """Every module by its dotted name below the package."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return found


MODULES = modules()


def imports(path: Path, everywhere: bool = True) -> set[str]:
    """The modules that a file imports: anywhere in it, or at its top level with the imports for
    the type checker (`if TYPE_CHECKING`)."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if everywhere else _top_level(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(
                name if name.removeprefix("otrfast.") in MODULES else str(node.module)
                for name in names
            )
    return found


def _top_level(tree: ast.Module) -> Iterator[ast.AST]:
    for node in tree.body:
        yield from node.body if isinstance(node, ast.If) else [node]


def own(path: Path, everywhere: bool = True) -> set[str]:
    """Those of the package, by their names below it."""
    names = {
        name.removeprefix("otrfast.")
        for name in imports(path, everywhere)
        if name.startswith("otrfast.")
    }
    return {name if name in MODULES else name.rpartition(".")[0] for name in names} - {""}


def layer(name: str) -> int:
    top = name.partition(".")[0]
    for number, tops in enumerate(LAYERS):
        if top in tops:
            return number
    raise AssertionError(f"{name} belongs to no layer")


@pytest.mark.parametrize("name", sorted(set(MODULES) - {PUBLIC}))
def test_module_then_it_imports_only_layers_before_it(name: str):
    for imported in own(MODULES[name]):
        assert layer(imported) <= layer(name), f"{name} imports {imported}"


def test_package_then_it_is_imported_whole_only_by_layers_that_may_use_all_of_it():
    for name, path in MODULES.items():
        if name != PUBLIC and "otrfast" in imports(path):
            assert layer(name) >= layer("storage"), name


def test_modules_then_their_imports_form_no_circle():
    """Imports within a function do not count: `crypto.backends.load` imports the backend that is
    selected."""
    graph = {name: own(path, False) & set(MODULES) for name, path in MODULES.items()}
    del graph[PUBLIC]
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name in done:
            return
        for imported in sorted(graph.get(name, ())):
            visit(imported, (*path, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())


@pytest.mark.parametrize("name", sorted(name for name in MODULES if name.partition(".")[0] in CORE))
def test_core_module_then_no_socket_clock_random_source_logger_thread_or_file(name: str):
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    tops = {imported.partition(".")[0] for imported in imports(MODULES[name])}
    assert not tops & OUTSIDE - ALLOWED.get(name, set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in CALLS - ALLOWED_CALLS.get(name, set())
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            outside = node.value.id == "os" and node.attr in ("urandom", "open", "getpid", "times")
            assert not outside or name == "environment"
