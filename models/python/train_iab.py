"""Trains zlm-v1-iab-classify-edge and writes models/weights/zlm-v1-iab-classify-edge/model.zlm.

No text with IAB labels exists in the open, so labels are weak:
1. words get vectors from the paragraphs of Wikipedia and Wikinews (tf-idf, truncated SVD);
2. a linear classifier over averaged vectors learns the concepts from handfuls of their terms (data/iab-terms.tsv);
   from examples written by hand (data/iab-examples.tsv) and from sentences of BANKING77, CLINC150 and SIB-200;
3. it labels the paragraphs, each together with its article; the confident ones, balanced over concepts, train it and
   the vectors again, and what was given in step 2 has the last word.

    python3 models/python/train_iab.py --data DIR
"""

import argparse
import csv
import json
import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # sums in one order, so that two runs write the same bytes

import re
import time
from array import array
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import corpora
import iab_concepts
import zlm_format
from iab_concepts import features_of
from iab_labels import (
    BANKING, FOREIGN_TOPICS, GEOGRAPHY, GOODS, INTENTS, NEWS_PRIOR, SECOND_HAND, SHOP, STOPWORDS, TOPICS,
)  # fmt: skip

COMMON_WORDS = iab_concepts.TERMS.with_name("common-words.txt")
DIM = 160
UNIGRAMS = 46_000
PARAGRAPHS_OF_ARTICLE = 14
POWER_ROUNDS = 4
DAMPING = 4
TERM_BAGS = 60
NOISE_BAGS = 6000
BAG_SIZES = (1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 12)
BAG_WEIGHT = 1.5
POLISHING_EPOCHS = 2
ARTICLE_SHARE = 0.5
TERM_FLOOR = 0.02
PARAGRAPHS_OF_CONCEPT = 300
PARAGRAPHS_OF_NONE = 3000
CLIP = 0.9999
SEED = 1
VERSION = "1"
WEIGHTS = corpora.REPOSITORY / "models" / "weights" / "zlm-v1-iab-classify-edge" / "model.zlm"
EXAMPLE_COPIES = 20
EXAMPLE_WEIGHT = 2
# What the sentences of one source count together for a concept; topics are coarse, so they count less.
INTENT_WEIGHT = 150
TOPIC_WEIGHT = 40
# Languages with terms of their own, and those that the model only knows to be none of these.
KNOWN_LANGUAGES = {"de": "deu_Latn", "fr": "fra_Latn", "es": "spa_Latn", "it": "ita_Latn", "pt": "por_Latn"}
OTHER_LANGUAGES = ("nld_Latn", "pol_Latn")
FOREIGN_BAGS = 60
# Less than the terms of one English concept, since there are five languages of them.
FOREIGN_WEIGHT = 0.4
FOREIGN_TOPIC_WEIGHT = 12
FOREIGN_NOISE_BAGS = 400
# A word of another language that is so frequent in the English corpora means something in English.
ENGLISH_WORD = 150
STEM_LENGTHS = range(10, 4, -1)
OFFER_BAGS = 2500
# How much of a shop's page is about the thing it sells, the rest about shopping.
SHARE_OF_GOODS = 0.8


@dataclass
class Corpus:
    """All words of both corpora in order, as places in `words`; where each paragraph starts; articles' paragraphs."""

    words: list
    flat: np.ndarray
    starts: np.ndarray
    article: np.ndarray
    news_articles: int
    """How many of the first articles are news."""


def log(message):
    print(f"{time.process_time():7.1f} s  {message}", flush=True)


def articles(data):
    """(title, lines, whether it is news) of both corpora in a fixed order, news first."""
    for _, title, text in corpora.wikinews_articles(data):
        yield title, text.split("\n"), True
    for title, text in corpora.wiki_articles(data):
        yield title, text.split("\n"), False


def read_paragraphs(data):
    """The words of every article's first paragraphs, the title's first; short lines join the next."""
    for title, lines, is_news in articles(data):
        paragraphs, held = [], features_of(title)
        for line in lines:
            held = held + features_of(line)
            if len(held) >= 25:
                paragraphs.append(held)
                held = []
            if len(paragraphs) == PARAGRAPHS_OF_ARTICLE:
                break
        if paragraphs:
            yield paragraphs, is_news


