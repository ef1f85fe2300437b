/** The commands `zerogpu node …`: the edge node as people run it on a laptop or server. */
import { existsSync, realpathSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import { VERSION } from '@zerogpu/protocol';
import { ConfigError, type NodeConfig, readNodeConfig } from '../node-platform/config.ts';
import { printable } from '../printable.ts';
import { readAddress } from './address.ts';
import { CommandError } from './command-error.ts';
import {
  type CommandLine,
  flagsHelp,
  inOurWords,
  nodeArguments,
  type OwnFlag,
  readCommandLine,
  readToken,
} from './options.ts';
import { checkGateway } from './reach.ts';
import { count, stateOf } from './screen.ts';
import { readNote, serve } from './serve.ts';
import {
  isBundle,
  purgeState,
  type RunningProgram,
  removeService,
  type ServicePlaces,
  serviceUnit,
  startService,
  systemctl,
  systemPlaces,
  userPlaces,
  whyNoSystemd,
  writeService,
} from './service.ts';
import { type NodeSettings, SERVICE_STATE, StateFolder, userStateFolder } from './state-folder.ts';
import { EXIT_FOR_GOOD, SERVICE_NAME } from './unit.ts';

interface Command {
  readonly usage: string;
  readonly about: string;
  readonly own: readonly OwnFlag[];
  /** Takes the limits of a node. */
  readonly limits: boolean;
  run(line: CommandLine): Promise<number>;
}

const TOKEN_HELP = `ADDRESS is the gateway's, such as http://10.0.0.7:8080 or https://ai.example.com, or the link of its page /node.
TOKEN is a join token, a file that holds one, or - to read it from the standard input. Other users of this machine can
see what stands on the line of a command, for a moment; a file, - or ZEROGPU_JOIN_TOKEN they cannot see.`;

const COMMANDS: Readonly<Record<string, Command>> = {
  join: {
    usage: 'join ADDRESS [TOKEN] [options]',
    about: `Joins this device to a gateway and serves. Address and limits are kept for \`run\` and \`install\`.\n\n${TOKEN_HELP}`,
    own: ['plain'],
    limits: true,
    run: join,
  },
  run: {
    usage: 'run [options]',
    about: 'Serves at the gateway joined before. Limits given here are for this time only.',
    own: ['plain'],
    limits: true,
    run: runAgain,
  },
  install: {
    usage: 'install [ADDRESS [TOKEN]] [options]',
    about: `Makes this node a service, of the machine (as root) or yours. It starts with the machine, or when you sign in;
without an address it serves the gateway joined before.\n\n${TOKEN_HELP}`,
    own: ['print', 'user'],
    limits: true,
    run: install,
  },
  uninstall: {
    usage: 'uninstall [--purge]',
    about: 'Ends the service and removes what install made.',
    own: ['purge', 'user'],
    limits: false,
    run: uninstall,
  },
  status: {
    usage: 'status',
    about: 'Says what is joined, installed and running on this device.',
    own: ['user'],
    limits: false,
    run: showStatus,
  },
};

/** @returns the exit status: 2 for what the user, not a restart, can mend */
export async function runNodeCommand([name, ...args]: readonly string[]): Promise<number> {
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return unknownCommand(name);
  quietNode();
  try {
    const line = readCommandLine(args, command.own, command.limits);
    if (!line.has('help')) return await command.run(line);
    console.log(helpOf(command));
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof ConfigError)) throw error;
    console.error(error.message);
    return EXIT_FOR_GOOD;
  }
}

function unknownCommand(name: string | undefined): number {
  const isHelp = name === undefined || name === '--help' || name === '-h' || name === 'help';
  if (!isHelp) console.error(`There is no command "node ${name}"\n`);
  const lines = Object.values(COMMANDS).map(({ usage, about }) => {
    return `  zerogpu node ${usage.padEnd(36)} ${about.split(/[.\n]/, 1)[0]}`;
  });
  console[isHelp ? 'log' : 'error'](
    ['Usage:', '', ...lines, '', '--help after a command says more.'].join('\n'),
  );
  return isHelp ? 0 : EXIT_FOR_GOOD;
}

