"""What a value, a function or a class is called by when something is kept under a name: all that can change an answer.

`describe(value)` gives plain JSON types: data sets and runs by identity, tables and tensors by content, functions by
source, bound values, closure and the globals that they read, and so on through what they call. Two exceptions: what
`mi_kit.estimators` holds is named by `estimators.VERSION` (tests/test_golden_numbers.py says when it must be raised),
and what Python or an installed package holds by its name.
"""

from __future__ import annotations

import ast
import collections
import dataclasses
import dis
import functools
import hashlib
import importlib
import importlib.util
import inspect
import linecache
import pickle
import sys
import sysconfig
import textwrap
import types
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import torch

from . import paths

UNNAMED = "unnamed"  # metadata of a dataclass field that changes no result: sliders, devices
NO_NUMBERS = ("mi_kit.fingerprint", "mi_kit.paths", "mi_kit.progress")  # say where things lie, not what they are
INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
UNTOLD = ("__module__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__qualname__", "__dataclass_params__",
          "__dataclass_fields__", "__match_args__", "__static_attributes__", "__firstlineno__")  # fmt: skip
SLOTS = (types.GetSetDescriptorType, types.MemberDescriptorType)
MADE_BY_DATACLASS = ("__init__", "__repr__", "__eq__", "__hash__", "__lt__", "__le__", "__gt__", "__ge__",
                     "__setattr__", "__delattr__", "__replace__", "__getstate__", "__setstate__")  # fmt: skip
STATELESS = ("_thread", "logging", "weakref", "io", "_io", "contextvars")  # modules of locks, loggers, streams


def unnamed(default):
    """A dataclass field, with its default, that is no part of any name."""
    return dataclasses.field(default=default, metadata={UNNAMED: True})


def of(value) -> str:
    """Twelve hexadecimal digits that change with `describe(value)`."""
    if isinstance(value, functools.partial):
        return paths.short_hash([of(value.func), describe([*value.args, value.keywords])])
    return _of_ours(value) if _is_settled(value) else paths.short_hash(describe(value))


def _is_settled(value) -> bool:
    """A function of mi_kit stays what it is as long as the process lives; one of a session may call what is defined
    anew."""
    return isinstance(value, types.FunctionType) and value.__module__.startswith("mi_kit.") and not value.__closure__


@functools.lru_cache(maxsize=5_000)
def _of_ours(function: types.FunctionType) -> str:
    return paths.short_hash(describe(function))


def read_by(settings, function: types.FunctionType) -> dict:
    """`describe(settings)`, a dataclass, without those fields that `function` and all that it calls cannot read: whose
    name stands as an attribute in none of their sources, nor in the settings' own methods. Only for settings of
    mi_kit, whose functions read fields by their names."""
    named = describe(settings)
    if not _is_settled(function) or not type(settings).__module__.startswith("mi_kit."):
        return named
    names = _attributes_read(function) | _attributes_in(_methods_of(type(settings)))
    return {**named, "fields": {name: value for name, value in named["fields"].items() if name in names}}


def _methods_of(settings: type) -> list[types.CodeType]:
    parts = [
        _parts_of(item) for name, item in vars(settings).items() if name not in (*MADE_BY_DATACLASS, "__post_init__")
    ]
    flat = [each for part in parts for each in (part if isinstance(part, list) else [part])]
    return [each.__code__ for each in flat if isinstance(each, types.FunctionType)]


@functools.lru_cache(maxsize=5_000)
def _attributes_read(function: types.FunctionType) -> frozenset[str]:
    _describe(function, seen := _Seen())
    return _attributes_in([each.__code__ for each in seen.kept if isinstance(each, types.FunctionType)])


def _attributes_in(waiting: list[types.CodeType]) -> frozenset[str]:
    names = set()
    while waiting:
        code = waiting.pop()
        names.update(code.co_names)
        waiting += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return frozenset(names)


def describe(value):
    """`value` as plain JSON types that name it. Raises ValueError for what cannot be named."""
    return _describe(value, _Seen())


class _Seen:
    """What is named by where it was met first: a function or class met before, or a container that holds itself."""

    def __init__(self):
        self.number_of: dict[int, int] = {}
        self.kept: list = []  # an id names an object only as long as there is the object
        self.open: set[int] = set()

    def add(self, value) -> None:
        self.number_of[id(value)] = len(self.kept)
        self.kept.append(value)


