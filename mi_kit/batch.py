"""Running notebooks headlessly: each in its own process, in parallel, with a timeout, as files that stay.

A job is one notebook with one choice of parameters. It leaves the executed notebook, its figures and their numbers,
claims.csv and manifest.json in figures/<profile>/<notebook>/ (below it, in a folder of its own, for explicit
parameters): made beside it and put there as a whole, so that no two runs mix. A job that is done, and whose inputs are
what they were, is not done again. This module needs Jupyter; the tables alone do not (`mi-kit compute`).
"""

from __future__ import annotations

import ast
import contextlib
import importlib.metadata
import itertools
import json
import os
import platform
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import papermill

from . import paths
from .paths import PAPERS, PROFILES
from .progress import Screen, last_line

TYPES = {"str": (str,), "int": (int,), "float": (float, int), "bool": (bool,)}
RETRIES = 2  # on a cluster, when a worker dies


class ParameterError(ValueError):
    """A parameter that a notebook does not have, or of another type."""


@dataclass(frozen=True)
class Job:
    """One notebook with its parameters."""

    notebook: str
    parameters: dict = field(default_factory=dict)
    timeout: float = 3600.0
    fresh: bool = False

    @property
    def profile(self) -> str:
        return self.parameters.get("profile", "quick")

    @property
    def folder(self) -> Path:
        return paths.figures(self.notebook, self.profile, self.parameters)

    @property
    def name(self) -> str:
        explicit = [f"{key}={value}" for key, value in self.parameters.items() if key != "profile"]
        return " ".join([self.notebook, *explicit])


@dataclass
class Outcome:
    """How a job ended."""

    job: Job
    ok: bool
    seconds: float
    cell: int | None = None
    error: str = ""
    skipped: bool = False

    @property
    def words(self) -> str:
        if self.skipped:
            return f"unchanged {self.job.name}, as it was done before (--fresh does it again) -> {self.job.folder}"
        word = "done" if self.ok else "FAILED"
        return f"{word} {self.job.name} in {self.seconds:.1f} s -> {self.job.folder}"


# --------------------------------------------------------------------------------------------- planning


def notebook_names() -> list[str]:
    """The notebooks there are, by name."""
    return sorted(path.stem for path in paths.notebooks().glob("[0-9]*.ipynb"))


def declared_parameters(notebook: str) -> dict[str, dict]:
    """The parameters of a notebook's tagged cell: {name: {type, default, help}}, as papermill reads them."""
    found = papermill.inspect_notebook(str(paths.notebooks() / f"{notebook}.ipynb"))
    return {
        name: {"type": about["inferred_type_name"], "default": about["default"], "help": about["help"]}
        for name, about in found.items()
    }


def plan(
    names: list[str], profile: str, given: dict[str, str], grid: dict[str, list[str]], timeout: float, fresh: bool
) -> list[Job]:
    """The jobs of a call, all checked before the first one starts.

    names: notebooks, or prefixes such as `01`; none means all. given, grid: parameters as text.
    Raises ValueError for an unknown notebook or profile, ParameterError for a parameter that is not declared or is
    ill-typed.
    """
    if profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}; got profile={profile!r}.")
    if both := sorted(set(given) & set(grid)):
        raise ParameterError(f"grid must vary other parameters than those given; got {', '.join(both)} in both.")
    jobs = []
    for notebook in _resolve(names):
        declared = declared_parameters(notebook)
        fixed = {key: typed(notebook, declared, key, text) for key, text in given.items()}
        varied = [[(key, typed(notebook, declared, key, text)) for text in texts] for key, texts in grid.items()]
        for choice in itertools.product(*varied):
            jobs.append(Job(notebook, {"profile": profile} | fixed | dict(choice), timeout, fresh))
    for job in jobs:
        _try_settings(job)
    if len({job.folder for job in jobs}) < len(jobs):
        raise ParameterError(f"every job must differ from the others; got {', '.join(job.name for job in jobs)}.")
    return jobs


