"""Trains zlm-v1-followup-questions-edge and writes models/weights/zlm-v1-followup-questions-edge/model.zlm.

Learned from Wikipedia and Wikinews: which parts of speech a word can be and how rare it is, by its company (no tagged
corpus is used: "will _", "the _ of", "very _" and the like give first guesses, and a few rounds of a hidden Markov
model refine them), how often tags follow each other, and first names and places from the leads of articles.
Written by hand: the tables models/data/follow-up-*.tsv, which are compiled into the same file.

    python3 models/python/train_follow_up.py --data DIR
    python3 models/python/train_follow_up.py --tables    # only the hand-written tables again, lexicon kept
"""

import argparse
import math
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

import corpora
from zlm_format import read_weights, write_weights

MODEL = "zlm-v1-followup-questions-edge"
VERSION = "1"
OUT = corpora.REPOSITORY / "models/weights" / MODEL / "model.zlm"
DATA = corpora.REPOSITORY / "models/data"

TAGS = ("DT PS PP IN TO CC CD MD BE HV DO WH NG EX NN NS NP JJ RB VB VZ VD VN VG PO CM ST OT").split()
TAG = {tag: i for i, tag in enumerate(TAGS)}
# The leads of articles are what texts at hand look like; every second Wikipedia file is enough for them.
WIKI_EVERY = 2
TEXT_CHARACTERS = 3000
LEAST_COUNT = 12
LARGEST_LEXICON = 40_000
EM_SENTENCES = 60_000
EM_ROUNDS = 3
COST_STEP = 0.25
IDF_STEP = 0.05
# Wikinews articles and Wikipedia files that the evaluation reads: nothing is learned from them.
HELD_OUT = 0
TOKEN = re.compile(r"\w+(?:[-.]\w+)*?(?=n't\b)|n't\b|'(?:s|re|m|ve|ll|d)\b|\w+(?:[-]\w+|\.(?=\w)\w+|,(?=\d)\d+)*|[^\w\s]")

DETERMINERS = set("the a an this that these those my your his her its our their".split())
MODALS = set("will would can could may might must shall should cannot".split())
SUBJECTS = set("i you we they he she it who".split())
BE = set("be am is are was were been being".split())
HAVE = set("have has had having".split())
DEGREES = set("very too so more most quite extremely highly less".split())
NOUN_SUFFIX = re.compile(r"(?:tion|sion|ment|ness|ity|ance|ence|ship|hood|ism|ist|age|ture|cy|ery|dom)$")
ADJECTIVE_SUFFIX = re.compile(r"(?:ous|ful|less|able|ible|ical|ive|ary|ish|ic|al)$")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data")
    parser.add_argument("--tables", action="store_true")
    parser.add_argument("--out", default=OUT, type=Path)
    options = parser.parse_args()
    if options.tables:
        old = read_weights(options.out)
        learned = {k: v for k, v in old["tensors"].items() if not k.startswith("table.")}
    elif options.data:
        learned = learn(options.data)
    else:
        parser.error("give --data or --tables")
    meta = {"program": "follow-up-questions", "tags": TAGS, "costStep": COST_STEP, "idfStep": IDF_STEP}
    sha256 = write_weights(options.out, MODEL, VERSION, meta, {**learned, **tables()})
    say(f"{options.out.stat().st_size} bytes, SHA-256 {sha256}")


def tables():
    """The hand-written tables, without comments and empty lines."""
    found = {}
    for path in sorted(DATA.glob("follow-up-*")):
        lines = [line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()]
        kept = [line for line in lines if line and not line.startswith("#")]
        if path.stem in LEARNED_FROM:
            continue
        found[f"table.{path.stem.removeprefix('follow-up-')}"] = "\n".join(kept)
    return found


def learn(data):
    sentences, documents, frequencies, capitals = [], 0, Counter(), Counter()
    counts, names, places = Counter(), Counter(), Counter()
    for title, text in texts(data):
        documents += 1
        seen = set()
        name_counts(title, text, names, places)
        for sentence in sentences_of(text):
            seen.update(sentence_counts(sentence, counts, capitals))
            if len(sentences) < EM_SENTENCES and documents % 3 == 0 and 5 <= len(sentence) <= 40:
                sentences.append(sentence)
        frequencies.update(seen)
    say(f"{documents} documents, {sum(counts.values())} words, {len(sentences)} sentences for the tagger")
    dictionary = dictionary_of(counts, capitals)
    emission, transition = expectation(sentences, dictionary)
    capital = [w for w in sorted(emission) if capitals[w] > 4 * (capitals[(w, "small")] + 1)]
    learned = lexicon_tensors(emission, transition, frequencies, documents, counts, names, places)
    return {**learned, "capitalized": "\n".join(capital)}