def read_corpus(data):
    index = defaultdict(lambda: len(index))
    flat, starts, article = array("i"), [], []
    news_articles = 0
    for number, (paragraphs, is_news) in enumerate(read_paragraphs(data)):
        news_articles += is_news
        for words in paragraphs:
            starts.append(len(flat))
            article.append(number)
            flat.extend([index[word] for word in words])
    return Corpus(list(index), np.array(flat), np.array(starts), np.array(article), news_articles)


def usable(word):
    return 2 <= len(word) <= 24 and not word[0].isdigit() and word not in STOPWORDS


def usable_pair(pair, alone):
    """Whether two neighbours mean something together; in a longer term, only where neither is a stop word."""
    a, b = pair.split(" ")
    stops = (a in STOPWORDS) + (b in STOPWORDS)
    return stops <= alone and not (a[0].isdigit() and b[0].isdigit())


def term_features(term):
    """A term as features: one word, or the pairs of neighbours."""
    words = features_of(term)
    if len(words) == 1:
        return [words[0]] if usable(words[0]) or re.match(r"\d+[a-z]", words[0]) else []
    pairs = [f"{a} {b}" for a, b in zip(words, words[1:])]
    return [pair for pair in pairs if usable_pair(pair, alone=len(pairs) == 1)]


def build_vocabulary(corpus, concepts, foreign):
    """Single words first, then pairs; each part sorted. Stems (`motor*`, `*steuer`) are among the words."""
    counts = np.bincount(corpus.flat, minlength=len(corpus.words))
    order = np.argsort(-counts, kind="stable")
    common = [corpus.words[i] for i in order[: UNIGRAMS + 1000] if usable(corpus.words[i])][:UNIGRAMS]
    terms = {feature for c in concepts for term in c.terms for feature in term_features(term)}
    terms |= {feature for group in foreign for term in group.terms for feature in term}
    terms |= {word for group in foreign for word in group.function_words}
    singles = set(common) | {term for term in terms if " " not in term}
    return sorted(singles), sorted(term for term in terms if " " in term)


@dataclass
class ForeignTerms:
    """The terms of a concept in another language, each a list of features, and the language's function words."""

    node: str
    terms: list
    function_words: list


ASCII = str.maketrans(
    {"á": "a", "à": "a", "â": "a", "ã": "a", "é": "e", "è": "e", "ê": "e", "í": "i", "ì": "i", "î": "i", "ó": "o",
     "ò": "o", "ô": "o", "õ": "o", "ú": "u", "ù": "u", "û": "u", "ç": "c", "ñ": "n", "ä": "ae", "ö": "oe", "ü": "ue",
     "ß": "ss", "œ": "oe", "ï": "i"}
)  # fmt: skip


def foreign_terms(corpus):
    """The terms of data/iab-foreign-terms.tsv that do not mean something else in English, with and without accents."""
    counts = np.bincount(corpus.flat, minlength=len(corpus.words))
    english = {corpus.words[i] for i in np.flatnonzero(counts > ENGLISH_WORD)}
    stops = iab_concepts.stop_words()
    groups = []
    for node, language, terms in iab_concepts.foreign_terms():
        forms = [form for term in terms for form in dict.fromkeys([term, term.translate(ASCII)])]
        features = [foreign_features(form) for form in forms]
        kept = [f for f in features if f and not (len(f) == 1 and f[0] in english)]
        words = [word for word in stops[language] if word not in STOPWORDS and len(word) > 1 and word not in english]
        groups.append(ForeignTerms(node, kept, words))
    return groups


def foreign_features(term):
    """A stem, where it is long enough for one, or what `term_features` says of a word or phrase."""
    bare = term.strip("*")
    if "*" in term and " " not in term and len(bare) >= STEM_LENGTHS[-1]:
        stem = bare[: STEM_LENGTHS[0]] if term.endswith("*") else bare[-STEM_LENGTHS[0] :]
        return [f"{stem}*" if term.endswith("*") else f"*{stem}"]
    return term_features(bare)


def singular_form(word, known):
    """The word itself, or what an unknown plural is the plural of."""
    if word not in known and len(word) > 3 and word.endswith("s") and word[:-1] in known:
        return word[:-1]
    return word


