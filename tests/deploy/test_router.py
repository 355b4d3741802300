"""HAProxy itself runs the router's configuration, finds replicas by their names, and sends to them
what belongs together. The replicas are stand-ins that say who they are."""

import asyncio
import json
import shutil
import socket
import socketserver
import struct
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil

import httpx
import pytest

from deploy.manifests import ROUTER
from tests.deploy.manifests import by_name

CONFIGURATION = by_name(ROUTER.read_text())["ConfigMap", "kamado-router"]["data"]["haproxy.cfg"]
PODS = "kamado-pods.test.svc.cluster.local"
ENVIRONMENT = {"NAMESPACE": "test"}
DEADLINE_S = 60

HAPROXY = shutil.which("haproxy") or ""

pytestmark = pytest.mark.skipif(
    not HAPROXY, reason="there is no haproxy; `apt install haproxy` has it"
)


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """HAProxy's checks hang up as soon as they know."""


class Replica:
    """127.0.1.NUMBER: answers with its number, late if it is held."""

    def __init__(self, number, port):
        self.number = number
        self.address = f"127.0.1.{number + 1}"
        self.is_ready = True
        self.go_on = threading.Event()
        self.go_on.set()
        self.now_open = 0
        self.most_open = 0
        replica = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.send_response(200 if replica.is_ready else 503)
                self.send_header("content-length", "0")
                self.end_headers()

            def do_POST(self):
                length = int(self.headers["content-length"])
                assert len(self.rfile.read(length)) == length
                replica.now_open += 1
                replica.most_open = max(replica.most_open, replica.now_open)
                self.send_response(200)
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                self._chunk(str(replica.number).encode())
                replica.go_on.wait(DEADLINE_S)
                replica.now_open -= 1
                self._chunk(b"")

            def _chunk(self, data):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

            def log_message(self, *_arguments):
                pass

        self.server = QuietServer((self.address, port), Handler)


class Names(socketserver.BaseRequestHandler):
    """A name server that knows kamado-0.PODS and so on, as many as there are. Answers A questions
    (RFC 1035, section 4)."""

    addresses: tuple[str, ...] = ()

    def handle(self):
        query, sender = self.request
        place, labels = 12, []
        while length := query[place]:
            labels.append(query[place + 1 : place + 1 + length].decode())
            place += 1 + length
        (kind,) = struct.unpack("!H", query[place + 1 : place + 3])
        number = int(labels[0].removeprefix("kamado-"))
        is_there = ".".join(labels[1:]) == PODS and number < len(self.addresses)
        found = self.addresses[number : number + 1] if is_there and kind == 1 else ()
        flags = 0x8180 if is_there else 0x8183  # no such name
        header = query[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4)
        answers = b"".join(record + socket.inet_aton(address) for address in found)
        sender.sendto(header + query[12 : place + 5] + answers, self.client_address)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def wait_for(condition):
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come to that"
        time.sleep(0.05)


class Router:
    """HAProxy, running."""

    def __init__(self, url, replicas, names):
        self.url = url
        self.health = ""
        self.replicas = replicas
        self._names = names
        self._http = httpx.Client(base_url=url, timeout=DEADLINE_S)

    def show(self, count):
        """The name server tells of so many replicas, and HAProxy hears of it."""
        self._names.addresses = tuple(replica.address for replica in self.replicas[:count])
        wait_for(lambda: self._num_answering(count) == count)

    def _num_answering(self, expected):
        """Where all are expected, as soon as all have been met."""
        met = set()
        for i in range(60):
            met.add(self.ask(prompt=f"show {i}"))
            if len(met) == expected == len(self.replicas):
                break
        return len(met)

    def ask(self, route="/v1/chat/completions", headers=None, **body):
        response = self._http.post(route, json=body, headers=headers)
        return int(response.text) if response.status_code == 200 else None

    def close(self):
        self._http.close()

    def homes(self, count):
        return [self.ask(messages=conversation(f"You are {i}.")) for i in range(count)]


