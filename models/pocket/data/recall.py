"""Skill 1: facts from earlier turns, from the system message, or from a given context."""

from models.pocket.data.chatter import small_talk
from models.pocket.data.english import articled
from models.pocket.data.example import Example, Message, assistant, system, user
from models.pocket.data.facts import NOISE, OTHERS, OWN
from models.pocket.data.grammar import Grammar, lines
from models.pocket.data.words import Words

_ACKS = ("Noted.", "I will remember that.", "Got it.")
_LEADS = lines("""
    Please remember:
    Note this:
    Remember this.
    By the way:
    Just so you know:
    Remember:
    For your information:
    I want to tell you something.
    Keep this in mind:
    One thing about me:
    OK, here is a fact.
    Please keep in mind that
    You should know that
    Also,
    FYI:
    Let me tell you:
    Listen:
    Do not forget:
    It may help to know:
    Here is something to keep:
""")
_ASIDES_BEFORE = lines("""
    Quick question:
    Tell me:
    One more thing:
    So,
    I forgot.
    Now,
    Remind me:
    Do you remember?
    Please tell me:
    And
    OK.
    Then tell me:
    Hm,
    My question:
    Let us see.
    Can you help me?
    Let me ask you:
    What do you say?
    Be honest:
    Just to check:
""")
_GREETINGS = lines("""
    Hi!
    Hello!
    Hello,
    Hi,
    Hey!
    Good morning.
    Hi there!
    Hello there.
    hey,
    Greetings!
    Good evening.
    Nice to meet you!
""")
_JOINTS = (
    " and", ", and", ";", ", while", ", but", " -", ", whereas", " and also", ", so", " (and)",
    ", though", " as well as this:",
)  # fmt: skip
_CONTEXT = Grammar(
    core={
        "start": lines("""
            <context> {text}¶<question> {asked}
            <context>¶{text}¶¶<question> {asked}
            <context> {text}¶¶{asked}
            <context> {text} {asked}
            {text}¶¶{asked}
            {text}¶{asked}
            {text} {asked}
            {text}¶<question> {asked}
            {text}¶¶<question> {asked}¶answer:
            {text} <question> {asked}
            <context> {text}¶<question> {asked}¶answer:
            <context>¶¶{text}¶¶{asked}¶¶answer:
            <ask?> <answer> <sep> {asked}¶¶<context> {text}
            <ask?> <answer> <of> <sep>¶{text}¶<question> {asked}
            <ask?> <answer> <of>.¶<context> {text}¶<question> {asked}
            <question> {asked}¶<context> {text}
            <question> {asked}¶¶<context>¶{text}
            {asked}¶<context> {text}
            {asked}¶¶{text}
            <ask?> read <sep> {text}¶{asked}
            <ask?> read <sep> {text}¶now <answer> <sep> {asked}
            <ask?> read this and <answer> <sep> {text} {asked}
            here is what i know. {text} now tell me: {asked}
            i know this: {text} <question> {asked}
            {text} that is all i know. {asked}
            {text} so: {asked}
            {text} tell me: {asked}
            {text} <ask?> <answer> <sep> {asked}
            <ask?> use <this> to <answer>.¶¶<context>¶{text}¶¶<question> {asked}
            "{text}"¶{asked}
            "{text}" <question> {asked}
            somebody told me: "{text}" {asked}
            from a letter: {text} {asked}
            if {text} - then <sep> {asked}
            we were told this. {text} can you say it? {asked}
            Given this text: {text}¶Answer the question: {asked}
            my notes say: {text} <question> {asked}
            i read this: {text}¶{asked}
            {asked} you can find it here <sep> {text}
            what follows helps you <answer>. {text}¶{asked}
            {asked} look it up <sep> {text}
            a friend wrote: {text}¶¶<question> {asked}
            {text}¶now that you have read it <sep> {asked}
        """),
        "context": lines("""
            context:
            text:
            facts:
            information:
            read this:
            background:
            passage:
            article:
            notes:
            here is the text:
            here is some context:
            use this:
            given:
            story:
            document:
            this is known:
            source:
            excerpt:
            paragraph:
            what we know:
            material:
        """),
        "question": lines("""
            question:
            q:
            my question:
            now:
            the question is:
            question -
            question for you:
            answer this:
            i ask:
            so tell me:
            please answer:
            query:
            what i want to know:
            here is the question:
            asked:
        """),
        "answer": lines("""
            answer
            answer the question
            answer this
            answer my question
            tell me
            reply
            answer this question
            answer shortly
            answer the user's question
            reply to this
            respond
            solve this
            clear this up
        """),
    },
    sides={
        "of": lines("""
            from the text
            using the text
            using the context
            with the context
            from the facts below
            based on this text
            based on the context
            from what you read
            using only the text
            with the help of the text
            by the text
            as the text has it
        """),
    },
)


