import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DEVICE_CLASSES, type DeviceClass, NODE_CONNECT_PATH, type Place } from '@zerogpu/protocol';

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
  /** Most bytes of models' files that are fetched and kept. */
  readonly diskBytes: number;
  /** Of one core's time, for runs. */
  readonly cpuShare: number;
  /** Ids of models, in which `*` stands for any characters; null allows all. */
  readonly modelsAllowed: readonly string[] | null;
  /** Serve only while nobody else wants the machine. */
  readonly idleOnly: boolean;
  readonly place: Place | null;
  /** Null leaves it to the machine. */
  readonly deviceClass: DeviceClass | null;
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
  disk: { value: 'MB', help: 'most disk space for models that are fetched; default 4096' },
  cpu: { value: 'PERCENT', help: 'of one core’s time, for runs, 1 to 100; default 100' },
  only: {
    value: 'LIST',
    help: 'models that it may run, by commas; * stands for anything; default all',
  },
  'idle-only': { value: null, help: 'serve only while nobody else wants this machine' },
  place: { value: 'LAT,LON', help: 'where it stands, such as 52.5,13.4; default by its time zone' },
  class: { value: 'KIND', help: 'server, desktop or phone; default what this machine looks like' },
  name: { value: 'NAME', help: 'shown to the operator; default this machine’s name' },
} as const satisfies Record<string, Flag>;

type FlagName = keyof typeof FLAGS;

/** Enough to hide the way to a gateway; the runs share one thread, so more would only queue here instead of there. */
const DEFAULT_SLOTS = 16;
const BYTES_PER_MB = 1024 * 1024;
/** All built-ins in a hundred versions. */
const DEFAULT_DISK_BYTES = 4096 * BYTES_PER_MB;
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
  const disk = integer('disk', value('disk'), 1, 2 ** 30);
  return {
    gatewayUrl: gatewayUrl(value('gateway')),
    joinToken: joinToken(flags.get('token-file'), value('token')),
    stateDir: resolve(value('state') ?? '.zerogpu/node'),
    modelsDir: resolve(value('models') ?? BUILT_IN_WEIGHTS),
    slots: integer('slots', value('slots'), 1, 1024) ?? DEFAULT_SLOTS,
    memoryBytes: memory === undefined ? null : (integer('memory', memory, 1, 2 ** 30) ?? 0) * BYTES_PER_MB,
    diskBytes: disk === null ? DEFAULT_DISK_BYTES : disk * BYTES_PER_MB,
    cpuShare: (integer('cpu', value('cpu'), 1, 100) ?? 100) / 100,
    modelsAllowed: modelsAllowed(value('only')),
    idleOnly: value('idle-only') === 'true',
    place: place(value('place')),
    deviceClass: deviceClass(value('class')),
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
function flagOptions(): Record<string, { type: 'string' | 'boolean' }> {
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

function modelsAllowed(text: string | undefined): readonly string[] | null {
  if (text === undefined) return null;
  const patterns = text.split(',').map((pattern) => pattern.trim());
  if (patterns.length > 100 || patterns.some((pattern) => !/^[\w.*/:-]{1,256}$/.test(pattern))) {
    throw new ConfigError(`--only must be ids of models such as zlm-v1-*-edge, by commas, not "${text}"`);
  }
  return patterns;
}

function place(text: string | undefined): Place | null {
  if (text === undefined) return null;
  const [, latitude, longitude] =
    /^\s*(-?\d{1,3}(?:\.\d{1,9})?)\s*,\s*(-?\d{1,3}(?:\.\d{1,9})?)\s*$/.exec(text) ?? [];
  const place = { latitude: Number(latitude), longitude: Number(longitude) };
  if (!(Math.abs(place.latitude) <= 90 && Math.abs(place.longitude) <= 180)) {
    throw new ConfigError(`--place must be degrees north and east such as 52.5,13.4, not "${text}"`);
  }
  return place;
}

function deviceClass(text: string | undefined): DeviceClass | null {
  if (text === undefined) return null;
  const found = DEVICE_CLASSES.find((one) => one === text);
  if (!found || found === 'browser') {
    throw new ConfigError(`--class must be server, desktop or phone, not "${text}"`);
  }
  return found;
}

function name(text: string): string {
  if (text.length < 1 || text.length > 128) throw new ConfigError('--name must have 1 to 128 characters');
  return text;
}
