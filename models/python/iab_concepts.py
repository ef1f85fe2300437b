"""The official IAB taxonomies, and the concepts of data/iab-terms.tsv that tie the two content taxonomies together.

A concept is one topic with its place in Content 2.2, its place in Content 1.0 and its typical terms.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from zlm_words import words_of

TERMS = Path(__file__).resolve().parents[1] / "data" / "iab-terms.tsv"
# The official file of Content 1.0 went through a spreadsheet that read "7-12" as a date.
REPAIRED_NAMES = {"41832 Education": "7-12 Education"}


@dataclass(frozen=True)
class Node:
    key: str
    parent: str
    name: str


@dataclass(frozen=True)
class Concept:
    node22: str
    node10: str
    terms: tuple


def _rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [[cell.strip() for cell in row] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def content_10(data):
    rows = _rows(Path(data) / "iab" / "Content Taxonomies" / "Content Taxonomy 1.0.tsv")
    nodes = {}
    for key, _, name in (row[:3] for row in rows if row[0].startswith("IAB") and row[0] != "IAB Code"):
        nodes[key] = Node(key, key.split("-")[0] if "-" in key else "", REPAIRED_NAMES.get(name, name))
    return nodes


def content_22(data):
    rows = _rows(Path(data) / "iab" / "Content Taxonomies" / "Content Taxonomy 2.2.tsv")
    return {row[0]: Node(row[0], row[1], row[2]) for row in rows[2:] if row[0] and row[2]}


def audience_11(data):
    """Nodes whose name is the official condensed name ("Interest | Sports | Soccer |") without its closing bar."""
    rows = _rows(Path(data) / "iab" / "Audience Taxonomies" / "Audience Taxonomy 1.1.tsv")
    nodes = {}
    for row in rows[1:]:
        if len(row) > 3 and row[1].isdigit():
            nodes[row[1]] = Node(row[1], row[2], row[3].rstrip("| ").replace("*", ""))
    return nodes


def concepts():
    result = []
    for node22, node10, _, _, terms in _rows(TERMS)[1:]:
        result.append(Concept(node22, node10, tuple(term.strip() for term in terms.split(","))))
    return result


def examples():
    """(node of Content 2.2, text) pairs of data/iab-examples.tsv."""
    return [(row[0], row[1]) for row in _rows(TERMS.with_name("iab-examples.tsv"))[1:]]


def foreign_terms():
    """(node of Content 2.2, language, terms) of data/iab-foreign-terms.tsv.

    `motor*` is every unknown word that begins so, `*steuer` every one that ends so; a hyphen stands for a space.
    """
    rows = _rows(TERMS.with_name("iab-foreign-terms.tsv"))[1:]
    return [(node, language, tuple(term.replace("-", " ").strip() for term in terms.split())) for node, language, terms in rows]


def stop_words():
    """Language -> words that say nothing of a topic."""
    return {language: words.split() for language, words in _rows(TERMS.with_name("stop-words.tsv"))[1:]}


def audience_links():
    """(node of Content 2.2, segment of Audience 1.1) pairs: who reads about the one is in the other."""
    return [(row[0], row[1]) for row in _rows(TERMS.with_name("iab-audience.tsv"))[1:]]


def path_to_root(nodes, key):
    """The keys from the tier-1 node down to `key`."""
    path = [key]
    while nodes[path[0]].parent:
        path.insert(0, nodes[path[0]].parent)
    return path


def features_of(text):
    """The words of a text as features: apostrophes straightened, the possessive cut off."""
    return [plain(word) for word in words_of(text)]


def plain(word):
    word = word.replace("’", "'")
    return word[:-2] if word.endswith("'s") else word
