/** A second host on this machine: a network of its own, with one cable to ours. Needs root and iproute2. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { describe } from 'vitest';

export interface NetworkNamespace {
  readonly name: string;
  /** Of this side of the cable: where a gateway listens for the other host. */
  readonly hostAddress: string;
  readonly address: string;
  /** In front of a command that is to run there. */
  readonly through: readonly string[];
  /** Cuts or mends the cable, without a word to either end. */
  setCable(plugged: boolean): void;
  remove(): void;
}

/** What is left behind by a run that was killed is known by this. */
const PREFIX = 'zgpu-';

export function makeNamespace(): NetworkNamespace {
  // 198.18.0.0/15 is for tests of networks, and on no network of anybody; a /30 has two hosts. Names of devices are short.
  const [a = 0, b = 0, ...id] = randomBytes(6);
  const name = PREFIX + Buffer.from(id).toString('hex');
  const subnet = `198.18.${a}.${b & 0xfc}`.split('.').slice(0, 3).join('.');
  const [hostAddress, address] = [`${subnet}.${(b & 0xfc) + 1}`, `${subnet}.${(b & 0xfc) + 2}`];
  const cable = `${name}a`;
  const remove = () => {
    ask('ip', 'netns', 'delete', name);
    ask('ip', 'link', 'delete', cable);
  };
  try {
    must('ip', 'netns', 'add', name);
    must('ip', 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    must('ip', 'address', 'add', `${hostAddress}/30`, 'dev', cable);
    must('ip', 'link', 'set', cable, 'up');
    must('ip', '-n', name, 'address', 'add', `${address}/30`, 'dev', 'eth0');
    for (const device of ['eth0', 'lo']) must('ip', '-n', name, 'link', 'set', device, 'up');
  } catch (error) {
    remove();
    throw error;
  }
  const setCable = (plugged: boolean) =>
    must('ip', '-n', name, 'link', 'set', 'eth0', plugged ? 'up' : 'down');
  return { name, hostAddress, address, through: ['ip', 'netns', 'exec', name], setCable, remove };
}

function ask(command: string, ...args: string[]): string | null {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) return error.message;
  return status === 0 ? null : `${command} ${args.join(' ')}: ${stderr.trim()}`;
}

function must(command: string, ...args: string[]): void {
  const problem = ask(command, ...args);
  if (problem !== null) throw new Error(problem);
}

/** Null where a namespace can be made, else why not. */
function whyNot(): string | null {
  if (process.platform !== 'linux') return 'only Linux has network namespaces';
  const name = `${PREFIX}try${process.pid}`;
  const problem = ask('ip', 'netns', 'add', name);
  if (problem === null) ask('ip', 'netns', 'delete', name);
  return problem;
}

/** Null, with words, where there can be none and `ZEROGPU_TEST_REQUIRE` does not name it. */
export function tryNamespace(): NetworkNamespace | null {
  const problem = whyNot();
  if (problem === null || isRequired()) return makeNamespace();
  sayWithout(problem);
  return null;
}

/** A group of tests that is skipped, and says so, where there can be none and `ZEROGPU_TEST_REQUIRE` does not name it. */
export function describeWithNamespace(name: string, tests: () => void): void {
  const problem = whyNot();
  if (problem !== null) sayWithout(problem);
  describe.skipIf(problem !== null && !isRequired())(name, tests);
}

function isRequired(): boolean {
  return (process.env['ZEROGPU_TEST_REQUIRE'] ?? '').split(/[ ,]+/).includes('namespace');
}

function sayWithout(problem: string): void {
  console.warn(
    `Skipped, no network namespace (${problem}): run as root, with iproute2 (Debian: apt install iproute2)`,
  );
}
