"""The real `clickhouse_connect` HTTP client against the endpoint over chDB.

These prove the transport, that is the endpoint itself and the client's way through it; what is said
here of deduplication, mutations or sessions is chDB's doing and says nothing about a server.
"""

# ruff: noqa: S608 - the names of tables are the tests' own

from __future__ import annotations

import gc
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import clickhouse_connect
import pyarrow as pa
import pytest
import urllib3
from clickhouse_connect.driver.exceptions import (
    DatabaseError,
    OperationalError,
    StreamFailureError,
)

from .clickhouse_http import ROOT, ClickHouseHttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_connect.driver.client import Client

COMPRESSIONS = [False, "lz4", "zstd", "gzip"]
NASTY = {
    "empty": "",
    "quotes": 'it\'s "quoted" and `ticked`',
    "backslashes": "\\ \\\\ \\n \\' C:\\temp\\",
    "blanks": " \t\n\r\v\f ",
    "nul": "a\0b\0",
    "null-marks": "\\N NULL nan",
    "placeholders": "{x:String} %(x)s %s $1 $x$",
    "statement": "'; DROP TABLE kept; -- /* FORMAT Native\n",
    "url": "a+b&c=d%20e#f?g/h;i",
    "emoji": "👩‍👩‍👧‍👦 ☃ e\u0301 \U0010ffff",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f\u2028",
    "long": "ab'\\\n\0ü😀" * 10_000,
}
nasty = pytest.mark.parametrize("text", NASTY.values(), ids=NASTY.keys())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseHttpServer]:
    with ClickHouseHttpServer(tmp_path_factory.mktemp("clickhouse")) as running:
        yield running


def connect(server: ClickHouseHttpServer, **options: Any) -> Client:
    return clickhouse_connect.get_client(host=server.host, port=server.port, **options)


@pytest.fixture(scope="module")
def client(server: ClickHouseHttpServer) -> Client:
    return connect(server)


@pytest.fixture
def table(client: Client) -> str:
    name = f"t_{uuid.uuid4().hex}"
    client.command(
        f"CREATE TABLE {name} (id UInt64, text String) ENGINE = MergeTree ORDER BY id"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    return name


def count(client: Client, table: str) -> int:
    number = client.command(f"SELECT count() FROM {table}")
    assert isinstance(number, int)
    return number


def numbers(rows: int) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(range(rows), pa.uint64()),
            "text": pa.array([f"text {i}" for i in range(rows)]),
        }
    )


# --- statements and parameters --------------------------------------------------------------------


def test_ping_and_version(client: Client) -> None:
    assert client.ping()
    assert client.server_version == client.command("SELECT version()")


def test_a_command_without_a_result_gives_a_summary(client: Client, table: str) -> None:
    summary: Any = client.command(f"INSERT INTO {table} SELECT number, '' FROM numbers(7)")
    assert summary.written_rows == 7
    assert client.command(f"SELECT text FROM {table} WHERE id = 100") == ""


@nasty
def test_a_bound_parameter_comes_back_as_it_went(client: Client, text: str) -> None:
    answer = client.query("SELECT {text:String}, length({text:String})", {"text": text})
    assert answer.result_rows == [(text, len(text.encode()))]


@nasty
def test_a_formatted_parameter_comes_back_as_it_went(client: Client, text: str) -> None:
    settings = {"max_query_size": 1 << 20}
    assert client.query("SELECT %(t)s", {"t": text}, settings=settings).result_rows == [(text,)]


@nasty
def test_a_parameter_in_an_array_comes_back_as_it_went(client: Client, text: str) -> None:
    answer = client.query("SELECT {texts:Array(String)}", {"texts": [text, "x", text]})
    assert answer.result_rows == [([text, "x", text],)]