def _facts(words: Words, count: int) -> list[tuple[str, str, str]]:
    """`count` facts as (statement, question, answer), no two of the same relation."""
    facts = []
    for fact in words.rng.sample(OWN, count):
        fill = {"n": words.noun(), "v": words.value(fact.kind)}
        asked = words.phrase(fact.questions)
        if words.chance(0.2):
            asked = f"{words.fragment(_ASIDES_BEFORE)} {asked}"
        parts = (words.fragment(fact.statements), asked, fact.answer)
        statement, question, reply = (articled(part.format(**fill)) for part in parts)
        facts.append((statement, question, reply))
    return facts


def _joined(statements: list[str]) -> str:
    """'My name is Ada and I live in Rome.'"""
    keep = ("I", "I'm", "I've")
    *rest, last = [s[0].lower() + s[1:] if s.split()[0] not in keep else s for s in statements]
    text = ", ".join(part.removesuffix(".") for part in rest) + " and " + last
    return text[0].upper() + text[1:]


def recall(words: Words) -> Example:
    """Facts in their own turns or in one, some talk between, then questions about them in any
    order.
    """
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
            told = f"{words.fragment(_GREETINGS)} {told}"
        if words.chance(0.2):
            question = facts.pop(words.rng.randrange(len(facts)))
            # The question may follow in the same turn.
            first = [user(f"{told} {question[1]}"), assistant(question[2])]
            if not facts:
                return Example("recall facts from earlier turns", first)
            messages = first
        else:
            messages = [user(told), assistant(words.rng.choice(_ACKS))]
    else:
        for statement, _, _ in facts:
            told = f"{words.fragment(_LEADS)} {statement}" if words.chance(0.35) else statement
            messages += [user(told), assistant(words.rng.choice(_ACKS))]
    if words.chance(0.3):
        question_, answer = small_talk(words)
        messages += [user(question_), assistant(answer)]
    words.rng.shuffle(facts)
    for _, question_, answer in facts[: words.rng.randint(1, len(facts))]:
        messages += [user(question_), assistant(answer)]
    return Example("recall facts from earlier turns", messages)


def answer_from_context(words: Words) -> Example:
    """Two to five sentences about people, then questions that one sentence each answers."""
    facts = []
    people = list(dict.fromkeys(words.person() for _ in range(words.rng.randint(2, 5))))
    for person in people:
        fact = words.rng.choice(OTHERS)
        fill = {"p": person, "t": words.title(), "n": words.noun(), "v": words.value(fact.kind)}
        parts = (words.fragment(fact.statements), words.fragment(fact.questions), fact.answer)
        facts.append([articled(p.format(**fill)) for p in parts])
    said = [statement for statement, _, _ in facts]
    if words.chance(0.35):
        said.insert(words.rng.randint(0, len(said)), words.fragment(NOISE))
    if len(said) > 1 and words.chance(0.35):
        # Two facts in one sentence: the nearest value need not be the one that is asked for.
        spot = words.rng.randrange(len(said) - 1)
        said[spot : spot + 2] = [
            f"{said[spot].rstrip('.')}{words.fragment(_JOINTS)} {said[spot + 1]}"
        ]
    text = " ".join(said)
    words.rng.shuffle(facts)
    (_, question, answer), *others = facts[: words.rng.randint(1, 3)]
    ask = words.compose(_CONTEXT).format(text=text, asked=question)
    messages = [user(ask), assistant(answer)]
    for _, question, answer in others:
        messages += [user(question), assistant(answer)]
    return Example("answer from a given context", messages)