function helpOf({ usage, about, own, limits }: Command): string {
  return `Usage: zerogpu node ${usage}\n\n${about}\n\nOptions:\n\n${flagsHelp(own, limits)}`;
}

/** Node 20 warns of Ed25519, which it has and which is finished since; a warning would stand on the screen. */
function quietNode(): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') console.error(`${warning.name}: ${warning.message}`);
  });
  // A reader of our output that went away is no reason to stop working.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

async function join(line: CommandLine): Promise<number> {
  const [address, token, ...rest] = line.positionals;
  if (address === undefined)
    throw new CommandError('Say where: zerogpu node join ADDRESS TOKEN; --help says more');
  if (rest.length > 0) throw new CommandError(`"${rest[0]}" is too much: zerogpu node join ADDRESS TOKEN`);
  const folder = new StateFolder(stateOfUser(line));
  const settings = await joinAt(folder, address, token, line);
  return serve({
    config: await configOf(settings, folder),
    folder,
    gateway: settings.gateway,
    plain: line.has('plain'),
  });
}

/** Checks everything that can be wrong before anything is kept. */
async function joinAt(
  folder: StateFolder,
  address: string,
  positional: string | undefined,
  line: CommandLine,
): Promise<NodeSettings> {
  hideArguments();
  const { url, token: inAddress } = readAddress(address);
  const settings = { gateway: url, flags: line.limits };
  await configOf(settings, folder);
  const env = process.env['ZEROGPU_JOIN_TOKEN'];
  const token = await readToken({ positional, file: line.tokenFile, inAddress, env, readInput });
  const before = await folder.settings().catch(() => null);
  const isKnown = before?.gateway === url && (await folder.hasKey());
  if (token === null && !isKnown) {
    throw new CommandError(
      `A join token is needed: zerogpu node join ${url} TOKEN. Whoever runs the gateway has one: in the file node-token ` +
        'of its data directory, or from the admin API',
    );
  }
  await checkGateway(url);
  await folder.join(settings, token);
  return settings;
}

/** @throws ConfigError that names the limit and what it may be */
async function configOf(
  settings: NodeSettings,
  folder: StateFolder,
  overrides: Readonly<Record<string, string>> = {},
): Promise<NodeConfig> {
  // Not the environment: what holds for the service must not hang on whose shell installed it.
  const config = readOurs(await nodeArguments(settings, folder, overrides));
  if (config === null) throw new CommandError('--help stands after the command: zerogpu node join --help');
  return config;
}

/** Errors name the limit as it was typed here. */
function readOurs(args: readonly string[]): NodeConfig | null {
  try {
    return readNodeConfig(args, {});
  } catch (error) {
    throw error instanceof ConfigError ? new CommandError(inOurWords(error.message)) : error;
  }
}

/** The token need not stand in the list of processes for longer than it takes to read it. */
function hideArguments(): void {
  process.title = 'zerogpu node';
}

async function readInput(): Promise<string> {
  let text = '';
  for await (const data of process.stdin) {
    text += data;
    // A token is a line of fifty characters.
    if (text.length > 4096 || text.includes('\n')) break;
  }
  return text.split('\n', 1)[0] ?? '';
}

async function runAgain(line: CommandLine): Promise<number> {
  if (line.positionals.length > 0)
    throw new CommandError('run takes no address; to go elsewhere: zerogpu node join');
  const folder = new StateFolder(stateOfUser(line));
  const settings = await joinedSettings(folder);
  const config = await configOf(settings, folder, line.limits);
  return serve({ config, folder, gateway: settings.gateway, plain: line.has('plain') });
}

