"""Trains zlm-v1-iab-classify-edge-enriched and writes it, and the reading plan of zlm-v1-iab-classify-cloud.

Both work with the weights of zlm-v1-iab-classify-edge, which must be trained before. What they add:
1. topics: a name for every concept of the base (data/iab-topics.tsv has those that are not their category's name), and
   titles of Wikipedia articles with the concepts that the base gives their first lines;
2. keywords: how rare each word of the base is, and whether it is a noun, a modifier or neither, learnt from its
   neighbours in the corpora and from the words of data/word-roles.tsv;
3. user intent: a linear classifier over words and pairs of data/user-intents.tsv, of CLINC150 and BANKING77, of first
   paragraphs of Wikipedia and Wikinews, and over the base's tier-1 categories.

    python3 models/python/train_iab_profile.py --data DIR
"""

import argparse
import csv
import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # sums in one order, so that two runs write the same bytes

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

import corpora
import iab_concepts
import train_iab
import zlm_format
from iab_concepts import features_of
from iab_profile_labels import BANKING_INTENT, INTENTS, NOT_A_TOPIC, OBJECTS, PERSON, PLACE, TITLE_NOT_A_TOPIC, WORK

ENRICHED, CLOUD = "zlm-v1-iab-classify-edge-enriched", "zlm-v1-iab-classify-cloud"
VERSION = "1"
WEIGHTS = corpora.REPOSITORY / "models" / "weights"
DATA = iab_concepts.TERMS.parent
IDF_STEP = 1 / 16
NOT_A_WORD_OF_THE_CORPORA = 255
ROLES = ("other", "modifier", "noun", "verb")
CONTEXT_WORDS = 150
LEAD_CHARACTERS = 1200
CONCEPTS_OF_TITLE = 3
LEAST_FOCUS = 0.2
INTENT_SCALE = 3.0
CORPUS_SENTENCES = 2500
# A feature is known when it is in so many examples written by hand, in a cue, or in so many other texts.
LEAST_EXAMPLES = 2
MORE_EXAMPLES = 80
CUE_COPIES = 5
CUE_WEIGHT = 30


class Base:
    """The trained base model, as its runtime reads it."""

    def __init__(self, path):
        weights = zlm_format.read_weights(path)
        tensors = weights["tensors"]
        self.words, self.pairs = tensors["words"].split("\n"), tensors["pairs"].split("\n")
        self.place = {feature: i for i, feature in enumerate(self.words + self.pairs)}
        self.known = {word for feature in self.place for word in feature.split(" ")}
        self.model = train_iab.Model(
            tensors["vectors"].astype(np.float32) - 128, tensors["concepts"].astype(np.float32), tensors["bias"]
        )
        self.of_concept = tensors["content_2_2.of_concept"]
        self.keys = tensors["content_2_2.keys"].split("\n")
        self.parents = tensors["content_2_2.parents"]

    def matrix(self, texts):
        bags = [train_iab.text_features(text, self.place, self.known) for text in texts]
        return train_iab.bag_matrix(bags, len(self.place))

    def probabilities(self, texts, batch=2000):
        return np.vstack([self.model.probabilities(self.matrix(texts[i : i + batch])) for i in range(0, len(texts), batch)])

    def tier1(self):
        """(places of tier-1 nodes, concepts x tier-1 matrix)."""
        roots = [i for i, parent in enumerate(self.parents) if parent < 0]
        matrix = np.zeros((len(self.of_concept), len(roots)), np.float32)
        for concept, node in enumerate(self.of_concept):
            while node >= 0:
                if node in roots:
                    matrix[concept, roots.index(node)] = 1
                node = self.parents[node]
        return roots, matrix


