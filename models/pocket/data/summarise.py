# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Skill 3: a report of three to five sentences to the one sentence that says what happened."""

from dataclasses import dataclass

from models.pocket.data.english import articled
from models.pocket.data.example import Example, assistant, user
from models.pocket.data.grammar import Grammar, lines
from models.pocket.data.words import Words


@dataclass(frozen=True, slots=True)
class _Report:
    """An event: how a report opens, how it ends, and the sentence that joins both."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    summary: str


def _reports(text: str) -> tuple[_Report, ...]:
    """Blocks of three lines: summary, first sentences, last sentences; alternatives are parted by /."""
    rows = [line.strip() for line in text.strip().splitlines() if line.strip()]
    split = [tuple(part.strip() for part in row.split(" / ")) for row in rows]
    return tuple(_Report(split[i + 1], split[i + 2], rows[i]) for i in range(0, len(rows), 3))


_REPORTS = _reports("""
{person} won the {title} in {city}.
The final of the {title} was played in {city}. / {city} was the place of the {title} final. / People came to {city} for the final of the {title}. / The {title} ended in {city}. / In {city} they played for the {title}. / The {title} took place in {city}. / {city} saw the end of the {title}. / This year the {title} was held in {city}. / In {city} the final of the {title} took place. / The last round of the {title} was fought in {city}.
After two hours {person} won. / In the end the winner was {person}. / {person} won the final. / {person} was the winner. / The winner is {person}. / The first place went to {person}. / It was won by {person}. / At last {person} was first. / It was {person} who won at last. / {person} took the prize.
{title} from {city} showed a new {noun} on {weekday}.
The company {title} is from {city}. / {title} is a company in {city}. / In {city} you find the company {title}. / {title} is a firm from {city}. / The firm {title} works in {city}. / {title} has its office in {city}. / There is a company in {city}, {title}. / The makers {title} sit in {city}. / {city} is the home of the company {title}. / {title} is a business based in {city}.
On {weekday} it showed a new {noun}. / A new {noun} was shown on {weekday}. / It presented a new {noun} on {weekday}. / On {weekday} it brought out a new {noun}. / Its new {noun} was shown on {weekday}. / On {weekday} a new {noun} was presented. / It has a new {noun}, shown on {weekday}. / They showed a new {noun} on {weekday}. / On {weekday} people saw its new {noun}. / Visitors admired its new {noun} on {weekday}.
A storm damaged {integer} houses in {city} on {weekday}.
A storm reached {city} on {weekday}. / On {weekday} a storm came to {city}. / {city} was hit by a storm on {weekday}. / On {weekday} there was a storm in {city}. / A strong storm hit {city} on {weekday}. / In {city} a storm raged on {weekday}. / {weekday} brought a storm to {city}. / A storm passed over {city} on {weekday}. / The storm in {city} began on {weekday}. / A heavy storm swept through {city} on {weekday}.
It damaged {integer} houses. / In all, {integer} houses were damaged. / {integer} houses were damaged by it. / {integer} houses are damaged. / It broke the roofs of {integer} houses. / The wind damaged {integer} houses. / Now {integer} houses need repair. / People count {integer} damaged houses. / The damage: {integer} houses. / As many as {integer} houses suffered.
{person} opened a {noun} shop in {city}.
{person} has opened a new {noun} shop. / A new {noun} shop was opened by {person}. / {person} is the owner of a new {noun} shop. / {person} opened a {noun} shop. / {person} now has a {noun} shop. / There is a new {noun} shop, and {person} owns it. / A {noun} shop was opened by {person}. / {person} started a {noun} shop. / The {noun} shop of {person} is new. / {person} dreamt of a {noun} shop and now runs one.
It is in {city}. / You find it in {city}. / The shop stands in {city}. / The shop is in {city}. / Go to {city} to see it. / It can be found in {city}. / The place is {city}. / It opened its doors in {city}. / Its address is in {city}. / {city} is where customers find it.
{person} found a lost {noun} in {city} on {weekday}.
A {noun} was lost in {city}. / Somebody lost a {noun} in {city}. / In {city} a {noun} went missing. / A {noun} was missing in {city}. / In {city} somebody lost a {noun}. / A {noun} disappeared in {city}. / {city} looked for a lost {noun}. / A {noun} could not be found in {city}. / There was a lost {noun} in {city}. / Nobody in {city} could find a {noun}.
{person} found it on {weekday}. / On {weekday} it was found by {person}. / It was {person} who found it on {weekday}. / On {weekday} {person} found it. / {person} saw it on {weekday}. / It was found on {weekday} by {person}. / {weekday} was the day when {person} found it. / The finder was {person}, on {weekday}. / On {weekday} {person} came upon it. / {person} discovered it on {weekday}.
The {job} {person} from {city} wrote a book about a {noun}.
{person} is a {job} in {city}. / The {job} {person} is from {city}. / {city} has a {job} called {person}. / {person} works as a {job} in {city}. / In {city}, {person} is a {job}. / {person} from {city} is a {job}. / {person}, a {job}, lives in {city}. / A {job} named {person} lives in {city}. / In {city} there is a {job}, {person}. / {person} earns money as a {job} in {city}.
The book about a {noun} is out now. / Now there is a book about a {noun}. / This week the book about a {noun} came out. / A book about a {noun} was written. / The new book is about a {noun}. / Now the book is there: it is about a {noun}. / A {noun} is what the book is about. / Readers love the book about a {noun}. / The new book tells of a {noun}. / The story of a {noun} fills the book.
{person} is the new head of {title}.
There was a meeting in {city}. / A meeting was held in {city}. / People met in {city}. / They met in {city}. / The members met in {city}. / {city} was the place of a meeting. / A long meeting took place in {city}. / A meeting was called in {city}. / {city} had a meeting. / Members came together in {city}.
{person} was chosen as the new head of {title}. / They made {person} the new head of {title}. / The new head of {title} is {person}. / {person} is now the head of {title}. / {title} chose {person} as its head. / {person} will lead {title}. / The head of {title} is now {person}. / From now on {person} leads {title}. / {title} has a new head now: {person}. / The members of {title} elected {person}.
{person} and {friend} met in {city} on {weekday}.
{person} came to {city} on {weekday}. / On {weekday} {person} was in {city}. / {person} visited {city} on {weekday}. / On {weekday} {person} took a train to {city}. / {person} travelled to {city} on {weekday}. / {city} was where {person} went on {weekday}. / It was {weekday}, and {person} was in {city}. / {person} spent {weekday} in {city}. / {person} reached {city} on {weekday}. / On {weekday} {city} had a guest, {person}.
There was also {friend}. / {friend} was there, too. / The two met: {person} and {friend}. / There {person} saw {friend}. / {friend} was waiting. / There {friend} came along. / {friend} came as well. / Who was there? {friend}. / {person} ran into {friend}. / {friend} had come as well, and they talked.
The {noun} of {person} was sold for {integer} euros.
{person} had a {noun}. / There was a {noun} that {person} owned. / {person} wanted to sell a {noun}. / The {noun} belonged to {person}. / {person} owned a {noun}. / {person} put up a {noun} for sale. / A {noun} was the pride of {person}. / {person} decided to sell the {noun}. / The owner of the {noun} was {person}. / {person} no longer needed the {noun}.
It was sold for {integer} euros. / Somebody paid {integer} euros for it. / For {integer} euros it was sold. / The price was {integer} euros. / Now it is sold, for {integer} euros. / It brought {integer} euros. / A buyer gave {integer} euros for it. / It went for {integer} euros. / It changed hands for {integer} euros. / A collector offered {integer} euros and got it.
""")
_FILLERS = lines("""
    Many people were there.
    The weather was fine.
    It was a long day.
    Nobody was hurt.
    The newspapers wrote about it.
    {other} took a photo.
    {other} said that this was a surprise.
    Some people waited for hours.
    The neighbours talked about it all week.
    There was music and coffee.
    It was a cold morning.
    {other} sent flowers.
    The photo shows {other}.
    Children were singing.
    {other} was not there.
    Later it began to rain.
    Everybody was happy.
    {number} people watched it.
    {other} and {another} looked on.
    No one had expected it.
    It cost {number} euros.
    A crowd of {number} people came.
    {other} wants to write about it.
    Afterwards there was tea for everyone.
    The mayor, {other}, gave a speech.