def _try_settings(job: Job) -> None:
    """Values that the experiment refuses stop the call too, not only names and types."""
    if len(job.parameters) > 1 and job.notebook in PAPERS:
        from . import experiments

        experiments.open(job.notebook, **job.parameters)


def _resolve(names: list[str]) -> list[str]:
    known = notebook_names()
    chosen = []
    for name in names:
        stem = Path(name).stem
        matching = [each for each in known if each == stem or each.split("_")[0] == stem]
        if not matching:
            raise ValueError(f"name must be one of {', '.join(known)}; got name={name!r}.")
        chosen += matching
    return list(dict.fromkeys(chosen)) or known


def typed(notebook: str, declared: dict[str, dict], key: str, text: str):
    """The value of a parameter given as text, of the type that the notebook declares."""
    if key not in declared or key == "profile":
        names = ", ".join(f"{name}: {about['type']}" for name, about in declared.items() if name != "profile")
        raise ParameterError(f"parameter must be one of {names} for {notebook}; got {key!r}.")
    wanted = declared[key]["type"]
    if wanted == "str":
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    accepted = TYPES.get(wanted, (object,))
    is_bool = isinstance(value, bool)  # which is an int for isinstance
    if value is not None and not (
        isinstance(value, accepted) and (wanted not in TYPES or is_bool == (wanted == "bool"))
    ):
        raise ParameterError(f"{key} must be of type {wanted} for {notebook}; got {key}={text!r}.")
    return float(value) if wanted == "float" and value is not None else value


# --------------------------------------------------------------------------------------------- running


def run(jobs: list[Job], n_jobs: int = 1, scheduler: str | None = None) -> list[Outcome]:
    """Run the jobs, `n_jobs` at a time (or on a Dask cluster), with one line of progress each; a failure stops none."""
    if n_jobs < 1:
        raise ValueError(f"jobs must be at least 1; got jobs={n_jobs}.")
    if scheduler:
        return _run_on_cluster(jobs, scheduler)
    return _run_here(jobs, n_jobs)


def _run_here(jobs: list[Job], n_jobs: int) -> list[Outcome]:
    waiting, running, outcomes = list(jobs), {}, {}
    screen = Screen()
    for job in jobs:
        if is_done(job):
            outcomes[job.name] = Outcome(job, True, 0.0, skipped=True)
            waiting.remove(job)
            screen.say(outcomes[job.name].words)
    try:
        while waiting or running:
            while waiting and len(running) < n_jobs:
                job = waiting.pop(0)
                running[job.name] = _Child(job, n_threads=_threads_each(min(n_jobs, len(jobs))))
            time.sleep(0.2)
            for name, child in list(running.items()):
                if (outcome := child.poll()) is not None:
                    outcomes[name] = outcome
                    del running[name]
                    screen.say(outcome.words)
            screen.show([child.line() for child in running.values()])
    finally:
        screen.show([])
        for child in running.values():
            child.kill()
            shutil.rmtree(child.folder)
    return [outcomes[job.name] for job in jobs]