def known_form(word, known):
    """As `singular_form`, or the longest known stem that begins or else ends an unknown word."""
    form = singular_form(word, known)
    if form in known:
        return form
    lengths = [length for length in STEM_LENGTHS if length <= len(word)]
    stems = [f"{word[:length]}*" for length in lengths] + [f"*{word[-length:]}" for length in lengths]
    return next((stem for stem in stems if stem in known), word)


def paragraph_matrix(corpus, singles, pairs):
    """How often, damped, each feature is in each paragraph."""
    known = {word for feature in singles + pairs for word in feature.split(" ")}
    # Stems are of other languages: what they meet in these corpora are rare names.
    words = [singular_form(word, known) for word in corpus.words]
    index = {word: i for i, word in enumerate(words)}
    flat = np.array([index[word] for word in words])[corpus.flat]
    place = {word: i for i, word in enumerate(singles)}
    single_of = np.array([place.get(word, -1) for word in words])[flat]
    paragraph = np.repeat(np.arange(len(corpus.starts)), np.diff([*corpus.starts, len(flat)]))
    pair_of = _pair_features(flat, index, pairs, paragraph)
    rows = np.concatenate([paragraph[single_of >= 0], paragraph[:-1][pair_of >= 0]])
    columns = np.concatenate([single_of[single_of >= 0], pair_of[pair_of >= 0] + len(singles)])
    shape = (len(corpus.starts), len(singles) + len(pairs))
    return damped(sp.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape))


def damped(matrix):
    """Counts become 1 + floor(log2(count)): the first, second, fourth, eighth occurrence of a word count."""
    matrix.sum_duplicates()
    matrix.data = (1 + np.floor(np.log2(matrix.data))).astype(np.float32)
    return matrix


def _pair_features(flat, index, pairs, paragraph):
    """For each word and the next: the place of their pair in `pairs`, or -1."""
    size = np.int64(max(index.values()) + 1)
    known = [(i, *(index.get(word, -1) for word in pair.split(" "))) for i, pair in enumerate(pairs)]
    keys = sorted((a * size + b, i) for i, a, b in known if a >= 0 and b >= 0)
    key, place = np.array([k for k, _ in keys]), np.array([i for _, i in keys])
    found = flat[:-1].astype(np.int64) * size + flat[1:]
    at = np.minimum(np.searchsorted(key, found), len(key) - 1)
    inside = (key[at] == found) & (paragraph[:-1] == paragraph[1:])
    return np.where(inside, place[at], -1)


def inverse_frequency(matrix):
    paragraphs = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return np.log((matrix.shape[0] + 1) / (paragraphs + 1)).astype(np.float32)


def word_vectors(matrix, idf, rng):
    """Unit vectors of features from the truncated SVD of the tf-idf matrix; zeros for what never occurs."""
    scaled = sp.csr_matrix(matrix.multiply(idf[None, :]), dtype=np.float32)
    norms = np.sqrt(np.asarray(scaled.multiply(scaled).sum(axis=1)).ravel())
    scaled = (sp.diags(1 / np.maximum(norms, 1e-6).astype(np.float32)) @ scaled).tocsr()
    transposed = scaled.T.tocsr()
    basis = rng.standard_normal((scaled.shape[1], DIM + 16)).astype(np.float32)
    for _ in range(POWER_ROUNDS):
        basis = np.linalg.qr(transposed @ (scaled @ basis))[0]
    projected = scaled @ basis
    values, turn = np.linalg.eigh((projected.T @ projected).astype(np.float64))
    order = np.argsort(-values)[:DIM]
    # Directions count by the square root of their strength: the strongest are too general, the weakest noise.
    vectors = basis @ turn[:, order].astype(np.float32) * (values[order] ** 0.25).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    # Rare words say more; the length is where training starts from.
    return (vectors / np.maximum(lengths, 1e-9) * np.clip(idf / 6, 0.2, 1.5)[:, None]).astype(np.float32)


@dataclass
class Model:
    """logits = concepts @ sum(vectors of the features) / sqrt(features + DAMPING) + bias; the last concept is none."""

    vectors: np.ndarray
    concepts: np.ndarray
    bias: np.ndarray

    def hidden(self, matrix):
        counts = np.asarray(matrix.sum(axis=1)).ravel()
        damp = (1 / np.sqrt(counts + DAMPING)).astype(np.float32)
        return (matrix @ self.vectors) * damp[:, None], damp

    def probabilities(self, matrix):
        return softmax(self.hidden(matrix)[0] @ self.concepts.T + self.bias)


