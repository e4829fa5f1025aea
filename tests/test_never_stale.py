"""What is edited gives the new answer: in a running kernel, cell after cell, and in a second process."""

import collections
import importlib
import json
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import environment
from nbclient import NotebookClient

from mi_kit import data, fingerprint, models

START = """
import json
import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch import nn
from mi_kit import cache, data, training, widgets

ds = data.load("digits", n_train=200, n_test=50)
quick = {"steps": 3, "observe_at": [3], "progress": False, "device": "cpu"}


def shown(box):
    stack = [each for each in box.children if type(each).__name__ == "Stack"][0]
    return [hash(child.value) for child in stack.children]
"""

# name: (the first version, what is edited in it, by what it is replaced; the last line gives the answer)
EDITS = {
    "forward of a module": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Linear(784, 16), nn.Linear(16, 10)

            def forward(self, x):
                return self.b(self.a(x.flatten(1)).relu())

        answer = training.train(Net, ds, steps=3, progress=False, device="cpu").metrics["value"].sum()
        """,
        "relu()",
        "tanh()",
    ),
    "a function that a module calls": (
        """
        def bend(x):
            return x.relu()

        class Called(nn.Module):
            def __init__(self):
                super().__init__()
                self.a = nn.Linear(784, 10)

            def forward(self, x):
                return bend(self.a(x.flatten(1)))

        answer = training.train(Called, ds, steps=3, progress=False, device="cpu").metrics["value"].sum()
        """,
        "relu()",
        "sin()",
    ),
    "an observer": (
        """
        def obs(moment):
            return [{"member": 0, "value": 222}]

        answer = training.train("relu_mlp", ds, observe=obs, **quick).observed("obs")["value"].item()
        """,
        "222",
        "1",
    ),
    "an observer under a name": (
        """
        run = training.train("relu_mlp", ds, observe={"mine": lambda moment: [{"member": 0, "value": 444}]}, **quick)
        answer = run.observed("mine")["value"].item()
        """,
        "444",
        "333",
    ),
    "a global that an observer reads": (
        """
        table = torch.tensor([1.0, 2.0])

        def reads(moment):
            return [{"member": 0, "value": float(table.sum())}]

        answer = training.train("relu_mlp", ds, observe=reads, **quick).observed("reads")["value"].item()
        """,
        "[1.0, 2.0]",
        "[1.0, 3.0]",
    ),
    "a cached function": (
        """
        @cache.cached()
        def made():
            return pd.DataFrame({"x": [1]})

        answer = made()["x"].item()
        """,
        "[1]",
        "[100]",
    ),
    "what a cached function calls": (
        """
        def inner():
            return 5

        @cache.cached()
        def outer():
            return pd.DataFrame({"x": [inner()]})

        answer = outer()["x"].item()
        """,
        "5",
        "6",
    ),
    "a draw function": (
        """
        def draw(epoch):
            figure, ax = plt.subplots(figsize=(1, 1))
            ax.plot([0, epoch], [0, 1])
            return figure

        answer = shown(widgets.explore(draw, epoch=[1, 2]))
        """,
        "[0, 1]",
        "[1, 0]",
    ),
    "a global that a draw function reads": (
        """
        width = 1.0

        def thick(epoch):
            figure, ax = plt.subplots(figsize=(1, 1))
            ax.plot([0, epoch], [0, 1], lw=width)
            return figure

        answer = shown(widgets.explore(thick, epoch=[1, 2]))
        """,
        "width = 1.0",
        "width = 5.0",
    ),
    "a lambda": (
        """
        def plot(ys):
            figure, ax = plt.subplots(figsize=(1, 1))
            ax.plot(ys)
            return figure

        answer = shown(widgets.explore(lambda epoch: plot([0, epoch, 0]), epoch=[1, 2]))
        """,
        "[0, epoch, 0]",
        "[epoch, 0, 0]",
    ),
    "a closure of one factory": (
        """
        def factory(height):
            def drawn(epoch):
                figure, ax = plt.subplots(figsize=(1, 1))
                ax.plot([0, height, epoch])
                return figure

            return drawn

        answer = shown(widgets.explore(factory(3), epoch=[1, 2]))
        """,
        "factory(3)",
        "factory(4)",
    ),
    "a decorator": (
        """
        def times(factor):
            def decorate(function):
                return lambda: function().assign(x=lambda table: factor * table["x"])

            return decorate

        @cache.cached()
        @times(2)
        def decorated():
            return pd.DataFrame({"x": [1]})

        answer = decorated()["x"].item()
        """,
        "@times(2)",
        "@times(3)",
    ),
}


def versions(name):
    first, old, new = EDITS[name]
    first = textwrap.dedent(first)
    assert first.count(old) == 1
    return first, first.replace(old, new)


def say(name, number):
    return f'\nprint("ANSWER", json.dumps([{name!r}, {number}, answer]))\n'


@pytest.fixture(scope="module")
def answers_of_a_kernel(tmp_path_factory):
    """{(edit, version): answer} of one kernel, for each edit: the first version, the edited one, the first again."""
    cells = [START]
    for name in EDITS:
        first, second = versions(name)
        cells += [text + say(name, number) for number, text in enumerate((first, second, first))]
    home = tmp_path_factory.mktemp("kernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, timeout=300)
    with pytest.MonkeyPatch.context() as changed:
        for key, value in environment(home).items():
            changed.setenv(key, value)
        client.execute(cwd=str(home))
    told = "".join(out.text for cell in notebook.cells for out in cell.outputs if out.get("name") == "stdout")
    rows = [json.loads(line[7:]) for line in told.splitlines() if line.startswith("ANSWER")]
    return {(name, number): answer for name, number, answer in rows}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_cell_gives_the_new_answer(answers_of_a_kernel, name):
    first, second, again = (answers_of_a_kernel[name, number] for number in range(3))
    assert first != second
    assert first == again


def test_an_edited_script_gives_the_new_answer_in_a_second_process(tmp_path):
    """Every edit at once: each process runs one version of the whole file."""
    answers, script = [], tmp_path / "script.py"
    for number in (0, 1, 0):
        script.write_text(START + "".join(versions(name)[number] + say(name, number) for name in EDITS))
        # hash() of bytes differs from process to process unless it is told not to
        finished = subprocess.run([sys.executable, script], env=environment(tmp_path) | {"PYTHONHASHSEED": "0"},
                                  capture_output=True, text=True, timeout=300)  # fmt: skip
        assert finished.returncode == 0, finished.stderr
        lines = [line for line in finished.stdout.splitlines() if line.startswith("ANSWER")]
        answers.append({name: answer for name, _, answer in (json.loads(line[7:]) for line in lines)})
    first, second, again = answers
    assert {name for name in EDITS if first[name] == second[name]} == set()
    assert first == again


# --------------------------------------------------------------------------------------------- names


def named(text, name="f", **more):
    space = {"__name__": "__main__", **more}
    exec(textwrap.dedent(text), space)
    return fingerprint.of(space[name])


def test_comments_layout_and_docstrings_rename_nothing(tmp_path):
    def loaded(text):
        (tmp_path / "mine.py").write_text(textwrap.dedent(text))
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import mine; from mi_kit import fingerprint as f"
        return subprocess.run([sys.executable, "-c", f"{code}; print(f.of(mine.f))"], check=True, text=True,
                              capture_output=True, env=environment(tmp_path)).stdout  # fmt: skip

    first = loaded("def f(x):\n    return x + 1\n")
    assert loaded('# new\n\n\ndef f( x ):\n    """Says so."""\n    return x + 1  # one more\n') == first
    assert loaded("def f(x):\n    return x + 2\n") != first


def test_a_file_that_is_edited_after_it_was_loaded_does_not_lend_its_text(tmp_path, monkeypatch):
    (tmp_path / "edited_later.py").write_text("def f():\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    import edited_later

    (tmp_path / "edited_later.py").write_text("def f():\n    return 2\n")
    old = fingerprint.of(edited_later.f)  # what runs still returns 1
    del sys.modules["edited_later"]
    import edited_later as anew

    assert anew.f() == 2
    assert fingerprint.of(anew.f) != old


def test_functions_that_call_each_other_have_names():
    text = "def f(n):\n    return g(n)\n\ndef g(n):\n    return n and f(n - {})\n"
    assert named(text.format(1)) == named(text.format(1))
    assert named(text.format(1)) != named(text.format(2))


CHANGES = {  # of what a function reads: before, after
    "a list": ([1, 2], [1, 3]),
    "a dict with numbers for keys": ({1: "a"}, {"1": "a"}),
    "an array": (np.zeros(3), np.ones(3)),
    "a tensor": (torch.zeros(3), torch.tensor([0, 0, 1e-9])),
    "a table": (pd.DataFrame({"x": [1.0]}), pd.DataFrame({"y": [1.0]})),
    "a generator's state": (np.random.default_rng(0), np.random.default_rng(1)),
    "a bound method of a list": ([1].count, [2].count),
    "an index": (pd.DataFrame({"x": [1, 2]}, index=["a", "b"]), pd.DataFrame({"x": [1, 2]}, index=["b", "a"])),
    "the order of a dict": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "a function in a namespace": (types.SimpleNamespace(f=lambda: 1), types.SimpleNamespace(f=lambda: 2)),
    "a vectorised function": (np.vectorize(lambda x: x), np.vectorize(lambda x: x + 1)),
    "a path": (Path("a"), Path("b")),
    "a deque": (collections.deque([1]), collections.deque([2])),
    "the slope of a network": (torch.nn.LeakyReLU(0.1), torch.nn.LeakyReLU(0.9)),
    "the mode of a network": (torch.nn.Dropout().train(), torch.nn.Dropout().eval()),
    "the weights of a network": (torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_function_reads_is_in_its_name(change):
    before, after = CHANGES[change]
    text = "def f(x):\n    return held, x\n"
    assert named(text, held=before) == named(text, held=before)
    assert named(text, held=before) != named(text, held=after)


METHOD = """
import abc, dataclasses, functools, json

def decorated(function):
    @functools.wraps(json.dumps)
    def inner():
        return {factor}
    return inner

class Slots:
    __slots__ = ("size",)

    def __init__(self):
        self.size = {factor}

class Abstract(abc.ABC):
    def size(self):
        return {factor}

class Partial:
    scale = functools.partial(pow, {factor})

@dataclasses.dataclass
class Made:
    size: list = dataclasses.field(default_factory=lambda: [{factor}])

@dataclasses.dataclass
class After:
    size: int = 1

    def __post_init__(self):
        self.size = {factor}

@dataclasses.dataclass
class Plain:
    size: int = 1

    def scale(self):
        return self.size * {factor}

class Base:
    shift = {factor}

    @property
    def width(self):
        return {factor}

    def identity(self):
        return {factor}

class Child(Base):
    pass

plain, child, slots, inner = Plain(), Child(), Slots(), decorated(len)

def f():
    return {read}
"""


READS = ["plain.scale()", "child.width", "child.shift", "child.identity()", "Child().shift", "slots.size", "inner()",
         "Abstract().size()", "Partial.scale(2)", "Made().size", "After().size"]  # fmt: skip


@pytest.mark.parametrize("read", READS)
def test_methods_of_what_a_function_reads_are_in_its_name(read):
    assert named(METHOD.format(factor=2, read=read)) == named(METHOD.format(factor=2, read=read))
    assert named(METHOD.format(factor=2, read=read)) != named(METHOD.format(factor=3, read=read))


def test_settings_of_a_user_are_in_the_name_as_a_whole():
    """What their properties, `asdict` or a helper that is defined anew read of them cannot be known."""
    space = {"__name__": "__main__"}
    exec("import dataclasses\n@dataclasses.dataclass\nclass S:\n    n: int = 1\n    m: int = 2\n", space)
    exec("def f(settings):\n    return settings.n\n", space)
    assert fingerprint.read_by(space["S"](), space["f"]) == fingerprint.describe(space["S"]())


def test_what_a_body_imports_is_in_its_name(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for number in (1, 2):
        (tmp_path / "imported_below.py").write_text(f"def g():\n    return {number} * 1111\n")
        sys.modules.pop("imported_below", None)
        importlib.invalidate_caches()
        found += [named(f"def f():\n    {line}") for line in (
            "from imported_below import g; return g()", "import imported_below; return imported_below.g()",
            "import imported_below as i; h = i; return h.g()")]  # fmt: skip
    assert len(set(found)) == 6


def test_a_path_that_was_used_keeps_its_name():
    path = Path("a") / "b"
    before = named("def f():\n    return held\n", held=path)
    assert {path: 1}[Path("a/b")]  # it has kept its hash and its text now
    assert named("def f():\n    return held\n", held=path) == before


def test_a_network_that_is_changed_in_place_has_another_name():
    net = torch.nn.Sequential(torch.nn.Linear(2, 2))
    names = [fingerprint.of(net)]
    net.scale = 3
    names.append(fingerprint.of(net))
    net.register_forward_hook(lambda *_: None)
    names.append(fingerprint.of(net))
    net.register_buffer("kept", torch.ones(2), persistent=False)
    names.append(fingerprint.of(net))
    assert len(set(names)) == 4


def test_a_data_set_that_is_changed_in_place_has_another_name():
    dataset = data.load("digits", 20, 20)
    before = dataset.identity
    assert dataset.identity == before
    dataset.x_train.mul_(2)
    assert dataset.identity != before


def test_a_network_that_is_kept_sees_its_class_defined_anew():
    space = {"__name__": "__main__", "nn": torch.nn, "models": models}
    text = "class T(nn.Identity):\n    def g(self):\n        return {}\n"
    exec(text.format(1) + "kept = models.Network('mine', lambda: T())\n", space)
    before = space["kept"].source_hash
    exec(text.format(2), space)
    assert space["kept"].source_hash != before


def test_an_estimator_is_named_by_the_version(monkeypatch):
    from mi_kit import estimators

    text = "def f(t, y):\n    return est.kde_information(t, y, noise_variance=1.0)\n"
    before = named(text, est=estimators)
    monkeypatch.setattr(estimators, "VERSION", estimators.VERSION + 1)
    assert named(text, est=estimators) != before


def test_what_cannot_be_named_is_refused_and_says_what_it_is():
    with pytest.raises(ValueError, match=r"must be plain values.*got an object of builtins.generator"):
        named("def f():\n    return next(held)\n", held=(each for each in [1]))
