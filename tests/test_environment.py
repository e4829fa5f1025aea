"""What a newcomer installs: the same packages and versions in every file, and no address in any."""

import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from conftest import REPOSITORY
from PIL import Image

PAGES = [
    REPOSITORY / "README.md",
    *(page for folder in ("data", "figures") for page in (REPOSITORY / folder).rglob("README.md")),
]
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base", "playwright": "playwright-python"}


def pinned() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text().split()
    return {normal(line.split("==")[0]): line.split("==")[1] for line in lines}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> list[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return [normal(re.match(r"[A-Za-z0-9._-]+", each)[0]) for each in wanted]


def test_environment_yml_has_the_packages_of_pyproject_at_the_pinned_versions():
    listed = yaml.safe_load((REPOSITORY / "environment.yml").read_text())["dependencies"]
    versions = dict(each.split("=") for each in listed if isinstance(each, str) and "=" in each)
    versions.pop("python")
    assert versions == {CONDA_NAMES.get(name, name): pinned()[name] for name in declared()}


def test_constraints_are_exact_versions_without_addresses():
    lines = (REPOSITORY / "constraints.txt").read_text().split()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)


def test_pinned_versions_satisfy_pyproject():
    from packaging.requirements import Requirement

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pinned()[normal(requirement.name)]), text


def test_no_tracked_file_is_larger_than_300_kb_and_no_data_set_is_tracked():
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.split():
        path = REPOSITORY / name
        assert not path.exists() or path.stat().st_size <= 300_000, name
        assert not name.endswith((".gz", ".npz", ".mat", ".safetensors")) or name.startswith("data/results/")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_links_of_the_pages_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_modules_are_there_after_import_mi_kit_and_torch_is_not_loaded_before():
    program = """
import sys, mi_kit
assert not {"torch", "numpy", "pandas"} & set(sys.modules)
assert mi_kit.estimators.kde_information and mi_kit.runs.Recorder
assert not hasattr(mi_kit, "no_such_module")
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY).returncode == 0


def test_the_orientation_names_modules_that_there_are():
    import pkgutil

    import mi_kit

    there = {module.name for module in pkgutil.iter_modules(mi_kit.__path__)}
    named = re.findall(r"^    (\w+)  |; (\w+):", mi_kit.__doc__, re.MULTILINE)
    named = {first or second for first, second in named}
    assert {"data", "runs", "estimators", "hypercube", "widgets", "live"} <= named <= there


def test_readme_names_every_notebook_and_the_two_commands():
    readme = (REPOSITORY / "README.md").read_text()
    assert "make figures" in readme
    assert "make test" in readme
    for path in (REPOSITORY / "notebooks").glob("*.ipynb"):
        assert path.name in readme


@pytest.mark.slow
def test_examples_of_the_readme_run(home, monkeypatch, capsys):
    from mi_kit import live

    monkeypatch.chdir(home)
    monkeypatch.setattr(live, "CnnSlicer", lambda cube: capsys.readouterr())  # it answers in the background
    names: dict = {}
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        exec(block, names)
    assert names["back"].shape == (5, 1, 28, 28)
    assert "against" in capsys.readouterr().out
    first = names["run"].identities
    with pytest.warns(UserWarning, match="put aside as seed-1.old-1"):
        exec(blocks[0].replace("range(5 *", "range(2 *"), names)  # a cell that is changed and run again
    assert len(names["run"].steps) == 3
    assert not {*first} & {*names["run"].identities}
    assert names["runs"].open("my_run/seed-0.old-1", names["net"]).identities == first[:1]


def test_the_first_picture_of_the_readme_says_what_stands_below_it():
    """Its caption holds numbers that benchmarks/overview.py measured; the picture carries it too."""
    with Image.open(REPOSITORY / "figures" / "overview.png") as picture:
        caption = picture.info["Description"]
    assert "permuted labels" in caption
    assert f"*{caption}*" in " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())
