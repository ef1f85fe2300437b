"""Trains zlm-v1-summary-cloud and writes models/weights/zlm-v1-summary-cloud/model.zlm.

Every sentence of a training text is labelled with its likeness (mean of ROUGE-1, -2, -L) to what a human wrote as the
text's summary: the TLDRs of SciTLDR; the headline and the first paragraph of a Wikinews article, the latter for the
rest of the article; the lead of a Wikipedia article, for the rest of it. Boosted trees learn the label from the
features that the runtime itself computes (models/src/prepare-summary.ts).

    python3 models/python/train_summary.py --data DIR
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# One thread: the same sums in the same order on every machine. Must be set before scikit-learn loads.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

import corpora
from zlm_format import write_weights

MODEL = "zlm-v1-summary-cloud"
VERSION = "1"
SEED = 20_000
OUT = corpora.REPOSITORY / "models/weights" / MODEL / "model.zlm"
PREPARE = corpora.REPOSITORY / "models/src/prepare-summary.ts"

TERMS = 40_000
TERM_TEXT = 3000
IDF_STEP = 11 / 255
LANGUAGES = ["deu", "fra", "spa", "ita", "por", "nld", "pol"]
# A word in fewer sentences of another language than this share says nothing on that language's grammar.
FUNCTION_WORD = 0.02

# Held out of training: ids that end in 0 are for measuring, in 1 for choosing among trainings.
HELD_OUT = (0, 1)
WIKI_EVERY = 8
LEAF_SCALE = 1 << 20
TREES = dict(max_iter=260, learning_rate=0.05, max_leaf_nodes=12, min_samples_leaf=60, l2_regularization=5.0)

# Links and templates whose text the corpus lost ("struck the of ."): such articles teach nothing on good sentences.
DAMAGED = re.compile(
    r"\s[,.](?:\s|$)|\"\"|\(\s*\)|__|formula_\d|\b(?:the|The|of|a|an|and|'s) ?[,.;:](?:\s|$)"
    r"|\bthe (?:is|was|has|have|and|in|of|to|for|at) |\b(?:of|in|at|by|from|with) (?:and|is|was|has|have|of) ", re.M
)

# Lines that web pages put around and between the paragraphs of an article.
BOILERPLATE = """
Subscribe to our newsletter for daily updates.
Home News Sport Business Opinion Culture Lifestyle
Home | About | Contact | Archive
Sign up for free and never miss a story.
We use cookies to improve your experience on this site.
Share this article on Facebook, Twitter or by email.
Advertisement
Read more: all our stories on this topic.
All rights reserved.
Click here to read the full article.
By our staff reporter
By Maria Keller, Berlin
Last updated at 10:42 am.
Copyright 2019 The Daily Times. All rights reserved.
Photo: Getty Images
5 min read
Skip to main content
Follow us on Twitter for the latest news.
Log in or create an account to leave a comment.
By continuing to use this website you accept our privacy policy.
Support us from as little as $1.
Download our app to get breaking news alerts.
You may also like these related articles.
Your account has been created successfully.
This article is more than two years old.
Thank you for being a loyal reader of our paper.
Watch the video above to see what happened.
The best stories of the week, straight to your phone.
Give a gift subscription to a friend today.
Our journalists work hard to bring you the facts.
Turn on notifications and stay informed around the clock.
Already a member? Log in here.
Send us your tips and comments at tips@example.com.
Start your 30-day trial now and cancel at any time.
There are 14 comments on this story.
Scroll down for the photo gallery.
Tap the star to add this page to your reading list.
An error occurred while loading the player.
More from this author
Editor's picks
Top stories right now
What we know so far
Weather: 14 degrees, light rain
You are reading our free edition, supported by our partners.
Add us as a preferred source on your search engine.
Print this page
Back to the front page
Play audio (3:12)
Shop our store for books and calendars.
Buy tickets for our next live event before they sell out.
""".strip().split("\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", default=OUT, type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        terms = term_table(options.data, folder)
        say(f"{len(terms)} terms")
        tables = tensors_of_terms(terms)
        provisional = folder / "terms.zlm"
        write_weights(provisional, MODEL, VERSION, {"idfStep": IDF_STEP}, tables)
        names, x, y, documents, sources = features(training_texts(options.data), provisional, folder)
    trees = fit(x, y, documents, sources)
    report(trees, x, y, documents, sources)
    base, arrays = export(trees)
    meta = {
        "program": "extractive-summary", "idfStep": IDF_STEP, "features": names, "leafScale": LEAF_SCALE, "base": base,
    }
    sha256 = write_weights(options.out, MODEL, VERSION, meta, {**tables, **arrays})
    say(f"{options.out.stat().st_size} bytes, SHA-256 {sha256}")


def term_table(data, folder):
    """term -> inverse document frequency of the TERMS most frequent terms."""
    texts = [text[:TERM_TEXT] for _, text in corpora.wiki_articles(data)]
    texts += [f"{title}\n{text}" for _, title, text in corpora.wikinews_articles(data)]
    texts += [" ".join(record["source"]) for record in corpora.scitldr(data, "train")]
    counted = count_terms(texts, folder)
    common = sorted(counted["counts"].items(), key=lambda item: (-item[1], item[0]))[:TERMS]
    idf = {term: float(np.log(counted["documents"] / n)) for term, n in common}
    for language in LANGUAGES:
        counted = count_terms(corpora.sib200_texts(data, f"{language}_Latn"), folder)
        for term, n in sorted(counted["counts"].items()):
            share = n / counted["documents"]
            if share >= FUNCTION_WORD:
                idf[term] = min(idf.get(term, 11.0), float(np.log(1 / share)))
    return idf


def count_terms(texts, folder):
    write_lines(folder / "texts.jsonl", ({"text": text} for text in texts))
    prepare("terms", folder / "texts.jsonl", folder / "counts.json")
    return json.loads((folder / "counts.json").read_text(encoding="utf-8"))


def tensors_of_terms(terms):
    names = sorted(terms)
    levels = [min(255, round(terms[name] / IDF_STEP)) for name in names]
    return {"terms": "\n".join(names), "idf": np.array(levels, np.uint8)}


def training_texts(data):
    """Records {source, text, references, fold} in a fixed order."""
    rng = random.Random(SEED)
    for split in ("train", "dev"):
        for record in corpora.scitldr(data, split):
            yield {"source": "scitldr", "text": " ".join(record["source"]), "references": record["target"],
                   "fold": "dev" if split == "dev" else "train"}
    for number, title, text in corpora.wikinews_articles(data):
        fold = "train" if number % 10 not in HELD_OUT else "dev" if number % 10 == 1 else "test"
        paragraphs = [p for p in text.split("\n") if p.strip()]
        if fold == "test" or len(paragraphs) < 3 or len(text) < 600 or DAMAGED.search(text):
            continue
        yield {"source": "headline", "text": with_boilerplate(paragraphs, rng), "references": [title], "fold": fold}
        if len(paragraphs) >= 4 and len(paragraphs[0]) > 80:
            yield {"source": "lead", "text": "\n\n".join(paragraphs[1:]), "references": [paragraphs[0]], "fold": fold}
    for i, (_, text) in enumerate(corpora.wiki_articles(data, WIKI_EVERY)):
        paragraphs = [p for p in text.split("\n") if len(p) > 200 and not DAMAGED.search(p)]
        if len(paragraphs) >= 6 and len(paragraphs[0]) > 200:
            yield {"source": "encyclopedia", "text": "\n\n".join(paragraphs[2:14]), "references": [paragraphs[0]],
                   "fold": "dev" if i % 10 == 0 else "train"}


def with_boilerplate(paragraphs, rng):
    """The article as web pages have it, every other time: lines of the site around and between."""
    if rng.random() < 0.5:
        return "\n\n".join(paragraphs)
    lines = list(paragraphs)
    for line in rng.sample(BOILERPLATE, rng.randint(1, 6)):
        lines.insert(rng.choice([0, 0, 0, 0, 1, rng.randint(0, len(lines)), len(lines)]), line)
    return "\n\n".join(lines)


def features(texts, model, folder):
    records = list(texts)
    write_lines(folder / "texts.jsonl", records)
    prepare("features", model, folder / "texts.jsonl", folder)
    names = json.loads((folder / "features.json").read_text())
    x = np.fromfile(folder / "features.f32", "<f4").reshape(-1, len(names))
    y = np.fromfile(folder / "labels.f32", "<f4").astype(np.float64)
    documents = np.fromfile(folder / "documents.i32", "<i4")
    for name in {record["source"] for record in records}:
        say(f"{name}: {sum(record['source'] == name for record in records)} texts")
    return names, x, y, documents, records


# How much a text of each source counts. SciTLDR's summaries are the only ones that were written to be summaries.
SOURCE_WEIGHT = {"scitldr": 6.0, "headline": 1.0, "lead": 0.6, "encyclopedia": 0.4}


def fit(x, y, documents, records):
    best = np.zeros(len(records))
    np.maximum.at(best, documents, y)
    sizes = np.bincount(documents, minlength=len(records))
    relative = y / np.maximum(best[documents], 1e-9)
    weight = np.array([SOURCE_WEIGHT[r["source"]] for r in records]) / np.sqrt(np.maximum(sizes, 1))
    use = np.array([r["fold"] == "train" for r in records])[documents] & (best[documents] > 0)
    model = HistGradientBoostingRegressor(random_state=SEED, early_stopping=False, **TREES)
    model.fit(x[use], relative[use], sample_weight=weight[documents[use]])
    return model


def report(model, x, y, documents, records):
    """Mean likeness of the best-scored sentence on the held-out fold, beside the first and the best possible."""
    score = model.predict(x)
    starts = np.flatnonzero(np.r_[True, documents[1:] != documents[:-1]])
    ends = np.r_[starts[1:], len(documents)]
    for source in SOURCE_WEIGHT:
        picked, first, most = [], [], []
        for start, end in zip(starts, ends):
            record = records[documents[start]]
            if record["source"] == source and record["fold"] == "dev" and end - start > 1:
                picked.append(y[start + int(np.argmax(score[start:end]))])
                first.append(y[start])
                most.append(y[start:end].max())
        say(f"{source}: {len(picked)} held-out texts, ours {np.mean(picked):.4f}, first {np.mean(first):.4f}, "
            f"best possible {np.mean(most):.4f}")


def export(model):
    """Nodes of all trees in one table: children side by side and behind their parent, leaves as integers."""
    roots, feature, threshold, link = [], [], [], []
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        roots.append(len(feature))
        waiting = [(0, allocate(feature, threshold, link))]
        while waiting:
            source, target = waiting.pop(0)
            node = nodes[source]
            if node["is_leaf"]:
                feature[target], link[target] = -1, round(float(node["value"]) * LEAF_SCALE)
                continue
            left, right = allocate(feature, threshold, link), allocate(feature, threshold, link)
            feature[target], link[target] = int(node["feature_idx"]), left
            threshold[target] = float32_below(float(node["num_threshold"]))
            waiting += [(int(node["left"]), left), (int(node["right"]), right)]
    arrays = {
        "roots": np.array(roots, np.int32), "features": np.array(feature, np.int16),
        "thresholds": np.array(threshold, np.float32), "links": np.array(link, np.int32),
    }
    return round(float(model._baseline_prediction.ravel()[0]) * LEAF_SCALE), arrays


def allocate(feature, threshold, link):
    feature.append(-1)
    threshold.append(0.0)
    link.append(0)
    return len(feature) - 1


def float32_below(value):
    """The largest float32 that is not above: x <= value means the same for every float32 x."""
    near = np.float32(value)
    return near if float(near) <= value else np.nextafter(near, np.float32(-np.inf))


def prepare(*arguments):
    environment = {**os.environ, "NODE_NO_WARNINGS": "1"}
    node = os.environ.get("npm_node_execpath", "node")
    subprocess.run([node, str(PREPARE), *map(str, arguments)], check=True, env=environment)


def write_lines(path, records):
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            # ASCII, since readers of lines differ on U+2028
            file.write(json.dumps(record) + "\n")


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
