"""An LCEL chain: a prompt, the model, and a parser; streamed, and for many inputs at once.

KAMADO_BASE_URL=http://127.0.0.1:3000 python examples/chain.py
"""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from langchain_kamado import ChatKamado

SENTENCES = ["The house is old.", "The dog is small.", "The car is new."]


def main() -> None:
    prompt = ChatPromptTemplate.from_messages([("human", "Translate into {language}: {sentence}")])
    chain = prompt | ChatKamado(temperature=0, max_tokens=60) | StrOutputParser()
    for text in chain.stream({"language": "French", "sentence": SENTENCES[0]}):
        print(text, end="", flush=True)
    print()
    # one call to the server, in which the three are computed together
    inputs = [{"language": "Spanish", "sentence": sentence} for sentence in SENTENCES]
    for sentence, text in zip(SENTENCES, chain.batch(inputs), strict=True):
        print(f"{sentence} -> {text}")


if __name__ == "__main__":
    main()
