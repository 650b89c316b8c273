"""The table of constants: a file or a mapping in place of what is compiled in."""

from __future__ import annotations

import json
import os

import pytest
from conftest import FAST

import neural_codec
from neural_codec import _native, _settings
from neural_codec.errors import InvalidArgument, InvalidType



def quantizers(report):
    return [attempt.quantizer for attempt in report.scenes[0].attempts if attempt.stage == "locate"]


def test_a_file_and_a_mapping_say_the_same(clip, tmp_path):
    file = tmp_path / "table.toml"
    file.write_text("[search]\nfirst_quantizer = 20\nfirst_by_changed = 0\nfirst_by_flatness = 0\nmost_located = 1  # as near as it is\n")
    table = {"search.first_quantizer": 20, "search.first_by_changed": 0.0, "search.first_by_flatness": 0.0, "search.most_located": 1}
    # The floor for which the constants are.
    floor = {"min_psnr_y": 35, **FAST}
    plain = neural_codec.encode(clip, fps=24, **floor)
    found = [
        neural_codec.encode(clip, fps=24, defaults=each, **floor)
        for each in (str(file), file, table)
    ]
    assert quantizers(plain)[0] != 20 and plain.settings["defaults"] is None
    assert {each.data for each in found} == {found[0].data}
    assert quantizers(found[0]) == [20]
    told = found[0].settings["defaults"]
    assert told["changes"] == table
    assert told["hash"] == json.loads(_native.defaults("\n".join(f"{key} = {value}" for key, value in table.items())))["hash"]
    none = neural_codec.encode(clip, fps=24, defaults=None, **floor)
    assert none.data == plain.data


def test_the_whole_table_reads_back_as_itself():
    told = json.loads(_native.defaults("none"))
    assert json.loads(_native.defaults(told["toml"])) == told and told["changes"] == ""
    for each in told["constants"]:
        values = each["value"] if isinstance(each["value"], list) else [each["value"]]
        flat = [part for value in values for part in (value if isinstance(value, list) else [value])]
        assert all(each["low"] <= value <= each["high"] for value in flat), each["key"]
        assert each["meaning"]


@pytest.mark.parametrize(
    ("given", "kind", "named"),
    [
        ({"search.far": 99}, InvalidArgument, "search.far: expected a number from 0.01 to 10, found 99"),
        ({"search.nearness": 1}, InvalidArgument, "search.nearness"),
        ({"search.far\nx": 1}, InvalidArgument, "search"),
        ({"search.far": float("nan")}, InvalidType, "numbers by key"),
        ({"search.far": object()}, InvalidType, "numbers by key"),
        ({3: 4}, InvalidType, "numbers by key"),
        ([1], InvalidType, "list"),
        ("no/such/table.toml", InvalidArgument, "no/such/table.toml"),
    ],
)
def test_what_is_wrong_is_named(clip, given, kind, named):
    with pytest.raises(kind, match="defaults") as error:
        neural_codec.encode(clip, fps=24, defaults=given, **FAST)
    assert named in str(error.value)


def test_a_file_that_is_no_table_is_refused(tmp_path, clip):
    large = tmp_path / "large.toml"
    large.write_text("#" * (_settings.MOST_TABLE_BYTES + 1))
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"\xff\xfe")
    for file in (large, broken):
        with pytest.raises(InvalidArgument, match="defaults"):
            neural_codec.encode(clip, fps=24, defaults=file, **FAST)


def test_what_would_be_waited_for_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", tmp_path):
        with pytest.raises(InvalidArgument, match="defaults: expected the path of a TOML file"):
            _settings.as_texts({"defaults": path})


def test_a_table_goes_through_the_parts_of_an_encode(two_scenes):
    table = {"search.first_quantizer": 20, "search.most_located": 1}
    floor = {"min_psnr_y": 38, "defaults": table, **FAST}
    whole = neural_codec.encode(two_scenes, fps=24, scenes=[(0, 24), (24, 48)], **floor)
    parts = [neural_codec.encode_scene(two_scenes, span, index, fps=24, **floor) for index, span in enumerate([(0, 24), (24, 48)])]
    joined = neural_codec.concat(two_scenes, parts, fps=24, **floor)
    assert joined.data == whole.data and joined.settings["defaults"] == whole.settings["defaults"]
    # What was read once is taken for no path the second time, as where Ray hands settings on.
    texts = _settings.as_texts({"defaults": table})
    assert _settings.as_texts(texts) == texts
