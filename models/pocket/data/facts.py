# ruff: noqa: E501 - a table of sentences reads best with one group per line
"""Facts as a person states them, asks for them and is answered; {n} is any noun, {m} another, {v} the value."""

from dataclasses import dataclass

from models.pocket.data.grammar import lines


@dataclass(frozen=True, slots=True)
class Fact:
    """A relation: the kind of its value, statements and questions about it, and the one answer."""

    kind: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]
    answer: str


def _facts(text: str) -> tuple[Fact, ...]:
    """Blocks of four lines: kind, answer, statements, questions; alternatives are parted by /."""
    rows = [line.strip() for line in text.strip().splitlines() if line.strip()]
    split = [tuple(part.strip() for part in row.split(" / ")) for row in rows]
    return tuple(
        Fact(split[i][0], split[i + 2], split[i + 3], rows[i + 1]) for i in range(0, len(rows), 4)
    )


OWN = _facts("""
first_name
Your name is {v}.
My name is {v}. / I am {v}. / I'm {v}. / Call me {v}. / They call me {v}. / my name's {v} / This is {v}. / People call me {v}. / {v} is my name. / Hi, {v} here. / I go by {v}. / The name is {v}. / You can call me {v}. / I was named {v}.
What is my name? / What's my name? / Who am I? / Do you know my name? / What am I called? / whats my name / Tell me my name. / Say my name. / How am I called? / What did I say my name is? / Can you tell me my name? / What do people call me? / Do you remember my name? / By what name do you know me?
city
You live in {v}.
I live in {v}. / My home is in {v}. / I moved to {v}. / My flat is in {v}. / I'm from {v}. / My house is in {v}. / I come from {v}. / My home town is {v}. / {v} is where I live. / I stay in {v}. / I'm based in {v}. / My place is in {v}. / I am living in {v} now. / I settled in {v}.
Where do I live? / In which city do I live? / Which city do I live in? / Where is my home? / where am i from / Where am I living? / What city do I live in? / What is my home town? / Which is my city? / Tell me where I live. / Do you know where I live? / Where do I come from? / What city is my home in? / In what place do I stay?
job
You work as a {v}.
I work as a {v}. / I am a {v}. / My job is {v}. / I'm a {v}. / I am a {v} by trade. / I got a job as a {v}. / I am employed as a {v}. / By profession I am a {v}. / I have worked as a {v} for years. / I became a {v}. / I earn my living as a {v}. / My profession is {v}.
What is my job? / What do I do for a living? / What do I work as? / what's my job / What is my profession? / What do I do? / As what do I work? / Tell me my job. / What kind of work do I do? / Do you know my job? / Which job do I have? / How do I earn my living?
age
You are {v} years old.
I am {v} years old. / My age is {v}. / I turned {v} this year. / I'm {v}. / i am {v} / I'm {v} years old. / I have turned {v}. / {v} is my age. / I am now {v} years of age. / I became {v} last month. / I just turned {v}. / I celebrated my birthday number {v}.
How old am I? / What is my age? / Do you know how old I am? / how old am i / What's my age? / Tell me my age. / Tell me how old I am. / Which age am I? / My age? / What age did I say? / Can you say how old I am? / How many years old am I?
colour
Your favourite colour is {v}.
My favourite colour is {v}. / I love the colour {v}. / The colour I like best is {v}. / {v} is my favourite colour. / I like the colour {v} most. / My favourite color is {v}. / No colour is better than {v}. / I prefer {v} to all colours. / For me the best colour is {v}. / I adore {v} as a colour. / I like {v} best. / My preferred colour is {v}.
What is my favourite colour? / Which colour do I like best? / Which colour do I love? / what's my favourite color / Do you know my favourite colour? / Tell me my favourite colour. / Which colour is my favourite? / What colour do I prefer? / What color do I love? / Which is the colour I like? / What colour do I like most? / Which colour is best for me?
time
The meeting is at {v}.
The meeting is at {v}. / Our meeting starts at {v}. / We meet at {v}. / The meeting begins at {v}. / We have a meeting at {v}. / The meeting time is {v}. / At {v} we have the meeting. / Come to the meeting at {v}. / There is a meeting at {v}. / My meeting is at {v}. / Our meeting is set for {v}. / They moved the meeting to {v}.
When is the meeting? / At what time is the meeting? / When do we meet? / what time is the meeting / When does the meeting start? / When will we meet? / At which hour is the meeting? / Tell me the time of the meeting. / What is the meeting time? / When does our meeting begin? / What time does our meeting start? / For when is the meeting planned?
first_name
Your {n} is called {v}.
My {n} is called {v}. / I have a {n} named {v}. / The name of my {n} is {v}. / I named my {n} {v}. / My {n}'s name is {v}. / I call my {n} {v}. / {v} is my {n}. / {v} is the name of my {n}. / I own a {n} called {v}. / This is {v}, my {n}. / My {n} has the name {v}. / We gave my {n} the name {v}.
What is my {n} called? / What is the name of my {n}? / What's my {n}'s name? / How is my {n} called? / Who is my {n}? / what is my {n}s name / What did I name my {n}? / Tell me the name of my {n}. / What do I call my {n}? / Do you know my {n}'s name? / Which name does my {n} have? / How did I name my {n}?
city
The {n} is in {v}.
The {n} is in {v}. / I left the {n} in {v}. / You find the {n} in {v}. / The {n} stands in {v}. / I put the {n} in {v}. / My {n} is in {v}. / There is a {n} in {v}. / I forgot the {n} in {v}. / The {n} is kept in {v}. / {v} is where the {n} is. / We keep the {n} in {v}. / The {n} was brought to {v}.
Where is the {n}? / In which place is the {n}? / Where can I find the {n}? / where's the {n} / Where did I leave the {n}? / Where do I find the {n}? / In which city is the {n}? / Tell me where the {n} is. / What is the place of the {n}? / Where do we keep the {n}? / Where is my {n}? / At what place is the {n}? / Do you know where the {n} is?
code
The {n} code is {v}.
The {n} code is {v}. / The code of the {n} is {v}. / Note the {n} code {v}. / My {n} code is {v}. / {v} is the {n} code. / The code for the {n} is {v}. / For the {n} the code is {v}. / Write down the {n} code: {v}. / {n} code: {v}. / The {n} has the code {v}. / Use {v} as the {n} code. / Enter {v} at the {n}.
What is the {n} code? / What is the code of the {n}? / Which code has the {n}? / what's the {n} code / What is my {n} code? / What code does the {n} have? / What is the code for the {n}? / Give me the {n} code. / Do you know the {n} code? / Which is the code of the {n}? / Tell me the code of the {n}. / What code do I need for the {n}?
integer
You have {v} {n}s.
I have {v} {n}s. / I own {v} {n}s. / I bought {v} {n}s. / I've got {v} {n}s. / I keep {v} {n}s. / I collected {v} {n}s. / At home I have {v} {n}s. / {v} {n}s are mine. / I got {v} {n}s. / My {n}s are {v} in number. / There are {v} {n}s at my place. / I possess {v} {n}s.
How many {n}s do I have? / How many {n}s do I own? / How many {n}s are mine? / how many {n}s / How many {n}s did I buy? / Tell me how many {n}s I have. / How many {n}s have I got? / What is the number of my {n}s? / Do you know how many {n}s I have? / How many {n}s are there? / What number of {n}s do I have? / The count of my {n}s?
date
The {n} is on {v}.
The {n} is on {v}. / The date of the {n} is {v}. / We planned the {n} for {v}. / My {n} is on {v}. / The {n} takes place on {v}. / {v} is the day of the {n}. / On {v} we have the {n}. / I have a {n} on {v}. / The {n} will be on {v}. / The {n} happens on {v}. / The {n} comes on {v}. / They set the {n} for {v}.
When is the {n}? / On which date is the {n}? / What is the date of the {n}? / when's the {n} / On what day is the {n}? / When is my {n}? / Which day is the {n}? / When does the {n} take place? / When will the {n} be? / Tell me the date of the {n}. / When does the {n} come? / What day did I say for the {n}?
phrase
Your favourite {n} is {v}.
My favourite {n} is {v}. / The {n} I like best is {v}. / {v} is my favourite {n}. / As a {n} I like {v} most. / I like the {n} {v} best. / No {n} is better than {v}. / I love the {n} {v}. / The best {n} for me is {v}. / My best {n} is {v}. / I enjoy the {n} {v} most. / The {n} I prefer is {v}. / Of every {n} I would choose {v}.
What is my favourite {n}? / Which {n} do I like best? / Which {n} is my favourite? / what's my favourite {n} / Tell me my favourite {n}. / What {n} do I like most? / Do you know my favourite {n}? / Which {n} do I love? / Which is the {n} I like best? / What is the best {n} for me? / Which {n} do I prefer? / What {n} would I choose?
first_name
{v} looks after your {n}.
{v} looks after my {n}. / {v} takes care of my {n}. / My {n} is cared for by {v}. / {v} watches my {n}. / {v} is in charge of my {n}. / {v} minds my {n}. / {v} handles my {n}.
Who looks after my {n}? / Who takes care of my {n}? / Who is in charge of my {n}? / Who watches my {n}? / By whom is my {n} cared for? / who has my {n} / Who handles my {n}? / Who minds my {n}?
""")
# about persons {p}, titled things {t} and nouns {n}
OTHERS = _facts("""
city
{p} lives in {v}.
{p} lives in {v}. / {p} moved to {v}. / {p} has a house in {v}. / {p} is from {v}. / {p} comes from {v}. / {p} has a flat in {v}. / {v} is the city where {p} lives. / {p} is at home in {v}. / In {v} lives {p}. / {p} settled in {v}. / The home of {p} is in {v}. / {p} stays in {v}.
Where does {p} live? / In which city does {p} live? / Where is the home of {p}? / Where is {p} from? / where is {p} living / Which city does {p} live in? / Where does {p} come from? / What is the home of {p}? / Tell me where {p} lives. / In what city is {p} at home? / What city does {p} live in? / To which city did {p} move?
job
{p} works as a {v}.
{p} works as a {v}. / {p} is a {v}. / {p} found a job as a {v}. / The job of {p} is {v}. / {p} became a {v}. / {p} is employed as a {v}. / By trade {p} is a {v}. / {p} trained as a {v}. / {p} has been a {v} for years. / {p}, a {v}, works hard. / {p} earns money as a {v}. / The profession of {p} is {v}.
What does {p} do? / What is the job of {p}? / What is {p}'s job? / what's {p}'s job / What is {p}? / What does {p} do for a living? / What is the profession of {p}? / What work does {p} do? / Tell me the job of {p}. / Which job does {p} have? / As what does {p} work? / How does {p} earn money?
integer
{p} has {v} {n}s.
{p} has {v} {n}s. / {p} owns {v} {n}s. / {p} bought {v} {n}s. / {p} keeps {v} {n}s. / {p} collected {v} {n}s. / {v} {n}s belong to {p}. / {p} took {v} {n}s home. / At home {p} has {v} {n}s. / There are {v} {n}s that {p} has. / {p} found {v} {n}s. / {p} got {v} {n}s. / {p} possesses {v} {n}s.
How many {n}s does {p} have? / How many {n}s does {p} own? / How many {n}s are there with {p}? / how many {n}s has {p} / How many {n}s has {p} got? / How many {n}s belong to {p}? / How many {n}s did {p} get? / Tell me how many {n}s {p} has. / What is the number of {p}'s {n}s? / {p} has how many {n}s? / What number of {n}s does {p} have? / Of {n}s, how many has {p}?
colour
The {n} of {p} is {v}.
The {n} of {p} is {v}. / {p} has a {v} {n}. / {p} bought a {v} {n}. / {p}'s {n} is {v}. / The colour of {p}'s {n} is {v}. / {p} owns a {v} {n}. / {p} sold the {v} {n}. / {p} uses a {v} {n}. / {p} likes the {v} {n}. / A {v} {n} belongs to {p}. / {p} painted the {n} {v}. / {p} came with a {v} {n}.
What colour is the {n} of {p}? / Which colour has the {n} of {p}? / What is the colour of {p}'s {n}? / What colour is {p}'s {n}? / which color is {p}'s {n} / What color is the {n} of {p}? / Tell me the colour of {p}'s {n}. / What colour does the {n} of {p} have? / Of what colour is {p}'s {n}? / The {n} of {p} has which colour? / {p} has a {n} of which colour? / In which colour is the {n} of {p}?
code
The {n} number of {p} is {v}.
The {n} of {p} has number {v}. / The number of {p}'s {n} is {v}. / {p} got the {n} number {v}. / {p}'s {n} number is {v}. / The {n} number of {p} is {v}. / {p} uses the {n} with number {v}. / {v} is the number of {p}'s {n}. / {n} {v} belongs to {p}. / {p} received {n} number {v}. / They gave {p} the {n} {v}. / {p} has {n} number {v}. / Number {v} is the {n} of {p}.
What is the number of {p}'s {n}? / Which number has the {n} of {p}? / What is the {n} number of {p}? / What is {p}'s {n} number? / which {n} number has {p} / What number does {p}'s {n} have? / Give me the number of {p}'s {n}. / What number is the {n} of {p}? / Which {n} number does {p} have? / What is the number of the {n} of {p}? / Tell me the {n} number of {p}. / The {n} of {p}: which number?
title
{p} works for {v}.
{p} works for {v}. / {p} was hired by {v}. / {p} joined {v}. / {p} works at {v}. / {p} is employed by {v}. / The company of {p} is {v}. / {p} is on the team of {v}. / {v} hired {p}. / The employer of {p} is {v}. / {v} employs {p}. / {p} has a job at {v}. / {v} pays {p}.
Who does {p} work for? / Where does {p} work? / Which company does {p} work for? / where's {p} working / For whom does {p} work? / Who employs {p}? / Which firm does {p} work at? / What is the company of {p}? / Tell me who {p} works for. / At which company does {p} work? / {p} works for whom? / Who is the employer of {p}?
city
{t} is in {v}.
{t} is in {v}. / {t} was built in {v}. / You can visit {t} in {v}. / {t} is located in {v}. / {v} is the home of {t}. / You find {t} in {v}. / In {v} there is {t}. / {t} lies in {v}. / {t} has its place in {v}. / They built {t} in {v}. / {t} stands in {v}. / {t} can be seen in {v}.
Where is {t}? / In which city is {t}? / Where can I visit {t}? / where can i find {t} / Where do you find {t}? / Which city has {t}? / Where is {t} located? / Where was {t} built? / Where does {t} lie? / Tell me where {t} is. / What city is {t} in? / In what place does {t} stand?
age
{p} is {v} years old.
{p} is {v} years old. / {p} turned {v}. / The age of {p} is {v}. / {p} is {v}. / {p} has turned {v}. / {p} is aged {v}. / {p} became {v} last week. / {p} is {v} years of age. / {p}'s age is {v}. / {p}, {v} years old, was there. / {p} is {v} now. / {p} reached the age of {v}.
How old is {p}? / What is the age of {p}? / What is {p}'s age? / how old is {p} now / Tell me the age of {p}. / What age is {p}? / Do you know how old {p} is? / How many years old is {p}? / Say how old {p} is. / At what age is {p}? / Which age has {p}? / How many years has {p}?
person
The owner of {t} is {v}.
The owner of {t} is {v}. / {t} belongs to {v}. / {v} owns {t}. / {v} has {t}. / {t} is owned by {v}. / {v} bought {t}. / {t} is the property of {v}. / {t} was sold to {v}. / {t} is now {v}'s. / {v} runs and owns {t}. / {v} is the owner of {t}. / {v} took over {t}.
Who owns {t}? / Who is the owner of {t}? / Whom does {t} belong to? / who has {t} / Who bought {t}? / To whom does {t} belong? / By whom is {t} owned? / Whose is {t}? / Tell me who owns {t}. / Who does {t} belong to? / What is the name of the owner of {t}? / In whose hands is {t}?
integer
The {n} costs {v} euros.
The {n} costs {v} euros. / You pay {v} euros for the {n}. / The price of the {n} is {v} euros. / The {n} is {v} euros. / For the {n} they want {v} euros. / {v} euros is the price of the {n}. / The {n} sells for {v} euros. / We paid {v} euros for the {n}. / The {n} is worth {v} euros. / The {n} was sold for {v} euros. / They sell the {n} for {v} euros. / A {n} for {v} euros is on sale.
How much is the {n}? / What does the {n} cost? / What is the price of the {n}? / how much for the {n} / How much does the {n} cost? / How much do you pay for the {n}? / What do they want for the {n}? / Tell me the price of the {n}. / What is the {n} worth? / For how much is the {n} sold? / How expensive is the {n}? / At what price is the {n}?
time
The {n} opens at {v}.
The {n} opens at {v}. / From {v} the {n} is open. / You can visit the {n} from {v}. / The {n} is open from {v}. / The {n} opens its doors at {v}. / At {v} the {n} opens. / The {n} opens every day at {v}. / Nobody enters the {n} before {v}. / They open the {n} at {v}. / The opening time of the {n} is {v}. / The {n} starts at {v}. / The {n} lets people in at {v}.
When does the {n} open? / At what time does the {n} open? / What time does the {n} open? / when is the {n} open / At which hour does the {n} open? / When can I visit the {n}? / When do they open the {n}? / Tell me when the {n} opens. / What is the opening time of the {n}? / When will the {n} open? / From when is the {n} open? / How early does the {n} open?
person
{v} made the {n}.
{v} made the {n}. / The {n} was made by {v}. / {v} built the {n}. / The {n} is the work of {v}. / It was {v} who made the {n}. / The maker of the {n} is {v}. / {v} created the {n}. / The {n} comes from {v}. / {v} is the maker of the {n}. / The {n} was built by {v}. / {v} designed the {n}. / The {n} was a work by {v}.
Who made the {n}? / Who built the {n}? / By whom was the {n} made? / who created the {n} / Who is the maker of the {n}? / Who was it that made the {n}? / Tell me who made the {n}. / What is the name of the maker of the {n}? / Whose work is the {n}? / From whom is the {n}? / Who designed the {n}? / By whose hands was the {n} made?
date
The {n} is on {v}.
The {n} is on {v}. / The {n} takes place on {v}. / On {v} there is a {n}. / The {n} was planned for {v}. / The date of the {n} is {v}. / The {n} will be on {v}. / They hold the {n} on {v}. / {v} is the day of the {n}. / The {n} happens on {v}. / The {n} begins on {v}. / The {n} comes on {v}. / For {v} they announced the {n}.
When is the {n}? / On which date is the {n}? / What is the date of the {n}? / when will the {n} be / On what day is the {n}? / Which day is the {n}? / When does the {n} take place? / When does the {n} happen? / Tell me the date of the {n}. / For which day is the {n} planned? / When does the {n} come? / On which day do they hold the {n}?
first_name
{p} is married to {v}.
{p} is married to {v}. / {p} married {v}. / {v} is married to {p}. / {v} married {p}. / {p} has married {v}. / The partner of {p} is {v}. / {p} and {v} got married. / {p} is the partner of {v}. / {p} and {v} are a couple. / {p} said yes to {v}. / {p} became the partner of {v}. / {p} and {v} had a wedding.
Who is {p} married to? / Who married {p}? / Whom did {p} marry? / who is {p}'s partner / To whom is {p} married? / Who is the partner of {p}? / What is the name of {p}'s partner? / Tell me who {p} married. / Who did {p} marry? / With whom did {p} get married? / {p} is married to whom? / Who got married to {p}?
phrase
{p} ordered {v}.
{p} ordered {v}. / {p} bought {v}. / {p} paid for {v}. / {p} wants {v}. / {v} was ordered by {p}. / {p} asked for {v}. / {p} took {v}. / {p} got {v}. / {p} would like {v}. / {p} chose {v}. / The order of {p} is {v}. / {p} went for {v}.
What did {p} order? / What did {p} buy? / What does {p} want? / what was {p}'s order / What did {p} ask for? / What was ordered by {p}? / Tell me what {p} ordered. / What has {p} ordered? / What would {p} like? / What did {p} get? / What is the order of {p}? / What did {p} choose?
""")
# sentences beside the point
NOISE = lines("""
    It was a fine day.
    Nobody else came.
    We all know this.
    That is how it is.
    The weather is cold today.
    There was music.
    Everybody was happy about it.
    This has been so for years.
    They like it there.
    It is a long story.
    More is not known.
    The rest is of no interest.
    It rained a little.
    So it was told.
""")
