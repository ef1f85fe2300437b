/** Puts on the page what the worker tells. */
import { element, part, say, show } from './dom.ts';
import type { KnownModel, Report } from './line.ts';
import type { Settings } from './settings.ts';
import { headlineOf, modelWords, paceWords, type Situation } from './state-words.ts';
import { count, megabytes, modelName } from './words.ts';

export function showSituation(situation: Situation): void {
  const { look, title, detail } = headlineOf(situation);
  const state = part('state', HTMLElement);
  state.dataset['state'] = look;
  say('state', title);
  say('detail', detail);
  showControls(situation);
  const { report } = situation;
  say('pace', report === null ? '' : paceWords(report.offer));
  show('pace', report !== null && paceWords(report.offer) !== '');
  if (report !== null) showReport(report);
  else showNoWork();
}

function showControls({ phase, refusal }: Situation): void {
  const wantsToken = phase === 'needs-token' || (phase === 'stopped' && refusal?.code === 'token_invalid');
  const isRunning = phase === 'starting' || phase === 'running' || phase === 'stopping';
  show('join', wantsToken);
  show('controls', !wantsToken);
  show('start', !isRunning);
  show('stop', isRunning);
  part('start', HTMLButtonElement).disabled = false;
  part('stop', HTMLButtonElement).disabled = phase === 'stopping';
}

function showReport({ status, storedBytes, keyKept }: Report): void {
  const { runs } = status;
  say('runs', count(runs.done));
  say('tokens', count(runs.inputTokens + runs.outputTokens));
  say('in-flight', count(runs.inFlight));
  say('failed', count(runs.failed));
  say('update', status.updateHint ?? '');
  show('update', status.updateHint !== null);
  show('notices-section', status.updateHint !== null || status.notices.length > 0);
  showNotices(status.notices);
  say('stored', `${megabytes(storedBytes)} kept, ${megabytes(status.memory.usedBytes)} of memory in use.`);
  say('key-kept', KEY_KEPT[keyKept]);
  for (const model of status.models) showModel(model);
}

const KEY_KEPT = {
  sealed: 'A key that says who this device is. The browser signs with it and shows it to no script.',
  readable: 'A key that says who this device is, as plain bytes in this browser’s database.',
} satisfies Record<Report['keyKept'], string>;

/** The numbers stay, nothing is in flight. */
function showNoWork(): void {
  say('in-flight', '0');
  say('stored', '');
  for (const state of document.querySelectorAll<HTMLElement>('#models [data-part="state"]')) {
    state.textContent = '';
    delete state.dataset['state'];
  }
  for (const bar of document.querySelectorAll('#models progress')) bar.remove();
}

function showNotices(notices: Report['status']['notices']): void {
  const list = part('notices', HTMLUListElement);
  const key = notices.map(({ at, message }) => `${at} ${message}`).join('\n');
  if (list.dataset['shown'] === key) return;
  list.dataset['shown'] = key;
  const newestFirst = [...notices].reverse();
  list.replaceChildren(
    ...newestFirst.map(({ at, message }) => {
      const when = new Date(at);
      const time = element('time', { dateTime: when.toISOString() }, when.toLocaleTimeString());
      return element('li', {}, time, message);
    }),
  );
}

/** A row for each model that this software can run, with a box to offer it. */
export function listModels(
  models: readonly KnownModel[],
  settings: Settings,
  changed: (id: string, offered: boolean) => void,
): void {
  const rows = models.map((model) => {
    const box = element('input', { type: 'checkbox', checked: !settings.refusedModels.includes(model.id) });
    box.addEventListener('change', () => changed(model.id, box.checked));
    const label = element('label', { className: 'check' }, box, modelName(model.id));
    const about = element('p', { className: 'about' }, `${model.description} · ${megabytes(model.bytes)}`);
    const state = element('p', { className: 'about' });
    state.dataset['part'] = 'state';
    const row = element('li', {}, label, about, state);
    row.dataset['model'] = model.id;
    return row;
  });
  part('models', HTMLUListElement).replaceChildren(...rows);
}

function showModel(model: Report['status']['models'][number]): void {
  const row = document.querySelector(`#models [data-model="${CSS.escape(model.id)}"]`);
  const state = row?.querySelector<HTMLElement>('[data-part="state"]');
  if (!row || !state) return;
  state.dataset['state'] = model.state;
  const words = modelWords(model);
  if (state.textContent !== words) state.textContent = words;
  const bar = row.querySelector('progress');
  if (model.download === null) bar?.remove();
  else showProgress(bar ?? addBar(row, model.id), model.download);
}

function addBar(row: Element, id: string): HTMLProgressElement {
  const bar = element('progress', {});
  bar.setAttribute('aria-label', `Fetching ${modelName(id)}`);
  row.append(bar);
  return bar;
}

function showProgress(
  bar: HTMLProgressElement,
  { bytes, totalBytes }: { bytes: number; totalBytes: number },
): void {
  bar.max = Math.max(1, totalBytes);
  bar.value = bytes;
}