def _describe(value, seen: _Seen):
    if value is None or isinstance(value, (bool, int, float, str, bytes, complex)):
        return value if not isinstance(value, (bytes, complex)) else repr(value)
    if isinstance(value, np.generic):
        return _describe(value.item(), seen)
    if isinstance(value, types.ModuleType):
        return value.__name__ if _is_library(value.__name__) else _module_of_own(value, seen)
    if isinstance(value, (np.ndarray, torch.Tensor, pd.DataFrame, pd.Series, pd.Index)):
        return _content(value)
    if isinstance(value, (type, types.FunctionType)):
        if id(value) in seen.number_of:
            return f"as {seen.number_of[id(value)]}"
        seen.add(value)
        return _class(value, seen) if isinstance(value, type) else _function(value, seen)
    if id(value) in seen.open:
        return "itself"
    seen.open.add(id(value))
    try:
        return _wrapped(value, seen) or _object(value, seen)
    finally:
        seen.open.remove(id(value))


def _object(value, seen: _Seen):
    is_ours, identity = type(value).__module__.startswith("mi_kit."), getattr(type(value), "identity", None)
    if isinstance(identity, str) or (is_ours and identity):
        return _describe(value.identity, seen)
    if dataclasses.is_dataclass(value):
        named = [field.name for field in dataclasses.fields(value) if not field.metadata.get(UNNAMED)]
        fields = {name: _describe(getattr(value, name), seen) for name in named}
        return {"class": type(value).__qualname__ if is_ours else _describe(type(value), seen), "fields": fields}
    if isinstance(value, torch.nn.Module):
        return _module(value, seen)
    if type(value).__module__.split(".")[0] in STATELESS:
        return type(value).__qualname__
    items = _items(value, seen)
    if not _is_library(type(value).__module__):
        return {"class": _describe(type(value), seen), "holds": _describe(_held(value), seen), "items": items}
    if items is not None:
        return items
    if held := getattr(value, "__dict__", None):  # not what lies in slots: a path keeps its hash there
        return {"class": type(value).__qualname__, "holds": _describe(held, seen)}
    try:
        return hashlib.sha256(pickle.dumps(value)).hexdigest()
    except Exception as error:
        words = f"{type(value).__module__}.{type(value).__qualname__}"
        raise ValueError(
            f"what names a result must be plain values, tables, tensors, runs, data sets or functions of such; got "
            f"an object of {words}: {error}."
        ) from error


def _held(value) -> dict:
    """The attributes of an object, those in slots too."""
    slots = [name for base in type(value).__mro__ for name in np.atleast_1d(getattr(base, "__slots__", ())).tolist()]
    own = {name: getattr(value, name) for name in slots if not name.startswith("__") and hasattr(value, name)}
    return own | getattr(value, "__dict__", {})


def _items(value, seen: _Seen):
    """What a container holds, in its order; None for what is none."""
    if isinstance(value, Mapping):
        return [[_describe(key, seen), _describe(item, seen)] for key, item in value.items()]
    if isinstance(value, (list, tuple, collections.deque)):
        return [_describe(item, seen) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_describe(item, seen) for item in value), key=repr)
    return None


def _content(value) -> list:
    if isinstance(value, (pd.DataFrame, pd.Series, pd.Index)):
        table = pd.DataFrame(value).reset_index()
        about = [[repr(column), str(table[column].dtype)] for column in table]
        plain = [table[column].map(repr) if table[column].dtype == object else table[column] for column in table]
        hashed = pd.util.hash_pandas_object(pd.concat(plain, axis=1), index=False).to_numpy()
        return [type(value).__name__, about, hashlib.sha256(hashed).hexdigest()]
    if isinstance(value, torch.Tensor):
        whole = value.detach().cpu().contiguous()
        return ["tensor", str(whole.dtype), list(whole.shape), hashlib.sha256(as_bytes(whole)).hexdigest()]
    if value.dtype == object:
        return ["array", list(value.shape), [_describe(item, _Seen()) for item in value.ravel()]]
    return ["array", str(value.dtype), list(value.shape), hashlib.sha256(np.ascontiguousarray(value)).hexdigest()]


def as_bytes(tensor: torch.Tensor) -> np.ndarray:
    """The bytes of a contiguous tensor on the CPU, of any dtype."""
    return tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else np.empty(0, np.uint8)


