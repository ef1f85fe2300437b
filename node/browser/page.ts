/** The page `/node`: what its owner sees and chooses. The work is done by the worker. */
import { part, say, show } from './dom.ts';
import { keptHere } from './kept.ts';
import { setUpLimits } from './limits.ts';
import { type FromWorker, Line, type ToWorker } from './line.ts';
import { readSettings, type Settings } from './settings.ts';
import type { Situation } from './state-words.ts';
import { KeepAwake, OneTab, watchTab } from './tab.ts';
import { forgetToken, keepToken, keptToken, tokenOfAddress } from './token.ts';
import { scriptUrl } from './trusted.ts';
import { listModels, showSituation } from './view.ts';
import { deviceName } from './words.ts';

const SETTINGS = 'zerogpu-node';

/** The page, its choices and the worker behind it. */
class NodePage {
  readonly #line: Line<ToWorker, FromWorker>;
  readonly #awake = new KeepAwake();
  readonly #oneTab = new OneTab(() => this.#takenOver());
  #settings = readSettings(keptHere.get(SETTINGS), deviceName(navigator.userAgent));
  #situation: Situation = { phase: 'stopped', report: null, refusal: null };

  constructor() {
    const channel = new MessageChannel();
    this.#line = new Line(channel.port1, (message) => this.#hear(message));
    const worker = new Worker(scriptUrl('node/worker.js'), { type: 'module' });
    worker.onerror = () => say('trouble', 'The background thread does not start in this browser.');
    worker.postMessage(null, [channel.port2]);
    watchTab((state) => this.#line.say({ type: 'tab', state }));
  }

  open(): void {
    const linked = tokenOfAddress();
    if (linked !== '') keepToken(linked);
    setUpLimits(this.#settings, this.#awake.possible, (changes) => this.#change(changes));
    this.#listen();
    // Whoever opens a link with a token wants to join; who was serving goes on.
    if ((linked !== '' && !savesData()) || this.#settings.serving) this.#start();
    else this.#show({ phase: this.#isKnown() ? 'stopped' : 'needs-token' });
  }

  #listen(): void {
    part('start', HTMLButtonElement).addEventListener('click', () => this.#start());
    part('stop', HTMLButtonElement).addEventListener('click', () => this.#stop());
    part('forget', HTMLButtonElement).addEventListener('click', () => this.#forget());
    part('join', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      const field = part('token', HTMLInputElement);
      keepToken(field.value.trim());
      field.value = '';
      this.#start();
    });
    // The way back to a page that the browser kept: it said goodbye when it was left.
    addEventListener('pagehide', () => this.#line.say({ type: 'stop' }));
    addEventListener('pageshow', ({ persisted }) => {
      if (persisted && this.#settings.serving) this.#start();
    });
  }

  #start(): void {
    say('trouble', '');
    this.#change({ serving: true });
    this.#oneTab.take();
    this.#show({ phase: 'starting', report: null, refusal: null });
    const [pageUrl, joinToken, settings] = [document.baseURI, keptToken(), this.#settings];
    this.#line.say({ type: 'start', pageUrl, joinToken, settings });
  }

  #stop(): void {
    this.#oneTab.leave();
    this.#change({ serving: false });
    this.#show({ phase: 'stopping' });
    this.#line.say({ type: 'stop' });
  }

  #takenOver(): void {
    this.#line.say({ type: 'stop' });
    say('trouble', 'Another tab of this browser serves now. Start here to take over.');
  }

  #forget(): void {
    this.#oneTab.leave();
    this.#change({ serving: false });
    this.#show({ phase: 'stopping' });
    forgetToken();
    this.#line.say({ type: 'forget' });
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case 'models':
        listModels(message.models, this.#settings, (id, offered) => this.#offer(id, offered));
        break;
      case 'report':
        if (this.#situation.phase === 'stopped') break;
        this.#show({
          phase: this.#situation.phase === 'stopping' ? 'stopping' : 'running',
          report: message.report,
        });
        break;
      case 'admitted':
        forgetToken();
        keptHere.set(`${SETTINGS}-known`, 'yes');
        break;
      case 'ended':
        this.#ended(message.refusal);
        break;
      case 'forgotten':
        for (const name of [SETTINGS, `${SETTINGS}-known`]) keptHere.remove(name);
        location.reload();
        break;
      case 'trouble':
        say('trouble', message.message);
        this.#ended(null);
        break;
    }
  }

  #ended(refusal: Situation['refusal']): void {
    if (refusal !== null) {
      this.#oneTab.leave();
      this.#change({ serving: false });
      // A token that was refused is no use, and one that admitted nobody is not kept.
      forgetToken();
    }
    this.#show({ phase: 'stopped', report: null, refusal });
  }

  #isKnown(): boolean {
    return keptHere.get(`${SETTINGS}-known`) !== null || keptToken() !== null;
  }

  #offer(id: string, offered: boolean): void {
    const others = this.#settings.refusedModels.filter((refused) => refused !== id);
    this.#change({ refusedModels: offered ? others : [...others, id] });
  }

  #change(changes: Partial<Settings>): void {
    this.#settings = { ...this.#settings, ...changes };
    keptHere.set(SETTINGS, JSON.stringify(this.#settings));
    say('name', this.#settings.name);
    this.#line.say({ type: 'change', settings: this.#settings });
    void this.#awake.want(this.#settings.keepAwake && this.#settings.serving);
  }

  #show(changes: Partial<Situation>): void {
    this.#situation = { ...this.#situation, ...changes };
    showSituation(this.#situation);
  }
}

/** The owner asked the browser for few downloads: 34 MB wait for a click. */
function savesData(): boolean {
  return Object(Object(navigator).connection).saveData === true;
}

function registerServiceWorker(): void {
  // Only there with TLS, or on this very machine. Without one the page works, but does not open offline.
  if (!('serviceWorker' in navigator)) return;
  const scope = new URL('node', document.baseURI).pathname;
  navigator.serviceWorker.register(scriptUrl('node/service-worker.js'), { scope }).catch(() => undefined);
}

say('gateway', location.host);
show('insecure', !isSecureContext);
new NodePage().open();
registerServiceWorker();