@pytest.mark.parametrize("compress", COMPRESSIONS)
def test_nasty_strings_go_in_and_come_out(
    server: ClickHouseHttpServer, table: str, compress: bool | str
) -> None:
    client = connect(server, compress=compress)
    rows = list(enumerate(NASTY.values()))
    assert client.insert(table, rows, ["id", "text"]).written_rows == len(rows)
    assert client.query(f"SELECT * FROM {table} ORDER BY id").result_rows == rows


def test_parameters_of_other_types(client: Client) -> None:
    values = {"n": -5, "f": 0.1, "b": True, "a": [1, 2], "none": None}
    sql = "SELECT {n:Int8}, {f:Float64}, {b:Bool}, {a:Array(UInt8)}, {none:Nullable(String)}"
    assert client.query(sql, values).result_rows == [tuple(values.values())]


def test_an_identifier_parameter(client: Client, table: str) -> None:
    assert client.query("SELECT count() FROM {t:Identifier}", {"t": table}).result_rows == [(0,)]


def test_column_names_without_rows(client: Client, table: str) -> None:
    assert client.query(f"SELECT * FROM {table} LIMIT 0").column_names == ("id", "text")


@pytest.mark.parametrize(
    "statement", ["SHOW TABLES", "DESCRIBE {}", "EXPLAIN SELECT 1", "EXISTS {}"]
)
def test_statements_that_are_no_select_have_results(
    client: Client, table: str, statement: str
) -> None:
    assert client.query(statement.format(table)).result_rows


def test_settings_hold_for_their_request_only(client: Client) -> None:
    sql = "SELECT getSetting('max_block_size')"
    before = client.command(sql)
    assert client.command(sql, settings={"max_block_size": 77}) == 77
    assert client.command(sql) == before


def test_the_database_of_a_client(server: ClickHouseHttpServer, client: Client) -> None:
    client.command("CREATE DATABASE IF NOT EXISTS `my db`")
    other = connect(server, database="my db")
    assert other.command("SELECT currentDatabase()") == "my db"
    assert other.command("SELECT currentDatabase()", use_database=False) == "default"


def test_the_query_id_comes_back(client: Client) -> None:
    assert client.query("SELECT 1", settings={"query_id": "mine"}).query_id == "mine"


# --- blocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", COMPRESSIONS)
def test_many_native_blocks_go_in_and_come_out(
    server: ClickHouseHttpServer, table: str, compress: bool | str
) -> None:
    client = connect(server, compress=compress)
    ids = list(range(200_000))
    texts = [f"text {i}" for i in ids]
    client.insert(table, [ids, texts], ["id", "text"], column_oriented=True)
    answer = client.query(f"SELECT id, text FROM {table} ORDER BY id")
    assert answer.result_columns == [ids, texts]


@pytest.mark.parametrize("compress", COMPRESSIONS)
@pytest.mark.parametrize("streamed", [False, True])
def test_arrow_goes_in_and_comes_out(
    server: ClickHouseHttpServer, table: str, compress: bool | str, streamed: bool
) -> None:
    client = connect(server, compress=compress)
    data = numbers(100_000)
    assert client.insert_arrow(table, data).written_rows == data.num_rows
    sql = f"SELECT id, text FROM {table} ORDER BY id"
    if streamed:
        with client.query_arrow_stream(sql, use_strings=True) as batches:
            found = pa.Table.from_batches(list(batches))
    else:
        found = client.query_arrow(sql, use_strings=True)
    assert found.to_pydict() == data.to_pydict()


def test_an_empty_arrow_answer_has_its_schema(client: Client, table: str) -> None:
    found = client.query_arrow(f"SELECT id, text FROM {table}")
    assert (found.num_rows, found.column_names) == (0, ["id", "text"])


def test_numpy_arrays(client: Client) -> None:
    assert client.query_np("SELECT number FROM numbers(100000)").sum() == 4_999_950_000


