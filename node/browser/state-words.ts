/** What the page says of how it goes. Pure. */
import type { Offer } from '../src/browser-platform/pace.ts';
import type { ModelStatus, NodeStatus } from '../src/node-status.ts';
import type { Refusal, Report } from './line.ts';
import { megabytes, runTime, seconds } from './words.ts';

/** What the page knows; `report` is null while nothing runs. */
export interface Situation {
  readonly phase: 'needs-token' | 'stopped' | 'starting' | 'running' | 'stopping';
  readonly report: Report | null;
  /** Why it ended, when the gateway ended it. */
  readonly refusal: Refusal | null;
}

export interface Headline {
  readonly look: 'stopped' | 'waiting' | 'serving' | 'refused';
  readonly title: string;
  readonly detail: string;
}

export function headlineOf({ phase, report, refusal }: Situation): Headline {
  if (refusal !== null) return { look: 'refused', title: 'Not admitted', detail: refusalWords(refusal) };
  if (phase === 'needs-token') {
    return { look: 'stopped', title: 'Not joined yet', detail: 'This server does not know this device.' };
  }
  if (phase === 'stopped') {
    return { look: 'stopped', title: 'Stopped', detail: 'Nothing runs here until you start it.' };
  }
  if (phase === 'stopping') {
    return { look: 'waiting', title: 'Stopping', detail: 'What is in flight is being finished.' };
  }
  return report === null
    ? { look: 'waiting', title: 'Starting', detail: 'The background thread is on its way.' }
    : runningWords(report);
}

const HELD = {
  draining: { look: 'waiting', title: 'Drained', detail: 'The operator gives this device no work for now.' },
  quarantined: {
    look: 'refused',
    title: 'In quarantine',
    detail: 'An answer of this device was wrong. It gets no work until the operator lets it out.',
  },
} as const satisfies Record<string, Headline>;

function runningWords({ status, offer }: Report): Headline {
  const { connection } = status;
  if (connection.state === 'waiting') {
    const detail = `${sentence(connection.reason)} Trying again in ${seconds(connection.retryInMs)}.`;
    return { look: 'waiting', title: 'Not connected', detail };
  }
  if (connection.state !== 'connected') return { look: 'waiting', title: 'Connecting', detail: '' };
  if (connection.held !== null) return HELD[connection.held];
  if (offer.because === 'frozen') {
    return { look: 'waiting', title: 'Frozen', detail: 'The browser has frozen this tab; it takes no work.' };
  }
  return servingWords(status);
}

function servingWords({ models }: NodeStatus): Headline {
  const offered = models.filter(({ state }) => state !== 'not_allowed' && state !== 'failed');
  const ready = models.filter(({ state }) => state === 'ready').length;
  if (offered.length === 0) {
    return { look: 'waiting', title: 'Connected', detail: 'No model is offered: tick one below.' };
  }
  if (ready === offered.length) {
    return {
      look: 'serving',
      title: 'Serving',
      detail: `${plural(ready, 'model')} in memory, ready for work.`,
    };
  }
  const coming = models.some(({ state }) => state === 'downloading' || state === 'loading');
  const detail = `${ready} of ${plural(offered.length, 'model')} in memory${coming ? ', more on their way' : ''}.`;
  return { look: ready > 0 ? 'serving' : 'waiting', title: ready > 0 ? 'Serving' : 'Getting ready', detail };
}

/** Why less is offered than could be; empty when nothing slows the page. */
export function paceWords({ because, slots }: Offer): string {
  const runs = `${plural(slots, 'run')} of each model at once`;
  if (because === 'hidden') return `This tab is in the background: it offers ${runs}, and the server knows.`;
  if (because === 'late') return `The browser slows this tab down: it offers ${runs}, and the server knows.`;
  return '';
}

export function modelWords({ state, download, problem, speed, done }: ModelStatus): string {
  if (state === 'downloading' && download !== null) {
    return `Fetching ${megabytes(download.bytes)} of ${megabytes(download.totalBytes)}`;
  }
  if (state === 'failed') return `Does not work here: ${problem ?? 'no reason given'}`;
  const parts: string[] = [STATES[state]];
  if (speed !== null) parts.push(`${runTime(speed)} a run`);
  if (done > 0) parts.push(plural(done, 'run'));
  return parts.join(' · ');
}

const STATES = {
  idle: 'Loaded when it is asked for',
  downloading: 'Fetching',
  loading: 'Loading',
  ready: 'Ready',
  failed: 'Does not work here',
  not_allowed: 'Not offered',
} satisfies Record<ModelStatus['state'], string>;

function refusalWords({ code, message }: Refusal): string {
  if (code === 'version_unsupported') return `${sentence(message)} Load this page again.`;
  return code === 'revoked' ? 'The operator has removed this device.' : sentence(message);
}

export function plural(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

function sentence(text: string): string {
  const trimmed = text.trim().replace(/[.\s]+$/, '');
  return trimmed === '' ? '' : `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}.`;
}
