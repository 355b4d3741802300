"""`python -m api [options of bentoml serve]`: serve, and show the service answering.

Starts `bentoml serve`, asks one question as soon as it is ready, prints the answer as it streams
in and the command that asks the same, and then stays with the server until it ends.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx

QUESTION = "Hello! Who are you?"
DEFAULT_PORT = 3000


def main(options: list[str]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    server = subprocess.Popen(
        [sys.executable, "-m", "bentoml", "serve", "service:Kamado", *options]
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port_of(options)}", timeout=60) as client:
            if _is_ready(server, client):
                _show(client)
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()  # a signal may have reached us alone
        return server.wait()


def port_of(options: list[str]) -> int:
    """Where `bentoml serve` will listen with these options."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-p", "--port", type=int, default=DEFAULT_PORT)
    return int(parser.parse_known_args(options)[0].port)


def _is_ready(server: subprocess.Popen[bytes], client: httpx.Client) -> bool:
    """Waits for it; False if the server ends first."""
    while server.poll() is None:
        try:
            if client.get("/readyz").is_success:
                return True
        except httpx.TransportError:
            pass  # nobody listens yet
        time.sleep(0.2)
    return False


def _show(client: httpx.Client) -> None:
    listed = client.get("/v1/models")
    if listed.status_code == httpx.codes.UNAUTHORIZED:
        print("\nThe service is ready, for those who have one of its API keys.\n", flush=True)
        return
    model = listed.json()["data"][0]["id"]
    messages = [{"role": "user", "content": QUESTION}]
    request = {"model": model, "messages": messages, "temperature": 0}
    print(f"\n{model} is ready. Asked “{QUESTION}”, it says:\n", flush=True)
    for text in _stream(client, {**request, "stream": True, "max_tokens": 100}):
        print(text, end="", flush=True)
    print(
        f"\n\nAsk it yourself:\n\n  curl {client.base_url}/v1/chat/completions "
        f"-H 'content-type: application/json' \\\n    -d '{json.dumps(request)}'\n",
        flush=True,
    )


def _stream(client: httpx.Client, request: dict[str, object]) -> Iterator[str]:
    with client.stream("POST", "/v1/chat/completions", json=request) as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                for choice in json.loads(line.removeprefix("data: ")).get("choices", ()):
                    yield choice["delta"].get("content") or ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
