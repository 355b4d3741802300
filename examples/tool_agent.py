"""An agent in a loop: the model calls tools for as long as it wants to, and then answers.

KAMADO_BASE_URL=http://127.0.0.1:3000 python examples/tool_agent.py "What is the weather in Oslo?"
"""

import sys

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import tool

from langchain_kamado import ChatKamado

MAX_ROUNDS = 5


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city"""
    return f'{{"city": "{city}", "weather": "sunny", "temperature": 21}}'


@tool
def get_time(city: str) -> str:
    """Get the time in a city"""
    return f'{{"city": "{city}", "time": "14:05"}}'


TOOLS = {made.name: made for made in (get_weather, get_time)}


def answer(question: str) -> str:
    """Raises RuntimeError if the model calls tools again and again."""
    model = ChatKamado(temperature=0, max_tokens=100).bind_tools(list(TOOLS.values()))
    messages: list[BaseMessage] = [HumanMessage(question)]
    for _ in range(MAX_ROUNDS):
        said: AIMessage = model.invoke(messages)
        messages.append(said)
        if not said.tool_calls:
            return said.text
        for call in said.tool_calls:
            print(f"calls {call['name']}({call['args']})")
            messages.append(TOOLS[call["name"]].invoke(call))
    raise RuntimeError(f"no answer after {MAX_ROUNDS} rounds of calls.")


def main() -> None:
    print(answer(sys.argv[1] if len(sys.argv) > 1 else "What is the weather in Paris?"))


if __name__ == "__main__":
    main()