def test_a_big_read_is_streamed(client: Client) -> None:
    with client.query_row_block_stream(
        "SELECT number FROM system.numbers LIMIT 5000000", settings={"max_block_size": 65_536}
    ) as blocks:
        sizes = [len(block) for block in blocks]
    assert sum(sizes) == 5_000_000
    assert max(sizes) < 1_000_000


def test_rows_of_other_formats(client: Client, table: str) -> None:
    client.raw_insert(table, ["id", "text"], b'{"id": 1, "text": "a;b"}\n', fmt="JSONEachRow")
    assert (
        client.raw_query(f"SELECT * FROM {table}", fmt="CSVWithNames") == b'"id","text"\n1,"a;b"\n'
    )


def test_a_raw_insert_compressed_by_hand(client: Client, table: str) -> None:
    packer = zlib.compressobj(wbits=31)
    body = packer.compress(b"1\ta\n2\tb\n") + packer.flush()
    client.raw_insert(table, ["id", "text"], body, fmt="TabSeparated", compression="gzip")
    assert count(client, table) == 2


# --- inserts and deletes --------------------------------------------------------------------------


def test_a_deduplication_token_inserts_once(client: Client, table: str) -> None:
    for token, text in [("a", "first"), ("a", "second"), ("b", "third")]:
        settings = {"insert_deduplication_token": token}
        client.insert(table, [[1, text]], ["id", "text"], settings=settings)
    assert client.query(f"SELECT text FROM {table} ORDER BY text").result_rows == [
        ("first",),
        ("third",),
    ]


def test_a_deduplication_token_holds_for_arrow(client: Client, table: str) -> None:
    for _ in range(2):
        client.insert_arrow(table, numbers(1000), settings={"insert_deduplication_token": "once"})
    assert count(client, table) == 1000


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO {} FORMAT TabSeparated\n1\tx;y\n",
        "insert into {} (id, text) settings async_insert = 0 format TSV 1\tx;y\n",
        "/* FORMAT CSV */ INSERT INTO {} (`id`, `text`) -- FORMAT\n FORMAT CSV\r\n1,x;y\n",
        'INSERT INTO {} FORMAT JSONEachRow {{"id": 1, "text": "x;y"}}',
        "INSERT INTO {} VALUES (1, 'x;y')",
        "INSERT INTO {} (id, text) SELECT 1, 'x;y' AS format FORMAT Null",
        "INSERT INTO {} WITH 'x;y' AS v SELECT 1, v;",
    ],
)
def test_the_ways_to_write_an_insert(client: Client, table: str, statement: str) -> None:
    client.command(statement.format(table))
    assert client.query(f"SELECT * FROM {table}").result_rows == [(1, "x;y")]


@pytest.mark.parametrize(
    "name", ["format", "values", "select", "a ` b", "a \\ b", "é", "FORMAT CSV"]
)
def test_columns_with_the_names_of_words(client: Client, name: str) -> None:
    table = f"t_{uuid.uuid4().hex}"
    quoted = name.replace("\\", "\\\\").replace("`", "\\`")
    client.command(f"CREATE TABLE {table} (`{quoted}` String) ENGINE = Memory")
    client.insert(table, [["x"]], [name])
    assert client.query(f"SELECT * FROM {table}").first_item == {name: "x"}


def test_deletes(client: Client, table: str) -> None:
    client.insert_arrow(table, numbers(10))
    client.command(f"ALTER TABLE {table} DELETE WHERE id < 3", settings={"mutations_sync": 1})
    assert count(client, table) == 7
    client.command(f"DELETE FROM {table} WHERE id >= {{least:UInt64}}", {"least": 6})
    assert count(client, table) == 3


