/** What stands on the command line after `zerogpu node <command>`. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { isWellFormedSecret, JOIN_TOKEN_PREFIX } from '@zerogpu/protocol';
import { FLAGS, type Flag, flagLine, flagOptions } from '../node-platform/config.ts';
import { CommandError, codeOf, messageOf } from './command-error.ts';
import type { NodeSettings, StateFolder } from './state-folder.ts';

export interface CommandLine {
  readonly positionals: readonly string[];
  /** Flags of a node that are kept with the settings: limits, name, place. */
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

/** Said by the command itself. */
const NOT_LIMITS: ReadonlySet<string> = new Set(['gateway', 'token', 'token-file', 'state']);

export function readCommandLine(args: readonly string[], allowed: readonly OwnFlag[]): CommandLine {
  const own = [...allowed, 'help' as const];
  const options = {
    ...flagOptions(),
    ...Object.fromEntries(own.map((flag) => [flag, { type: 'boolean' as const }])),
    help: { type: 'boolean' as const, short: 'h' },
  };
  const { values, positionals } = parse(args, options);
  const given = Object.entries(values).map(([flag, value]): [string, string] => [flag, String(value)]);
  const isLimit = ([flag]: [string, string]) => flag in FLAGS && !NOT_LIMITS.has(flag);
  const text = (flag: string) => new Map(given).get(flag) ?? null;
  return {
    positionals,
    limits: Object.fromEntries(given.filter(isLimit)),
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
  const ofNode = limits ? Object.entries<Flag>(FLAGS).filter(([flag]) => !NOT_LIMITS.has(flag)) : [];
  const state: [string, Flag] = [
    'state',
    { value: 'DIR', help: 'where the device’s key, settings and models are kept' },
  ];
  const others = own.map((flag): [string, Flag] => [flag, { value: null, help: OWN_FLAGS[flag] }]);
  return [...ofNode, state, ...others].map(flagLine).join('\n');
}

/** As the program `main.ts` takes them, so that both read settings in one way. */
export async function nodeArguments(
  { gateway, flags }: NodeSettings,
  folder: StateFolder,
  overrides: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const token = (await folder.hasToken()) ? ['--token-file', folder.tokenFile] : [];
  const limits = Object.entries({ ...flags, ...overrides }).map(([flag, value]) =>
    takesNoValue(flag) ? `--${flag}` : `--${flag}=${value}`,
  );
  return ['--gateway', gateway, '--state', folder.path, ...token, ...limits];
}

function takesNoValue(name: string): boolean {
  const flags: Readonly<Record<string, Flag>> = FLAGS;
  return Object.hasOwn(flags, name) && flags[name]?.value === null;
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