def softmax(logits):
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


class Adagrad:
    def __init__(self, values, rate):
        self.values, self.rate, self.squares = values, rate, np.full_like(values, 1e-6)

    def step(self, gradient):
        self.squares += gradient * gradient
        self.values -= self.rate * gradient / np.sqrt(self.squares)


def train(model, matrix, labels, weights, rng, epochs, rate_vectors, rate_concepts, batch=2048):
    """Minimizes weighted cross entropy; labels are a sparse matrix of probabilities, examples x concepts."""
    vectors = Adagrad(model.vectors, rate_vectors)
    concepts, bias = Adagrad(model.concepts, rate_concepts), Adagrad(model.bias, rate_concepts)
    for epoch in range(epochs):
        loss = 0.0
        order = rng.permutation(matrix.shape[0])
        for start in range(0, len(order), batch):
            rows = np.sort(order[start : start + batch])
            x, y, w = matrix[rows], labels[rows].toarray(), weights[rows]
            hidden, damp = model.hidden(x)
            p = softmax(hidden @ model.concepts.T + model.bias)
            loss -= float((w * np.log(np.maximum((p * y).sum(axis=1), 1e-9))).sum())
            delta = (p - y) * (w / w.sum())[:, None]
            vector_gradient = x.T @ ((delta @ model.concepts) * damp[:, None])
            concepts.step(delta.T @ hidden)
            bias.step(delta.sum(axis=0))
            vectors.step(vector_gradient)
        log(f"epoch {epoch + 1}: loss {loss / float(weights.sum()):.3f}")


def term_texts(setup, rng):
    """Bags of a concept's terms with terms of its tier-1 concept and common words, and bags of common words alone."""
    terms = [[f for f in ([setup.place[x] for x in term_features(t)] for t in c.terms) if f] for c in setup.concepts]
    bags, labels = [], []
    for number, own in enumerate(terms):
        root = terms[setup.root_concepts[number]]
        for _ in range(TERM_BAGS):
            bag = [f for i in rng.integers(len(own), size=rng.choice(BAG_SIZES)) for f in own[i]]
            bag += [f for i in rng.integers(len(root), size=rng.integers(3)) for f in root[i]]
            bags.append(bag + common_words(rng, setup.words, len(bag) * rng.integers(8)))
            labels.append(number)
    for _ in range(NOISE_BAGS):
        bags.append(common_words(rng, setup.words, int(256 ** rng.random()) - 1))
        labels.append(len(terms))
    return bag_matrix(bags, len(setup.place)), one_hot(labels, len(terms) + 1)


def foreign_texts(setup, rng):
    """Bags of a concept's terms in another language among its function words, and bags of these alone."""
    bags, labels = [], []
    for group in setup.foreign:
        own = [[setup.place[f] for f in term] for term in group.terms]
        function_words = [setup.place[word] for word in group.function_words]
        for _ in range(FOREIGN_BAGS):
            bag = [f for i in rng.integers(len(own), size=rng.choice(BAG_SIZES)) for f in own[i]]
            size = len(bag) * rng.integers(4)
            bags.append(bag + [function_words[i] for i in rng.integers(len(function_words), size=size)])
            labels.append(setup.concept_of[group.node])
    for function_words in {tuple(group.function_words): None for group in setup.foreign}:
        places = [setup.place[word] for word in function_words]
        for _ in range(FOREIGN_NOISE_BAGS):
            bags.append([places[i] for i in rng.integers(len(places), size=int(60 ** rng.random()))])
            labels.append(len(setup.concepts))
    weights = np.full(len(bags), FOREIGN_WEIGHT, np.float32)
    return bag_matrix(bags, len(setup.place)), one_hot(labels, len(setup.concepts) + 1), weights


