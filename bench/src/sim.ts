/**
 * Ways of choosing a node, simulated: `npm run bench:sim [-- --quick --seed 1 --cities <folder>]`. Writes
 * bench/results/router-simulation.md, but for quick runs, which are printed, and runs of another seed. Cities' round trips
 * are read from ../shared/data/fixtures/latency beside the repository, or from the folder given.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT_FOLDER, readCities } from './sim/cities.ts';
import { quickSection, reportOf } from './sim/report.ts';
import { runSimulation } from './sim/run.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    cities: { type: 'string', default: DEFAULT_FOLDER },
  },
});
const seed = Number(options.seed);
const quick = runSimulation('quick', seed, null);
if (options.quick) console.log(quickSection(quick));
else {
  const cities = readCities(options.cities);
  if (!cities)
    throw new Error(`There are no round trips in ${options.cities}; give their folder by --cities`);
  const report = reportOf({ full: runSimulation('full', seed, cities, console.log), quick });
  if (seed === 1) writeFileSync(path.join(import.meta.dirname, '../results/router-simulation.md'), report);
  else console.log(report);
}