def inverse_frequencies(corpus, base):
    """Levels of the idf of the base's words over the paragraphs; 255 for what does not occur."""
    paragraph = np.repeat(np.arange(len(corpus.starts)), np.diff([*corpus.starts, len(corpus.flat)]))
    seen = np.unique(corpus.flat.astype(np.int64) * len(corpus.starts) + paragraph)
    counts = dict(zip(corpus.words, np.bincount(seen // len(corpus.starts), minlength=len(corpus.words)).tolist()))
    found = np.array([counts.get(word, 0) for word in base.words], np.float64)
    levels = np.rint(np.log((len(corpus.starts) + 1) / (found + 1)) / IDF_STEP)
    return np.where(found > 0, np.minimum(levels, 254), NOT_A_WORD_OF_THE_CORPORA).astype(np.uint8)


def word_roles(corpus, base):
    """A role for each word of the base, as a place in ROLES."""
    counts = np.bincount(corpus.flat, minlength=len(corpus.words))
    common = np.argsort(-counts, kind="stable")[:CONTEXT_WORDS]
    context = np.full(len(corpus.words), -1)
    context[common] = np.arange(CONTEXT_WORDS)
    inside = np.ones(len(corpus.flat), bool)
    inside[corpus.starts] = False
    before = context[corpus.flat[:-1]]
    after = context[corpus.flat[1:]]
    ok_before, ok_after = inside[1:] & (before >= 0), inside[1:] & (after >= 0)
    rows = np.concatenate([corpus.flat[1:][ok_before], corpus.flat[:-1][ok_after]])
    columns = np.concatenate([before[ok_before], after[ok_after] + CONTEXT_WORDS])
    shape = (len(corpus.words), 2 * CONTEXT_WORDS)
    near = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape)
    index = {word: i for i, word in enumerate(corpus.words)}
    share = np.sqrt(near.toarray() / (counts[:, None] + 5.0))
    endings = ("ing", "ed", "ly", "tion", "ity", "ness", "ment", "er", "al", "ic", "ous", "ive", "able", "s", "y")
    features = np.hstack([share, np.array([[w.endswith(e) for e in endings] for w in corpus.words], np.float32) * 0.3])
    seeds = [(index[w], ROLES.index(role)) for role, words in _rows("word-roles.tsv") for w in words.split() if w in index]
    rows, labels = np.array(seeds).T
    fitted = LogisticRegression(C=10, max_iter=2000, class_weight="balanced").fit(features[rows], labels)
    known = [index.get(word, -1) for word in base.words]
    chance = fitted.predict_proba(features[known])
    role = chance.argmax(axis=1)
    role[np.array(known) < 0] = ROLES.index("noun")
    given = {w: ROLES.index(r) for r, words in _rows("word-roles.tsv") if r == "other" for w in words.split()}
    return np.array([given.get(word, r) for word, r in zip(base.words, role)], np.uint8)


def _rows(name):
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)][1:]


def concept_topics(data):
    """The name of each concept as a topic; empty for what is none."""
    nodes22, nodes10 = iab_concepts.content_22(data), iab_concepts.content_10(data)
    given = {(a, b): name for a, b, name in _rows("iab-topics.tsv")}
    concepts = iab_concepts.concepts()
    count = Counter(c.node22 for c in concepts)
    names = []
    for c in concepts:
        own = nodes10[c.node10].name if count[c.node22] > 1 and "-" in c.node10 else nodes22[c.node22].name
        names.append(given.get((c.node22, c.node10), given.get((c.node22, ""), topic_name(own))))
    return [*names, ""]


def category_topics(data, base):
    """The name of each category of Content 2.2 as a topic."""
    nodes = iab_concepts.content_22(data)
    given = {a: name for a, b, name in _rows("iab-topics.tsv") if b == ""}
    return [given.get(key, topic_name(nodes[key].name)) for key in base.keys]


def topic_name(name):
    lower = name.lower().replace(" & ", " and ").replace("/", " and ")
    return re.sub(r"\s*\(.*\)", "", lower)


def titles(data):
    """(title in lower case, first lines) of articles whose subject may be a topic."""
    seen = {}
    for title, text in corpora.wiki_articles(data):
        name = re.sub(r"\s*\([^)]*\)$", "", title)
        lead = text[:LEAD_CHARACTERS]
        words = features_of(name)
        if not 1 <= len(words) <= 4 or re.search(r"\d", name) or TITLE_NOT_A_TOPIC.match(name):
            continue
        if PERSON.search(lead[:250]) or PLACE.search(lead[:400]) or WORK.search(lead[:400]):
            continue
        if re.search(r"\b(?:may|can) (?:also )?refer to\b", lead[:400]) or "disambiguation" in title:
            continue
        seen.setdefault(" ".join(words), f"{title}\n{lead}")
    return seen


