"""``kato market simulate``: exchanges to try feeds on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kato.cli.display.text import safe
from kato.cli.market import options
from kato.errors import InvalidInput, shown

if TYPE_CHECKING:
    from kato.market.simulator import Faults, Simulator


def simulate(  # noqa: PLR0913, PLR0917 - a command's options
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8765,
    rate: Annotated[float, typer.Option(min=0.01, help="Trades a second of each exchange.")] = 20.0,
    seed: Annotated[
        int, typer.Option(help="The same seed makes the same trades, and the same faults.")
    ] = 0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="What goes wrong and how often, as drop=0.001; mild for something of everything;"
            " may be given again.",
            show_default=False,
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="File for every trade that was told, a line of JSON each."),
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            help="binance, kraken, kraken_v1 or coinbase; may be given again"
            " [dim](default: all but kraken_v1)[/].",
            show_default=False,
        ),
    ] = None,
    instruments: options.InstrumentsFile = None,
) -> None:
    """Simulate exchanges on this machine, until it is stopped.

    Faults are lost, late, again, invalid, malformed, unknown, garbage (of trades and messages),
    drop, stall (of connections), refused and unanswered (of subscriptions).
    """
    from kato.market.feeds.protocols import protocol_of  # noqa: PLC0415 - help must not wait
    from kato.market.instruments import InstrumentFile  # noqa: PLC0415
    from kato.market.simulator import Simulator, TruthFile  # noqa: PLC0415
    from kato.market.trade import EXCHANGES  # noqa: PLC0415

    faults, known = _faults(fault or []), InstrumentFile(instruments).instruments
    spoken = [protocol_of(name).name for name in protocol or EXCHANGES]
    with TruthFile(truth) as file:
        simulator = Simulator(
            seed, faults, instruments=known, protocols=spoken, told=file.write, port=port
        )
        options.run_until_stopped(_run(simulator, rate))


async def _run(simulator: Simulator, rate: float) -> None:
    from kato.market.feeds.protocols import PROTOCOLS  # noqa: PLC0415 - help must not wait

    async with simulator:
        for name in simulator.venues:
            exchange = PROTOCOLS[name].exchange
            spoken = "" if exchange == name else f" --protocol {name}"
            typer.echo(safe(f"kato market feed {exchange}{spoken} --url {simulator.url(name)}"))
        await simulator.run(rate)


def _faults(given: list[str]) -> Faults:
    import msgspec  # noqa: PLC0415 - help must not wait

    from kato.market.simulator import Faults  # noqa: PLC0415

    faults = Faults.mild() if "mild" in given else Faults()
    try:
        chances = {
            name: float(chance)
            for name, _, chance in (each.partition("=") for each in given if each != "mild")
        }
        return msgspec.structs.replace(faults, **chances)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"no faults: {shown(' '.join(given))} ({error})",
            remedy="give them as --fault drop=0.001 --fault garbage=0.01",
        ) from error
