/** The node of this page, from start to stop, and what its owner and its browser make of it meanwhile. */
import { MANIFESTS } from '@zerogpu/catalogue';
import { type ModelManifest, NODE_CONNECT_PATH } from '@zerogpu/protocol';
import { deleteDatabase } from '../src/browser-platform/database.ts';
import {
  type BrowserNode,
  type BrowserNodeOptions,
  makeBrowserNode,
} from '../src/browser-platform/make-node.ts';
import {
  type Offer,
  offerOf,
  PACE_MS,
  type Pace,
  PaceMeter,
  type TabState,
} from '../src/browser-platform/pace.ts';
import type { FromWorker, ToWorker } from './line.ts';
import type { Settings } from './settings.ts';

type Start = Extract<ToWorker, { type: 'start' }>;

/** Enough to hide the way to a gateway; the runs share one thread. */
const SLOTS = 8;
const REPORT_MS = 500;
/** What is in flight when its owner stops it may take so long. */
const DRAIN_MS = 5_000;
const MIB = 1024 * 1024;

export class Serving {
  readonly #say: (message: FromWorker) => void;
  readonly #pace = new PaceMeter(Date.now());
  #paceNow: Pace = 'steady';
  #tab: TabState = 'visible';
  #settings: Settings | null = null;
  #start: Start | null = null;
  #node: BrowserNode | null = null;
  /** What the node was told last. */
  #slots = SLOTS;
  #isChanged = false;
  /** One after the other: a stop waits until what it stops has started. */
  #last: Promise<void> = Promise.resolve();

  constructor(say: (message: FromWorker) => void) {
    this.#say = say;
    say({ type: 'models', models: ownManifests().map(known) });
    setInterval(() => this.#rang(), PACE_MS);
    setInterval(() => void this.#report(), REPORT_MS);
  }

  hear(message: ToWorker): void {
    switch (message.type) {
      case 'start':
        this.#inTurn(() => this.#begin(message));
        break;
      case 'change':
        this.#inTurn(() => this.#change(message.settings));
        break;
      case 'stop':
        this.#inTurn(() => this.#end());
        break;
      case 'tab':
        this.#tab = message.state;
        this.#limit();
        break;
      case 'forget':
        this.#inTurn(() => this.#forget());
        break;
    }
  }

  #inTurn(work: () => Promise<void>): void {
    this.#last = this.#last.then(work).catch((error: unknown) => {
      this.#say({ type: 'trouble', message: error instanceof Error ? error.message : String(error) });
    });
  }

  async #begin(start: Start): Promise<void> {
    await this.#leave();
    this.#start = start;
    this.#settings = start.settings;
    const node = await makeBrowserNode(nodeOptions(start));
    this.#node = node;
    this.#slots = SLOTS;
    node.core.watch(() => this.#changed(node));
    this.#limit();
    void node.core.start();
    void node.core.ended.then((end) => {
      if (this.#node !== node) return;
      this.#node = null;
      node.close();
      if (end.kind === 'refused')
        this.#say({ type: 'ended', refusal: { code: end.code, message: end.message } });
    });
  }

  /** Whoever was welcome once is known by its key. */
  #changed(node: BrowserNode): void {
    this.#isChanged = true;
    if (this.#start?.joinToken == null || node.core.status.connection.state !== 'connected') return;
    this.#start = { ...this.#start, joinToken: null };
    this.#say({ type: 'admitted' });
  }

  async #end(): Promise<void> {
    await this.#leave();
    this.#say({ type: 'ended', refusal: null });
  }

  async #leave(): Promise<void> {
    const node = this.#node;
    this.#node = null;
    await node?.core.drain(DRAIN_MS);
    node?.close();
  }

  /** What is said once, at the beginning of a connection, needs a new one; limits do not. */
  async #change(settings: Settings): Promise<void> {
    const before = this.#settings;
    this.#settings = settings;
    if (this.#node === null || this.#start === null || before === null) return;
    if (needsNewNode(before, settings)) await this.#begin({ ...this.#start, settings });
    else this.#limit();
  }

  async #forget(): Promise<void> {
    await this.#leave();
    await deleteDatabase();
    this.#say({ type: 'forgotten' });
  }

  #rang(): void {
    const before = this.#paceNow;
    this.#paceNow = this.#pace.rang(Date.now());
    if (this.#paceNow === before) return;
    this.#limit();
    this.#isChanged = true;
  }

  #limit(): void {
    const settings = this.#settings;
    if (this.#node === null || settings === null) return;
    const { slots, because } = this.#offer();
    this.#node.core.setThrottled(because !== null);
    if (this.#node.core.status.cpu.share !== settings.cpuShare)
      this.#node.core.setCpuShare(settings.cpuShare);
    if (this.#slots !== slots) this.#node.core.setSlots(slots);
    this.#slots = slots;
  }

  #offer(): Offer {
    return offerOf(SLOTS, this.#tab, this.#paceNow);
  }

  async #report(): Promise<void> {
    const node = this.#node;
    if (node === null || !this.#isChanged) return;
    this.#isChanged = false;
    const status = node.core.status;
    const storedBytes = await node.storedBytes().catch(() => 0);
    // Over meanwhile: the page has been told, and would take this for news.
    if (this.#node !== node) return;
    this.#say({
      type: 'report',
      report: { status, storedBytes, offer: this.#offer(), keyKept: node.keyKept },
    });
  }
}

function nodeOptions({ pageUrl, joinToken, settings }: Start): BrowserNodeOptions {
  const manifests = ownManifests();
  const { name, place, cpuShare, memoryMb, storageMb, refusedModels } = settings;
  const modelsAllowed = manifests.map(({ id }) => id).filter((id) => !refusedModels.includes(id));
  return {
    ...{ gatewayUrl: gatewayOf(pageUrl), joinToken, name, place, manifests, modelsAllowed, cpuShare },
    slots: SLOTS,
    memoryBytes: memoryMb * MIB,
    storageBytes: storageMb * MIB,
  };
}

/** Beside the page, whatever folder a proxy serves both below. */
function gatewayOf(pageUrl: string): string {
  const url = new URL(NODE_CONNECT_PATH.slice(1), pageUrl);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

function needsNewNode(before: Settings, after: Settings): boolean {
  const said = ({ name, place, memoryMb, storageMb, refusedModels }: Settings) =>
    JSON.stringify([name, place, memoryMb, storageMb, refusedModels]);
  return said(before) !== said(after);
}

function ownManifests(): ModelManifest[] {
  return MANIFESTS.filter(({ family, files }) => family === 'built-in' && files.length > 0);
}

function known({ id, description, files }: ModelManifest) {
  return { id, description, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}