""")
_ASK = Grammar(
    core={
        "start": lines("""
            <ask?> <shorten> <one?> <sep> {text}
            <ask?> <shorten> <sep> {text}
            <ask?> <shorten> <report> <one?> <sep> {text}
            <ask?> <shorten> <report> <sep> {text}
            <ask?> <shorten> <one> <sep> {text}
            {text}¶<ask?> <shorten> <report> <one?>.
            {text}¶¶<ask?> <shorten> that <one?>.
            {text} <ask?> <shorten> <report>.
            {text} <ask?> <shorten> <report> <one>.
            {text}¶<summary> <one?>, <bye>.
            {text}¶¶<summary>:
            {text}¶¶tl;dr
            {text}¶<summary>?
            <ask?> <give> a <summary> of <report> <sep> {text}
            <ask?> <give> a <summary> <one?> <sep> {text}
            <ask?> <give> a one-sentence <summary> <sep> {text}
            <ask?> <give> a <summary> of <report> <one> <sep> {text}
            <summary> <sep> {text}
            <summary> <one> <sep> {text}
            what happened? answer <one>.¶{text}
            what happened? {text}
            {text} what happened, <one>?
            what is <report> about, <one>? {text}
            <one> <sep> {text}
            <one>, what happened? {text}
            <named>: {text}¶<summary>:
            <named>: {text}¶one sentence:
            <named>: {text}¶<ask?> <shorten> it <one?>.
            <named>:¶¶{text}¶¶<summary> <one>, <bye>.
            {text} <ask?> <give> a <summary>.
            {text}¶<ask?> <give> a <summary> <one>.
            i have no time to read <report>. <shorten> it <one?> <sep> {text}
            tell me <one> what happened <sep> {text}
            tell me the main point <one?> <sep> {text}
            sum up the following report.¶¶{text}
            make one sentence of this <sep> {text}
            what should i remember of <report>? {text}
            {text}¶that is too long. <shorten> it.
            {text} so what happened?
            the short version of <report>, <bye> <sep> {text}
            {text}¶in short?
            what is the news here, <one>? {text}
            {text}¶cut that down to one sentence.
            bring <report> to the point <sep> {text}
        """),
        "shorten": lines("""
            summarise
            summarise
            summarize
            summarize
            shorten
            condense
            make shorter
            compress
            reduce
            recap
            retell
            boil down
            abridge
            brief me on
        """),
        "one": lines("""
            in one sentence
            in one sentence
            to one sentence
            in a single sentence
            with one sentence
            briefly
            in short
            as one sentence
            in one short sentence
            using one sentence
            in just one sentence
            in 1 sentence
            in a nutshell
            within one sentence
        """),
        "summary": lines("""
            summary
            summary
            short summary
            brief summary
            one-sentence summary
            summary in one sentence
            short version
            recap
            main point
            conclusion
            gist
            abstract
            key message
        """),
    },
    sides={
        "report": lines("""
            this report
            this text
            the text
            the report
            the following
            the following report
            the following text
            this
            this story
            the news below
            this news
            these sentences
            this article
            the article below
            this message
            these lines
            the account below
            these news
        """),
        "named": lines("""
            report
            text
            article
            news
            story
            message
            the report
            document
            input
            news item
            piece
            bulletin
        """),
        "give": lines("""
            give
            write
            give me
            make
            send me
            i need
            i want
            provide
            produce
            draft
            offer
            prepare
        """),
    },
)


def summarise(words: Words) -> Example:
    """Facts in two sentences, noise around them; the summary keeps the facts."""
    report = words.rng.choice(_REPORTS)
    kinds = ("title", "city", "person", "weekday", "noun", "integer", "job")
    fill = {kind: words.value(kind) for kind in kinds} | {"friend": words.first_name()}
    noise = {"other": words.person(), "another": words.first_name(), "number": words.integer()}
    fillers = [words.fragment(_FILLERS).format(**noise) for _ in range(words.rng.randint(1, 3))]
    lines_ = [
        words.fragment(report.first).format(**fill),
        words.fragment(report.last).format(**fill),
    ]
    for filler in dict.fromkeys(fillers):
        lines_.insert(words.rng.randint(1, len(lines_)), filler)
    text = articled(" ".join(lines_))
    ask = words.compose(_ASK).format(text=text)
    answer = assistant(articled(report.summary.format(**fill)))
    return Example("report to one sentence", [user(ask), answer])