def offers(setup, rng):
    """Bags of things with the words of private sellers, which are shopping, and of shops, mostly what is sold."""
    goods = [setup.concept_of[node] for node in GOODS]
    terms = [[f for f in ([setup.place[x] for x in term_features(t)] for t in setup.concepts[c].terms) if f] for c in goods]
    said = [[[setup.place[f] for f in term_features(t) if f in setup.place] for t in list_] for list_ in (SECOND_HAND, SHOP)]
    shopping, size = setup.concept_of["473"], len(setup.concepts) + 1
    bags, labels = [], np.zeros((OFFER_BAGS, size), np.float32)
    for number in range(OFFER_BAGS):
        of_shop = number % 2
        kind = rng.integers(len(goods))
        things = [f for i in rng.integers(len(terms[kind]), size=rng.integers(2, 7)) for f in terms[kind][i]]
        phrases = said[of_shop]
        bag = things + [f for i in rng.integers(len(phrases), size=rng.integers(2, 6)) for f in phrases[i]]
        bags.append(bag + common_words(rng, setup.words, len(bag) * rng.integers(3)))
        labels[number, goods[kind]] += SHARE_OF_GOODS * of_shop
        labels[number, shopping] += 1 - SHARE_OF_GOODS * of_shop
    return bag_matrix(bags, len(setup.place)), sp.csr_matrix(labels), np.full(OFFER_BAGS, BAG_WEIGHT, np.float32)


def written_examples(setup, rng):
    """Our own examples, each many times with part of its words."""
    bags, labels = [], []
    for node, text in iab_concepts.examples():
        features = np.array(text_features(text, setup.place, setup.known))
        for _ in range(EXAMPLE_COPIES):
            bags.append(list(features[rng.random(len(features)) < 0.3 + 0.7 * rng.random()]))
            labels.append(setup.concept_of[node])
    weights = np.full(len(bags), EXAMPLE_WEIGHT, np.float32)
    return bag_matrix(bags, len(setup.place)), one_hot(labels, len(setup.concepts) + 1), weights


def labelled_sentences(data, setup):
    """Sentences of the training parts of BANKING77, CLINC150 and SIB-200 whose label is a concept or none.

    A language without terms is about none: better to say nothing than to guess from the names that stand there.
    """
    foreign = [(text, "") for language in OTHER_LANGUAGES for text in corpora.sib200_texts(data, language)]
    parts = [
        (intent_sentences(Path(data) / "train"), INTENT_WEIGHT),
        (topic_sentences(data, "eng_Latn", TOPICS), TOPIC_WEIGHT),
        (foreign, INTENT_WEIGHT),
    ]
    parts += [(topic_sentences(data, name, FOREIGN_TOPICS), FOREIGN_TOPIC_WEIGHT) for name in KNOWN_LANGUAGES.values()]
    bags, labels, weights = [], [], []
    for pairs, weight in parts:
        concepts = np.array([setup.concept_of[node] for _, node in pairs])
        bags += [text_features(text, setup.place, setup.known) for text, _ in pairs]
        of_none = np.where(concepts == len(setup.concepts), 10, 1)
        weights.append((of_none * weight / np.bincount(concepts)[concepts]).astype(np.float32))
        labels += concepts.tolist()
    size = len(setup.concepts) + 1
    return bag_matrix(bags, len(setup.place)), one_hot(labels, size), np.concatenate(weights)


def intent_sentences(train):
    """(sentence, node) pairs of CLINC150 and BANKING77."""
    intents = {intent: node for node, names in INTENTS.items() for intent in names.split()}
    rows = json.loads((train / "clinc150" / "data_full.json").read_text(encoding="utf-8"))["train"]
    pairs = [(text, intents[intent]) for text, intent in rows if intent in intents]
    with (train / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        return pairs + [(row["text"], BANKING) for row in csv.DictReader(file)]


def topic_sentences(data, language, topics):
    """(sentence, node) pairs of SIB-200 in one language."""
    path = Path(data) / "train" / "sib200" / language / "train.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["text"], topics[row["category"]]) for row in rows if row["category"] in topics]


def text_features(text, place, known):
    words = [known_form(word, known) for word in features_of(text)]
    found = [*words, *(f"{a} {b}" for a, b in zip(words, words[1:]))]
    return [place[feature] for feature in found if feature in place]


def common_words(rng, cumulative, count):
    return list(np.searchsorted(cumulative, rng.random(count)))


def word_distribution(frequencies, place):
    """Cumulative: as in the corpora for one half, words of every conversation for the other."""
    words = [word for word in COMMON_WORDS.read_text(encoding="utf-8").split() if word in place]
    common = np.zeros(len(frequencies))
    np.add.at(common, [place[word] for word in words], 1 / len(words))
    return np.cumsum(0.5 * frequencies / frequencies.sum() + 0.5 * common)


def bag_matrix(bags, features):
    rows = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
    columns = np.fromiter((feature for bag in bags for feature in bag), np.int64)
    return damped(sp.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), (len(bags), features)))


