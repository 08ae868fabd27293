"""Cutting JSON files into pieces: nothing is lost, and nothing that hurts is kept."""

import gzip
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import InputError
from workloads.formats.blocks import DEFAULT_LIMITS, FileLimits, read_blocks
from workloads.formats.json_pieces import Nesting, json_pieces

NESTING = {"rows": Nesting.ARRAY, "threads": Nesting.ARRAYS}

leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
).filter(lambda value: depth(value) <= 4)


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def put_together(pieces):
    """The document that the pieces are of."""
    document = {}
    for piece in pieces:
        value = json.loads(piece.content)
        if piece.key not in NESTING:
            document[piece.key] = value
        elif piece.array is None:
            document.setdefault(piece.key, []).extend(value)
        else:
            arrays = document.setdefault(piece.key, [])
            arrays.extend([] for _ in range(piece.array + 1 - len(arrays)))
            arrays[piece.array].extend(value)
    return document


@given(
    rows=st.lists(values, max_size=30),
    threads=st.lists(st.lists(values, min_size=1, max_size=10), min_size=1, max_size=4),
    other=values,
    block=st.integers(1, 200),
    indent=st.sampled_from([None, 1]),
    packed=st.booleans(),
)
def test_pieces_hold_the_document_whatever_the_blocks(
    tmp_path_factory, rows, threads, other, block, indent, packed
):
    document = {"other": other, "rows": rows, "threads": threads, "last": 1}
    content = json.dumps(document, indent=indent).encode()
    path = tmp_path_factory.mktemp("pieces") / "x.json"
    path.write_bytes(gzip.compress(content) if packed else content)
    limits = replace(DEFAULT_LIMITS, block_bytes=block)
    assert put_together(json_pieces(path, NESTING, limits)) == document


@given(cut=st.integers(0, 113))
def test_a_file_that_is_cut_short_is_refused_wherever_it_ends(tmp_path_factory, cut):
    content = b'{"a": [1, 2], "rows": [{"x": "}]", "y": [1]}, {"x": "\\\\\\"", "y": []}], '
    content += b'"threads": [[{"z": 1.5e3}], []], "b": true}'
    path = tmp_path_factory.mktemp("cut") / "x.json"
    path.write_bytes(content[:cut])
    assert cut < len(content)
    with pytest.raises(InputError, match=r"x\.json: .*cut short"):
        list(json_pieces(path, NESTING))


LIMITS = FileLimits(content_bytes=40_000, ratio=20, value_bytes=2_000, depth=16, block_bytes=256)


def refused(tmp_path, content, limits=LIMITS):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as found:
        list(json_pieces(path, NESTING, limits))
    return str(found.value)


@pytest.mark.parametrize("key", ["rows", "threads", "other"])
def test_deep_nesting_is_refused_by_its_depth(tmp_path, key):
    opening = "[" * 1_000_000
    message = refused(tmp_path, f'{{"{key}": {opening}'.encode(), DEFAULT_LIMITS)
    assert "nested more than 32 deep" in message
    if key == "threads":
        key = "threads[0]"
    assert f"{key}:" in message


def test_a_huge_string_is_refused_by_its_length(tmp_path):
    for key in ("rows", "other"):
        opening = "[" if key == "rows" else ""
        message = refused(tmp_path, f'{{"{key}": {opening}"{"x" * 10_000}"}}'.encode())
        assert "more than 2,000 bytes" in message


def test_a_huge_number_of_records_in_one_value_is_refused(tmp_path):
    numbers = ",".join(["1"] * 5_000)
    assert "more than 2,000 bytes" in refused(tmp_path, f'{{"other": [{numbers}]}}'.encode())


def test_a_bomb_is_refused_by_its_ratio_and_by_its_size(tmp_path):
    rows = b'{"rows": [' + b",".join([b"1234567"] * 4_000) + b"]}"
    assert "unpacks to more than 20 times" in refused(tmp_path, gzip.compress(rows))
    wide = replace(LIMITS, ratio=10_000, content_bytes=10_000)
    assert "more than 10,000 bytes unpacked" in refused(tmp_path, gzip.compress(rows), wide)
    assert "more than 10,000 bytes, which" in refused(tmp_path, rows, wide)


def test_a_bomb_is_not_unpacked_beyond_the_limit(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b" " * 50_000_000))
    blocks = []
    with pytest.raises(InputError, match="500 times"):
        blocks.extend(map(len, read_blocks(path)))
    assert sum(blocks) < 500 * path.stat().st_size + DEFAULT_LIMITS.block_bytes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the end of the file"),
        (b"[1]", "'[' where the object"),
        (b"{} {}", "goes on after the object"),
        (b'{"a": 1, "a": 2}', "'a' twice"),
        (b'{"a" 1}', "a colon after a"),
        (b'{"a": 1 "b": 2}', "a comma after a"),
        (b'{"rows": {}}', "an array behind rows"),
        (b'{"threads": [1]}', "an array as threads[0]"),
        (b'{"rows": [1 2]}', "a comma between elements of rows"),
        (b'{"rows": [1,,2]}', "no whole value in rows"),
        (b'{"rows": [,1]}', "no whole value in rows"),
        (b'{"rows": [1,]}', "no whole value in rows"),
        (b'{"a": ]}', "no whole value in a"),
        (b"{1: 2}", "the name of a field"),
        (b"\x1f\x8b\x08\x00damaged", "damaged"),
    ],
)
def test_what_is_no_json_is_refused_where_it_goes_wrong(tmp_path, content, words):
    assert words in refused(tmp_path, content)


def test_a_packed_file_that_is_cut_short_is_damaged(tmp_path):
    packed = gzip.compress(json.dumps({"rows": list(range(1000))}).encode())
    assert "packed with gzip and damaged" in refused(tmp_path, packed[:-20], DEFAULT_LIMITS)


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            list(read_blocks(path))