def test_a_block_that_cannot_be_written_inserts_nothing(client: Client, table: str) -> None:
    with pytest.raises(AttributeError, match="encode"):
        client.insert(table, [[1, "a"], [2, object()]], ["id", "text"])
    assert count(client, table) == 0


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "code", "name"),
    [
        ("SELEC 1", 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 62, "SYNTAX_ERROR"),
        ("SELECT nothing", 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT * FROM nowhere", 60, "UNKNOWN_TABLE"),
        ("SELECT throwIf(1)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("DROP TABLE nowhere", 60, "UNKNOWN_TABLE"),
        ("USE nowhere", 81, "UNKNOWN_DATABASE"),
    ],
)
@pytest.mark.parametrize("compress", [False, "lz4"])
def test_an_error_of_the_statement(
    server: ClickHouseHttpServer, compress: bool | str, statement: str, code: int, name: str
) -> None:
    client = connect(server, compress=compress)
    for run in (client.command, client.query):
        with pytest.raises(DatabaseError) as caught:
            run(statement)
        assert (caught.value.code, caught.value.name) == (code, name)
    assert client.command("SELECT 1") == 1


@pytest.mark.parametrize("fmt", ["Native", "TabSeparated", "CSVWithNames", "ArrowStream"])
def test_a_read_that_fails_halfway_leaves_nothing_behind(client: Client, fmt: str) -> None:
    """That what chDB keeps of a failed answer, and the embedded client gets, is not passed on."""
    whole = client.raw_query("SELECT 1", fmt=fmt)
    for _ in range(5):
        with pytest.raises(DatabaseError):
            client.raw_query("SELECT throwIf(number = 900000) FROM numbers(1000000)", fmt=fmt)
        assert client.raw_query("SELECT 1", fmt=fmt) == whole


def test_an_error_of_an_insert(client: Client, table: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.raw_insert(table, ["id", "text"], b"one\ta\n" * 500_000, fmt="TabSeparated")
    assert caught.value.code == 27
    assert count(client, table) == 0


def test_an_insert_that_breaks_off_inserts_nothing(
    server: ClickHouseHttpServer, client: Client, table: str
) -> None:
    head = "POST /?session_id=broken HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = f"INSERT INTO {table} FORMAT TabSeparated\n" + "1\ta\n" * 100_000
    with socket.create_connection((server.host, server.port)) as connection:
        connection.sendall(f"{head}{len(body):x}\r\n{body}\r\n100\r\n1\ta\n".encode())
    _await_session(client, "broken")
    assert count(client, table) == 0


def test_an_unknown_setting_leaves_the_session_usable(client: Client) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.command("SELECT 1", settings={"max_threads": 1, "param": 1, "no_such": 1})
    assert caught.value.code == 115
    assert client.command("SELECT 1") == 1


@pytest.mark.parametrize("compress", COMPRESSIONS)
def test_an_error_in_mid_stream(server: ClickHouseHttpServer, compress: bool | str) -> None:
    client = connect(server, compress=compress)
    sizes: list[int] = []
    sql = "SELECT throwIf(number = 1000000), number FROM numbers(3000000)"
    with pytest.raises(StreamFailureError) as caught, client.query_row_block_stream(sql) as blocks:
        sizes.extend(map(len, blocks))
    assert caught.value.code == 395
    assert 0 < sum(sizes) <= 1_000_000
    assert client.command("SELECT 1") == 1


def test_an_error_in_mid_stream_of_arrow(client: Client) -> None:
    sql = "SELECT throwIf(number = 1000000), number FROM numbers(3000000)"
    with (
        # The client hands on what its HTTP library raises, without the server's text.
        pytest.raises(urllib3.exceptions.ProtocolError),
        client.query_arrow_stream(sql) as batches,
    ):
        list(batches)
    assert client.command("SELECT 1") == 1


# --- sessions and concurrency ---------------------------------------------------------------------


def test_sessions_do_not_see_each_others_tables(server: ClickHouseHttpServer) -> None:
    one, other = connect(server), connect(server)
    one.command("CREATE TEMPORARY TABLE mine (id UInt64)")
    one.insert("mine", [[1]], ["id"])
    assert one.query("SELECT * FROM mine").result_rows == [(1,)]
    with pytest.raises(DatabaseError) as caught:
        other.query("SELECT * FROM mine")
    assert caught.value.code == 60


def test_what_a_session_sets_lasts_in_it(server: ClickHouseHttpServer) -> None:
    one, other = connect(server), connect(server)
    sql = "SELECT getSetting('max_block_size')"
    before = one.command(sql)
    one.command("SET max_block_size = 77")
    assert one.command(sql, settings={"max_block_size": 88}) == 88
    assert (one.command(sql), other.command(sql)) == (77, before)


def test_without_a_session_nothing_lasts(server: ClickHouseHttpServer) -> None:
    client = connect(server, autogenerate_session_id=False)
    client.command("CREATE TEMPORARY TABLE mine (id UInt64)")
    with pytest.raises(DatabaseError):
        client.query("SELECT * FROM mine")


def test_a_session_is_locked_while_it_works(server: ClickHouseHttpServer) -> None:
    clients = [connect(server, session_id="shared") for _ in range(2)]
    slow = threading.Thread(target=clients[0].command, args=("SELECT sleep(1)",))
    slow.start()
    time.sleep(0.3)
    with pytest.raises(DatabaseError) as caught:
        clients[1].command("SELECT 1")
    slow.join()
    assert caught.value.code == 373
    assert clients[1].command("SELECT 1") == 1


def test_parallel_clients(server: ClickHouseHttpServer, client: Client, table: str) -> None:
    def work(worker: int) -> int:
        own = connect(server)
        for i in range(20):
            own.insert(table, [[worker * 100 + i, "x"]], ["id", "text"])
        return count(own, table)

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(work, range(4)))
    assert all(20 <= number <= 80 for number in seen)
    assert count(client, table) == 80


def test_a_statement_does_not_wait_for_another_client(server: ClickHouseHttpServer) -> None:
    slow, quick = connect(server), connect(server)
    thread = threading.Thread(target=slow.command, args=("SELECT sleep(1)",))
    begun = time.monotonic()
    thread.start()
    quick.command("SELECT 1")
    assert time.monotonic() - begun < 0.9
    thread.join()


def test_a_reader_that_goes_away_leaves_the_endpoint_working(server: ClickHouseHttpServer) -> None:
    connection = http.client.HTTPConnection(server.host, server.port)
    connection.request("POST", "/?session_id=gone", "SELECT number FROM system.numbers")
    response = connection.getresponse()
    assert response.read(1000)
    response.close()
    connection.close()
    _await_session(connect(server), "gone")


def _await_session(client: Client, session: str) -> None:
    """Wait until no request works in a session, at most five seconds."""
    deadline = time.monotonic() + 5
    while True:
        try:
            client.command("SELECT 1", settings={"session_id": session})
        except DatabaseError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


# --- the protocol, by hand ------------------------------------------------------------------------


def ask(
    server: ClickHouseHttpServer, method: str, url: str, body: str = "", **headers: str
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(server.host, server.port)
    try:
        connection.request(method, url, body, {k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "url", "body", "status", "answer"),
    [
        ("GET", "/ping", "", 200, "Ok.\n"),
        ("GET", "/", "", 200, "Ok.\n"),
        ("GET", "/nowhere", "", 404, "There is no handle /nowhere\n"),
        ("GET", "/?query=SELECT%201", "", 200, "1\n"),
        ("POST", "/?query=SELECT", "1", 200, "1\n"),
        ("POST", "/?default_format=JSONEachRow", "SELECT 1 AS x", 200, '{"x":1}\n'),
        ("POST", "/?param_x=a%5Ctb", "SELECT length({x:String})", 200, "3\n"),
        ("POST", "/", "SELECT 'FORMAT CSV', ';', '''' ; -- end", 200, "FORMAT CSV\t;\t\\'\n"),
    ],
)
def test_plain_requests(  # noqa: PLR0917 - the columns of the table above
    server: ClickHouseHttpServer, method: str, url: str, body: str, status: int, answer: str
) -> None:
    assert ask(server, method, url, body)[::2] == (status, answer)


def test_headers(server: ClickHouseHttpServer) -> None:
    headers = ask(server, "POST", "/?query_id=q1&wait_end_of_query=1", "SELECT 1 FORMAT CSV")[1]
    assert headers["X-ClickHouse-Format"] == "CSV"
    assert headers["X-ClickHouse-Query-Id"] == "q1"
    assert headers["X-ClickHouse-Timezone"]
    assert headers["X-ClickHouse-Server-Display-Name"]
    assert json.loads(headers["X-ClickHouse-Summary"])["result_rows"] == "1"


@pytest.mark.parametrize(
    ("statement", "status", "code"),
    [("SELECT", 400, "62"), ("SELECT * FROM n", 404, "60"), ("SELECT throwIf(1)", 500, "395")],
)
def test_an_error_has_the_status_of_its_code(
    server: ClickHouseHttpServer, statement: str, status: int, code: str
) -> None:
    answer = ask(server, "POST", "/", statement)
    assert (answer[0], answer[1]["X-ClickHouse-Exception-Code"]) == (status, code)
    assert answer[2].startswith(f"Code: {code}. DB::Exception: ")


def test_get_reads_only(server: ClickHouseHttpServer) -> None:
    url = "/?query=CREATE+TABLE+t+(x+Int8)+ENGINE=Memory"
    assert ask(server, "GET", url)[1]["X-ClickHouse-Exception-Code"] == "164"


def test_a_session_that_must_exist(server: ClickHouseHttpServer) -> None:
    answer = ask(server, "POST", "/?session_id=never&session_check=1", "SELECT 1")
    assert answer[1]["X-ClickHouse-Exception-Code"] == "372"


# --- the process ----------------------------------------------------------------------------------


def test_only_its_user_is_let_in(tmp_path: Path) -> None:
    right = "pä:ss"
    with ClickHouseHttpServer(tmp_path, user="kato", password=right) as server:
        assert connect(server, username="kato", password=right).command("SELECT 1") == 1
        for user, password in [("kato", "wrong"), ("default", right)]:
            with pytest.raises(DatabaseError) as caught:
                connect(server, username=user, password=password)
            assert caught.value.code == 516
        headers = {"X_ClickHouse_User": "kato", "X_ClickHouse_Key": "wrong"}
        assert ask(server, "POST", "/", "SELECT 1", **headers)[0] == 403


def test_what_was_inserted_outlives_a_kill(tmp_path: Path) -> None:
    server = ClickHouseHttpServer(tmp_path)
    server.start()
    try:
        url = server.url
        client = connect(server)
        client.command("CREATE TABLE kept (id UInt64, text String) ENGINE = MergeTree ORDER BY id")
        client.insert_arrow("kept", numbers(1000))
        server.kill()
        assert not client.ping()
        with pytest.raises(OperationalError):
            client.command("SELECT 1")
        server.start()
        assert server.url == url
        assert count(client, "kept") == 1000
    finally:
        server.stop()


def test_a_reader_learns_of_a_kill(tmp_path: Path) -> None:
    with ClickHouseHttpServer(tmp_path) as server:
        client = connect(server)
        sql = "SELECT number FROM system.numbers"
        with client.query_row_block_stream(sql) as blocks:
            next(blocks)
            server.kill()
            with pytest.raises(StreamFailureError):
                list(blocks)


def test_it_ends_when_its_stdin_closes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.clickhouse_http", "--path", str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["port"]
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_start_that_fails_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RuntimeError, match="did not start"):
        ClickHouseHttpServer(tmp_path / "file").start()


@pytest.mark.deep
def test_nothing_is_left_for_the_garbage_collector(server: ClickHouseHttpServer) -> None:
    """That clients closed or only dropped give no ResourceWarning; warnings are errors here."""
    connect(server).close()
    connect(server, compress="zstd").query("SELECT 1")
    gc.collect()