def one_hot(labels, size):
    return sp.csr_matrix((np.ones(len(labels), np.float32), (np.arange(len(labels)), labels)), (len(labels), size))


class Setup:
    """The concepts as arrays: their terms' features, tier-1 nodes, and how much each weighs in training."""

    def __init__(self, concepts, nodes, place, frequencies, idf, foreign):
        self.concepts, self.place, self.foreign = concepts, place, foreign
        self.known = {word for feature in place for word in feature.split(" ")}
        self.terms = [sorted({place[f] for t in c.terms for f in term_features(t)}) for c in concepts]
        roots = [iab_concepts.path_to_root(nodes, c.node22)[0] for c in concepts]
        self.names = [nodes[root].name for root in roots]
        self.tier1 = sp.csr_matrix(one_hot([sorted(set(roots)).index(r) for r in roots], len(set(roots))))
        first = {}
        for number, concept in enumerate(concepts):
            first.setdefault(concept.node22, number)
        self.concept_of = first | {"": len(concepts)}
        self.root_concepts = [first[root] if root in first else n for n, root in enumerate(roots)]
        sizes = np.array([roots.count(root) for root in roots])
        # A tier 1 with many concepts weighs more, but not in proportion; the last concept is none.
        self.weights = np.append(1 / np.sqrt(sizes), np.mean(1 / np.sqrt(sizes))).astype(np.float32)
        self.words = word_distribution(frequencies, place)
        self.term_matrix = self._term_matrix(idf)

    def _term_matrix(self, idf):
        """features x concepts: what a term's occurrence says for a concept; less when many concepts share it."""
        columns = np.repeat(np.arange(len(self.terms)), [len(t) for t in self.terms])
        rows = np.concatenate([np.array(t, np.int64) for t in self.terms])
        shared = np.bincount(rows, minlength=len(idf))
        values = np.minimum(idf[rows] / 6, 1.5) / shared[rows] ** 0.7
        return sp.csr_matrix((values.astype(np.float32), (rows, columns)), (len(idf), len(self.terms)))


def place_unseen(vectors, setup):
    """A term that the corpora never use starts in the middle of its concepts."""
    unseen = ~vectors.any(axis=1)
    total, count = np.zeros_like(vectors), np.zeros(len(vectors), np.float32)
    middles = []
    for terms in setup.terms:
        middle = vectors[terms].mean(axis=0)
        middle /= max(float(np.linalg.norm(middle)), 1e-9)
        middles.append(middle)
    groups = [(terms, middle) for terms, middle in zip(setup.terms, middles)]
    for group in setup.foreign:
        features = sorted({setup.place[f] for term in group.terms for f in term})
        groups.append((features, middles[setup.concept_of[group.node]]))
    for terms, middle in groups:
        for term in terms:
            if unseen[term]:
                total[term] += middle
                count[term] += 1
    vectors[count > 0] = total[count > 0] / count[count > 0][:, None]


def article_matrix(paragraphs, article):
    """Features of whole articles, binary."""
    join = sp.csr_matrix((np.ones(len(article), np.float32), (article, np.arange(len(article)))))
    joined = (join @ paragraphs).tocsr()
    joined.data[:] = 1
    return joined


def per_word(matrix, damping):
    return (1 / np.sqrt(np.asarray(matrix.sum(axis=1)).ravel() + damping)).astype(np.float32)[:, None]


