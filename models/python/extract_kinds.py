"""What things are called: (name, kind) pairs that Wikipedia states, such as ("python", "programming language").

Four ways of stating it are read: the first sentence of an article ("X is a …"), lists ("fruits such as apples and
pears", "lions, tigers and other cats"), a kind before a name ("the actress Emma Stone"), and a kind behind it
("Ghent, a city in Belgium").
"""

import collections
import re

STOP = frozenset(
    "of in that which who whose where when and or by for from with on at to as is was are were has have had used known "
    "native located based between near its his her their the born founded made produced located found under than "
    "consisting containing written directed released published created developed performed recorded including situated "
    "formed into within during through about after before also but it he she they this there being been be not "
    "originally primarily currently commonly usually often mainly who's designed belonging given set".split()
)
VAGUE = frozenset(
    "term name type kind form part member group set list example number series class variety range collection piece "
    "one two three way method result act use case area word concept system process state field branch study science "
    "thing things people person man woman men women item items element elements factor factors issue issues topic "
    "topics aspect aspects feature features areas states forms types parts groups members cases examples others "
    "subject subjects idea ideas event events activity activities method methods sources source unit body family "
    "species genus title article phrase year century period time day first second last most best theory "
    "characteristics characteristic properties property countries".split()
)
# These are as vague as the rest, but labels that people ask for.
KEPT = frozenset("species event person family country".split())

NAME = r"[A-Z][\w'’.-]*(?:[ ](?:of|the|and|de|la|van|von|&)?[ ]?[A-Z0-9][\w'’.-]*){0,4}"
SUCH_AS = re.compile(r",? (?:such as|including) (?=[\w])")
AND_OTHER = re.compile(r",? (?:and|or) other ([a-z]+(?: [a-z]+)?)\b")
BEFORE_SUCH_AS = re.compile(r"([a-z]+(?: [a-z]+)?)$")
BREAK = re.compile(r"[.;:()\n\"–—]")
BEFORE = re.compile(rf"\b([a-z]+(?: [a-z]+)?) ({NAME})")
BEHIND = re.compile(rf"({NAME}), an? ([a-z][a-z -]{{2,60}})")
COPULA = re.compile(r"\b(?:is|was|are|were) (?:an?|the|one of the|any of (?:several|various)|any) ([^.;:()]{3,160})")
WORDS = re.compile(r"[\w'’-]+|,")


def head_of(phrase, heads):
    """The noun phrase's last words before a stop word; a comma ends it behind a noun that is known."""
    words = []
    for word in WORDS.findall(phrase):
        small = word.lower()
        if small in STOP:
            if small == "of" and words and words[-1] in ("type", "kind", "form", "genus", "species", "variety", "breed", "class"):
                words = []
                continue
            break
        if word == ",":
            if words and (heads is None or words[-1] in heads):
                break
            continue
        if word != small and words and not words[-1][0].isupper() and len(words) > 2:
            break
        words.append(word)
    words = [w for w in words if w == w.lower() and re.fullmatch(r"[a-z][a-z-]+", w)]
    return " ".join(words[-2:]) if words else ""


def singular(kind):
    head, last = kind.rpartition(" ")[::2]
    if last.endswith("ies") and len(last) > 4:
        last = last[:-3] + "y"
    elif re.search(r"(?:ch|sh|ss|x)es$", last):
        last = last[:-2]
    elif last.endswith("s") and not re.search(r"[siu]s$", last) and len(last) > 3:
        last = last[:-1]
    last = {"people": "person", "men": "man", "women": "woman", "children": "child"}.get(last, last)
    return f"{head} {last}".strip()


def leads(articles):
    """(title, text after "is a") of every article that begins by a definition of its title."""
    for title, text in articles:
        first = text[:700].split("\n")[0]
        plain = re.sub(r"\([^()]*\)", "", first)
        match = COPULA.search(plain)
        if match and match.start() < 160:
            yield title, match.group(1)


def collect(articles):
    """name in lower case -> Counter of kinds; a title's own definition counts as many."""
    articles = list(articles)
    definitions = list(leads(articles))
    heads = collections.Counter()
    for _, phrase in definitions:
        head = head_of(phrase.split(",")[0], None).rpartition(" ")[2]
        heads[head] += 1
    common = {head for head, count in heads.items() if count >= 5 and head not in STOP}
    kinds = collections.defaultdict(collections.Counter)
    for title, phrase in definitions:
        kind = singular(head_of(phrase, common))
        name = re.sub(r" \(.*\)$", "", title)
        if is_kind(kind):
            kinds[name.lower()][kind] += 20
    nouns = {singular(head) for head in common} - VAGUE | KEPT
    for _, text in articles[::2]:
        read_lists(text, nouns, kinds)
        read_apposition(text, nouns, kinds)
    return kinds


def is_kind(kind):
    return kind != "" and kind.rpartition(" ")[2] not in VAGUE - KEPT


def read_lists(text, nouns, kinds):
    for match in SUCH_AS.finditer(text):
        kind = BEFORE_SUCH_AS.search(text[max(0, match.start() - 40) : match.start()])
        if kind:
            items = BREAK.split(text[match.end() : match.end() + 160], maxsplit=1)[0]
            add_list(kind.group(1), items.split(", ")[:8], nouns, kinds)
    for match in AND_OTHER.finditer(text):
        items = BREAK.split(text[max(0, match.start() - 160) : match.start()])[-1].split(", ")
        # Where the first item of a list begins is unknown, but for its last word.
        first = items[0].split()[-1:]
        add_list(match.group(1), [*first, *items[1:]], nouns, kinds)


def add_list(kind, items, nouns, kinds):
    kind = named_kind(singular(kind), nouns)
    if kind is None:
        return
    for item in (part for item in items for part in re.split(r" and | or ", item)):
        words = re.findall(r"[\w'’-]+", item)
        while words and words[0] in ("and", "or", "the", "a", "an", "some", "other"):
            words.pop(0)
        if 1 <= len(words) <= 3 and not any(w in STOP or w in VAGUE for w in words):
            kinds[" ".join(words).lower()][kind] += 2


def read_apposition(text, nouns, kinds):
    for kind, name in BEFORE.findall(text):
        kind = named_kind(kind, nouns)
        if kind is not None:
            kinds[name.rstrip(".'’").removesuffix("'s").lower()][kind] += 1
    for name, phrase in BEHIND.findall(text):
        kind = named_kind(singular(head_of(phrase, nouns)), nouns)
        if kind is not None:
            kinds[name.rstrip(".'’").lower()][kind] += 2


def named_kind(kind, nouns):
    """The kind if its last word is a noun that definitions use, with the word before it where that belongs to it."""
    first, last = kind.rpartition(" ")[::2]
    if last not in nouns:
        return None
    return last if first in STOP or first in ("", "many", "several", "other", "various", "some", "such", "most", "all", "fellow", "future", "former", "late", "new", "old", "own") or first.endswith("ly") else kind
