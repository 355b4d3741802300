# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Small talk: greetings, thanks, who the model is, and what it says it cannot do."""

from models.pocket.data.english import articled
from models.pocket.data.example import Example, assistant, user
from models.pocket.data.grammar import Grammar, lines
from models.pocket.data.words import Words

_IDENTITY = "I am Kamado Pocket, a very small language model."
_SKILLS = (
    "I can call tools, turn a sentence into JSON, repeat words, remember what you tell me, add and subtract, "
    "name a sentence's sentiment or topic, translate simple sentences, summarise a short report and tell a short story."
)
_LIMIT = "I am a very small model and do not know that."

# (answer, phrasings); the last phrasings of each list are held out
_TALK: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Hello! How can I help you?",
     ("Hello :)", "Hi, I am here", "hey", "Hello!!", "good morning", "Greetings", "Hello", "Hi", "Hello!", "Hi there!", "Hey", "Good morning", "Good evening!", "Hey there", "hello", "hi",
      "Good day", "hi!", "Hello, it is me", "hey you", "hello hello", "Hi again", "Hi, anybody there?", "good evening", "Good morning to you", "Hey!", "Hello again!", "Good day to you", "Hello there", "Hi!", "Good afternoon", "Hello, are you there?", "Hello to you!", "Hey, hello!", "A good morning!")),
    ("You are welcome!",
     ("thanks", "thank you so much", "Thanks, that helps.", "Good, thanks!", "Nice, thank you", "Thanks", "Thank you", "Thank you!", "Thanks a lot", "Great, thanks", "Thank you very much", "ok thanks",
      "thanks a lot!", "Thank you for your help.", "Thanks for that", "great, thank you!", "Thanks so much", "Oh, thank you", "OK, thank you.", "Thanks for the answer!", "Super, thanks!", "That is nice, thanks", "Thanks!", "Perfect, thank you.", "Many thanks!", "Very kind, thank you.", "I thank you!", "Thanks, well done!")),
    ("I am fine, thank you. How can I help you?",
     ("how are you", "Hi, how are you?", "How are you doing?", "Are you fine?", "How are you?", "How are you today?", "How do you do?", "how are you doing today", "Hello, how are you?", "hey how are you", "How is your day?", "Are you OK?", "How have you been?", "And how are you?", "are you well today", "I hope you are well?",
      "How is it going?", "Are you well?", "How do you feel?", "Is everything fine with you?")),
    (_IDENTITY,
     ("who are you", "what is your name", "What kind of model are you?", "Which model are you?", "Are you a person?", "Tell me who you are.", "What should I call you?", "Who are you?", "What are you?", "What is your name?", "Are you a human?", "Tell me about yourself.",
      "Who am I talking to?", "What model are you?", "Are you a robot?", "Introduce yourself.", "Which model is this?", "what's your name?", "Hello, who are you?", "Hello! Who are you?", "Hi! What are you?", "Are you an AI?", "what are you called", "Are you a machine?", "Tell me your name.", "Do you have a name?", "How are you called?", "What kind of thing are you?", "Please introduce yourself", "are you a language model?", "Who is this?", "Are you ChatGPT?", "Who made you, and what are you?",
      "Say who you are.", "And who are you?", "Which kind of program are you?", "May I know your name?", "With whom do I speak?", "Are you a computer program?", "What do they call you?")),
    (_SKILLS,
     ("what can you do", "What can I ask you?", "What do you know how to do?", "Can you help me?", "What kind of things can you do?", "What can you do?", "What are your skills?", "How can you help me?", "What are you able to do?", "Help",
      "What are you good at?", "List your abilities.", "help me", "what can you do for me?", "How do you work?", "What are your abilities?", "Tell me your skills.", "what do you do", "Show me what you can do.", "What can you help with?", "What tasks do you know?", "What is it that you can do?", "Can you do anything?", "What do you do?", "Tell me what you can do.", "Which tasks can you do?", "What things are you able to do?", "For what can I use you?")),
    ("Goodbye!", ("bye", "goodbye", "See you soon", "Bye bye", "Have a nice day!", "Bye", "Goodbye", "See you", "Bye!", "Good night", "see you tomorrow", "Have a good day", "Bye, see you", "good bye!", "I have to go, bye", "OK, bye", "So long!", "good night!", "Thanks, bye!", "See you later!", "Goodbye, then.", "Bye for now!", "I am leaving, goodbye")),
)  # fmt: skip
_UNKNOWN = (
    "what is the capital of {thing}",
    "What is {thing}?",
    "Who is {thing}?",
    "Where is {thing}?",
    "Tell me about {thing}.",
    "How old is {thing}?",
    "what is a {thing}?",
    "What is the weather in {thing}?",
    "How much does a {thing} cost?",
    "What time is it in {thing}?",
    "Do you know {thing}?",
    "Explain {thing} to me.",
    "What is the capital of {thing}?",
    "Who wrote {thing}?",
    "Who invented the {thing}?",
    "Explain how a {thing} works.",
    "Why is the {thing} important?",
    "What is the meaning of {thing}?",
    "When was the first {thing} made?",
    "How far is {thing} from here?",
    "Who is the president of {thing}?",
    "Write a Python function for a {thing}.",
    "What do you think about {thing}?",
    "How tall is {thing}?",
    "How do I fix a {thing}?",
    "What happened in {thing} last year?",
    "who is {thing}",
    "where is {thing}",
    "What's {thing}?",
    "How does a {thing} work?",
    "Why do people need a {thing}?",
    "When did {thing} begin?",
    "Is it true that {thing} is old?",
    "Which language do they speak in {thing}?",
    "What do you know about {thing}?",
    "How big is {thing}?",
    "What is the best {thing}?",
    "Is a {thing} dangerous?",
    "Who was the first to see {thing}?",
    "What is a {thing} made of?",
    "Can you explain {thing}?",
    "tell me something about {thing}",
    "Who discovered {thing}?",
    "How long does a {thing} last?",
    "What is the news from {thing}?",
    "What is the population of {thing}?",
    "What do people eat in {thing}?",
    "Have you heard of {thing}?",
    "Describe {thing}.",
    "What is the history of {thing}?",
    "Which river flows through {thing}?",
    "What does a {thing} do?",
    "Where can I buy a {thing}?",
    "Why is {thing} famous?",
    "Give me some facts about {thing}.",
    "how many kinds of {thing} are there",
    "What year was {thing} founded?",
    "Is {thing} in Europe?",
    "What is the highest mountain of {thing}?",
    "What does {thing} mean?",
    "Who lives in {thing}?",
    "When was {thing} born?",
    "Why was {thing} so popular?",
    "How did {thing} die?",
    "How many people live in {thing}?",
    "Give me the history of {thing}.",
    "Which {thing} is the best?",
    "What causes a {thing}?",
    "What colour does a {thing} have?",
    "How heavy is a {thing}?",
    "Who is the king of {thing}?",
    "Why does a {thing} exist?",
    "Is there life without a {thing}?",
    "What is special about {thing}?",
    "How fast is a {thing}?",
    "Which country does {thing} belong to?",
    "What were the causes of {thing}?",
)

