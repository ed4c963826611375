from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from kato.errors import InvalidInput
from kato.market.feeds.protocols import PROTOCOLS
from kato.market.instruments import Instrument, InstrumentFile, Instruments
from kato.market.trade import EXCHANGES, Exchange

GOOD = '[kraken]\n"XBT/USD" = { base = "BTC", quote = "USD", price_scale = 1 }\n'


@pytest.mark.parametrize(
    ("exchange", "native", "symbol"),
    [
        ("binance", "BTCUSDT", "BTC/USDT"),
        ("binance", "ETHBTC", "ETH/BTC"),
        ("kraken", "XBT/USD", "BTC/USD"),
        ("kraken", "XDG/USD", "DOGE/USD"),
        ("kraken", "ETH/XBT", "ETH/BTC"),
        ("kraken", "BTC/USD", "BTC/USD"),
        ("coinbase", "BTC-USD", "BTC/USD"),
    ],
)
def test_names_of_exchanges(exchange: Exchange, native: str, symbol: str) -> None:
    found = Instruments.default().find(exchange, native)
    assert found is not None
    assert found.symbol == symbol


@pytest.mark.parametrize("native", ["", "btcusdt", "BTCUSDC", "BTC/USDT", "BTCUSDT "])
def test_what_is_not_said_is_not_guessed(native: str) -> None:
    assert Instruments.default().find("binance", native) is None


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_each_protocol_has_each_symbol_once(name: str) -> None:
    known = Instruments.default().of(PROTOCOLS[name].exchange, name)
    symbols = [each.symbol for each in known]
    assert len(symbols) == len(set(symbols)) > 9


def test_both_versions_of_kraken_trade_the_same() -> None:
    known = Instruments.default()
    new, old = known.of("kraken", "kraken"), known.of("kraken", "kraken_v1")
    assert {each.symbol for each in new} == {each.symbol for each in old}
    assert "XBT/USD" not in {each.native for each in new}
    assert "BTC/USD" not in {each.native for each in old}


def test_names_may_be_native_or_canonical() -> None:
    known = Instruments.default()
    chosen = known.chosen("kraken", "kraken_v1", ["BTC/USD", "ETH/USD", "XBT/USD"])
    assert [each.native for each in chosen] == ["XBT/USD", "ETH/USD"]


def test_no_names_are_all() -> None:
    known = Instruments.default()
    assert known.chosen("coinbase", "coinbase", []) == known.of("coinbase", "coinbase")


def test_a_name_that_is_not_known_is_told() -> None:
    with pytest.raises(InvalidInput, match="no instrument 'NOSUCH' of binance"):
        Instruments.default().chosen("binance", "binance", ["BTCUSDT", "NOSUCH"])


def test_a_file() -> None:
    known = Instruments.parse(GOOD, "x")
    assert known.find("kraken", "XBT/USD") == Instrument("kraken", "XBT/USD", "BTC", "USD", 1)
    assert [known.of(exchange, exchange) for exchange in EXCHANGES if exchange != "kraken"] == [
        [],
        [],
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[kraken", "Expected ']'"),
        ("[nasdaq]\nX = { base = 'A', quote = 'B' }", "no such exchange: 'nasdaq'"),
        ("kraken = 3", "kraken is no table"),
        ("[kraken]\nX = 3", "kraken.'X' is no table"),
        ("[kraken]\nX = { base = 'A' }", "missing required field `quote`"),
        ("[kraken]\nX = { base = 3, quote = 'B' }", "Expected `str`, got `int`"),
        ("[kraken]\nX = { base = 'A', quote = 'B', colour = 'red' }", "unknown field `colour`"),
        ("[kraken]\nX = { base = 'A/B', quote = 'B' }", "no currency: 'A/B'"),
        ("[kraken]\nX = { base = '', quote = 'B' }", "no currency: ''"),
        ("[kraken]\nX = { base = 'A', quote = 'B', price_scale = 13 }", "between 0 and 12"),
    ],
)
def test_a_file_that_is_none_says_why(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason.replace("(", r"\(")) as raised:
        Instruments.parse(text, "mine.toml")
    assert "mine.toml" in str(raised.value)


def test_a_file_that_changes_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "instruments.toml"
    path.write_text(GOOD)
    file = InstrumentFile(path)
    assert not file.follow()
    write(path, GOOD + '"ETH/USD" = { base = "ETH", quote = "USD" }\n')
    assert file.follow()
    assert file.instruments.find("kraken", "ETH/USD") is not None
    assert not file.follow()


def test_a_change_that_cannot_be_used_leaves_what_was_known_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "instruments.toml"
    path.write_text(GOOD)
    file = InstrumentFile(path)
    for change in (partial(write, path, "[kraken"), path.unlink):
        change()
        assert not file.follow()
        assert str(path) in file.failure
        assert file.instruments.find("kraken", "XBT/USD") is not None
    write(path, GOOD)
    assert file.follow()
    assert not file.failure


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        InstrumentFile(tmp_path / "none.toml")


def test_those_of_the_package_never_change() -> None:
    assert not InstrumentFile(None).follow()


def write(path: Path, text: str) -> None:
    """Write a file so that it is another one, whatever the clock of the file system does."""
    other = path.with_suffix(".new")
    other.write_text(text)
    other.replace(path)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