def title_topics(data, base, idf, role):
    """Sorted titles, their concepts and how much each says of them (in 255ths)."""
    level = {word: (int(i), int(r)) for word, i, r in zip(base.words, idf, role)}
    stops = {w for _, words in _rows("stop-words.tsv") for w in words.split()}
    chosen = {}
    for name, text in titles(data).items():
        words = name.split(" ")
        if words[0] in stops or words[-1] in stops or name in NOT_A_TOPIC:
            continue
        rarity, kind = level.get(words[-1], (NOT_A_WORD_OF_THE_CORPORA, 2))
        if ROLES[kind] not in ("noun",) and len(words) == 1:
            continue
        if len(words) == 1 and rarity * IDF_STEP < 4.2:
            continue
        chosen[name] = text
    names = sorted(chosen)
    chance = base.probabilities([chosen[name] for name in names])
    top = np.argsort(-chance[:, :-1], axis=1, kind="stable")[:, :CONCEPTS_OF_TITLE]
    share = np.take_along_axis(chance, top, 1)
    focused = share.sum(axis=1) >= LEAST_FOCUS
    names = [name for name, keep in zip(names, focused) if keep]
    share = share[focused] / share[focused].sum(axis=1, keepdims=True)
    return names, top[focused].astype(np.uint16), np.rint(share * 255).astype(np.uint8)


PRICE = re.compile(r"[$£€]\s?[0-9]|[0-9]\s?(?:€|euro|eur|dollars|usd)")
LENGTHS = (1, 3, 6, 12, 25, 60, 150)


def intent_features(text):
    """Words, pairs of neighbours, how the text begins, and signs; the runtime's user-intent.ts finds the same."""
    words = features_of(text)
    found = set(words) | {f"{a} {b}" for a, b in zip(words, words[1:])}
    if words:
        found.add(f"^ {words[0]}")
    found.add(f"<length {sum(len(words) > most for most in LENGTHS)}>")
    if "?" in text or "¿" in text:
        found.add("<question>")
    if "!" in text:
        found.add("<exclamation>")
    if PRICE.search(text.lower()):
        found.add("<price>")
    if "www." in text or "://" in text:
        found.add("<address>")
    if sum(text.count(sign) for sign in "{}();=<>[]_") * 12 > len(text):
        found.add("<code>")
    return sorted(found)


def given_intents():
    """(intent, category, text) as written by hand."""
    return _rows("user-intents.tsv")


def cue_intents(rng):
    """(intent, text, weight of all of the source): the cues of data/intent-cues.tsv, alone and beside things."""
    texts = []
    for intent, cues in _rows("intent-cues.tsv"):
        for cue in cues.split(", "):
            texts.append((intent, cue))
            for _ in range(CUE_COPIES):
                objects = [OBJECTS[i] for i in rng.integers(len(OBJECTS), size=rng.integers(1, 4))]
                objects.insert(int(rng.integers(2)), cue)
                texts.append((intent, " ".join(objects)))
    return [(intent, text, CUE_WEIGHT) for intent, text in texts]