def texts(data):
    for i, path in enumerate(corpora.files_of(data, "wiki_en")):
        if i % WIKI_EVERY != HELD_OUT + 1:
            continue
        for title, body in corpora.DOC.findall(path.read_text(encoding="utf-8")):
            title = corpora.html.unescape(title)
            yield title, corpora.html.unescape(body).removeprefix(title).lstrip("\n")[:TEXT_CHARACTERS]
    for number, title, text in corpora.wikinews_articles(data):
        if number % 10 != HELD_OUT:
            yield "", text[:TEXT_CHARACTERS]


def sentences_of(text):
    text = text.replace("’", "'")
    for part in re.split(r"(?<=[.!?])\s+(?=[A-Z\"“])|\n+", text):
        tokens = TOKEN.findall(part)
        if len(tokens) > 3:
            yield tokens


# Tables that are in the lexicon already.
LEARNED_FROM = {"follow-up-closed-words", "follow-up-open-words"}
COMPANY = defaultdict(Counter)


def sentence_counts(sentence, counts, capitals):
    """Counts words by their company; returns the lower-case words."""
    low = [token.lower() for token in sentence]
    for i, word in enumerate(low):
        if not word[0].isalpha():
            continue
        counts[word] += 1
        if i > 0 and sentence[i][0].isupper() and sentence[i - 1] not in '"“(:-':
            capitals[word] += 1
        elif i > 0:
            capitals[(word, "small")] += 1
        before = low[i - 1] if i else "^"
        after = low[i + 1] if i + 1 < len(low) else "$"
        company = COMPANY[word]
        if before in MODALS or (before in ("not", "n't") and i > 1):
            company["modal"] += 1
        elif before == "to":
            company["to"] += 1
        elif before in DETERMINERS:
            company["det-end" if after in FUNCTION_AFTER else "det"] += 1
        elif before in SUBJECTS:
            company["subject"] += 1
        elif before in BE:
            company["be"] += 1
        elif before in HAVE:
            company["have"] += 1
        elif before in DEGREES:
            company["degree"] += 1
    return low


FUNCTION_AFTER = set("of in on at by for with from and or , . ; : is are was were will would has had have that which who to".split())


def name_counts(title, text, names, places):
    """First names from biographies' leads, places from the leads of their articles."""
    lead = text[:300]
    words = re.sub(r"\s*\(.*?\)", "", title).split()
    if 2 <= len(words) <= 4 and re.search(r"\((?:born|[^()]{0,40}\d{3,4}\s?[–-])", lead) and words[0][1:].islower():
        names[words[0]] += 1
    words = title.split(",")[0].split()
    if 1 <= len(words) <= 2 and re.search(
        r"\b(?:is|was) (?:an?|the)(?: [\w-]+){0,3}? (?:city|town|village|country|state|province|region|island|county|river|capital|municipality|republic|nation|continent|district|department|borough|suburb)\b",
        lead,
    ):
        places[" ".join(words)] += 1


def irregular_forms():
    """form -> tags, from the table of irregular verbs."""
    forms, bases = defaultdict(set), set()
    for line in (DATA / "follow-up-irregular-verbs.txt").read_text().splitlines():
        base, past, participle = line.split()
        if base in ("be", "have", "do"):
            continue
        bases.add(base)
        forms[base].add("VB")
        for form in past.split("/"):
            forms[form].add("VD")
        for form in participle.split("/"):
            forms[form].add("VN")
    return forms, bases