async function joinedSettings(folder: StateFolder): Promise<NodeSettings> {
  const settings = await folder.settings();
  if (settings !== null) return settings;
  throw new CommandError(
    `This device has not joined a gateway yet (nothing in ${folder.path}): zerogpu node join ADDRESS TOKEN`,
  );
}

const stateOfUser = ({ state }: CommandLine): string =>
  state === null ? userStateFolder(process.env, process.platform) : path.resolve(state);

const isRoot = (): boolean => process.getuid?.() === 0;

function placesOf(line: CommandLine): ServicePlaces {
  if (isRoot() && !line.has('user'))
    return systemPlaces(line.state === null ? SERVICE_STATE : path.resolve(line.state));
  return userPlaces(stateOfUser(line), homedir(), process.env);
}

function runningProgram(): RunningProgram {
  return { node: process.execPath, program: realpathSync(process.argv[1] ?? '') };
}

async function install(line: CommandLine): Promise<number> {
  const places = placesOf(line);
  const [address, token, ...rest] = line.positionals;
  if (rest.length > 0) throw new CommandError(`"${rest[0]}" is too much: zerogpu node install ADDRESS TOKEN`);
  if (line.has('print')) {
    const gateway =
      address === undefined ? (await settingsFor(places))?.settings.gateway : readAddress(address).url;
    process.stdout.write(serviceUnit(places, runningProgram(), gateway ?? 'a gateway', process.env));
    return 0;
  }
  const missing = whyNoSystemd(places.kind, process.platform);
  if (missing !== null) throw new CommandError(missing);
  const folder = new StateFolder(places.stateFolder);
  const settings =
    address === undefined ? await adoptState(places, line) : await joinAt(folder, address, token, line);
  const unit = serviceUnit(places, runningProgram(), settings.gateway, process.env);
  await writeService(places, runningProgram(), unit);
  startService(places);
  console.log(installedWords(places, settings));
  return 0;
}

interface Found {
  readonly folder: StateFolder;
  readonly settings: NodeSettings;
}

/** Of the service, or of the user who joined by hand before. */
async function settingsFor(places: ServicePlaces): Promise<Found | null> {
  for (const place of [places.stateFolder, userStateFolder(process.env, process.platform)]) {
    const folder = new StateFolder(place);
    const settings = await folder.settings();
    if (settings !== null) return { folder, settings };
  }
  return null;
}

/** A service of the machine has a folder of its own: the device that joined by hand moves into it, key and all. */
async function adoptState(places: ServicePlaces, line: CommandLine): Promise<NodeSettings> {
  const found = await settingsFor(places);
  if (found === null) {
    throw new CommandError('This device has not joined a gateway yet: zerogpu node install ADDRESS TOKEN');
  }
  if (places.kind === 'user' || found.folder.path !== places.stateFolder) {
    const note = await readNote(found.folder);
    if (note !== null && (await serviceState(places)) !== 'active') {
      throw new CommandError(
        `The node runs by hand (process ${note.pid}); end it first (q), then install the service`,
      );
    }
  }
  const settings = { gateway: found.settings.gateway, flags: { ...found.settings.flags, ...line.limits } };
  const target = new StateFolder(places.stateFolder);
  await configOf(settings, target);
  await found.folder.copyTo(target);
  await target.join(settings, null);
  return settings;
}

/** What whoever came by npx can type afterwards: there is no command `zerogpu` in their path. */
function installedProgram({ programFolder }: ServicePlaces): string {
  return isBundle(runningProgram().program) ? path.join(programFolder, 'zerogpu.mjs') : 'zerogpu';
}

