/**
 * Trains a built-in model from the public corpora and says whether the weights are the committed ones.
 *
 *     npm run models:train -- <model> [--data DIR]
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = path.join(import.meta.dirname, '../..');
const REQUIREMENTS = 'models/python/requirements.txt';

interface Training {
  /** Relative to the root. */
  readonly program: string;
  /** What the program writes. */
  readonly product: string;
}

const TRAININGS: Readonly<Record<string, Training>> = {
  tokenizer: {
    program: 'models/python/train_tokenizer.py',
    product: 'catalogue/src/zlm-vocabulary.generated.ts',
  },
  'zlm-v1-embed-edge': {
    program: 'models/python/train_encoder.py',
    product: 'models/weights/zlm-v1-embed-edge/model.zlm',
  },
  'zlm-v1-summary-cloud': {
    program: 'models/python/train_summary.py',
    product: 'models/weights/zlm-v1-summary-cloud/model.zlm',
  },
  'zlm-v1-followup-questions-edge': {
    program: 'models/python/train_follow_up.py',
    product: 'models/weights/zlm-v1-followup-questions-edge/model.zlm',
  },
  'zlm-v1-iab-classify-edge': {
    program: 'models/python/train_iab.py',
    product: 'models/weights/zlm-v1-iab-classify-edge/model.zlm',
  },
  'zlm-v1-iab-classify-edge-enriched': {
    program: 'models/python/train_iab_profile.py',
    product: 'models/weights/zlm-v1-iab-classify-edge-enriched/model.zlm',
  },
  // Written by the same run.
  'zlm-v1-iab-classify-cloud': {
    program: 'models/python/train_iab_profile.py',
    product: 'models/weights/zlm-v1-iab-classify-cloud/model.zlm',
  },
  'zlm-v1-extract-edge': {
    program: 'models/python/train_extract.py',
    product: 'models/weights/zlm-v1-extract-edge/model.zlm',
  },
  'zlm-v1-moderation-edge': {
    program: 'models/python/train_moderation.py',
    product: 'models/weights/zlm-v1-moderation-edge/model.zlm',
  },
  'zlm-v1-pii-edge': {
    program: 'models/python/train_pii.py',
    product: 'models/weights/zlm-v1-pii-edge/model.zlm',
  },
  'zlm-v1-zeroshot-edge': {
    program: 'models/python/train_zero_shot.py',
    product: 'models/weights/zlm-v1-zeroshot-edge/model.zlm',
  },
};

/** Prints every requirement that is not met; exits 0 when all are. */
const CHECK_REQUIREMENTS = `
import sys
from importlib.metadata import PackageNotFoundError, version
missing = []
for line in open(sys.argv[1], encoding="utf-8"):
    name, _, wanted = line.split("#")[0].strip().partition("==")
    if not name:
        continue
    try:
        found = version(name)
    except PackageNotFoundError:
        found = "nothing"
    if found != wanted:
        missing.append(f"{name}=={wanted} (found {found})")
print("\\n".join(missing))
sys.exit(1 if missing else 0)
`;

function main(): number {
  const { values, positionals } = parseArgs({
    options: { data: { type: 'string' }, python: { type: 'string', default: 'python3' } },
    allowPositionals: true,
  });
  const training = positionals[0] === undefined ? undefined : TRAININGS[positionals[0]];
  const { data, python } = values;
  if (!training || !data || !existsSync(path.join(data, 'train'))) {
    console.error('Usage: npm run models:train -- <model> --data DIR [--python PYTHON]');
    console.error(`Models: ${Object.keys(TRAININGS).join(', ')}`);
    console.error('DIR is the folder of the corpora: it holds train/wiki_en.tar.xz and the others');
    return 2;
  }
  if (!hasRequirements(python)) return 1;
  const before = sha256(training.product);
  const { status, error } = spawnSync(python, [training.program, '--data', path.resolve(data)], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, npm_node_execpath: process.execPath },
  });
  if (error) console.error(error.message);
  return status === 0 ? compare(training.product, before) : 1;
}

function hasRequirements(python: string): boolean {
  const check = spawnSync(python, ['-c', CHECK_REQUIREMENTS, REQUIREMENTS], { cwd: ROOT, encoding: 'utf8' });
  if (check.status === 0) return true;
  if (check.error) console.error(`Cannot run ${python}: install Python 3.11 or name it with --python`);
  else {
    console.error(
      `These Python packages are missing or of another version:\n${check.stdout || check.stderr}`,
    );
    console.error(`Install them with: ${python} -m pip install -r ${REQUIREMENTS}`);
  }
  return false;
}

function compare(product: string, before: string | null): number {
  const after = sha256(product);
  console.log(`${product}\nSHA-256 ${after}`);
  if (before === null) console.log('There was no such file before');
  else
    console.log(before === after ? 'Equal to the file before: reproduced' : `NOT the file before: ${before}`);
  return before === null || before === after ? 0 : 3;
}

function sha256(product: string): string | null {
  const file = path.join(ROOT, product);
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : null;
}

process.exitCode = main();
