"""Skill 2: add and subtract, with the column working written out because the digits then need only
one look each.
"""

from models.pocket.data.english import articled
from models.pocket.data.example import Check, Example, assistant, user
from models.pocket.data.grammar import Grammar, lines
from models.pocket.data.splits import Split, split_of
from models.pocket.data.words import Words

_SIDES = {
    "what": lines("""
        what is
        what's
        how much is
        how many are
        calculate
        compute
        work out
        tell me
        solve
        find
        give me
        i need
        please calculate
        can you work out
        determine
        do you know
        evaluate
        figure out
        what do you get for
        what does it make:
        let me know
        can you tell me
        whats
        say
        reckon
        get me
        i wonder about
    """),
    "end": lines("""
        ?
        .
        = ?
        =
        , please
        thanks
        , quickly
        in all?
        for me
        now
        , thank you
        if you can
    """),
}
_PLUS = Grammar(
    core={
        "start": lines("""
            {a} + {b}
            {a}+{b}
            {a} + {b} <end>
            {a}+{b}<end>
            {a} plus {b}
            {a} plus {b} <end>
            <what> {a} + {b} <end?>
            <what> {a}+{b} <end?>
            <what> {a} plus {b} <end?>
            <what> {a} plus {b} <end?>
            <what> {a} <plus> {b} <end?>
            <what> the <sum> of {a} and {b} <end?>
            <what> the <sum> of {a} + {b} <end?>
            <ask?> <add> {a} and {b} <end?>
            <ask?> <add> {a} and {b} <end?>
            <ask?> add {b} to {a} <end?>
            <ask?> add {a} with {b} <end?>
            <ask?> put {b} on top of {a} <end?>
            <ask?> do the addition {a} + {b} <end?>
            <ask?> increase {a} by {b} <end?>
            {a} and {b} together make?
            {a} and {b} are how much?
            {a} and then {b} more, how many is that?
            the <sum> of {a} and {b} <end>
            what do {a} and {b} make together?
            what do i get if i add {b} to {a}?
            what do {a} and {b} add up to?
            if i have {a} and get {b} more, how many do i have?
            i have {a} {noun}s and buy {b} more. how many do i have?
            {name} has {a} {noun}s and gets {b} more. how many {noun}s does {name} have?
            there are {a} {noun}s here and {b} there. how many are there in all?
            {a} {noun}s and {b} {noun}s, how many is that in all?
            {name} finds {a} {noun}s today and {b} tomorrow. how many together?
            we had {a} guests and {b} more came. how many guests are there now?
            i paid {a} and then {b}. how much did i pay?
            {a} {noun}s are in the box. we put in {b} more. how many are inside now?
            a {noun} costs {a} euros, another one {b}. what do both cost?
            sum: {a}, {b}
            <ask?> count {a} and {b} together <end?>
            {a} joined by {b} gives?
            Work out {a} + {b}.
            Tell me {a} plus {b}.
            I need the total of {a} and {b}.
            How many are {a} and {b} in all?
            {name} scored {a} points and then {b} more. how many points is that?
            {name} has {a} {noun}s, {city} sends another {b}. how many altogether?
            start with {a}, then go up by {b} <end?>
            how large is {a} raised by {b}?
            combine {a} and {b} <end?>
            {a} on top of {b} <end>
        """),
        "plus": (
            "plus", "and", "added to", "increased by", "plus another", "and another",
            "together with", "along with", "on top of", "grown by",
        ),
        "add": lines("""
            add
            sum
            add up
            sum up
            add together
            total
            count together
            take the sum of
            put together
            find the sum of
            add these:
            tally
            total up
        """),
        "sum": lines("""
            sum
            total
            result
            whole
            total amount
            sum total
            value
            answer
            full amount
            grand total
            overall amount
        """),
    },
    sides=_SIDES,
)  # fmt: skip
_MINUS = Grammar(
    core={
        "start": lines("""
            {a} - {b}
            {a}-{b}
            {a} - {b} <end>
            {a}-{b}<end>
            {a} minus {b}
            {a} minus {b} <end>
            <what> {a} - {b} <end?>
            <what> {a}-{b} <end?>
            <what> {a} minus {b} <end?>
            <what> {a} minus {b} <end?>
            <what> {a} <minus> {b} <end?>
            <what> the difference between {a} and {b} <end?>
            <what> the difference of {a} and {b} <end?>
            <what> the result of {a} - {b} <end?>
            <ask?> <take> {b} from {a} <end?>
            <ask?> <take> {b} from {a} <end?>
            <ask?> do the subtraction {a} - {b} <end?>
            <ask?> reduce {a} by {b} <end?>
            <ask?> decrease {a} by {b} <end?>
            {a} less {b}?
            take {a} and remove {b}. what is left?
            {a}, and {b} are gone. how many are left?
            what is left of {a} without {b}?
            how much is left if i take {b} from {a}?
            what do i get when i subtract {b} from {a}?
            what remains if {b} is taken from {a}?
            how much more is {a} than {b}?
            i have {a} {noun}s and lose {b}. how many do i have?
            i had {a} {noun}s and sold {b}. how many are left?
            {name} has {a} {noun}s and gives away {b}. how many {noun}s does {name} have?
            there are {a} {noun}s and {b} are taken. how many are there still?
            of {a} {noun}s {b} are broken. how many are fine?
            we had {a} guests and {b} went home. how many guests are there now?
            i had {a} euros and paid {b}. how much is left?
            {a} {noun}s are in the box. we take out {b}. how many are inside now?
            difference: {a}, {b}
            what is the distance from {b} to {a}?
            {name} had {a} points and lost {b}. how many points is that?
            from {a}, subtract {b} <end?>
            {b} away from {a} is?
            Work out {a} - {b}.
            Tell me {a} minus {b}.
            I had {a} and gave away {b}. How many are left?
            By how much is {a} more than {b}?
            {name} baked {a} cakes and ate {b}. how many remain?
            out of {a} {noun}s, {b} got lost. what number is still here?
            start with {a}, then go down by {b} <end?>
            how large is {a} lowered by {b}?
            {a} with {b} struck off <end>
            what must i add to {b} to reach {a}?
        """),
        "minus": (
            "minus", "less", "take away", "reduced by", "decreased by", "without", "minus another",
            "diminished by", "lowered by", "cut by",
        ),
        "take": lines("""
            take
            subtract
            take away
            remove
            deduct
            draw off
            take off
            please subtract
            strike
            withdraw
            knock
        """),
    },
    sides=_SIDES,
)  # fmt: skip


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
    fill = {"a": a, "b": b, "noun": words.noun(), "name": words.first_name(), "city": words.city()}
    ask = articled(words.compose(_PLUS if sign == "+" else _MINUS).format(**fill))
    if words.split is Split.TRAIN and words.chance(0.15):
        ask = _babbled(words, a, b, sign)
    name = "addition" if sign == "+" else "subtraction"
    return Example(
        f"{name}, {digits} digits", [user(ask), assistant(_answer(a, b, sign))], Check("number")
    )