@pytest.fixture(scope="module")
def router(tmp_path_factory):
    port, front, watched = free_port(), free_port(), free_port()
    replicas = [Replica(number, port) for number in range(3)]
    names = type("TheseNames", (Names,), {})
    with ExitStack() as stack:
        for replica in replicas:
            stack.enter_context(serving(replica.server))
        server = stack.enter_context(
            serving(socketserver.ThreadingUDPServer(("127.0.0.1", 0), names))
        )
        text = CONFIGURATION
        for written, here in (
            ("parse-resolv-conf", f"nameserver here 127.0.0.1:{server.server_address[1]}"),
            (
                "hold valid 5s",
                "hold valid 1s\n    timeout resolve 1s\n    hold nx 0\n    hold obsolete 0",
            ),
            ("bind :8000", f"bind 127.0.0.1:{front}"),
            ("bind :8404", f"bind 127.0.0.1:{watched}"),
            (":3000", f":{port}"),
            ("inter 2s", "inter 200ms"),
        ):
            assert written in text
            text = text.replace(written, here)
        file = tmp_path_factory.mktemp("router") / "haproxy.cfg"
        file.write_text(text)
        process = subprocess.Popen(
            [HAPROXY, "-f", str(file)],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(process.wait)
        stack.callback(process.terminate)
        running = Router(f"http://127.0.0.1:{front}", replicas, names)
        running.health = f"http://127.0.0.1:{watched}/healthz"
        stack.callback(running.close)
        names.addresses = (replicas[0].address,)
        wait_for(lambda: listens(front) and running.ask(prompt="ready?") is not None)
        yield running


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def all_three(router):
    for replica in router.replicas:
        replica.is_ready = True
        replica.go_on.set()
    router.show(3)
    return router


def conversation(system, *turns):
    roles = ("user", "assistant")
    return [
        {"role": "system", "content": system},
        *({"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns or ("Hello!",))),
    ]


def test_haproxy_finds_no_fault(tmp_path):
    file = tmp_path / "haproxy.cfg"
    file.write_text(CONFIGURATION)
    result = subprocess.run(
        [HAPROXY, "-c", "-f", str(file)],
        env=ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    assert "Configuration file is valid" in result.stdout + result.stderr


def test_probes_are_answered(router):
    assert httpx.get(router.health).status_code == 200


def test_who_begins_alike_meets_the_same_replica(all_three):
    homes = all_three.homes(30)
    assert set(homes) == {0, 1, 2}
    assert homes == all_three.homes(30)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"messages": conversation("You are kind.")},
         {"messages": conversation("You are kind.", "Hi.", "Hello!", "And now?" * 3000)}),
        ({"prompt_cache_key": "a", "prompt": "x"}, {"prompt_cache_key": "a", "prompt": "y"}),
        ({"system": "You are kind.", "messages": [{"role": "user", "content": "Hi."}]},
         {"system": "You are kind.", "messages": [{"role": "user", "content": "Bye."}]}),
        ({"prompt": "Once upon a time. " * 60 + "x"}, {"prompt": "Once upon a time. " * 60 + "y"}),
    ],
    ids=["later turn", "cache key", "Anthropic's system", "text"],
)  # fmt: skip
def test_what_belongs_together(all_three, one, other):
    assert all_three.ask(**one) == all_three.ask(**other) is not None


def test_a_body_that_is_not_looked_at_whole_is_passed_on_whole(all_three):
    """200 kB, of which HAProxy keeps 64 KiB to look at: enough to find the beginning."""
    for i in range(9):
        long = conversation(f"You are {i}.", "word " * 40_000)
        assert all_three.ask(messages=long) == all_three.homes(i + 1)[i] is not None


def test_the_callers_own_name_comes_first(all_three):
    homes = {
        all_three.ask(headers={"x-session-id": "s"}, messages=conversation(f"You are {i}."))
        for i in range(12)
    }
    assert len(homes) == 1


def test_what_shares_nothing_is_spread(all_three):
    spread = Counter(all_three.ask("/v1/embeddings", input="x") for _ in range(30))
    assert set(spread) == {0, 1, 2}


@pytest.mark.parametrize("route", ["/v1/files", "/v1/batches/b/cancel", "/v1/responses"])
def test_state_is_replica_0s(all_three, route):
    assert {all_three.ask(route, prompt=f"{i}") for i in range(9)} == {0}


def test_one_that_is_not_ready_gets_nothing(all_three):
    homes = all_three.homes(30)
    all_three.replicas[1].is_ready = False
    wait_for(lambda: 1 not in all_three.homes(30))
    meanwhile = all_three.homes(30)
    assert None not in meanwhile
    assert [new for old, new in zip(homes, meanwhile, strict=True) if old != 1] == [
        home for home in homes if home != 1
    ]
    all_three.replicas[1].is_ready = True
    wait_for(lambda: all_three.homes(30) == homes)


def test_one_more_takes_few_from_the_others(router):
    router.show(2)
    before = router.homes(60)
    router.show(3)
    moved = {new for old, new in zip(before, router.homes(60), strict=True) if old != new}
    assert moved <= {2}


async def test_a_popular_beginning_spills_over(all_three):
    """24 at once, all alike: none has more than twice the average."""
    for replica in all_three.replicas:
        replica.go_on.clear()
        replica.most_open = 0
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=DEADLINE_S, limits=limits) as http:
        body = {"messages": conversation("You are popular.")}
        url = f"{all_three.url}/v1/chat/completions"
        asked = []
        for number in range(1, 25):
            asked.append(asyncio.create_task(http.post(url, json=body)))
            while sum(replica.now_open for replica in all_three.replicas) < number:
                await asyncio.sleep(0.01)
        loads = [replica.now_open for replica in all_three.replicas]
        for replica in all_three.replicas:
            replica.go_on.set()
        await asyncio.gather(*asked)
    assert max(loads) <= ceil(2 * 24 / 3)
    assert max(loads) > ceil(24 / 3)  # it is affinity still


def test_a_stream_passes_as_it_comes(all_three):
    for replica in all_three.replicas:
        replica.go_on.clear()
    body = json.dumps({"prompt": "stream"})
    url = f"{all_three.url}/v1/completions"
    with httpx.stream("POST", url, content=body, timeout=DEADLINE_S) as response:
        pieces = response.iter_raw()
        assert next(pieces)  # the replica has not finished: it is held
        for replica in all_three.replicas:
            replica.go_on.set()
        assert b"".join(pieces) == b""
