"""What every peer says of itself, without installing or starting any."""

from pathlib import Path

import httpx
import pytest

from benchmarks.peers.catalogue import ALL, PEERS, choose
from benchmarks.peers.kamado import Kamado
from benchmarks.peers.transformers_serve import TransformersServe


def test_names_in_the_tables_are_distinct():
    names = [peer.name for peer in PEERS.values()]
    assert len(names) == len(set(names))


def test_ours_and_peers_are_in_every_column():
    for weights in {peer.weights for peer in PEERS.values()}:
        ours = {isinstance(PEERS[name], Kamado) for name in ALL if PEERS[name].weights == weights}
        assert ours == {True, False}


def test_all_is_each_server_once():
    assert tuple(choose("all")) == ALL
    assert list(choose("kamado,transformers")) == ["kamado", "transformers"]
    with pytest.raises(KeyError, match="lama"):
        choose("lama")


@pytest.mark.parametrize("name", ["kamado", "llama.cpp-int8", "vllm", "openvino-int4"])
async def test_requests_ask_for_so_many_tokens(name):
    async with httpx.AsyncClient() as http:
        client = PEERS[name].client(http, Path("tiny"), 9)
        assert client.fields["max_tokens"] == 9


async def test_servers_of_their_own_are_told_to_go_past_the_end():
    async with httpx.AsyncClient() as http:
        for name in ("kamado-int8", "llama.cpp-int4", "vllm"):
            assert PEERS[name].client(http, Path("tiny"), 9).fields["ignore_eos"] is True
        fields = TransformersServe().client(http, Path("tiny"), 9).fields
        assert '"eos_token_id": -1' in fields["generation_config"]


def test_settings_reach_the_command_line():
    command = Kamado("int8").command(Path("tiny"), 1, 2)
    assert "quantization=int8" in command
    assert "--continuous-batching" in TransformersServe().command(Path("tiny"), 1, 2)
