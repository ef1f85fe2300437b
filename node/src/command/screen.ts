/** The live screen of a node, as lines of text. Pure: what is seen depends on what is handed in, and nothing else. */
import { NODE_CONNECT_PATH } from '@zerogpu/protocol';
import type { ModelStatus, NodeStatus, Notice } from '../node-status.ts';
import { printable } from '../printable.ts';

export interface ScreenView {
  readonly status: NodeStatus;
  readonly version: string;
  /** Milliseconds since the node started. */
  readonly upMs: number;
  /** Milliseconds since 1970, and minutes to add for the clock on the wall. */
  readonly now: number;
  readonly zoneMinutes: number;
}

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
}

type Style = 'plain' | 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

/** A stretch of a line that looks the same. */
interface Piece {
  readonly text: string;
  readonly style: Style;
}

type Line = readonly Piece[];

const CODES: Record<Style, string> = {
  plain: '',
  bold: '\x1b[1m',
  dim: '\x1b[2m',
  green: '\x1b[32m',
  yellow: '\x1b[33m',
  red: '\x1b[31m',
  cyan: '\x1b[36m',
};
const END_STYLE = '\x1b[0m';

/** Wider lines are no easier to read. */
const MAX_COLUMNS = 110;
const NOTICES_SHOWN = 4;
/** Of one notice. */
const MAX_WRAPPED = 4;
const BAR_WIDTH = 14;

/** Never more lines than rows, none longer than columns. */
export function renderScreen(view: ScreenView, size: ScreenSize): string[] {
  const columns = Math.max(1, Math.min(size.columns, MAX_COLUMNS));
  const blocks = {
    head: headLines(view, columns),
    facts: factLines(view, columns),
    notices: noticeLines(view, columns),
    foot: footLines(view),
  };
  const others = blocks.head.length + blocks.facts.length + blocks.notices.length + blocks.foot.length;
  const models = modelLines(view.status.models, Math.max(0, size.rows - others), columns);
  const lines = [...blocks.head, ...blocks.facts, ...models, ...blocks.notices, ...blocks.foot];
  return lines.slice(0, Math.max(0, size.rows)).map((line) => paint(fit(line, columns), size.colour));
}

const piece = (text: string, style: Style = 'plain'): Piece => ({ text, style });
const EMPTY: Line = [];

function headLines({ status, version, upMs }: ScreenView, columns: number): Line[] {
  const { connection } = status;
  const state = stateOf(status);
  const title: Line = [piece(' ZeroGPU node', 'bold'), piece('   '), piece(`● ${state.text}`, state.style)];
  const up = `up ${duration(upMs)}   ${version} `;
  const where: Line = [
    piece(` ${printable(status.name)}`),
    piece(` at ${addressOf(connection.gateway)}`, 'dim'),
  ];
  return [spread(title, [piece(up, 'dim')], columns), where, ...troubleLines(status, columns), EMPTY];
}

/** The gateway as people name it, of the address of its socket. */
function addressOf(socket: string): string {
  return socket.replace(/^ws/, 'http').replace(NODE_CONNECT_PATH, '');
}

const HELD = {
  draining: { text: 'drained by the operator', style: 'yellow' },
  quarantined: { text: 'in quarantine', style: 'red' },
} as const;

/** In a word or two, what the node does. */
export function stateOf({ connection, paused, models }: NodeStatus): { text: string; style: Style } {
  if (connection.state === 'refused') return { text: 'refused', style: 'red' };
  if (connection.state === 'ended') return { text: 'ended', style: 'dim' };
  if (paused === 'draining') return { text: 'finishing what runs', style: 'yellow' };
  if (connection.state === 'waiting') return { text: 'not connected', style: 'red' };
  if (connection.state === 'connecting') return { text: 'connecting', style: 'yellow' };
  if (paused === 'owner') return { text: 'paused by you', style: 'yellow' };
  if (paused === 'busy') return { text: 'waiting until this device is idle', style: 'yellow' };
  if (connection.state === 'connected' && connection.held !== null) return HELD[connection.held];
  if (models.some(({ state }) => state === 'ready' || state === 'idle'))
    return { text: 'serving', style: 'green' };
  return { text: 'getting models', style: 'cyan' };
}

