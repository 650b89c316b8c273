"""What every result is: a frozen dataclass that turns into JSON and back, with the version of its schema."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from .errors import InvalidArgument

R = typing.TypeVar("R", bound="Record")


@dataclass(frozen=True)
class Record:
    """A result. Fields are attributes, and items too: `report["total"]["bytes"]`."""

    SCHEMA: ClassVar[str] = ""

    def __getitem__(self, name: str) -> Any:
        if name in (each.name for each in dataclasses.fields(self)):
            return getattr(self, name)
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """The record as nested dicts and lists of plain values; fractions as text."""
        pairs = {each.name: _plain(getattr(self, each.name)) for each in _json_fields(type(self))}
        return {"schema": self.SCHEMA, **pairs} if self.SCHEMA else pairs

    def to_json(self, indent: int | None = 2) -> str:
        """The record as JSON."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    @classmethod
    def from_dict(cls: type[R], values: dict[str, Any]) -> R:
        """A record from what `to_dict` gives. Raises InvalidArgument for another schema or a missing field."""
        found = values.get("schema", "")
        if found != cls.SCHEMA:
            raise InvalidArgument(f"schema: expected {cls.SCHEMA!r}, found {found!r}")
        hints = _hints(typing.cast(Any, cls))
        arguments = {}
        for each in _json_fields(cls):
            if each.name not in values:
                raise InvalidArgument(f"{cls.__name__}: expected the field {each.name!r}, found none")
            arguments[each.name] = _typed(hints[each.name], values[each.name])
        return cls(**arguments)

    @classmethod
    def from_json(cls: type[R], text: str | bytes) -> R:
        """A record from what `to_json` gives. Raises InvalidArgument for what is no such JSON."""
        try:
            values = json.loads(text)
        except ValueError as error:
            raise InvalidArgument(f"{cls.__name__}: expected JSON, found: {error}") from None
        if not isinstance(values, dict):
            raise InvalidArgument(f"{cls.__name__}: expected a JSON object, found {type(values).__name__}")
        return cls.from_dict(values)


# A record a frame: resolving the types of each anew took longer than reading it.
@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _json_fields(cls: type[Record]) -> list[dataclasses.Field[Any]]:
    return [each for each in dataclasses.fields(cls) if each.metadata.get("json", True)]


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _typed(hint: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        hint = next(each for each in arguments if each is not type(None))
        return _typed(hint, value)
    if origin is list:
        return [_typed(arguments[0], item) for item in value]
    if origin is dict:
        return {key: _typed(arguments[1], item) for key, item in value.items()}
    if hint is Fraction:
        return Fraction(value)
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint.from_dict(value)
    return value
