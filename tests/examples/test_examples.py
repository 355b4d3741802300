"""Every example runs and says what it is there to show."""

import pytest

pytestmark = pytest.mark.slow


def test_a_chain(run):
    first, *others = run("chain.py").splitlines()
    assert "maison" in first
    assert len(others) == 3
    assert others[0].startswith("The house is old. -> ")
    assert "casa" in others[0]


def test_an_agent_calls_a_tool_and_answers_from_its_result(run):
    calls, answer = run("tool_agent.py").splitlines()
    assert calls == "calls get_weather({'city': 'Paris'})"
    assert "21" in answer or "sunny" in answer


def test_an_answer_from_documents(run):
    assert "Lisbon" in run("rag.py")
    assert "baker" in run("rag.py", "What does Jonas work as?")


def test_several_chains_at_once(run):
    answers = dict(line.split(": ", 1) for line in run("parallel.py").splitlines())
    assert "maison" in answers["french"]
    assert "Haus" in answers["german"]
    assert answers["age"] in ("old", "new")