_CANNOT = "I am a very small model and cannot do that."
_UNABLE = (
    "Write a poem about {thing}.",
    "Write a haiku about a {thing}.",
    "Sing a song about {thing}.",
    "Count to {number}.",
    "Draw a {thing}.",
    "Give me a recipe for {thing}.",
    "Write an essay about {thing}.",
    "What is {number} times {number}?",
    "Divide {number} by {number}.",
    "Plan a trip to {thing}.",
    "Tell me a joke about a {thing}.",
    "Write code for a {thing}.",
    "Make a list of {thing}s.",
    "Give me a rhyme for {thing}.",
    "Multiply {number} by {number}.",
    "tell me a joke",
    "Write a poem.",
    "sing a song",
    "{number} * {number}",
    "Write a program that finds a {thing}.",
    "Paint a picture of {thing}.",
    "Design a logo for {thing}.",
    "write me a poem about {thing}",
    "Compose a song for {thing}.",
    "Write a recipe with {thing}.",
    "How much is {number} times {number}?",
    "what is {number} divided by {number}",
    "Make a plan for {thing}.",
    "Show me a picture of a {thing}.",
    "Write a speech about {thing}.",
    "Play chess with me.",
    "Solve x + {number} = {number}.",
    "Think of a name for my {thing}.",
    "Write a letter to {thing}.",
    "Invent a game with a {thing}.",
    "Rap about {thing}.",
    "Build me a {thing}.",
    "Give me the square root of {number}.",
    "Bake a {thing} for me.",
)
_HOLLOW = Grammar(
    core={
        "start": lines("""
            <wh> <aux> {thing} <verb>?
            <wh> <aux> a {thing} <verb>?
            <wh> <aux> {thing} <verb> in {other}?
            <wh> {other} <aux> {thing} <verb>?
            <wh> is the {other} of {thing}?
            <wh> was the {other} of {thing}?
            <wh> is a {thing} for?
            <what> of {thing}?
            <what> of a {thing}?
            <what> between {thing} and {other}?
            tell me <what> of {thing}
            <wh> is {thing} so <kind>?
            <wh> makes a {thing} <kind>?
            is {thing} <kind>?
            is a {thing} <kind> or not?
            <wh> would {thing} <verb> again?
            <wh> may a {thing} be <kind>?
        """),
    },
    sides={
        "wh": lines("""
            what
            why
            how
            when
            where
            which
            who
            since when
            for whom
            how often
            in what way
            whose
        """),
        "aux": lines("""
            does
            did
            will
            can
            is
            should
            would
            could
            must
            might
        """),
        "verb": lines("""
            work
            live
            grow
            cost
            start
            end
            happen
            break
            fly
            need
            mean
            move
            look like
            change
            sleep
            matter
            vanish
        """),
        "what": lines("""
            what is the colour
            what is the price
            what is the age
            what is the size
            what is the capital
            what is the origin
            what is the difference
            what are the parts
            what is the use
            what is the purpose
            what is the secret
            what is the weight
        """),
        "kind": lines("""
            big
            old
            famous
            important
            hard
            dangerous
            expensive
            rare
            useful
            deep
            common
            heavy
        """),
    },
)


def small_talk(words: Words) -> tuple[str, str]:
    """A remark that needs no skill, and the reply."""
    answer, questions = words.rng.choice(_TALK)
    return words.rng.choice(words.phrasings(questions)), answer


def chat(words: Words) -> Example:
    """One remark and its reply."""
    question, answer = small_talk(words)
    return Example("small talk", [user(question), assistant(answer)])


def unknown(words: Words) -> Example:
    """A question about the world or a task beyond it: the model says that it cannot."""
    thing = words.rng.choice((words.noun, words.city, words.noun, words.title, words.person))()
    fill = {"thing": thing, "number": words.integer(), "other": words.noun()}
    name = "says it does not know"
    if words.chance(0.35):
        ask = words.rng.choice(words.phrasings(_UNABLE)).format(**fill)
        return Example(name, [user(articled(ask)), assistant(_CANNOT)])
    ask = words.rng.choice(words.phrasings(_UNKNOWN))
    if words.chance(0.25):
        ask = words.compose(_HOLLOW)
    return Example(name, [user(articled(ask.format(**fill))), assistant(_LIMIT)])
