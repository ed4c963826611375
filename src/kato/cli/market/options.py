"""Options that commands of feeds have in common, and how such a command runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from kato.cli.options import Common
from kato.errors import InvalidInput, shown
from kato.settings import Settings

if TYPE_CHECKING:
    from kato.market.feeds.feed import Encoder
    from kato.market.feeds.protocol import ExchangeProtocol
    from kato.market.trade import Exchange as Name

    AnyEncoder = Encoder | None

Exchange = Annotated[
    str, typer.Argument(metavar="EXCHANGE", help="binance, kraken or coinbase.", show_default=False)
]
Symbols = Annotated[
    list[str] | None,
    typer.Option(
        "--symbols",
        help="What to subscribe to, by commas, as the exchange or the file of instruments calls"
        " it [dim](default: all of the file)[/].",
        show_default=False,
    ),
]
Protocol = Annotated[
    str | None,
    typer.Option(
        help="kraken_v1 for the older protocol of Kraken [dim](default: the newest)[/].",
        show_default=False,
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        help="Where the exchange listens, as ws://localhost:8765/binance.", show_default=False
    ),
]
InstrumentsFile = Annotated[
    Path | None,
    typer.Option(
        "--instruments",
        help="File of instruments, followed when it changes [dim](default: the package's)[/].",
        show_default=False,
    ),
]
Direct = Annotated[
    bool,
    typer.Option("--direct", help="Use the ledger's server for log, even if there is a broker."),
]
Normalized = Annotated[
    bool | None,
    typer.Option(
        "--normalized/--raw-only",
        help="Whether to write each trade as Avro, too [dim](default: if the log is a broker)[/].",
        show_default=False,
    ),
]


def encoder_of(settings: Settings, exchanges: tuple[Name, ...], wanted: bool | None) -> AnyEncoder:
    """What writes normalized trades, if that is wanted.

    Raises:
        StoreUnavailable: The schema registry does not answer.
    """
    if not (settings.kafka_bootstrap if wanted is None else wanted):
        return None
    from kato.market.feeds.normalizing import Normalizer  # noqa: PLC0415 - of an extra
    from kato.market.log.registry import open_schemas  # noqa: PLC0415

    with closing(open_schemas(settings)) as schemas:
        return Normalizer(schemas, exchanges)


MetricsPort = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Tell Prometheus at /metrics on this port of all addresses; 0 takes a free one.",
        show_default=False,
    ),
]


@contextmanager
def measured(port: int | None) -> Iterator[None]:
    """Tell what this process measures, if there is a port to.

    Raises:
        InvalidInput: The port is taken.
    """
    from kato.market.measures import PROCESS, served  # noqa: PLC0415 - help must not wait

    if port is None:
        yield
        return
    with ExitStack() as opened:
        try:
            url = opened.enter_context(served(PROCESS, port, "0.0.0.0"))  # noqa: S104 - scraped
        except OSError as error:
            raise InvalidInput(
                f"cannot listen on port {port}: {error.strerror}", remedy="choose another one"
            ) from error
        typer.echo(f"measures at {url}", err=True)
        yield


def protocol_of(exchange: str, name: str | None) -> ExchangeProtocol:
    """The protocol that the options name.

    Raises:
        InvalidInput: There is none, or it is not the exchange's.
    """
    from kato.market.feeds.protocols import protocol_of  # noqa: PLC0415 - help must not wait
    from kato.market.trade import EXCHANGES  # noqa: PLC0415

    if exchange not in EXCHANGES:
        raise InvalidInput(
            f"no such exchange: {shown(exchange)}", remedy="use " + ", ".join(EXCHANGES)
        )
    protocol = protocol_of(name or exchange)
    if protocol.exchange != exchange:
        raise InvalidInput(f"{protocol.name} is no protocol of {exchange}")
    return protocol


def names_of(symbols: list[str] | None) -> list[str]:
    """The single names of such an option.

    >>> names_of(["A,B", "C"])
    ['A', 'B', 'C']
    """
    return [name for text in symbols or () for name in text.split(",") if name]


def settings_of(context: typer.Context, *, direct: bool) -> Settings:
    """What the environment and the options before the command decide."""
    common = context.find_object(Common) or Common()
    settings = Settings.from_environment()
    bootstrap = None if direct else settings.kafka_bootstrap
    engine = settings.kafka_engine and not direct
    return msgspec.structs.replace(
        settings, data_dir=common.folder, kafka_bootstrap=bootstrap, kafka_engine=engine
    )


def run_until_stopped(work: Coroutine[None, None, None]) -> None:
    """Run this until it ends, or until somebody asks the process to stop."""
    import uvloop  # noqa: PLC0415 - help must not wait

    uvloop.run(_stoppable(work))


async def _stoppable(work: Coroutine[None, None, None]) -> None:
    task, loop = asyncio.ensure_future(work), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    # Only these cancel it.
    with suppress(asyncio.CancelledError):
        await task
