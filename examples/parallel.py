"""One text, several questions about it, all at once: a RunnableParallel of chains.

KAMADO_BASE_URL=http://127.0.0.1:3000 python examples/parallel.py
"""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableParallel

from langchain_kamado import ChatKamado

SENTENCE = "The red house is old."


def main() -> None:
    model = ChatKamado(temperature=0, max_tokens=60)
    french, german = (
        ChatPromptTemplate.from_template(f"Translate into {language}: {{sentence}}")
        | model
        | StrOutputParser()
        for language in ("French", "German")
    )
    # an answer that can only be one of two
    colour = (
        ChatPromptTemplate.from_template("{sentence} What colour is it?")
        | model.bind(choice=["red", "green"])
        | StrOutputParser()
    )
    answers = RunnableParallel(french=french, german=german, colour=colour).invoke(
        {"sentence": SENTENCE}
    )
    for name, text in answers.items():
        print(f"{name}: {text}")


if __name__ == "__main__":
    main()