function installedWords(places: ServicePlaces, { gateway }: NodeSettings): string {
  const { kind, unitFile, stateFolder } = places;
  const ask = kind === 'user' ? 'systemctl --user' : 'systemctl';
  const journal = kind === 'user' ? 'journalctl --user' : 'journalctl';
  return [
    `Installed and started: this device serves ${gateway}`,
    `  unit      ${unitFile}`,
    `  state     ${stateFolder}`,
    `  look      ${installedProgram(places)} node status, ${ask} status ${SERVICE_NAME}, ${journal} -u ${SERVICE_NAME}`,
    ...(kind === 'user'
      ? [
          '',
          'It runs while you are signed in. To have it start with the machine and stay when you sign out:',
          `  loginctl enable-linger ${userInfo().username}`,
        ]
      : []),
  ].join('\n');
}

async function uninstall(line: CommandLine): Promise<number> {
  const places = placesOf(line);
  const removed = await removeService(places);
  console.log(removed ? 'The service is ended and removed' : 'No service is installed');
  if (line.has('purge')) {
    await purge(line, places);
  } else if (removed) {
    console.log(`Kept ${places.stateFolder} (key, settings, models); --purge removes it too`);
  }
  return 0;
}

/** Also what a node run by hand keeps, unless a folder was named: whoever was removed joins anew with another key. */
async function purge(line: CommandLine, places: ServicePlaces): Promise<void> {
  const byHand = new StateFolder(stateOfUser(line));
  const note = await readNote(byHand);
  if (note !== null) {
    throw new CommandError(`The node runs by hand (process ${note.pid}); end it first (q), then purge`);
  }
  const folders = [...new Set([places.stateFolder, ...places.otherState, byHand.path])].filter((folder) =>
    existsSync(folder),
  );
  await purgeState(folders);
  console.log(
    folders.length === 0
      ? 'Nothing is kept on this device: it is no node'
      : `Removed ${folders.join(', ')}: this device is no node any more`,
  );
}

/** In systemd's word: active, inactive, failed; null when none is installed or there is no systemd. */
async function serviceState(places: ServicePlaces): Promise<string | null> {
  const word = systemctl(places.kind, ['is-active', SERVICE_NAME])?.output.split('\n', 1)[0] ?? '';
  // Anything else are words about systemd itself, which is not there or not for this user.
  return /^(?:active|activating|deactivating|reloading|failed)$/.test(word) ? word : null;
}

async function showStatus(line: CommandLine): Promise<number> {
  const places = placesOf(line);
  const found = await settingsFor(places);
  if (found === null) {
    console.log('This device has not joined a gateway: zerogpu node join ADDRESS TOKEN');
    return 1;
  }
  const { folder, settings } = found;
  const limits = Object.entries(settings.flags).map(([name, value]) =>
    value === 'true' ? name : `${name} ${value}`,
  );
  const note = await readNote(folder);
  const service = await serviceState(places);
  console.log(
    [
      `gateway   ${settings.gateway}`,
      `state     ${folder.path}`,
      `limits    ${limits.length === 0 ? 'none' : limits.join(', ')}`,
      `service   ${service ?? 'not running'}`,
      `program   ${VERSION}${isBundle(runningProgram().program) ? '' : ', from its repository'}`,
      `node      ${note === null ? 'not running' : `process ${note.pid}: ${stateOf(note.status).text}`}`,
      ...(note === null ? [] : statusLines(note.status)),
    ].join('\n'),
  );
  return note === null ? 1 : 0;
}

function statusLines({
  runs,
  models,
  notices,
  updateHint,
}: NonNullable<Awaited<ReturnType<typeof readNote>>>['status']): string[] {
  const width = Math.max(0, ...models.map(({ id }) => printable(id).length));
  return [
    `runs      ${count(runs.done)} done, ${count(runs.inFlight)} now, ${count(runs.failed)} failed`,
    ...models.map(
      ({ id, state, done }) => `          ${printable(id).padEnd(width)}  ${state}  ${count(done)} runs`,
    ),
    ...notices.slice(-3).map(({ message }) => `notice    ${printable(message)}`),
    ...(updateHint === null ? [] : [`update    ${printable(updateHint)}`]),
  ];
}