# --------------------------------------------------------------------------------------------- functions and classes


def _wrapped(value, seen: _Seen):
    """What holds or names a function: a partial, a method, a cached or built-in one; else None."""
    if isinstance(value, functools.partial):
        return {"function": _describe(value.func, seen), "bound": _describe([*value.args, value.keywords], seen)}
    if isinstance(value, types.MethodType):
        return {"function": _describe(value.__func__, seen), "self": _describe(value.__self__, seen)}
    if hasattr(value, "cache_info") and hasattr(value, "__wrapped__"):  # functools.lru_cache
        return _describe(value.__wrapped__, seen)
    if isinstance(value, types.BuiltinFunctionType):
        owner = value.__self__ if not isinstance(value.__self__, (types.ModuleType, type)) else None
        return [f"{value.__module__}.{value.__qualname__}", _describe(owner, seen)]
    return None


def _function(value: types.FunctionType, seen: _Seen):
    module = value.__globals__.get("__name__", "")  # where it was written: `wraps` lends it another one's __module__
    if _is_library(module) or module in NO_NUMBERS:
        return f"{module}.{value.__qualname__}"
    if module.startswith("mi_kit.estimators"):
        from .estimators import VERSION

        return f"{module}.{value.__qualname__} of version {VERSION}"
    cells, empty = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True), types.CellType()
    held = {name: _describe(cell.cell_contents, seen) for name, cell in cells if cell != empty}
    for name, found in _read_globals(value):
        held[name] = _describe(found, seen)
    extra = {key: item for key, item in vars(value).items() if key != "__wrapped__"}
    return {
        "source": _source_of(value.__code__),
        "defaults": _describe([value.__defaults__, value.__kwdefaults__], seen),
        "reads": held,
        "attributes": _describe(extra, seen),
    }


def _class(value: type, seen: _Seen):
    if _is_library(value.__module__) or value.__module__ in NO_NUMBERS:
        return f"{value.__module__}.{value.__qualname__}"
    is_dataclass, members = dataclasses.is_dataclass(value), {}
    for name, item in vars(value).items():
        if name in UNTOLD or name.startswith("_abc_") or isinstance(item, SLOTS):
            continue
        parts = _parts_of(item)
        code = getattr(parts, "__code__", None)
        if not (is_dataclass and name in MADE_BY_DATACLASS and getattr(code, "co_filename", "<string>") == "<string>"):
            members[name] = _describe(parts, seen)
    if is_dataclass:  # what it writes follows from these
        members["fields"] = [
            [each.name, each.init, *(_describe(default, seen) for default in (each.default, each.default_factory))]
            for each in dataclasses.fields(value)
        ]
    return {
        "name": value.__qualname__,
        "bases": [_describe(base, seen) for base in value.__bases__],
        "members": members,
    }


def _parts_of(item):
    """What a member of a class is made of."""
    if isinstance(item, property):
        return [item.fget, item.fset, item.fdel]
    if isinstance(item, (staticmethod, classmethod)):
        return item.__func__
    return item.func if isinstance(item, functools.cached_property) else item


def _module(value: torch.nn.Module, seen: _Seen) -> dict:
    """A network: its parts, what they were made with, its weights."""
    tensors = {**dict(value.named_parameters()), **dict(value.named_buffers())}
    found = {"network": repr(value), "tensors": _describe(tensors, seen)}
    if isinstance(value, torch.jit.ScriptModule):
        return {**found, "source": value.code}
    plain = ("_parameters", "_buffers", "_modules")
    return {
        **found,
        "source": [_describe(type(part), seen) for part in value.modules()],
        "attributes": [
            _describe({name: item for name, item in vars(part).items() if name not in plain}, seen)
            for part in value.modules()
        ],
    }


def _is_library(name: str) -> bool:
    """Whether a module is Python's own or installed; mi_kit never counts as such."""
    top = name.split(".")[0]
    if top in ("mi_kit", "__main__"):
        return False
    module = sys.modules.get(name) or sys.modules.get(top)
    file = getattr(module, "__file__", None) if module else _origin(top)
    return file.startswith(INSTALLED) if file else top in sys.stdlib_module_names or top == "builtins"