def weak_labels(model, paragraphs, article, news_articles, setup):
    """Probabilities of the likeliest concepts of each paragraph: what the model says of it and of its article, times
    the terms that stand there, times, for Wikinews, what news is about."""
    wholes = article_matrix(paragraphs, article)
    of_article = np.log(model.probabilities(wholes) + 1e-6) * ARTICLE_SHARE
    terms_of_article = (wholes @ setup.term_matrix).toarray() * per_word(wholes, 20)
    news_prior = np.array([NEWS_PRIOR.get(name, 0) for name in setup.names] + [0], np.float32)
    news_prior[[n for n, c in enumerate(setup.concepts) if c.node22 == GEOGRAPHY]] = -2
    parts = []
    for start in range(0, paragraphs.shape[0], 20_000):
        x, of = paragraphs[start : start + 20_000], article[start : start + 20_000]
        terms = (x @ setup.term_matrix).toarray() * per_word(x, 4) + terms_of_article[of]
        terms += 0.1 * ((terms @ setup.tier1) @ setup.tier1.T)
        scores = np.log(model.probabilities(x) + 1e-6) + of_article[of]
        scores[:, :-1] += np.log(terms + TERM_FLOOR)
        scores[:, -1] += np.log(TERM_FLOOR)
        scores += (of < news_articles)[:, None] * news_prior
        parts.append(_largest(softmax(scores), 6, 0.03))
    return sp.vstack(parts).tocsr()


def _largest(probabilities, count, least):
    columns = np.argpartition(-probabilities, count, axis=1)[:, :count]
    values = np.take_along_axis(probabilities, columns, 1)
    rows = np.repeat(np.arange(len(values)), count).reshape(values.shape)
    keep = values > least
    return sp.csr_matrix((values[keep], (rows[keep], columns[keep])), probabilities.shape, dtype=np.float32)


def balanced_sample(labels, setup, rng):
    """Rows to train on and their weights, so that no concept has more than its share."""
    total = np.asarray(labels.sum(axis=1)).ravel()
    confident = total > 0.6
    mass = np.asarray(labels[confident].sum(axis=0)).ravel()
    share = setup.weights / setup.weights[:-1].mean() * PARAGRAPHS_OF_CONCEPT
    share[-1] = PARAGRAPHS_OF_NONE
    weight = (labels @ np.minimum(1, share / np.maximum(mass, 1e-9))) * confident
    chance = np.minimum(1, weight * 8)
    rows = np.flatnonzero(rng.random(len(weight)) < chance)
    return rows, (weight[rows] / chance[rows]).astype(np.float32)


def shortened(matrix, rng):
    """Half of the paragraphs lose most of their words, since many a text is one sentence."""
    keep = np.where(rng.random(matrix.shape[0]) < 0.5, 1, 0.15 + 0.6 * rng.random(matrix.shape[0]))
    matrix = matrix.copy()
    matrix.data *= rng.random(matrix.nnz) < np.repeat(keep, np.diff(matrix.indptr))
    matrix.eliminate_zeros()
    return matrix


def given_texts(data, setup, rng):
    """Everything whose label needs no guess: matrix, labels, weights."""
    bags, labels = term_texts(setup, rng)
    weights = setup.weights[labels.indices] / setup.weights[labels.indices].mean() * BAG_WEIGHT
    parts = [(bags, labels, weights), written_examples(setup, rng), labelled_sentences(data, setup)]
    parts += [foreign_texts(setup, rng), offers(setup, rng)]
    matrices, labels, weights = zip(*parts)
    return sp.vstack(matrices).tocsr(), sp.vstack(labels).tocsr(), np.concatenate(weights)


def fit(data, paragraphs, article, news_articles, vectors, setup, rng):
    given, given_labels, given_weights = given_texts(data, setup, rng)
    size = len(setup.concepts) + 1
    first = Model(vectors.copy(), np.zeros((size, DIM), np.float32), np.zeros(size, np.float32))
    train(first, given, given_labels, given_weights, rng, 5, 0.01, 0.15)
    labels = weak_labels(first, paragraphs, article, news_articles, setup)
    rows, weights = balanced_sample(labels, setup, rng)
    log(f"{len(rows)} paragraphs labelled, weight {weights.sum():.0f}")
    chosen = labels[rows]
    chosen = sp.diags(1 / np.asarray(chosen.sum(axis=1)).ravel()) @ chosen
    x = sp.vstack([given, shortened(paragraphs[rows], rng)]).tocsr()
    y = sp.vstack([given_labels, chosen]).astype(np.float32).tocsr()
    model = Model(vectors.copy(), first.concepts, first.bias)
    train(model, x, y, np.concatenate([given_weights, weights]), rng, 4, 0.01, 0.08)
    # What we know has the last word over what was guessed.
    train(model, given, given_labels, given_weights, rng, POLISHING_EPOCHS, 0.003, 0.01)
    return model


