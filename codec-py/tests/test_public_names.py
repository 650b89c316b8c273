"""Everything public is described, and tried by a test that names it."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

import neural_codec
from neural_codec import aio, compat, errors

HERE = Path(__file__)
ROOT = HERE.parents[2]
MODULES = {"neural_codec": neural_codec, "aio": aio, "compat": compat, "errors": errors}


def words(*files: Path) -> set[str]:
    return {word for file in files for word in re.findall(r"\w+", file.read_text())}


TESTED = words(*(file for file in HERE.parent.glob("*.py") if file != HERE))
PAGES = words(ROOT / "README.md", *(ROOT / "docs").glob("*.md"))


def members(kind: type) -> dict[str, object]:
    """Public methods and properties of a class of ours, inherited ones too, without the fields of plain data."""
    fields = {each.name for each in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    found = {
        name: value
        for base in reversed(kind.__mro__)
        if base.__module__.startswith("neural_codec")
        for name, value in vars(base).items()
    }
    called = {name: value for name, value in found.items() if callable(value) or isinstance(value, (property, classmethod))}
    return {name: value for name, value in called.items() if not name.startswith("_") and name not in fields}


def public() -> dict[str, object]:
    """Every public name with what it stands for: `encode`, `aio.encode`, `Decoder.seek`."""
    found: dict[str, object] = {}
    for place, module in MODULES.items():
        for name in module.__all__:
            value = getattr(module, name)
            path = name if place == "neural_codec" else f"{place}.{name}"
            found[path] = value
            if isinstance(value, type):
                found |= {f"{path}.{member}": each for member, each in members(value).items()}
    return found


PUBLIC = public()


def test_there_is_as_much_as_there_was():
    assert len(PUBLIC) > 90 and {"Decoder.seek", "Report.to_json", "aio.frames", "errors.Corrupt"} <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_described_and_tried(name):
    value = PUBLIC[name]
    if name != "__version__":
        assert inspect.getdoc(getattr(value, "__func__", value)), "no docstring"
    assert name.rpartition(".")[2] in TESTED, "in no test"


@pytest.mark.parametrize("name", neural_codec.__all__)
def test_every_name_of_the_package_is_on_a_page(name):
    kept_in_others = {"Written", "Exported", "ClipInfo", "StreamInfo", "Progress", "Metrics", "Setting", "Frames", "__version__"}
    assert name in PAGES or name in kept_in_others


def test_every_field_of_a_report_is_in_its_schema():
    schema = words(ROOT / "docs" / "report.schema.json")
    kinds = [kind for kind in vars(neural_codec.records).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
    parts = {"Quality", "Profile", "Predicted", "Trial", "Stage", "FilterCandidate", "Filter", "Scene", "Total", "Report", "Clip"}
    seen = {kind.__name__ for kind in kinds}
    assert parts <= seen
    missing = [f"{k.__name__}.{f.name}" for k in kinds if k.__name__ in parts for f in dataclasses.fields(k) if f.name not in schema]
    assert set(missing) <= {"Report.data"}