@functools.lru_cache(maxsize=1_000)
def _origin(top: str) -> str | None:
    """Where a module that is not loaded lies."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec and spec.has_location else None


def _module_of_own(module: types.ModuleType, seen: _Seen) -> dict:
    """A module of the user's own that is handed about as a whole: all that it defines, as it was loaded."""
    if id(module) in seen.number_of:
        return f"as {seen.number_of[id(module)]}"
    seen.add(module)
    held = {name: item for name, item in vars(module).items() if not name.startswith("__")}
    return {name: _describe(item, seen) for name, item in sorted(held.items())}


# --------------------------------------------------------------------------------------------- source


def _read_globals(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    """(name, value) of the globals that a function reads, and of what it imports: of `module.name` the name in the
    module, where that is no library."""
    known = function.__globals__
    for chain in _chains(function.__code__):
        if chain[0] in known:
            yield from _along(chain[0], known[chain[0]], chain[1:])
    for name, level, wanted in _imports(function.__code__):
        full = importlib.util.resolve_name("." * level + name, known.get("__package__")) if level else name
        if _is_library(full):
            continue
        try:
            module = importlib.import_module(full)  # as the function is about to do
        except ImportError:
            continue
        for each in wanted or [""]:
            yield from _along(f"import {full} {each}", module, [each] if each else [])


def _along(told: str, value, attributes) -> Iterator[tuple[str, object]]:
    for attribute in attributes:
        if not isinstance(value, types.ModuleType) or _is_library(value.__name__) or not hasattr(value, attribute):
            break
        value, told = getattr(value, attribute), f"{told}.{attribute}"
    if not isinstance(value, types.ModuleType) or not _is_library(value.__name__):
        yield told, value


@functools.lru_cache(maxsize=20_000)
def _imports(code: types.CodeType) -> tuple[tuple, ...]:
    """(module, level, names) of the imports in a function's body, and in those of the functions inside it."""
    found, constants = [], []
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_CONST", "LOAD_SMALL_INT"):
            constants.append(step.argval)
        elif step.opname == "IMPORT_NAME":
            level, wanted = constants[-2:]
            found.append((step.argval, level, tuple(each for each in wanted or () if each != "*")))
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return tuple(found) + tuple(each for constant in inner for each in _imports(constant))


@functools.lru_cache(maxsize=20_000)
def _chains(code: types.CodeType) -> tuple[tuple[str, ...], ...]:
    """The dotted names that a function's code reads from its globals, those of the functions inside it too."""
    found, chain = set(), []
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            found.add(tuple(chain))
            chain = [step.argval]
        elif chain and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            chain.append(step.argval)
        elif step.opname not in ("CACHE", "PRECALL", "PUSH_NULL"):
            found.add(tuple(chain))
            chain = []
    found.add(tuple(chain))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found.update(_chains(constant))
    return tuple(sorted(found - {()}))


@functools.lru_cache(maxsize=20_000)
def _source_of(code: types.CodeType) -> str:
    """The text of a function without comments, layout and docstrings; its bytecode where there is no text, as for a
    lambda, or where the file was edited after it was loaded: what runs is not what is written there.

    Read once: a file that is edited while a session runs does not rename what the session has made.
    """
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename))
    if code.co_name == "<lambda>" or code not in _codes_in(code.co_filename, text):
        return _bytecode(code)
    lines = inspect.getblock(text.splitlines(keepends=True)[code.co_firstlineno - 1 :])
    tree = ast.parse(textwrap.dedent("".join(lines)))
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


@functools.lru_cache(maxsize=500)
def _codes_in(file: str, text: str) -> frozenset:
    """The code objects that a file's text gives; none where it cannot be compiled."""
    try:
        waiting, found = [compile(text, file, "exec", dont_inherit=True)], []
    except (SyntaxError, ValueError):
        return frozenset()
    while waiting:
        found.append(waiting.pop())
        waiting += [constant for constant in found[-1].co_consts if isinstance(constant, types.CodeType)]
    return frozenset(found)


def _bytecode(code: types.CodeType) -> str:
    constants = [_bytecode(each) if isinstance(each, types.CodeType) else _constant(each) for each in code.co_consts]
    return repr([code.co_code.hex(), code.co_names, code.co_varnames, code.co_freevars, constants])


def _constant(value) -> str:
    return repr(sorted(value, key=repr)) if isinstance(value, frozenset) else repr(value)
