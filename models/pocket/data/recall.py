# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Skill 1: facts from earlier turns, from the system message, or from a given context."""

from models.pocket.data.chatter import small_talk
from models.pocket.data.example import Example, Message, assistant, system, user
from models.pocket.data.words import Words

# (kind, statements, questions, answer); {n} is any noun, {v} the value
_FACTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...] = (
    ("first_name", ("My name is {v}.", "I am {v}.", "I'm {v}.", "Call me {v}.", "They call me {v}.", "You can call me {v}."),
     ("What is my name?", "What's my name?", "Who am I?", "Do you know my name?", "What am I called?",
      "Do you remember my name?"), "Your name is {v}."),
    ("city", ("I live in {v}.", "My home is in {v}.", "I moved to {v}.", "My flat is in {v}.", "I am living in {v} now."),
     ("Where do I live?", "In which city do I live?", "Which city do I live in?", "Where is my home?",
      "What city is my home in?"), "You live in {v}."),
    ("job", ("I work as a {v}.", "I am a {v}.", "My job is {v}.", "I earn my living as a {v}."),
     ("What is my job?", "What do I do for a living?", "What do I work as?", "Which job do I have?"), "You work as a {v}."),
    ("age", ("I am {v} years old.", "My age is {v}.", "I turned {v} this year.", "I just turned {v}."),
     ("How old am I?", "What is my age?", "Do you know how old I am?", "Can you say how old I am?"), "You are {v} years old."),
    ("colour", ("My favourite colour is {v}.", "I love the colour {v}.", "The colour I like best is {v}.", "I like {v} best."),
     ("What is my favourite colour?", "Which colour do I like best?", "Which colour do I love?",
      "What colour do I like most?"), "Your favourite colour is {v}."),
    ("time", ("The meeting is at {v}.", "Our meeting starts at {v}.", "We meet at {v}.", "Our meeting is set for {v}."),
     ("When is the meeting?", "At what time is the meeting?", "When do we meet?", "What time does our meeting start?"),
     "The meeting is at {v}."),
    ("first_name", ("My {n} is called {v}.", "I have a {n} named {v}.", "The name of my {n} is {v}.", "I named my {n} {v}.",
                    "My {n} has the name {v}."),
     ("What is my {n} called?", "What is the name of my {n}?", "What's my {n}'s name?", "How is my {n} called?",
      "Which name does my {n} have?"), "Your {n} is called {v}."),
    ("city", ("The {n} is in {v}.", "I left the {n} in {v}.", "You find the {n} in {v}.", "The {n} stands in {v}.",
              "We keep the {n} in {v}."),
     ("Where is the {n}?", "In which place is the {n}?", "Where can I find the {n}?", "Where do we keep the {n}?",
      "Do you know where the {n} is?"), "The {n} is in {v}."),
    ("code", ("The {n} code is {v}.", "The code of the {n} is {v}.", "Note the {n} code {v}.", "Use {v} as the {n} code."),
     ("What is the {n} code?", "What is the code of the {n}?", "Which code has the {n}?", "Tell me the code of the {n}."),
     "The {n} code is {v}."),
    ("integer", ("I have {v} {n}s.", "I own {v} {n}s.", "I bought {v} {n}s.", "There are {v} {n}s at my place."),
     ("How many {n}s do I have?", "How many {n}s do I own?", "How many {n}s are mine?", "What number of {n}s do I have?"),
     "You have {v} {n}s."),
    ("date", ("The {n} is on {v}.", "The date of the {n} is {v}.", "We planned the {n} for {v}.", "The {n} comes on {v}."),
     ("When is the {n}?", "On which date is the {n}?", "What is the date of the {n}?", "When does the {n} come?"),
     "The {n} is on {v}."),
)  # fmt: skip
# third-person facts: (kind, statement, questions, answer)
_ABOUT: tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...] = (
    ("city", ("{p} lives in {v}.", "{p} moved to {v}.", "{p} has a house in {v}.", "The home of {p} is in {v}."),
     ("Where does {p} live?", "In which city does {p} live?", "Where is the home of {p}?", "What city does {p} live in?"),
     "{p} lives in {v}."),
    ("job", ("{p} works as a {v}.", "{p} is a {v}.", "{p} found a job as a {v}.", "{p} earns money as a {v}."),
     ("What does {p} do?", "What is the job of {p}?", "What is {p}'s job?", "As what does {p} work?"), "{p} works as a {v}."),
    ("integer", ("{p} has {v} {n}s.", "{p} owns {v} {n}s.", "{p} bought {v} {n}s.", "{p} got {v} {n}s."),
     ("How many {n}s does {p} have?", "How many {n}s does {p} own?", "How many {n}s are there with {p}?",
      "What number of {n}s does {p} have?"), "{p} has {v} {n}s."),
    ("colour", ("The {n} of {p} is {v}.", "{p} has a {v} {n}.", "{p} bought a {v} {n}.", "{p} painted the {n} {v}."),
     ("What colour is the {n} of {p}?", "Which colour has the {n} of {p}?", "What is the colour of {p}'s {n}?",
      "{p} has a {n} of which colour?"), "The {n} of {p} is {v}."),
    ("code", ("The {n} of {p} has number {v}.", "The number of {p}'s {n} is {v}.", "{p} got the {n} number {v}.",
              "{p} has {n} number {v}."),
     ("What is the number of {p}'s {n}?", "Which number has the {n} of {p}?", "What is the {n} number of {p}?",
      "Tell me the {n} number of {p}."), "The {n} number of {p} is {v}."),
    ("title", ("{p} works for {v}.", "{p} was hired by {v}.", "{p} joined {v}.", "{p} has a job at {v}."),
     ("Who does {p} work for?", "Where does {p} work?", "Which company does {p} work for?", "{p} works for whom?"),
     "{p} works for {v}."),
    ("city", ("{t} is in {v}.", "{t} was built in {v}.", "You can visit {t} in {v}.", "{t} stands in {v}."),
     ("Where is {t}?", "In which city is {t}?", "Where can I visit {t}?", "What city is {t} in?"), "{t} is in {v}."),
    ("age", ("{p} is {v} years old.", "{p} turned {v}.", "The age of {p} is {v}.", "{p} is {v} now."),
     ("How old is {p}?", "What is the age of {p}?", "What is {p}'s age?", "Which age has {p}?"), "{p} is {v} years old."),
    ("person", ("The owner of {t} is {v}.", "{t} belongs to {v}.", "{v} owns {t}.", "{v} is the owner of {t}."),
     ("Who owns {t}?", "Who is the owner of {t}?", "Whom does {t} belong to?", "What is the name of the owner of {t}?"),
     "The owner of {t} is {v}."),
    ("integer", ("The {n} costs {v} euros.", "You pay {v} euros for the {n}.", "The price of the {n} is {v} euros.",
                 "They sell the {n} for {v} euros."),
     ("How much is the {n}?", "What does the {n} cost?", "What is the price of the {n}?", "How expensive is the {n}?"),
     "The {n} costs {v} euros."),
    ("time", ("The {n} opens at {v}.", "From {v} the {n} is open.", "You can visit the {n} from {v}.", "The {n} starts at {v}."),
     ("When does the {n} open?", "At what time does the {n} open?", "What time does the {n} open?", "From when is the {n} open?"),
     "The {n} opens at {v}."),
)  # fmt: skip
_ACKS = ("Noted.", "I will remember that.", "Got it.")
_LEADS = ("", "", "", "Please remember: ", "Note this: ", "Remember this. ", "By the way: ")
_GREETINGS = ("Hi! ", "Hello! ", "Hello, ", "Hi, ", "Hey! ", "Good morning. ")
_CONTEXTS = (
    "Context: {text}\nQuestion: {question}",
    "{text}\n\n{question}",
    "Read this: {text}\n{question}",
    "Use the context to answer.\n\nContext:\n{text}\n\nQuestion: {question}",
    "{text} {question}",
    "Answer from the text.\nText: {text}\nQuestion: {question}\nAnswer:",
    "Here is what I know. {text}\nNow tell me: {question}",
    "Given this text: {text}\nAnswer the question: {question}",
)