def closed_words():
    closed = defaultdict(set)
    for line in (DATA / "follow-up-closed-words.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            tag, words = line.split("\t")
            for word in words.split():
                closed[word].add(tag)
    return closed


def third_person(base):
    if re.search(r"(?:s|x|z|ch|sh|o)$", base):
        return base + "es"
    return base[:-1] + "ies" if re.search(r"[^aeiou]y$", base) else base + "s"


def past(base):
    if base.endswith("e"):
        return base + "d"
    if re.search(r"[^aeiou]y$", base):
        return base[:-1] + "ied"
    return base + "ed"


def gerund(base):
    if base.endswith("ie"):
        return base[:-2] + "ying"
    return base[:-1] + "ing" if base.endswith("e") and not base.endswith(("ee", "oe", "ye")) else base + "ing"


def dictionary_of(counts, capitals):
    """word -> {tag: first guess of its share}."""
    closed = closed_words()
    irregular, irregular_bases = irregular_forms()
    by_hand = open_words()
    listed = {w for w, tags in by_hand.items() if "VB" in tags}
    verbs = {w for w in counts if is_verb(w, counts, capitals) and (w not in by_hand or w in listed)}
    verbs |= irregular_bases | listed
    forms = defaultdict(set)
    for base in verbs:
        if base in closed:
            continue
        forms[base].add("VB")
        forms[third_person(base)].add("VZ")
        doubled = base + base[-1] if re.search(r"[^aeiou][aeiou][bdgklmnprtvz]$", base) else base
        for stem in {base, doubled}:
            forms[gerund(stem)].add("VG")
            if base not in irregular_bases:
                forms[past(stem)].update(("VD", "VN"))
    for form, tags in irregular.items():
        forms[form].update(tags)
    say(f"{len(verbs)} verbs, for example {sorted(verbs)[:: max(1, len(verbs) // 60)]}")
    dictionary = {word: {tag: 1.0 for tag in tags} for word, tags in closed.items()}
    common = [w for w, n in counts.most_common(LARGEST_LEXICON) if n >= LEAST_COUNT]
    for word in common:
        if word not in closed:
            dictionary[word] = guess(word, counts[word], forms.get(word, set()), counts, capitals)
    for word, tags in by_hand.items():
        if word not in closed:
            own = {tag for tag in forms.get(word, set()) | tags}
            seen = dictionary.get(word, {})
            # A verb by hand may be a noun as well ("demand"); a noun or adjective by hand is no verb.
            own |= {tag for tag in seen if tags == {"VB"} and tag == "NN"}
            dictionary[word] = {tag: seen.get(tag, 0.1) for tag in sorted(own)}
    for form, tags in forms.items():
        if form not in dictionary:
            dictionary[form] = dict.fromkeys(sorted(tags), 1.0)
    return dictionary


def open_words():
    words = defaultdict(set)
    for line in (DATA / "follow-up-open-words.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            tag, listed = line.split("\t")
            for word in listed.split():
                words[word].add(tag)
    return words


def is_verb(word, counts, capitals):
    n = counts[word]
    if n < LEAST_COUNT or not word.isalpha() or len(word) < 2:
        return False
    company = COMPANY[word]
    infinitive = company["modal"] + 0.7 * company["to"]
    stems = {word, word + word[-1]}
    inflected = sum(counts[form(stem)] for stem in stems for form in (past, gerund))
    few = company["modal"] >= 3 and infinitive / n > 0.01
    return infinitive >= 4 and (few or infinitive / n > 0.1) and inflected >= 6 and capitals[word] < n * 0.6


def guess(word, n, verb_tags, counts, capitals):
    company = COMPANY[word]
    small = capitals[(word, "small")]
    proper = capitals[word] / max(1, capitals[word] + small)
    if proper > 0.9 and not verb_tags:
        return {"NP": 1.0}
    tags = {}
    nominal = company["det-end"] + 1
    for tag in sorted(verb_tags):
        tags[tag] = verb_share(tag, company, n)
    noun_tag = "NS" if is_plural(word, counts) else "NN"
    adjective = company["degree"] * 4 + company["be"] * 0.3 + (8 if ADJECTIVE_SUFFIX.search(word) else 0)
    adjective += company["det"] * (0.3 if not word.endswith("s") else 0)
    if word.endswith("ly") and len(word) > 4 and nominal / n < 0.1:
        return {"RB": 1.0, **({"JJ": 0.2} if company["det"] > n * 0.05 else {})}
    if not verb_tags and len(word) > 5 and word.endswith(("ed", "ing")):
        adjective += 1
        verb_tags = {"VD", "VN"} if word.endswith("ed") else {"VG"}
        tags.update((tag, 0.4) for tag in sorted(verb_tags))
        if word.endswith("ed"):
            return {**tags, "JJ": 0.2 + company["det"] / n}
    if not verb_tags or company["det-end"] > n * 0.02:
        tags[noun_tag] = nominal / n + (0.3 if NOUN_SUFFIX.search(word) or noun_tag == "NS" else 0.02)
    if adjective / n > 0.12 and noun_tag == "NN" and not (NOUN_SUFFIX.search(word) and company["degree"] < n * 0.02):
        tags["JJ"] = adjective / n
    if proper > 0.5:
        tags["NP"] = proper
    return tags or {noun_tag: 1.0}


def verb_share(tag, company, n):
    if tag == "VB":
        return (company["modal"] * 2 + company["to"] + company["subject"]) / n + 0.01
    if tag in ("VN", "VG"):
        return 0.3 + (company["be"] + company["have"]) / n
    return 0.4 if tag == "VD" else company["subject"] / n * 2 + 0.1


def is_plural(word, counts):
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is", "ics")):
        return word in ("people", "men", "women", "children", "police", "feet", "teeth", "mice", "media", "data", "criteria")
    return any(counts[single] > 5 for single in (word[:-1], word[:-2], word[:-3] + "y"))


CLOSED_BOOST = {
    ("MD", "VB"): 40, ("TO", "VB"): 12, ("BE", "VN"): 10, ("BE", "VG"): 8, ("HV", "VN"): 20, ("HV", "BE"): 20,
    ("DT", "NN"): 15, ("DT", "JJ"): 8, ("DT", "NS"): 6, ("JJ", "NN"): 15, ("JJ", "NS"): 10, ("NP", "VD"): 6,
    ("NN", "VD"): 4, ("NS", "VD"): 5, ("PP", "VD"): 10, ("PP", "VB"): 4, ("PP", "VZ"): 6, ("NG", "VB"): 10,
    ("DT", "VB"): 0.02, ("DT", "VD"): 0.02, ("DT", "VZ"): 0.02, ("PS", "VB"): 0.02, ("PS", "VD"): 0.02, ("IN", "VB"): 0.1,
    ("IN", "VD"): 0.05, ("IN", "VZ"): 0.05, ("BE", "VD"): 0.02, ("BE", "VB"): 0.02, ("HV", "VD"): 0.02, ("HV", "VB"): 0.05,
    ("PS", "NN"): 12, ("PS", "NS"): 8, ("DO", "NG"): 10, ("BE", "NG"): 3, ("MD", "NG"): 3, ("NG", "VN"): 2, ("MD", "BE"): 20,
    ("RB", "VD"): 2, ("RB", "VN"): 2, ("RB", "JJ"): 4, ("NN", "VB"): 0.3, ("NS", "VB"): 2, ("NP", "NP"): 8, ("NN", "NN"): 3,
    ("JJ", "VB"): 0.05, ("JJ", "VD"): 0.1, ("JJ", "VZ"): 0.05, ("NN", "VZ"): 3, ("NS", "VZ"): 0.1, ("TO", "VD"): 0.02,
    ("TO", "VN"): 0.05, ("TO", "VZ"): 0.02, ("MD", "NN"): 0.05, ("CC", "VB"): 0.5, ("NP", "VB"): 0.2, ("WH", "VD"): 6,
    ("WH", "VB"): 2, ("WH", "VZ"): 4, ("VZ", "VD"): 0.05, ("VD", "VD"): 0.02, ("VB", "VB"): 0.1, ("IN", "VG"): 3, ("IN", "VN"): 0.3,
}  # fmt: skip


def expectation(sentences, dictionary):
    """A few rounds of tagging with what is known and counting what was tagged (hard expectation maximization)."""
    size = len(TAGS)
    transition = np.ones((size, size))
    for (a, b), boost in CLOSED_BOOST.items():
        transition[TAG[a], TAG[b]] *= boost
    prior = transition / transition.sum(1, keepdims=True)
    emission = {w: normalized(tags) for w, tags in dictionary.items()}
    for round_ in range(EM_ROUNDS):
        costs = -np.log(prior)
        table = costs.tolist()
        moves, tagged = np.zeros((size, size)), defaultdict(Counter)
        for sentence in sentences:
            last = TAG["ST"]
            for word, tag in tag_sentence(sentence, emission, table):
                moves[last, tag] += 1
                tagged[word][TAGS[tag]] += 1
                last = tag
        say(f"round {round_}: {moves.sum():.0f} words tagged")
        seed = transition / transition.sum(1, keepdims=True)
        prior = moves + 200 * seed * size / 10 + 0.5
        prior /= prior.sum(1, keepdims=True)
        for word, tags in emission.items():
            found = tagged.get(word)
            if found and len(tags) > 1:
                emission[word] = normalized({t: found[t] + (4 + 0.5 * found.total()) * p for t, p in tags.items()})
    return emission, -np.log(prior)


def normalized(tags):
    """Shares that sum to 1, in the order of the tags' names, so that no sum and no tie depends on chance."""
    total = sum(tags[tag] for tag in sorted(tags))
    return {tag: tags[tag] / total for tag in sorted(tags)}


def possible(word, first, emission):
    """Tags that a word may have, with costs; the runtime's rules for unknown words are finer."""
    low = word.lower()
    known = emission.get(low)
    if word[0].isupper() and not first and not (known and set(known) & CLOSED_TAGS):
        return [(TAG["NP"], 0.1)] + ([(TAG[t], 2.5 - math.log(p)) for t, p in known.items() if t != "NP"] if known else [])
    if known:
        return [(TAG[t], -math.log(p + 1e-4)) for t, p in known.items()]
    if word[0].isdigit():
        return [(TAG["CD"], 0.0)]
    if word[0].isupper():
        return [(TAG["NP"], 0.0)]
    return [(TAG["NN"], 1.0), (TAG["JJ"], 1.5), (TAG["NS"], 0.5 if low.endswith("s") else 6.0)]


CLOSED_TAGS = set("DT PS PP IN TO CC MD BE HV DO WH NG EX CM ST OT PO".split())


def tag_sentence(sentence, emission, costs):
    """Viterbi; (lower-case word, tag) in order."""
    best = {TAG["ST"]: (0.0, None)}
    trace = []
    for i, word in enumerate(sentence):
        now = {}
        for tag, cost in possible(word, i == 0, emission):
            score, source = min((best[p][0] + costs[p][tag], p) for p in best)
            now[tag] = (score + cost, source)
        trace.append(now)
        best = now
    tag = min(best, key=lambda t: best[t][0])
    out = []
    for i in range(len(sentence) - 1, -1, -1):
        out.append((sentence[i].lower(), tag))
        tag = trace[i][tag][1]
    return reversed(out)


def lexicon_tensors(emission, transition, frequencies, documents, counts, names, places):
    by_hand = closed_words().keys() | open_words().keys()
    words = sorted(w for w in emission if counts[w] >= 3 or w in by_hand)
    sets, numbers, levels = {}, [], []
    for word in words:
        entries = sorted((TAG[t], min(40, round(-math.log(p) / COST_STEP))) for t, p in emission[word].items() if p > 0.01)
        key = " ".join(f"{TAGS[t]}:{c}" for t, c in entries)
        numbers.append(sets.setdefault(key, len(sets)))
        idf = math.log(documents / max(1, frequencies[word]))
        levels.append(min(255, round(idf / IDF_STEP)))
    say(f"{len(words)} words, {len(sets)} sets of tags, {len(names)} first names, {len(places)} places")
    first_names = sorted(n for n, k in names.items() if k >= 2 or counts[n.lower()] >= 3)
    return {
        "words": "\n".join(words),
        "tagSets": "\n".join(sets),
        "wordTags": np.array(numbers, "<u2"),
        "idf": np.array(levels, "u1"),
        "transitions": np.clip(np.round(transition / COST_STEP), 0, 255).astype("u1"),
        "suffixes": suffix_lines(emission, counts),
        "firstNames": "\n".join(first_names),
        "places": "\n".join(sorted(places)),
    }


def suffix_lines(emission, counts):
    """Endings of three and two letters with their sets of tags, for words that the lexicon lacks."""
    sums = defaultdict(Counter)
    for word, tags in emission.items():
        if counts[word] > 300 or not word.isalpha() or len(word) < 5 or set(tags) & CLOSED_TAGS:
            continue
        for size in (2, 3, 4):
            for tag, p in tags.items():
                if tag != "NP":
                    sums[word[-size:]][tag] += p
    lines = []
    for ending, tags in sorted(sums.items()):
        total = sum(tags.values())
        if total < 15:
            continue
        kept = [(t, p / total) for t, p in sorted(tags.items()) if p / total > 0.04]
        lines.append(ending + "\t" + " ".join(f"{t}:{round(-math.log(p) / COST_STEP)}" for t, p in kept))
    return "\n".join(lines)


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
