"""The public corpora that the training programs read, from a folder of archives (`--data`).

Order is fixed (files by name, articles as they come), so that a training run is reproducible.
"""

import csv
import html
import json
import re
import shutil
import tarfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".models-cache"
DOC = re.compile(r'<doc [^>]*?title="([^"]*)"[^>]*>\n(.*?)\n?</doc>', re.DOTALL)


def unpacked(data, name):
    """The folder with the contents of `train/<name>.tar.xz`, unpacked once into the cache."""
    target = CACHE / name
    done = CACHE / f"{name}.complete"
    if done.exists() and target.exists():
        return target
    archive = Path(data) / "train" / f"{name}.tar.xz"
    if not archive.exists():
        raise SystemExit(f"{archive} is not there; give the folder of the corpora with --data")
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    with tarfile.open(archive, "r:xz") as tar:
        tar.extractall(target, filter="data")
    done.touch()
    return target


def files_of(data, name):
    return sorted((p for p in unpacked(data, name).rglob("wiki_*") if p.is_file()), key=str)


def wiki_articles(data, every=1):
    """(title, text) of English Wikipedia articles, from every `every`-th file."""
    for path in files_of(data, "wiki_en")[::every]:
        for title, body in DOC.findall(path.read_text(encoding="utf-8")):
            title = html.unescape(title)
            body = html.unescape(body)
            yield title, body.removeprefix(title).lstrip("\n")


def wikinews_articles(data):
    """(id, title, text) of English Wikinews articles that have a text."""
    for path in files_of(data, "wikinews_en"):
        for line in path.read_text(encoding="utf-8").splitlines():
            article = json.loads(line)
            if article["text"].strip():
                yield int(article["id"]), html.unescape(article["title"]), html.unescape(article["text"])


def sib200_texts(data, language):
    """Sentences of the training split in one language, such as deu_Latn."""
    with (Path(data) / "train" / "sib200" / language / "train.tsv").open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def scitldr(data, split):
    """Records of SciTLDR: source (sentences of the abstract), target (one-sentence summaries), title."""
    path = Path(data) / "train" / "scitldr" / f"{split}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