def _threads_each(n_jobs: int) -> int | None:
    """Threads for each of several jobs; a job alone is left to torch's own choice."""
    return None if n_jobs == 1 else max(1, (os.cpu_count() or 1) // n_jobs)


class _Child:
    """A running job: a process of its own group that ends when this process does."""

    def __init__(self, job: Job, n_threads: int | None):
        self.job, self.started, self.timed_out = job, time.monotonic(), False
        self.cell, self.n_cells = 0, 0
        self.folder = begin(job.folder)
        self.progress = self.folder / ".progress"
        environment = os.environ | {"MI_KIT_PROGRESS": str(self.progress), "PYTHONUNBUFFERED": "1"}
        environment["MI_KIT_RUN_FOLDER"] = str(self.folder)
        if given := os.environ.get("MI_KIT_DATA"):
            environment["MI_KIT_DATA"] = str(Path(given).expanduser().resolve())  # the kernel has another folder
        if job.fresh:
            environment["MI_KIT_FRESH"] = "1"
        if n_threads:
            environment["OMP_NUM_THREADS"] = str(n_threads)
        command = [sys.executable, "-m", "mi_kit.batch", json.dumps(asdict(job))]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True, env=environment,
        )  # fmt: skip
        self.output: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            if match := re.match(r"@cell (\d+) (\d+)", line):
                self.cell, self.n_cells = int(match[1]), int(match[2])
            else:
                self.output.append(line)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def line(self) -> str:
        text = f"{self.job.name}: cell {self.cell} of {self.n_cells}, {self.seconds:.0f} s"
        return f"{text}, {bar}" if (bar := last_line(self.progress)) else text

    def poll(self) -> Outcome | None:
        if self.process.poll() is None:
            if self.seconds <= self.job.timeout:
                return None
            self.timed_out = True
            self.kill()
        self.reader.join(5)
        self.progress.unlink(missing_ok=True)
        outcome = Outcome(self.job, self.process.returncode == 0, self.seconds)
        if not outcome.ok or self.timed_out:
            outcome = Outcome(self.job, False, self.seconds, *self._failure())
            paths.write_json(self.folder / "failure.json", {"cell": outcome.cell, "error": outcome.error})
        put_in_place(self.folder, self.job.folder)
        return outcome

    def _failure(self) -> tuple[int | None, str]:
        failure = self.folder / "failure.json"
        if self.timed_out:
            return self.cell, f"TimeoutError: more than {self.job.timeout:g} s"
        if failure.exists():
            about = json.loads(failure.read_text(encoding="utf-8"))
            return about["cell"], about["error"]
        last = "".join(self.output).strip().splitlines()
        return self.cell, last[-1] if last else f"the process ended with exit status {self.process.returncode}"

    def kill(self) -> None:
        """End the process; its kernel notices and ends too. What was there before the run stays."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _run_on_cluster(jobs: list[Job], address: str) -> list[Outcome]:
    """The same jobs on a Dask cluster; one that loses its worker is tried again.

    The workers must see the same files at the same paths, and have MI_KIT_DATA set as it is wanted there.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ValueError(
            f"scheduler must have dask.distributed installed (mi_kit[cluster]); got {address!r}."
        ) from error
    with Client(address, timeout=30) as client:
        futures = {client.submit(_run_one, job, retries=RETRIES, pure=False): job for job in jobs}
        outcomes = {}
        for future in as_completed(futures):
            job = futures[future]
            failed = future.exception()
            outcomes[job.name] = Outcome(job, False, 0.0, None, repr(failed)) if failed else future.result()
            Screen().say(outcomes[job.name].words)
    return [outcomes[job.name] for job in jobs]


def _run_one(job: Job) -> Outcome:
    child = _Child(job, n_threads=None)
    try:
        while (outcome := child.poll()) is None:
            time.sleep(0.2)
    finally:
        if child.process.poll() is None:
            child.kill()
            shutil.rmtree(child.folder)
    return outcome


# --------------------------------------------------------------------------------------------- the folder of a job


