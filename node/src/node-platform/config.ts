import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NODE_CONNECT_PATH } from '@zerogpu/protocol';

export interface NodeConfig {
  /** Complete address of the gateway's WebSocket. */
  readonly gatewayUrl: string;
  /** The join token itself, a file that holds it, or null: enough for a node that the gateway knows already. */
  readonly joinToken: { readonly text: string } | { readonly file: string } | null;
  readonly stateDir: string;
  readonly modelsDir: string;
  readonly slots: number;
  /** Null leaves it to the machine. */
  readonly memoryBytes: number | null;
  readonly name: string;
}

/** A flag or setting is wrong: said once, in words for the owner; a restart cannot mend it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface Flag {
  /** Shown after the flag in the help; null for one that takes none. */
  readonly value: string | null;
  readonly help: string;
  /** The environment variable that says the same; the flag wins. */
  readonly env?: string;
}

/** `zerogpu node join` takes all of them but those of the gateway, the token and the folder. */
export const FLAGS = {
  gateway: {
    value: 'URL',
    help: 'the gateway, such as ws://127.0.0.1:8080 or https://gateway.example.com',
    env: 'ZEROGPU_GATEWAY_URL',
  },
  'token-file': { value: 'FILE', help: 'a file that holds the join token; read anew for every connection' },
  token: {
    value: 'TOKEN',
    help: 'the join token itself; other users of this machine can see it, so prefer the file',
    env: 'ZEROGPU_JOIN_TOKEN',
  },
  state: { value: 'DIR', help: 'where the device key is kept; default .zerogpu/node' },
  models: { value: 'DIR', help: 'the models’ weights; default the ones that came with this program' },
  slots: { value: 'N', help: 'runs at once of each model, 1 to 1024; default 16' },
  memory: { value: 'MB', help: 'most memory for models; default half of the machine’s' },
  name: { value: 'NAME', help: 'shown to the operator; default this machine’s name' },
} as const satisfies Record<string, Flag>;

type FlagName = keyof typeof FLAGS;

/** Enough to hide the way to a gateway; the runs share one thread, so more would only queue here instead of there. */
const DEFAULT_SLOTS = 16;
const BYTES_PER_MB = 1024 * 1024;
const BUILT_IN_WEIGHTS = fileURLToPath(new URL('../../../models/weights', import.meta.url));

/**
 * Reads flags and environment. Null when help was asked for.
 * @throws ConfigError that names the flag, what is wrong with it and what it may be
 */
export function readNodeConfig(args: readonly string[], env: NodeJS.ProcessEnv): NodeConfig | null {
  const flags = parse(args);
  if (flags === null) return null;
  const value = (name: FlagName): string | undefined => {
    const { env: variable }: Flag = FLAGS[name];
    return flags.get(name) ?? ((variable && env[variable]) || undefined);
  };
  const memory = value('memory');
  return {
    gatewayUrl: gatewayUrl(value('gateway')),
    joinToken: joinToken(flags.get('token-file'), value('token')),
    stateDir: resolve(value('state') ?? '.zerogpu/node'),
    modelsDir: resolve(value('models') ?? BUILT_IN_WEIGHTS),
    slots: integer('slots', value('slots'), 1, 1024) ?? DEFAULT_SLOTS,
    memoryBytes: memory === undefined ? null : (integer('memory', memory, 1, 2 ** 30) ?? 0) * BYTES_PER_MB,
    name: name(value('name') ?? hostname()),
  };
}

export function helpText(): string {
  const lines = Object.entries<Flag>(FLAGS).map(flagLine);
  return [
    'Runs models for a ZeroGPU gateway.',
    '',
    'Usage: node node/src/main.ts --gateway URL [options]',
    '',
    ...lines,
  ].join('\n');
}

export function flagLine([flag, { value, help, env }]: [string, Flag]): string {
  const left = `  --${flag}${value === null ? '' : ` ${value}`}`.padEnd(22);
  return `${left}${help}${env ? ` (or ${env})` : ''}`;
}

function parse(args: readonly string[]): Map<string, string> | null {
  const options = flagOptions();
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: false,
    });
    if (values['help'] === true) return null;
    return new Map(Object.entries(values).map(([flag, value]) => [flag, String(value)]));
  } catch (error) {
    const message = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new ConfigError(`${message}; --help lists what there is`);
  }
}

/** As `parseArgs` takes them. */
export function flagOptions(): Record<string, { type: 'string' | 'boolean' }> {
  return Object.fromEntries(
    Object.entries<Flag>(FLAGS).map(([flag, { value }]) => [
      flag,
      { type: value === null ? 'boolean' : 'string' },
    ]),
  );
}

function gatewayUrl(text: string | undefined): string {
  if (!text)
    throw new ConfigError('Say which gateway: --gateway ws://127.0.0.1:8080, or ZEROGPU_GATEWAY_URL');
  const wrong = new ConfigError(
    `--gateway must look like ws://127.0.0.1:8080 or https://gateway.example.com, not "${text}"`,
  );
  if (!URL.canParse(text)) throw wrong;
  const url = new URL(text);
  if (!['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol)) throw wrong;
  url.protocol = url.protocol.replace('http', 'ws');
  if (url.pathname === '/') url.pathname = NODE_CONNECT_PATH;
  url.hash = '';
  return url.href;
}

function joinToken(file: string | undefined, text: string | undefined): NodeConfig['joinToken'] {
  if (file !== undefined) return { file: resolve(file) };
  return text === undefined ? null : { text };
}

function integer(flag: FlagName, text: string | undefined, min: number, max: number): number | null {
  if (text === undefined) return null;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new ConfigError(`--${flag} must be an integer from ${min} to ${max}, not "${text}"`);
  }
  return value;
}

function name(text: string): string {
  if (text.length < 1 || text.length > 128) throw new ConfigError('--name must have 1 to 128 characters');
  return text;
}
