"""Reading CSV and NDJSON as it streams: a bad line stays alone wherever it stands (R106)."""

from typing import get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.catalog.types import Item
from service.imports.formats import LineCutter, reader_of
from service.imports.rules import COLUMNS, KEYS, CellRefused, fields_of, header_problem
from service.imports.types import LINE_TYPES, Format, ImportKind, Record, StockLine, Verdict
from service.locations.types import Location, OpeningHours, Pickup
from service.web.problems import Problem

BAD = (
    b'bad,"open quote,1',
    b'bad,a"b",1,2',
    b'bad,"x"y,1',
    b"bad,\xff,1",
    b"bad,too few",
    b"bad,x,many",
    b'"',
    b'bad,"two\nlines" but more,1',
)


def read(form: Format, kind: ImportKind, parts: list[bytes]) -> list[Record]:
    cutter, reader = LineCutter(), reader_of(form, kind)
    found = [record for part in parts for record in reader.read(cutter.feed(part))]
    return [*found, *reader.read(cutter.end()), *reader.end()]


def good_lines(records: list[Record]) -> list[StockLine]:
    return [r.content for r in records if isinstance(r.content, StockLine)]


@given(
    st.lists(st.one_of(st.integers(0, 99), st.sampled_from(BAD)), max_size=120),
    st.sampled_from([b"\n", b"\r\n"]),
    st.sampled_from([b"", b"\n"]),
)
def test_good_csv_lines_between_bad_ones_all_come_in(
    plan: list[int | bytes], end: bytes, last: bytes
):
    lines = [b"sku,location,sellable"]
    lines += [b"k%d,aar,%d" % (n, n) if isinstance(n, int) else n for n in plan]
    text = end.join(lines) + last
    records = read("csv", "stock", [text])
    assert [line.sellable for line in good_lines(records)] == [n for n in plan if type(n) is int]
    numbers = [record.line for record in records]
    assert numbers == sorted(set(numbers))


@given(st.data())
def test_how_a_stream_is_cut_into_parts_does_not_matter(data: st.DataObject):
    text = b"\xef\xbb\xbflocation,sku,sellable,reason\n" + b'aar,"K ""1""",5,"two\nlines"\r\n' * 3
    text += b"aar,K\xc3\xa6,7,\nbad,\n" + b'aar,K,3,"open\n' + b"aar,K,4,last"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    records = read("csv", "stock", parts)
    assert records == read("csv", "stock", [text])
    assert [line.sellable for line in good_lines(records)] == [5, 5, 5, 7, 4]
    assert [r.line for r in records] == [2, 4, 6, 8, 9, 10, 11]


def test_a_quote_that_is_never_closed_costs_its_own_line_only():
    text = b'location,sku,sellable\naar,"K,1\n' + b"aar,K,2\n" * 5_000
    records = read("csv", "stock", [text])
    assert len(good_lines(records)) == 5_000
    assert records[0] == Record(2, Verdict("bad_csv", "the quotes of this line do not match up"))


def test_an_over_long_line_is_skipped_without_being_kept():
    cutter = LineCutter()
    for _ in range(100):
        assert list(cutter.feed(b"x" * 100_000)) == []
        assert len(cutter._rest) <= 300_000
    assert list(cutter.feed(b"x\nshort\n")) == [(1, None), (2, b"short")]


def test_an_open_quote_holds_back_a_bounded_part_of_the_file():
    reader = reader_of("csv", "stock")
    list(reader.read(iter([(1, b"location,sku,sellable"), (2, b'aar,"K')])))
    for number in range(3, 2_000):
        list(reader.read(iter([(number, b"x" * 1_000)])))
        assert len(reader._held) <= 64  # type: ignore[union-attr]


def test_a_file_that_is_full_of_open_quotes_is_still_read_in_good_time():
    text = b"location,sku,sellable\n" + b'aar,"K,1\n' * 20_000
    records = read("csv", "stock", [text])
    assert len(records) == 20_000
    assert not good_lines(records)


def test_an_empty_cell_is_a_field_left_out():
    header = ["sku", "name", "price", "gtins", "stock_tracked"]
    assert fields_of("items", header, ["K", "Throw", "", "", ""]) == {"sku": "K", "name": "Throw"}


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("gtins", "1;2 ; 3;", ["1", "2", "3"]),
        ("gtins", '["1", "2"]', ["1", "2"]),
        ("packs", '[{"gtin": "1", "factor": 2}]', [{"gtin": "1", "factor": 2}]),
        ("stock_tracked", "FALSE", False),
        ("price", "39900", 39900),
    ],
)
def test_cells_of_items_become_fields(name: str, cell: str, value: object):
    assert fields_of("items", [name], [cell]) == {name: value}


def test_dotted_names_and_json_make_nested_fields():
    header = ["opening_hours.mon", "opening_hours.tue", "pickup.enabled", "pickup.cut_off"]
    cells = ["10:00-18:00; 19:00-20:00", '[["09:00", "17:00"]]', "true", "12:00"]
    assert fields_of("locations", header, cells) == {
        "opening_hours": {
            "mon": [["10:00", "18:00"], ["19:00", "20:00"]],
            "tue": [["09:00", "17:00"]],
        },
        "pickup": {"enabled": True, "cut_off": "12:00"},
    }
    whole = fields_of("locations", ["pickup"], ['{"enabled": true}'])
    assert whole == {"pickup": {"enabled": True}}


@pytest.mark.parametrize(
    ("kind", "name", "cell"),
    [
        ("items", "price", "12.50"),
        ("items", "price", "1_000"),
        ("items", "price", "\u0661"),
        ("items", "stock_tracked", "yes"),
        ("items", "packs", "15701234567896 x 6"),
        ("items", "colour", "red"),
        ("locations", "latitude", "56,15"),
        ("locations", "latitude", "nan"),
        ("locations", "pickup.colour", "red"),
    ],
)
def test_a_cell_that_its_column_does_not_take_is_refused_by_name(
    kind: ImportKind, name: str, cell: str
):
    with pytest.raises(CellRefused, match=name):
        fields_of(kind, [name], [cell])


def test_every_field_of_a_body_has_its_column():
    assert set(COLUMNS["items"]) == set(Item.__struct_fields__)
    assert set(COLUMNS["stock"]) == set(StockLine.__struct_fields__)
    nested = {f"opening_hours.{day}" for day in OpeningHours.__struct_fields__}
    nested |= {f"pickup.{name}" for name in Pickup.__struct_fields__}
    assert set(COLUMNS["locations"]) == set(Location.__struct_fields__) | nested
    for kind, kept in KEYS.items():
        assert set(kept) <= set(get_type_hints(LINE_TYPES[kind]))


def test_a_header_needs_the_key_and_each_name_once():
    assert header_problem("stock", ["sku", "location", "sellable"]) is None
    assert header_problem("stock", ["sku;location;sellable"]) is not None
    assert header_problem("items", ["sku", "name", "name"]) is not None
    with pytest.raises(Problem):
        read("csv", "items", [b"name\nx\n"])


def test_both_formats_say_the_same_of_the_same_item():
    body = {"sku": "K", "name": "Throw", "gtins": ["5701234567899"], "price": 5, "currency": "DKK"}
    ndjson = read("ndjson", "items", [msgspec.json.encode(body)])
    csv = read("csv", "items", [b"sku,name,gtins,price,currency\nK,Throw,5701234567899,5,DKK"])
    assert ndjson[0].content == csv[0].content