def begin(folder: Path) -> Path:
    """A new folder beside `folder` for a run of its notebook; what runs that were killed left is deleted."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _finish(folder)
    stem = f".{folder.name}.{platform.node()}"
    for left in folder.parent.glob(f"{stem}.*.run"):
        if not _is_alive(process := int(left.name.split(".")[-2])) or process == os.getpid():
            shutil.rmtree(left, ignore_errors=True)
    made = folder.with_name(f"{stem}.{os.getpid()}.run")
    made.mkdir()
    return made


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def put_in_place(made: Path, folder: Path) -> None:
    """`made` takes the place of `folder` as a whole; the runs with explicit parameters below that stay."""
    if folder.exists():
        folder.rename(_former(folder))
    made.rename(folder)
    _finish(folder)


def _former(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.former")


def _finish(folder: Path) -> None:
    """The end of `put_in_place`, also of one that was killed."""
    former = _former(folder)
    if not former.exists():
        return
    if not folder.exists():
        former.rename(folder)
        return
    for below in [path for path in former.iterdir() if path.is_dir() and not (folder / path.name).exists()]:
        below.rename(folder / below.name)
    shutil.rmtree(former)


def is_done(job: Job) -> bool:
    """Whether a job was done with the inputs of now, and all that it left is there as it was."""
    try:
        manifest = json.loads((job.folder / "manifest.json").read_text(encoding="utf-8"))
        whole = all(paths.checksum(job.folder / name) == digest for name, digest in manifest["files"].items())
        return whole and not job.fresh and manifest["inputs"] == inputs_of(job)
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def inputs_of(job: Job) -> dict:
    """What decides the results of a job: its parameters, the notebook, mi_kit and what it needs, data and published
    results."""
    from . import data

    package = Path(__file__).parent
    sources = [*package.rglob("*.py"), paths.notebooks() / f"{job.notebook}.ipynb"]
    needed = [re.split(r"[<>=!;\[ ]", name)[0] for name in importlib.metadata.requires("mi_kit") or ()]
    results = paths.results() / job.notebook / job.profile
    return {
        "parameters": job.parameters,
        "sources": paths.short_hash({str(path): paths.checksum(path) for path in sorted(sources)}),
        "packages": {name: _version(name) for name in sorted(set(needed))},
        "Python": platform.python_version(),
        "data": paths.short_hash(data.state()),
        "results": paths.short_hash({path.name: paths.checksum(path) for path in sorted(results.glob("*"))}),
    }


def _version(name: str) -> str:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(name)
    return ""


# --------------------------------------------------------------------------------------------- inside the child


def execute(job: Job) -> None:
    """Execute one notebook in this process and write what it leaves. Raises papermill's error when a cell fails."""
    folder, inputs = job.folder, inputs_of(job)
    started = time.monotonic()
    executed = folder / f"{job.notebook}.ipynb"
    papermill.engines.papermill_engines.register("reporting", _ReportingEngine)
    try:
        papermill.execute_notebook(
            str(paths.notebooks() / f"{job.notebook}.ipynb"), str(executed), parameters=job.parameters,
            engine_name="reporting", progress_bar=False, cwd=str(paths.notebooks()), store_widget_state=True,
        )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        message = f"{error.ename}: {error.evalue}"
        paths.write_json(folder / "failure.json", {"cell": error.cell_index + 1, "error": message})
        raise
    _sign(executed)
    _write_manifest(job, time.monotonic() - started, inputs)


class _ReportingEngine(papermill.engines.NBClientEngine):
    """papermill's own engine; says on standard output which cell it is at."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **settings):
        start, n_cells = nb_man.cell_start, len(nb_man.nb.cells)

        def announce(cell, cell_index=None, **rest):
            print(f"@cell {cell_index + 1} {n_cells}", flush=True)
            return start(cell, cell_index, **rest)

        nb_man.cell_start = announce
        return super().execute_managed_notebook(nb_man, kernel_name, **settings)


def _sign(notebook: Path) -> None:
    """Trust the notebook that this machine just ran: JupyterLab then shows its widgets before any cell is run."""
    import nbformat
    from nbformat.sign import NotebookNotary

    NotebookNotary().sign(nbformat.read(notebook, as_version=4))


def _write_manifest(job: Job, seconds: float, inputs: dict) -> None:
    provenance = job.folder / "provenance.json"
    per_unit = 1 if sys.platform == "darwin" else 1024
    manifest = {
        "notebook": job.notebook,
        "parameters": job.parameters,
        "seconds": round(seconds, 1),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * per_unit,
        "files": {path.name: paths.checksum(path) for path in sorted(job.folder.glob("[!.]*")) if path.is_file()},
        "inputs": inputs,
        "provenance": json.loads(provenance.read_text(encoding="utf-8")) if provenance.exists() else {},
    }
    paths.write_json(job.folder / "manifest.json", manifest)


def _end_with_parent() -> None:
    """Standard input closes when the parent is gone, however it went; then this process group ends."""
    sys.stdin.read()
    os.killpg(0, signal.SIGTERM)
    time.sleep(5)
    os.killpg(0, signal.SIGKILL)


def _child_main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that papermill stops its kernel on the way out
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        execute(Job(**json.loads(sys.argv[1])))
    except papermill.PapermillExecutionError:
        sys.exit(1)


if __name__ == "__main__":
    _child_main()
