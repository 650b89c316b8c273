"""Everything public is described, and tried by a test that names it."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import re
from pathlib import Path

import pytest

import neural_codec
from neural_codec import aio, compat, errors, records

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


def test_nothing_private_is_listed():
    assert [name for name in dir(neural_codec) if name.startswith("_") and not name.startswith("__")] == []
    assert set(neural_codec.__all__) <= set(dir(neural_codec)) and "import_module" not in dir(neural_codec)


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


def described_fields(source: Path) -> dict[str, set[str]]:
    """Fields by class that have a text below them."""
    found: dict[str, set[str]] = {}
    for kind in (node for node in ast.parse(source.read_text()).body if isinstance(node, ast.ClassDef)):
        pairs = zip(kind.body, kind.body[1:], strict=False)
        texts = [(field, text) for field, text in pairs if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)]
        found[kind.name] = {field.target.id for field, _ in texts if isinstance(field.target, ast.Name)}
    return found


def test_every_field_of_a_result_is_described_below_it_or_in_the_schema_of_reports():
    package = Path(neural_codec.__file__).parent
    described = {name: fields for file in package.glob("*.py") for name, fields in described_fields(file).items()}
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text())
    parts = {name.removesuffix("Report").removesuffix("Record"): part for name, part in schema["$defs"].items()} | {"Report": schema}
    kinds = {kind for kind in vars(records).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)}
    kinds = kinds - {records.Record} | {neural_codec.Frames, neural_codec.Setting}
    assert len(kinds) > 15
    missing = []
    for kind in kinds:
        properties = parts.get(kind.__name__, {}).get("properties", {})
        for field in dataclasses.fields(kind):
            # What is a part of its own is described there.
            told = properties.get(field.name, {})
            if field.name not in described[kind.__name__] and not told.get("description") and "$ref" not in told:
                missing.append(f"{kind.__name__}.{field.name}")
    assert missing == []
