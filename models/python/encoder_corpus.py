"""Wikipedia and Wikinews as one array of words with titles, section headings and paragraphs as spans in it."""

import hashlib
import re
from array import array
from collections import defaultdict
from dataclasses import dataclass

import corpora
import numpy as np
from encoder import bare_words

PARAGRAPHS_OF_ARTICLE = 24
LONGEST_PARAGRAPH = 128
SHORTEST_PARAGRAPH = 8
HEADING = re.compile(r"[A-Z0-9][^.!?]{1,58}\.")


@dataclass
class Corpus:
    """`flat` holds places in `words`. Spans are (start, length); article and heading are by paragraph."""

    words: list
    flat: np.ndarray
    start: np.ndarray
    length: np.ndarray
    article: np.ndarray
    heading_start: np.ndarray
    heading_length: np.ndarray
    title_start: np.ndarray
    title_length: np.ndarray
    news_articles: int
    """The first articles are news, this many."""


class _Builder:
    def __init__(self):
        self.index = defaultdict(lambda: len(self.index))
        self.flat = array("i")
        self.paragraphs, self.titles = [], []

    def add(self, words):
        start = len(self.flat)
        self.flat.extend([self.index[word] for word in words])
        return start, len(words)

    def article(self, title, lines):
        number = len(self.titles)
        self.titles.append(self.add(bare_words(title)))
        heading, kept = (0, 0), 0
        for line in lines:
            if HEADING.fullmatch(line):
                heading = self.add(bare_words(line))
                continue
            words = bare_words(line)[:LONGEST_PARAGRAPH]
            if len(words) >= SHORTEST_PARAGRAPH:
                self.paragraphs.append((*self.add(words), number, *heading))
                kept += 1
            if kept == PARAGRAPHS_OF_ARTICLE:
                break


def read_corpus(data, every=1):
    """Both corpora, news first; of Wikipedia every `every`-th file."""
    builder = _Builder()
    for _, title, text in corpora.wikinews_articles(data):
        builder.article(title, text.split("\n"))
    news_articles = len(builder.titles)
    for title, text in corpora.wiki_articles(data, every):
        builder.article(title, text.split("\n"))
    start, length, article, heading_start, heading_length = np.array(builder.paragraphs, np.int64).T
    title_start, title_length = np.array(builder.titles, np.int64).T
    return Corpus(
        list(builder.index), np.array(builder.flat), start, length, article, heading_start, heading_length,
        title_start, title_length, news_articles,
    )  # fmt: skip
