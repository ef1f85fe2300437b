/**
 * What our gateway adds to a request, beside a direct call and beside a rival, in one run:
 * `npm run bench:overhead [-- --seed 1 --rounds 8 --quick --without-rival --without-gateway --profile folder]`.
 * Writes `bench/results/overhead.md` and `.json`, but for quick and partial runs.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { measure, type Plan } from './overhead/measure.ts';
import { proveAnswers, type Racer, startGateway, startRival, startUpstream } from './overhead/racers.ts';
import { overheadMarkdown } from './overhead/report.ts';
import { Children, messageFrom } from './support/children.ts';
import { circumstances } from './support/machine.ts';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '7' },
    quick: { type: 'boolean', default: false },
    'without-rival': { type: 'boolean', default: false },
    'without-gateway': { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
});

const RESULTS = path.join(import.meta.dirname, '../results');
const seed = Number(options.seed);
const plan: Plan = options.quick
  ? {
      seed,
      connections: 50,
      turns: 300,
      warmup: 100,
      rate: 200,
      pacedRequests: 300,
      rounds: 1,
      roundSeconds: 1,
    }
  : {
      seed,
      connections: 50,
      turns: 4_000,
      warmup: 1_000,
      rate: 200,
      pacedRequests: 4_000,
      rounds: Number(options.rounds),
      roundSeconds: 2,
    };

async function race(dataDir: string): Promise<string> {
  await using children = new Children();
  const upstream = await startUpstream(children);
  const racers: Racer[] = [upstream];
  if (!options['without-gateway']) {
    const { profile } = options;
    const nodeArgs = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${path.resolve(profile)}`];
    racers.push(await startGateway(children, upstream.load.port, dataDir, nodeArgs));
  }
  if (!options['without-rival']) racers.push(await startRival(children, upstream.load.port));
  for (const racer of racers) await proveAnswers(racer);
  const generator = children.start('generator', path.join(import.meta.dirname, 'overhead/generator.ts'));
  await messageFrom(generator, () => true, 10_000);
  const results = await measure(racers, generator, plan, dataDir);
  const about = circumstances(seed);
  const markdown = overheadMarkdown(results, plan, about);
  if (!options.quick && racers.length === 3) {
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(path.join(RESULTS, 'overhead.md'), markdown);
    const json = JSON.stringify({ about, plan, results }, null, 2);
    writeFileSync(path.join(RESULTS, 'overhead.json'), `${json}\n`);
  }
  return markdown;
}

const dataDir = mkdtempSync(path.join(tmpdir(), 'zerogpu-bench-'));
// As root the database runs as another user, who has to pass through; else it would be kept elsewhere, and stay.
chmodSync(dataDir, 0o711);
try {
  console.log(await race(dataDir));
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