def corpus_intents(data, base, rng):
    """(intent, text, weight of all of the source): what needs no reading to know its intent."""
    rows = json.loads((Path(data) / "train" / "clinc150" / "data_full.json").read_text(encoding="utf-8"))["train"]
    of = {name: intent for intent, names in INTENTS.items() for name in names.split()}
    pairs = [(of[label], text, 60) for text, label in rows if label in of]
    with (Path(data) / "train" / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        pairs += [(BANKING_INTENT, row["text"], 20) for row in csv.DictReader(file)]
    news = [text for _, _, text in corpora.wikinews_articles(data)]
    picked = [_cut(news[i], rng) for i in rng.choice(len(news), CORPUS_SENTENCES, replace=False)]
    roots, tier1 = base.tier1()
    sports = [base.keys[r] for r in roots].index("483")
    is_sport = (base.probabilities(picked) @ tier1)[:, sports] > 0.5
    pairs += [("follow sports results" if s else "follow the news", text, 20) for s, text in zip(is_sport, picked)]
    wiki = [text for _, text in corpora.wiki_articles(data, every=8) if len(text) > 300]
    picked = [_cut(wiki[i], rng) for i in rng.choice(len(wiki), min(CORPUS_SENTENCES, len(wiki)), replace=False)]
    return pairs + [("learn about a topic", text, 15) for text in picked]


def _cut(text, rng):
    """The beginning of a text, some sentences long."""
    words = text[:1500].split(" ")
    return " ".join(words[: int(rng.choice([12, 25, 40, 70, 120]))])


def fit_intents(data, base, rng):
    """(names, categories, features, weights features x intents, bias)."""
    given = given_intents()
    categories = {intent: category for intent, category, _ in given}
    names = list(categories)
    others = cue_intents(rng) + corpus_intents(data, base, rng)
    texts = [text for _, _, text in given] + [text for _, text, _ in others]
    labels = np.array([names.index(i) for i, _, _ in given] + [names.index(i) for i, _, _ in others])
    per_source = Counter((intent, weight) for intent, _, weight in others)
    weights = np.array([1.0] * len(given) + [weight / per_source[intent, weight] for intent, _, weight in others])
    found = [intent_features(text) for text in texts]
    counts = Counter(f for features in found[: len(given)] for f in features)
    more = Counter(f for features in found[len(given) :] for f in features)
    cues = {f for _, line in _rows("intent-cues.tsv") for cue in line.split(", ") for f in intent_features(cue)}
    frequent = {f for f in more if more[f] >= MORE_EXAMPLES}
    vocabulary = sorted({f for f in counts if counts[f] >= LEAST_EXAMPLES} | cues | frequent)
    roots, tier1 = base.tier1()
    place = {feature: i for i, feature in enumerate(vocabulary)}
    rows = [[place[f] for f in features if f in place] for features in found]
    x = sp.csr_matrix(
        (
            np.concatenate([np.full(len(r), INTENT_SCALE / np.sqrt(len(r) + 4)) for r in rows]),
            (np.repeat(np.arange(len(rows)), [len(r) for r in rows]), np.concatenate([np.array(r, int) for r in rows])),
        ),
        (len(rows), len(vocabulary)),
    )
    x = sp.hstack([x, sp.csr_matrix(base.probabilities(texts) @ tier1)]).tocsr()
    fitted = LogisticRegression(C=4, max_iter=3000).fit(x, labels, sample_weight=weights)
    print(f"{len(vocabulary)} features of intent, {len(texts)} texts")
    tier1_names = [f"<tier 1 {base.keys[r]}>" for r in roots]
    return names, [categories[n] for n in names], vocabulary + tier1_names, fitted.coef_.T, fitted.intercept_


def quantized(values):
    scale = float(np.abs(values).max()) / 127
    return np.rint(values / scale).astype(np.int8), scale


def write(data, out):
    base = Base(WEIGHTS / "zlm-v1-iab-classify-edge" / "model.zlm")
    corpus = train_iab.read_corpus(data)
    idf, role = inverse_frequencies(corpus, base), word_roles(corpus, base)
    names, concepts, shares = title_topics(data, base, idf, role)
    print(f"{len(names)} titles; roles {np.bincount(role, minlength=4).tolist()}")
    intents, categories, features, coefficients, bias = fit_intents(data, base, np.random.default_rng(1))
    levels, scale = quantized(coefficients)
    audience = iab_concepts.audience_11(data)
    tensors = {
        "audience.roots": "\n".join(f"{n.key} {n.name}" for n in audience.values() if not n.parent),
        "topics.concepts": "\n".join(concept_topics(data)),
        "topics.categories": "\n".join(category_topics(data, base)),
        "topics.titles": "\n".join(names),
        "topics.title_concepts": concepts,
        "topics.title_shares": shares,
        "keywords.idf": idf,
        "keywords.roles": role,
        "keywords.stop_words": "\n".join(f"{language} {words}" for language, words in _rows("stop-words.tsv")),
        "intent.names": "\n".join(intents),
        "intent.categories": "\n".join(categories),
        "intent.features": "\n".join(features),
        "intent.weights": levels,
        "intent.bias": bias.astype(np.float32),
    }
    meta = {"program": "iab-profile", "idfStep": IDF_STEP, "intentScale": INTENT_SCALE, "intentStep": scale}
    _save(out / ENRICHED / "model.zlm", ENRICHED, meta, tensors)
    # A long text is read passage by passage; this is all that the model for long texts adds.
    plan = {"program": "iab-long-profile", "passageWords": 200, "leastScore": 0.05, "longestList": 16}
    _save(out / CLOUD / "model.zlm", CLOUD, plan, {})


def _save(path, model, meta, tensors):
    digest = zlm_format.write_weights(path, model, VERSION, meta, tensors)
    print(f"{path.name} of {model}: {path.stat().st_size} bytes, SHA-256 {digest}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of the corpora and taxonomies")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    write(options.data, options.out)


if __name__ == "__main__":
    main()