function troubleLines({ connection, cpu }: NodeStatus, columns: number): Line[] {
  const lines: Line[] = [];
  if (connection.state === 'waiting') {
    const again = `; trying again in ${Math.ceil(connection.retryInMs / 1000)} s`;
    lines.push(...wrapped(printable(connection.reason) + again, 'red', columns));
  }
  if (connection.state === 'refused') {
    lines.push(
      ...wrapped(`${printable(connection.message)} (${printable(connection.code)})`, 'red', columns),
    );
  }
  if (cpu.throttled) lines.push([piece(' This device is slowed down at the moment', 'yellow')]);
  return lines;
}

function factLines({ status }: ScreenView, columns: number): Line[] {
  const { runs, cpu, memory } = status;
  const failed = piece(`${count(runs.failed)} failed`, runs.failed > 0 ? 'red' : 'plain');
  const rests = cpu.restedMs >= 1000 ? `, rested ${duration(cpu.restedMs)}` : '';
  const left: Line[] = [
    [label('runs'), piece(`${count(runs.inFlight)} now, ${count(runs.done)} done, `), failed],
    [label('cpu'), piece(cpu.share >= 1 ? 'all of one core' : `${percent(cpu.share)} of one core${rests}`)],
  ];
  const right: Line[] = [
    [label('tokens'), piece(`${count(runs.inputTokens)} in, ${count(runs.outputTokens)} out`)],
    [label('memory'), piece(`${megabytes(memory.usedBytes)} of ${megabytes(memory.limitBytes)} MB`)],
  ];
  // Beside each other where there is room.
  const lines =
    columns >= 76 ? left.map((line, i) => [...padded(line, 40), ...right[i]!]) : [...left, ...right];
  return [...lines, EMPTY];
}

const label = (text: string): Piece => piece(` ${text.padEnd(8)}`, 'dim');

/** @param room lines that it may take */
function modelLines(models: readonly ModelStatus[], room: number, columns: number): Line[] {
  if (room < 2 || models.length === 0) return [];
  // A title, a model, how many more there are and an empty line: with less room, only how many.
  const least = models.length === 1 ? 3 : 4;
  if (room < least) return [[piece(` models  ${count(models.length)}`, 'dim')], EMPTY];
  const shown = [...models].sort(byInterest);
  const fits = room - 2;
  const some = shown.length > fits ? shown.slice(0, fits - 1) : shown;
  const widths = columnWidths(some, columns);
  const title = ` ${'model'.padEnd(widths.name)}  ${'state'.padEnd(widths.state)}${numbers('runs', 'ms', widths)}`;
  const rest = shown.length - some.length;
  const more: Line[] = rest > 0 ? [[piece(` and ${rest} more`, 'dim')]] : [];
  return [[piece(title, 'dim')], ...some.map((model) => modelLine(model, widths)), ...more, EMPTY];
}

interface Widths {
  readonly name: number;
  readonly state: number;
  /** Whether there is room for them. */
  readonly numbers: boolean;
}

const NUMBERS_WIDTH = 17;

/** Narrow terminals lose the numbers, then the ends of states and names. */
function columnWidths(models: readonly ModelStatus[], columns: number): Widths {
  const wanted = Math.max('model'.length, ...models.map(({ id }) => printable(id).length));
  const numbers = columns >= wanted + 24 + NUMBERS_WIDTH + 3;
  const left = columns - 3 - (numbers ? NUMBERS_WIDTH : 0);
  const state = Math.max(10, Math.min(32, left - Math.min(wanted, left - 16)));
  return { name: Math.max(5, Math.min(wanted, left - state)), state, numbers };
}

/** Right-aligned, with their distance from what stands before. */
const numbers = (runs: string, ms: string, widths: Widths): string =>
  widths.numbers ? ` ${runs.padStart(8)}${ms.padStart(8)}` : '';

const INTEREST: Record<ModelStatus['state'], number> = {
  failed: 0,
  downloading: 1,
  loading: 2,
  ready: 3,
  idle: 3,
  not_allowed: 4,
};

/** What changes or is wrong first; else in the order of the catalogue. */
const byInterest = (a: ModelStatus, b: ModelStatus): number => INTEREST[a.state] - INTEREST[b.state];

function modelLine(model: ModelStatus, widths: Widths): Line {
  const { name, state } = widths;
  const now = model.inFlight > 0 ? piece(`, ${model.inFlight} now`, 'cyan') : piece('');
  const stateLine = padded([...modelState(model), now], state);
  const ms = model.speed === null ? '' : model.speed.baseMs.toFixed(1);
  const id = printable(model.id).slice(0, name).padEnd(name);
  const quiet = model.state === 'not_allowed' ? 'dim' : 'plain';
  return [piece(` ${id}  `, quiet), ...stateLine, piece(numbers(count(model.done), ms, widths), quiet)];
}

