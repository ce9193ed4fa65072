"""What pip, uv and pipx read, and what README says about them."""

import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.installing import INSTALLERS, commands
from tests.test_pages import ROOT, texts
from todo_cli.errors import INSTALL_EXTRAS

ALWAYS_SHIPPED = {"pyproject.toml", "LICENSE", ".gitignore"}


@pytest.fixture(scope="module")
def pyproject() -> Any:
    """pyproject.toml, read."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.spec("002/FR-350")
@pytest.mark.parametrize("version", ["3.8", "3.10.13"])
def test_an_older_python_is_refused_before_its_packages_are_looked_up(
    pyproject: Any, version: str
) -> None:
    """pypa/pip: the dependencies of a folder are looked up before its
    `requires-python`, so the error was about versions of SQLAlchemy.
    """
    project = pyproject["project"]
    own = {
        "python_version": ".".join(version.split(".")[:2]),
        "python_full_version": version,
    }
    looked_up = [
        text
        for text in project["dependencies"]
        if (marker := Requirement(text).marker) is None or marker.evaluate(own)
    ]

    assert version not in SpecifierSet(project["requires-python"])
    assert looked_up == []


@pytest.mark.spec("002/FR-350")
@pytest.mark.parametrize("version", ["3.11", "3.12.1", "3.14"])
def test_a_python_that_is_new_enough_gets_every_package(
    pyproject: Any, version: str
) -> None:
    project = pyproject["project"]
    own = {"python_version": ".".join(version.split(".")[:2])}

    assert version in SpecifierSet(project["requires-python"])
    assert [
        text
        for text in project["dependencies"]
        if (marker := Requirement(text).marker) and not marker.evaluate(own)
    ] == []


@pytest.mark.spec("002/FR-351")
def test_sdist_has_all_that_the_repository_has(pyproject: Any) -> None:
    sdist = pyproject["tool"]["hatch"]["build"]["targets"]["sdist"]
    there = {path.relative_to(ROOT).parts[0] for path, _ in texts()}

    assert there - ALWAYS_SHIPPED - {"PKG-INFO"} == {
        name.removeprefix("/") for name in sdist["include"]
    }


@pytest.mark.spec("002/FR-352")
def test_readme_names_the_package_where_an_installer_asks_for_it(
    pyproject: Any,
) -> None:
    name = pyproject["project"]["name"]
    typed = {installer: commands(installer) for installer in INSTALLERS}

    assert [*typed] == ["pip", "uv", "pipx"]
    for installer in ("uv", "pipx"):
        words = typed[installer]
        assert words.upgrade.endswith(f" {name}")
        assert words.uninstall.endswith(f" uninstall {name}")
        assert words.install.endswith(" install .")
    for words in typed.values():
        # Where one is missing, the error says the same.
        assert f"`{words.extras}`" in INSTALL_EXTRAS
        extras = words.extras.partition(".[")[2].rstrip("]'").split(",")
        assert set(extras) <= {*pyproject["project"]["optional-dependencies"]}
        assert extras
