"""Skill 1: repeat words the model never saw."""

from models.pocket.data.chatter import chat, unknown
from models.pocket.data.example import Example, assistant, user
from models.pocket.data.grammar import Grammar, lines
from models.pocket.data.sentiment import opinion
from models.pocket.data.splits import split_of
from models.pocket.data.topic import report
from models.pocket.data.words import Words

_ASK = Grammar(
    core={
        "start": lines("""
            <verb> <sep> {text}
            <verb> <sep> {text}
            <verb> {text}
            <verb> <quoted>
            <ask> <verb> <sep> {text}
            <ask?> <verb> <after> <sep> {text}
            <ask?> <verb> <object> <sep> {text}
            <ask?> <verb> <object> <quoted>
            <ask?> <verb> <quoted> <bye?>
            <ask?> <verb> <object> <after> <sep> {text}
            <ask?> <verb> <exactly> <sep> {text}
            <ask?> <verb> <object> <exactly> <sep> {text}
            {text}¶<ask?> <verb> <above>.
            {text}¶¶<ask?> <verb> <above>.
            {text}¶<ask?> <verb> <above> <exactly>.
            <quoted>¶<verb> that.
            <quoted> - <ask?> <verb> that.
            <verb> this <sep> {text}
            <verb> this <exactly> <sep> {text}
            answer with <object> <sep> {text}
            answer only with <quoted>
            answer with {text}
            your answer must be <sep> {text}
            your whole answer is <quoted>
            i say {text}, you say {text}
            i say <quoted>. now you <verb> it.
            now <verb> <object> <sep> {text}
            what i say, you <verb> <sep> {text}
            <label>: {text}¶<verb> it.
            <label>: {text}¶<ask?> <verb> <above>
            can i hear you say <quoted>?
            reply with <quoted>
            reply with <object> <sep> {text}
            respond only with <sep> {text}
            <ask?> <verb> <object> without changes <sep> {text}
            here comes <object> for you to <verb> <sep> {text}
            <ask?> <verb> whatever follows <sep> {text}
            say after me <sep> {text}
            print exactly <sep> {text}
            copy <sep> {text}
            <quoted>, <verb> it <bye>
            mirror what stands here <sep> {text}
            i want to hear <quoted> from you
            you speak <object> now <sep> {text}
            give back <object> <sep> {text}
            let me read <quoted> in your answer
            parrot <sep> {text}
            the same again from you <sep> {text}
            your line is <sep> {text}
        """),
        "verb": lines("""
            repeat
            repeat
            say
            say
            echo
            copy
            write
            print
            type
            repeat back
            read out
            write out
            output
            say again
            tell me
            return
            write down
            type out
            display
            reproduce
            recite
            duplicate
            state
            quote
            voice
            utter
        """),
        "object": lines("""
            the words
            these words
            the following
            the following words
            this text
            the text
            this line
            the line
            the following text
            this sentence
            the sentence
            this phrase
            my words
            the same words
            the phrase
            what i write
            what follows
            all of this
            this string
            the string
            the next words
            the coming words
        """),
    },
    sides={
        "after": lines("""
            after me
            back to me
            once
            for me
            one time
            back
            again
            to me
            one more time
            in your answer
            once more
            now
        """),
        "exactly": lines("""
            exactly
            word for word
            as it is
            unchanged
            exactly as written
            and nothing else
            without any change
            as is
            letter by letter
            verbatim
            just like that
            to the letter
        """),
        "above": lines("""
            the line above
            that
            the words above
            this
            what i wrote
            it
            the text above
            what i said
            the same
            my words
            the above
            what you just read
        """),
        "quoted": lines("""
            "{text}"
            "{text}"
            '{text}'
            “{text}”
            `{text}`
            »{text}«
            {text}
            *{text}*
            ({text})
            [{text}]
            «{text}»
            <<{text}>>
        """),
    },
)
_TIMES = lines("""
    Say {word} {times}.
    Repeat the word {word} {times}.
    Repeat {word} {times}.
    Write {word} {times}.
    {times} {word}, please
    Write the word "{word}" {times}
    please say "{word}" {times}
    repeat "{word}" {times}
    Can you say {word} {times}?
    Say the word {word} {times}, please.
    print {word} {times}
""")
_COMMON = (
    "to be or not that is the question we all live in a small house and go out when it rains do "
    "you know me i am here with my old friend who has never been there before all good things must "
    "come an end one two three four five let it go as you like this was so very long ago she said "
    "he will be back soon what a day for us no more tea on time how are thank see can I will do it"
).split()


def _text(words: Words) -> str:
    """Invented words, names and numbers; or plain English, whose sense is not to be acted upon."""
    rng = words.rng
    kinds = (
        "invented", "invented", "invented", "noun", "first_name", "city", "code", "integer",
        "email", "title",
    )  # fmt: skip
    style = rng.randrange(20)
    if style == 0:
        # Bytes of any script: the copy must not depend on having met the letters.
        low, high = rng.choice(
            ((0xC0, 0x17F), (0x391, 0x3C9), (0x410, 0x44F), (0x4E00, 0x4E80), (0x1F600, 0x1F640))
        )
        spans = [rng.randint(1, 5) for _ in range(rng.randint(1, 3))]
        return " ".join("".join(chr(rng.randrange(low, high)) for _ in range(n)) for n in spans)
    if style < 6:
        while True:
            text = " ".join(rng.choice(_COMMON) for _ in range(rng.randint(1, 9)))
            if split_of(text) is words.split:
                return text if words.chance(0.6) else text.capitalize() + rng.choice(("", ".", "!"))
    if style == 6:
        return rng.choice((opinion, report))(words)[0]
    if style == 7:
        # A question to repeat is not to be answered.
        return str(rng.choice((unknown, chat))(words).messages[0]["content"])
    pool = rng.choice((kinds, ("invented",)))
    count = rng.choices(range(1, 9), (4, 4, 4, 3, 3, 2, 2, 2))[0]
    parts = [str(words.value(rng.choice(pool))) for _ in range(count)]
    if words.chance(0.15):
        parts = [part.upper() if words.chance(0.5) else part.capitalize() for part in parts]
    return rng.choice((" ", " ", " ", ", ")).join(parts)


def repeat(words: Words) -> Example:
    """One to nine words, codes or numbers, and the same words back."""
    name = "repeat unseen words"
    if words.chance(0.06):
        word = words.invented()
        times, count = words.rng.choice((("twice", 2), ("three times", 3), ("four times", 4)))
        ask = words.phrase(_TIMES).format(word=word, times=times)
        return Example(name, [user(ask), assistant(" ".join([word] * count))])
    text = _text(words)
    ask = words.compose(_ASK).format(text=text)
    return Example(name, [user(ask), assistant(text)])