function modelState({ state, download, problem }: ModelStatus): Piece[] {
  switch (state) {
    case 'ready':
      return [piece('ready', 'green')];
    case 'idle':
      return [piece('ready when asked')];
    case 'loading':
      return [piece('loading', 'cyan')];
    case 'not_allowed':
      return [piece('not offered', 'dim')];
    case 'failed':
      return [piece(`failed: ${printable(problem ?? 'no reason given')}`, 'red')];
    case 'downloading':
      return download === null ? [piece('waits for its files', 'cyan')] : bar(download);
  }
}

function bar({ bytes, totalBytes }: NonNullable<ModelStatus['download']>): Piece[] {
  const share = totalBytes > 0 ? Math.min(1, bytes / totalBytes) : 0;
  const full = Math.floor(share * BAR_WIDTH);
  return [
    piece('█'.repeat(full), 'cyan'),
    piece('░'.repeat(BAR_WIDTH - full), 'dim'),
    piece(` ${percent(share).padStart(5)} ${megabytes(totalBytes)} MB`),
  ];
}

function noticeLines({ status, zoneMinutes }: ScreenView, columns: number): Line[] {
  const shown = status.notices
    .slice(-NOTICES_SHOWN)
    .flatMap((notice) => noticeText(notice, zoneMinutes, columns));
  const update = status.updateHint === null ? [] : wrapped(printable(status.updateHint), 'yellow', columns);
  return shown.length + update.length === 0 ? [] : [...shown, ...update, EMPTY];
}

function noticeText({ at, message, kind }: Notice, zoneMinutes: number, columns: number): Line[] {
  const style = kind === 'quarantined' ? 'red' : 'plain';
  return wrapped(`${clock(at, zoneMinutes)}  ${printable(message)}`, style, columns);
}

function footLines({ status }: ScreenView): Line[] {
  if (status.paused === 'draining') return [[piece(' q again ends at once', 'dim')]];
  const pause = status.paused === 'owner' ? 'go on' : 'pause';
  return [
    [
      piece(' p ', 'bold'),
      piece(pause, 'dim'),
      piece('   q ', 'bold'),
      piece('quit, when what runs is done', 'dim'),
    ],
  ];
}

const lengthOf = (line: Line): number => line.reduce((sum, { text }) => sum + text.length, 0);

/** Over as many lines as it takes, up to a few; words longer than a line are cut. */
function wrapped(text: string, style: Style, columns: number): Line[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last === '' || last.length + 1 + word.length < columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(` ${word}`);
  }
  const shown = lines.slice(0, MAX_WRAPPED);
  const isCut = lines.length > MAX_WRAPPED;
  return shown.map((line, i) => [piece(isCut && i === MAX_WRAPPED - 1 ? `${line} …` : line, style)]);
}

function padded(line: Line, width: number): Line {
  const length = lengthOf(line);
  return length >= width ? fit(line, width) : [...line, piece(' '.repeat(width - length))];
}

/** Both ends of a line; the right one goes where there is no room for it. */
function spread(left: Line, right: Line, columns: number): Line {
  const gap = columns - lengthOf(left) - lengthOf(right);
  return gap < 2 ? left : [...left, piece(' '.repeat(gap)), ...right];
}

/** Cut to so many columns, with a sign of it. */
function fit(line: Line, columns: number): Line {
  if (lengthOf(line) <= columns) return line;
  const kept: Piece[] = [];
  let left = columns - 1;
  for (const { text, style } of line) {
    const part = text.slice(0, left);
    if (part !== '') kept.push(piece(part, style));
    left -= part.length;
  }
  return [...kept, piece('…')];
}

function paint(line: Line, colour: boolean): string {
  return line
    .map(({ text, style }) => (colour && CODES[style] !== '' ? CODES[style] + text + END_STYLE : text))
    .join('')
    .trimEnd();
}

/** 1,234,567: the same everywhere, whatever the locale. */
export function count(value: number): string {
  return String(Math.round(value)).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function megabytes(bytes: number): string {
  const value = bytes / (1024 * 1024);
  return value < 10 ? value.toFixed(1) : count(value);
}

/** Two units are enough: 4 s, 12 min 5 s, 3 h 10 min, 2 d 5 h. */
export function duration(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function clock(at: number, zoneMinutes: number): string {
  return new Date(at + zoneMinutes * 60_000).toISOString().slice(11, 16);
}