def prepare(data):
    corpus = read_corpus(data)
    concepts, nodes = iab_concepts.concepts(), iab_concepts.content_22(data)
    foreign = foreign_terms(corpus)
    singles, pairs = build_vocabulary(corpus, concepts, foreign)
    log(f"{len(corpus.flat)} words in {len(corpus.starts)} paragraphs; {len(singles)} words, {len(pairs)} pairs")
    paragraphs = paragraph_matrix(corpus, singles, pairs)
    idf = inverse_frequency(paragraphs)
    vectors = word_vectors(paragraphs, idf, np.random.default_rng(SEED))
    place = {feature: i for i, feature in enumerate(singles + pairs)}
    setup = Setup(concepts, nodes, place, np.asarray(paragraphs.sum(axis=0)).ravel().astype(np.float64), idf, foreign)
    place_unseen(vectors, setup)
    log("word vectors")
    return singles, pairs, paragraphs, corpus.article, corpus.news_articles, vectors, setup


def quantized(values):
    """Rows as bytes, 128 being zero, with one scale for all."""
    scale = float(np.quantile(np.abs(values), CLIP)) / 127
    return (np.clip(np.rint(values / scale), -127, 127) + 128).astype(np.uint8), scale


def node_tables(data, concepts):
    """The taxonomies as they are in the weights: names, parents, and the node of each concept."""
    tensors = {}
    for label, nodes, keys in (
        ("content_1_0", iab_concepts.content_10(data), [c.node10 for c in concepts] + ["IAB24"]),
        ("content_2_2", iab_concepts.content_22(data), [c.node22 for c in concepts] + [""]),
    ):
        wanted = {k for key in keys if key for k in iab_concepts.path_to_root(nodes, key)}
        used = [key for key in nodes if key in wanted]
        tensors |= _taxonomy(label, nodes, used)
        place = {key: i for i, key in enumerate(used)}
        tensors[f"{label}.of_concept"] = np.array([place.get(key, -1) for key in keys], np.int16)
    return tensors


def _taxonomy(label, nodes, used):
    place = {key: i for i, key in enumerate(used)}
    return {
        f"{label}.names": "\n".join(nodes[key].name for key in used),
        f"{label}.keys": "\n".join(used),
        f"{label}.parents": np.array([place.get(nodes[key].parent, -1) for key in used], np.int16),
    }


def audience_tables(data, tensors):
    """The audience segments, and from which content nodes each takes its score."""
    nodes = iab_concepts.audience_11(data)
    links = iab_concepts.audience_links()
    wanted = {k for _, key in links for k in iab_concepts.path_to_root(nodes, key)[1:]}
    used = [key for key in nodes if key in wanted]
    content = {key: i for i, key in enumerate(tensors["content_2_2.keys"].split("\n"))}
    place = {key: i for i, key in enumerate(used)}
    pairs = [(content[a], place[b]) for a, b in links if a in content]
    return _taxonomy("audience_1_1", nodes, used) | {"audience_1_1.links": np.array(pairs, np.int16)}


def write(model, singles, pairs, setup, data, path):
    vectors, vector_scale = quantized(model.vectors)
    tensors = {
        "words": "\n".join(singles),
        "pairs": "\n".join(pairs),
        "vectors": vectors,
        "concepts": (model.concepts * vector_scale).astype(np.float32),
        "bias": model.bias.astype(np.float32),
    } | node_tables(data, setup.concepts)
    tensors |= audience_tables(data, tensors)
    meta = {"program": "iab-classifier", "damping": DAMPING}
    digest = zlm_format.write_weights(path, "zlm-v1-iab-classify-edge", VERSION, meta, tensors)
    log(f"{path}: {path.stat().st_size} bytes, SHA-256 {digest}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of the corpora and taxonomies")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    singles, pairs, paragraphs, article, news_articles, vectors, setup = prepare(options.data)
    model = fit(options.data, paragraphs, article, news_articles, vectors, setup, np.random.default_rng(SEED + 1))
    write(model, singles, pairs, setup, options.data, options.out)


if __name__ == "__main__":
    main()