def _facts(words: Words, count: int) -> list[tuple[str, str, str]]:
    """`count` facts as (statement, question, answer), no two with the same answer frame."""
    facts = []
    for kind, statements, questions, answer in words.rng.sample(_FACTS, count):
        noun, value = words.noun(), words.value(kind)
        parts = (words.phrase(statements), words.phrase(questions), answer)
        statement, question, reply = (part.format(n=noun, v=value) for part in parts)
        facts.append((statement, question, reply))
    return facts


def _joined(statements: list[str]) -> str:
    """'My name is Ada and I live in Rome.'"""
    *rest, last = [
        s[0].lower() + s[1:] if s.split()[0] not in ("I", "I'm") else s for s in statements
    ]
    text = ", ".join(part.removesuffix(".") for part in rest) + " and " + last
    return text[0].upper() + text[1:]


def recall(words: Words) -> Example:
    """Facts in their own turns or in one, some talk between, then questions about them in any order."""
    facts = _facts(words, words.rng.choices((1, 2, 3, 4), (2, 4, 4, 2))[0])
    messages: list[Message] = []
    if words.chance(0.2):
        messages = [system(" ".join(statement for statement, _, _ in facts))]
        if words.chance(0.5):
            messages[0]["content"] = "The user says: " + messages[0]["content"]
    elif words.chance(0.4):
        told = " ".join(statement for statement, _, _ in facts)
        if len(facts) > 1 and words.chance(0.5):
            told = _joined([statement for statement, _, _ in facts])
        if words.chance(0.3):
            told = words.rng.choice(_GREETINGS) + told
        messages = [user(told), assistant(words.rng.choice(_ACKS))]
    else:
        for statement, _, _ in facts:
            messages += [
                user(words.rng.choice(_LEADS) + statement),
                assistant(words.rng.choice(_ACKS)),
            ]
    if words.chance(0.3):
        question, answer = small_talk(words)
        messages += [user(question), assistant(answer)]
    words.rng.shuffle(facts)
    for _, question, answer in facts[: words.rng.randint(1, len(facts))]:
        messages += [user(question), assistant(answer)]
    return Example("recall facts from earlier turns", messages)


def answer_from_context(words: Words) -> Example:
    """Two to five sentences about people, then questions that one sentence each answers."""
    facts = []
    people = list(dict.fromkeys(words.person() for _ in range(words.rng.randint(2, 5))))
    for person in people:
        kind, statements, questions, answer = words.rng.choice(_ABOUT)
        fill = {"p": person, "t": words.title(), "n": words.noun(), "v": words.value(kind)}
        facts.append(
            [p.format(**fill) for p in (words.phrase(statements), words.phrase(questions), answer)]
        )
    text = " ".join(statement for statement, _, _ in facts)
    words.rng.shuffle(facts)
    (_, question, answer), *others = facts[: words.rng.randint(1, 3)]
    ask = words.phrase(_CONTEXTS).format(text=text, question=question)
    messages = [user(ask), assistant(answer)]
    for _, question, answer in others:
        messages += [user(question), assistant(answer)]
    return Example("answer from a given context", messages)
