"""Skill 2: add and subtract, with the column working written out because the digits then need only
one look each.
"""

from models.pocket.data.example import Check, Example, assistant, user
from models.pocket.data.splits import Split, split_of
from models.pocket.data.words import Words

_PLUS = (
    "what's {a} + {b}",
    "Add {b} to {a}.",
    "Sum {a} and {b}.",
    "{a} and {b} together make?",
    "If I have {a} and get {b} more, how many do I have?",
    "{a} plus {b}",
    "what is {a}+{b}?",
    "Can you add {a} and {b}?",
    "What is {a} + {b}?",
    "{a} + {b}",
    "{a}+{b}",
    "What is {a} plus {b}?",
    "Add {a} and {b}.",
    "Compute {a} + {b}.",
    "Calculate {a} plus {b}.",
    "How much is {a} plus {b}?",
    "{a} + {b} = ?",
    "What is the sum of {a} and {b}?",
    "Please add {b} to {a}.",
    "Work out {a} + {b}.",
    "Tell me {a} plus {b}.",
    "I need the total of {a} and {b}.",
    "How many are {a} and {b} in all?",
)
_MINUS = (
    "what's {a} - {b}",
    "Take {b} from {a}.",
    "{a} less {b}?",
    "How much is left if I take {b} from {a}?",
    "What do I get when I subtract {b} from {a}?",
    "{a} minus {b}",
    "what is {a}-{b}?",
    "Can you subtract {b} from {a}?",
    "What is {a} - {b}?",
    "{a} - {b}",
    "{a}-{b}",
    "What is {a} minus {b}?",
    "Subtract {b} from {a}.",
    "Compute {a} - {b}.",
    "Calculate {a} minus {b}.",
    "How much is {a} minus {b}?",
    "{a} - {b} = ?",
    "What is the difference between {a} and {b}?",
    "Take {b} away from {a}.",
    "Work out {a} - {b}.",
    "Tell me {a} minus {b}.",
    "I had {a} and gave away {b}. How many are left?",
    "By how much is {a} more than {b}?",
)


def addition_working(a: int, b: int) -> str:
    """Columns from the right; a carry joins the next column's sum. 47 + 85: 7+5=12, 4+8+1=13."""
    steps, carry = [], 0
    while a or b:
        terms = [str(a % 10), str(b % 10)] + (["1"] if carry else [])
        total = a % 10 + b % 10 + carry
        steps.append(f"{'+'.join(terms)}={total}")
        carry, a, b = total // 10, a // 10, b // 10
    return ", ".join(steps)


def subtraction_working(a: int, b: int) -> str:
    """Columns from the right for a >= b; a borrow adds ten here and takes one there. 52 - 17:
    12-7=5, 5-1-1=3.
    """
    steps, borrow = [], 0
    while a or b:
        top, bottom = a % 10, b % 10
        lend = top - bottom - borrow < 0
        terms = [str(top + 10 * lend), str(bottom)] + (["1"] if borrow else [])
        steps.append(f"{'-'.join(terms)}={top + 10 * lend - bottom - borrow}")
        borrow, a, b = int(lend), a // 10, b // 10
    return ", ".join(steps)


def _answer(a: int, b: int, sign: str) -> str:
    if sign == "+":
        return f"{a} + {b}: {addition_working(a, b)}. The answer is {a + b}."
    if a < b:
        turned = f"{a} - {b} is below zero. {b} - {a}: {subtraction_working(b, a)}."
        return f"{turned} The answer is {a - b}."
    working = subtraction_working(a, b)
    return f"{a} - {b}: {working}. The answer is {a - b}." if working else f"The answer is {a - b}."


def _babbled(words: Words, a: int, b: int, sign: str) -> str:
    """The sum amid words of no meaning: whatever is said around it, a sum is to be done."""
    named = {"+": "plus", "-": "minus"}[sign]
    sums = (f"{a} {sign} {b}", f"{a}{sign}{b}", f"{a} {named} {b}")
    lead = " ".join(words.invented() for _ in range(words.rng.randint(1, 3))).capitalize()
    ends = (".", "?", "", ", please.", " please", f" {words.invented()}.")
    return f"{lead} {words.rng.choice(sums)}{words.rng.choice(ends)}"


def arithmetic(words: Words, digits: int) -> Example:
    """Two numbers of up to `digits` digits; each pair belongs to one split, in either order."""
    rng = words.rng
    low, high = 10 ** (digits - 1), 10**digits - 1
    if digits == 2 and words.chance(0.3):
        low = 1
    sign = rng.choice("+-")
    while True:
        a, b = rng.randint(low, high), rng.randint(low if words.chance(0.8) else 1, high)
        if sign == "-" and a < b and words.chance(0.8):
            a, b = b, a
        if split_of(f"{min(a, b)},{max(a, b)}") is words.split:
            break
    ask = words.phrase(_PLUS if sign == "+" else _MINUS).format(a=a, b=b)
    if words.split is Split.TRAIN and words.chance(0.3):
        ask = _babbled(words, a, b, sign)
    name = "addition" if sign == "+" else "subtraction"
    return Example(
        f"{name}, {digits} digits", [user(ask), assistant(_answer(a, b, sign))], Check("number")
    )
