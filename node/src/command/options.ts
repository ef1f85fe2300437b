/** What stands on the command line after `zerogpu node <command>`. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { isWellFormedSecret, JOIN_TOKEN_PREFIX } from '@zerogpu/protocol';
import { FLAGS, type Flag, flagLine } from '../node-platform/config.ts';
import { CommandError, codeOf, messageOf } from './command-error.ts';
import type { NodeSettings, StateFolder } from './state-folder.ts';

export interface CommandLine {
  readonly positionals: readonly string[];
  /** What is kept with the settings, by the names of LIMITS. */
  readonly limits: Readonly<Record<string, string>>;
  /** Where the token is, when it does not stand on the line. */
  readonly tokenFile: string | null;
  readonly state: string | null;
  readonly has: (flag: OwnFlag) => boolean;
}

/** Of the commands; all others are the node's. */
const OWN_FLAGS = {
  plain: 'lines in place of the live screen',
  print: 'prints the systemd unit and changes nothing',
  purge: 'also removes the device’s key, settings and models: the gateway then knows it no more',
  user: 'a service of this user, also as root',
  help: 'this text',
} as const;
export type OwnFlag = keyof typeof OWN_FLAGS;

/**
 * What an owner sets, and the flag of the node's own program that it is. Names that say what they limit: people type them
 * once and find them in `zerogpu node status`.
 */
export const LIMITS = {
  'cpu-share': 'cpu',
  memory: 'memory',
  disk: 'disk',
  models: 'only',
  'only-when-idle': 'idle-only',
  slots: 'slots',
  place: 'place',
  class: 'class',
  name: 'name',
} as const satisfies Record<string, keyof typeof FLAGS>;

const limitFlags = (): [string, Flag][] =>
  Object.entries(LIMITS).map(([limit, flag]): [string, Flag] => [limit, FLAGS[flag]]);

const typeOf = ({ value }: Flag) => (value === null ? ('boolean' as const) : ('string' as const));

/** @param limits whether the command takes the limits of a node, and a token */
export function readCommandLine(
  args: readonly string[],
  allowed: readonly OwnFlag[],
  limits: boolean,
): CommandLine {
  const own = [...allowed, 'help' as const];
  const options = {
    ...(limits ? Object.fromEntries(limitFlags().map(([name, flag]) => [name, { type: typeOf(flag) }])) : {}),
    ...(limits ? { 'token-file': { type: 'string' as const } } : {}),
    state: { type: 'string' as const },
    ...Object.fromEntries(own.map((flag) => [flag, { type: 'boolean' as const }])),
    help: { type: 'boolean' as const, short: 'h' },
  };
  const { values, positionals } = parse(args, options);
  const given = Object.entries(values).map(([flag, value]): [string, string] => [flag, String(value)]);
  const text = (flag: string) => new Map(given).get(flag) ?? null;
  return {
    positionals,
    limits: Object.fromEntries(given.filter(([name]) => Object.hasOwn(LIMITS, name))),
    tokenFile: text('token-file'),
    state: text('state'),
    has: (flag) => values[flag] === true,
  };
}

type Options = Record<string, { readonly type: 'string' | 'boolean'; readonly short?: string }>;

function parse(args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new CommandError(`${messageOf(error).split('. ')[0]}; --help lists what there is`);
  }
}

/** The flags of a command, for its help. */
export function flagsHelp(own: readonly OwnFlag[], limits: boolean): string {
  const state: [string, Flag] = [
    'state',
    { value: 'DIR', help: 'where the device’s key, settings and models are kept' },
  ];
  const others = own.map((flag): [string, Flag] => [flag, { value: null, help: OWN_FLAGS[flag] }]);
  const token: [string, Flag] = ['token-file', { value: 'FILE', help: 'a file that holds the join token' }];
  const ofNode = limits ? [...limitFlags(), token] : [];
  return [...ofNode, state, ...others].map(flagLine).join('\n');
}

/** As the program `main.ts` takes them, so that both read settings in one way. */
export async function nodeArguments(
  { gateway, flags }: NodeSettings,
  folder: StateFolder,
  overrides: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const token = (await folder.hasToken()) ? ['--token-file', folder.tokenFile] : [];
  const limits = Object.entries({ ...flags, ...overrides }).flatMap(([name, value]) =>
    limitArgument(name, value),
  );
  return ['--gateway', gateway, '--state', folder.path, ...token, ...limits];
}

/** What a newer program kept and this one does not know limits nothing here. */
function limitArgument(name: string, value: string): string[] {
  const known: Readonly<Record<string, keyof typeof FLAGS>> = LIMITS;
  const flag = Object.hasOwn(known, name) ? known[name] : undefined;
  if (flag === undefined) return [];
  return [typeOf(FLAGS[flag]) === 'boolean' ? `--${flag}` : `--${flag}=${value}`];
}

/** An error of the node's own program, with the names that stand here. */
export function inOurWords(message: string): string {
  const names = new Map<string, string>(Object.entries(LIMITS).map(([limit, flag]) => [flag, limit]));
  return message.replaceAll(/--([a-z-]+)/g, (text, flag: string) => {
    const name = names.get(flag);
    return name === undefined ? text : `--${name}`;
  });
}

/** Where the token may stand besides the line of the command, which other users of the machine can read. */
export interface TokenSources {
  /** After the address: the token, `-` for the standard input, or a file. */
  readonly positional: string | undefined;
  readonly file: string | null;
  /** In the link that was given as the address. */
  readonly inAddress: string | null;
  readonly env: string | undefined;
  readInput(): Promise<string>;
}

/** Null when none was given. @throws CommandError when what was given is no token */
export async function readToken(sources: TokenSources): Promise<string | null> {
  const { positional, file, inAddress, env, readInput } = sources;
  if (positional === '-') return checked(await readInput(), 'the standard input');
  if (positional !== undefined) return positionalToken(positional);
  if (file !== null) return checked(await readTokenFile(file), file);
  if (inAddress !== null) return checked(inAddress, 'the address');
  return env ? checked(env, 'ZEROGPU_JOIN_TOKEN') : null;
}

async function positionalToken(text: string): Promise<string> {
  if (text.startsWith(JOIN_TOKEN_PREFIX)) return checked(text, 'the command line');
  return checked(await readTokenFile(text), text);
}

async function readTokenFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') {
      throw new CommandError(
        `Cannot read the file "${file}" (${codeOf(error)}), which should hold the join token`,
      );
    }
    throw new CommandError(
      `"${file}" is neither a join token (they begin with ${JOIN_TOKEN_PREFIX}) nor a file that holds one`,
    );
  }
}

function checked(text: string, where: string): string {
  const token = text.trim();
  if (isWellFormedSecret(JOIN_TOKEN_PREFIX, token)) return token;
  throw new CommandError(
    token.startsWith(JOIN_TOKEN_PREFIX)
      ? `The join token from ${where} is not whole: a character is missing or wrong. Copy it again`
      : `What ${where} holds is no join token; they begin with ${JOIN_TOKEN_PREFIX}`,
  );
}
