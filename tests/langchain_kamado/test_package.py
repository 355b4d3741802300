"""The package as it is shipped: what it exports, what it imports, and that its wheel needs no more
than it says."""

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

import langchain_kamado

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "langchain_kamado"
ALLOWED = {"langchain_core", "langchain_kamado", "httpx", "pydantic"}
LOADED = "('torch', 'bentoml', 'openai', 'transformers', 'starlette', 'httpx')"


def test_every_exported_name_is_there():
    for name in langchain_kamado.__all__:
        assert getattr(langchain_kamado, name).__name__ == name
    with pytest.raises(AttributeError, match="ChatKamada"):
        langchain_kamado.ChatKamada  # noqa: B018


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_only_its_dependencies_are_imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            assert top in ALLOWED or top in sys.stdlib_module_names


def test_importing_it_loads_nothing_heavy():
    code = (
        "import sys; from langchain_kamado import ChatKamado, KamadoEmbeddings, KamadoLLM; "
        f"ChatKamado(); print([name for name in {LOADED} if name in sys.modules])"
    )
    made = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert made.stdout.strip() == "[]"


def test_importing_it_adds_little_to_langchain_core():
    """In processor time, the least of three, so that a busy machine does not count."""
    code = (
        "import time; from langchain_core import embeddings, documents, output_parsers, runnables, "
        "vectorstores; from langchain_core.language_models import chat_models, llms; "
        "from langchain_core.output_parsers import openai_tools; import langchain_core.tools; "
        "begun = time.process_time(); import langchain_kamado; "
        "[getattr(langchain_kamado, name) for name in langchain_kamado.__all__]; "
        "print(time.process_time() - begun)"
    )
    command = [sys.executable, "-c", code]
    runs = [
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    assert min(float(run.stdout) for run in runs) < 0.1


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    source = folder / "source"
    source.mkdir()
    for path in (ROOT / "pyproject.toml", FOLDER):
        (source / path.name).symlink_to(path)
    options = ["--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*command, *options, str(source)], check=True)
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_the_client_alone(wheel):
    names = {
        name
        for name in zipfile.ZipFile(wheel).namelist()
        if not name.split("/")[0].endswith("info")
    }
    assert names == {f"langchain_kamado/{path.name}" for path in FOLDER.iterdir() if path.is_file()}


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(600)
def test_the_wheel_that_the_server_hands_out_works_in_an_empty_environment(server, tmp_path):
    """Installed as /client says, with what pip itself chooses for its two dependencies, and used
    from anywhere but this folder."""
    told = httpx.get(f"{server.url}/client")
    assert told.status_code == 200, told.text
    pip, *install = told.text.splitlines()[0].split()
    assert pip == "pip"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    command = [python, "-m", "pip", "--quiet", *install]
    made = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    code = (
        "import importlib.util as u; "
        "assert not any(u.find_spec(name) for name in ('torch', 'bentoml', 'openai', 'numpy')); "
        "from langchain_kamado import *; "
        "print(ChatKamado.from_server(temperature=0).invoke('Hello!').content, "
        "len(KamadoEmbeddings().embed_query('a')))"
    )
    said = subprocess.run(
        [python, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.split()[-1].isdecimal()
