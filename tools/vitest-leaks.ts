/**
 * A test file that leaves a child process, a server or a timer behind fails: what it forgot would end up as a
 * process without a parent on a user's machine, or as a program that never ends.
 */
import { afterAll } from 'vitest';

/** Only what keeps a program alive; a timer or socket that was unref'd is not listed by Node. */
const WATCHED = new Set([
  'ProcessWrap',
  'TCPServerWrap',
  'PipeServerWrap',
  'Timeout',
  'Immediate',
  'MessagePort',
]);
/** How long closing may take after the last hook; a guard, not a measurement. */
const PATIENCE_MS = 3_000;
const STEP_MS = 20;

function watched(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    if (WATCHED.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** What is open now beyond what was open before, such as `2 ProcessWrap`. */
export function leftOpen(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): string[] {
  return [...now]
    .map(([name, number]): [string, number] => [name, number - (before.get(name) ?? 0)])
    .filter(([, number]) => number > 0)
    .map(([name, number]) => `${number} ${name}`);
}

/** Taken while the file is being set up: inside a hook, vitest's own short timers would count too. */
const before = watched();

afterAll(async () => {
  let left = leftOpen(before, watched());
  for (let waited = 0; left.length > 0 && waited < PATIENCE_MS; waited += STEP_MS) {
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    left = leftOpen(before, watched());
  }
  if (left.length > 0) throw new Error(`This file leaves open: ${left.join(', ')}`);
});
