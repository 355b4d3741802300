"""One text, several questions about it, all at once: a RunnableParallel of chains.

KAMADO_BASE_URL=http://127.0.0.1:3000 python examples/parallel.py
"""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableParallel

from langchain_kamado import ChatKamado

SENTENCE = "The house is old."


def main() -> None:
    model = ChatKamado(temperature=0, max_tokens=60)
    french, german = (
        ChatPromptTemplate.from_template(f"Translate into {language}: {{sentence}}")
        | model
        | StrOutputParser()
        for language in ("French", "German")
    )
    # an answer that can only be one of two
    age = (
        ChatPromptTemplate.from_template("{sentence} Is it old or new?")
        | model.bind(choice=["old", "new"])
        | StrOutputParser()
    )
    answers = RunnableParallel(french=french, german=german, age=age).invoke({"sentence": SENTENCE})
    for name, text in answers.items():
        print(f"{name}: {text}")


if __name__ == "__main__":
    main()
