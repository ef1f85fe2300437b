/** What the page and its worker say to each other, over the two ends of a MessageChannel. Both are of one build. */

import type { Offer, TabState } from '../src/browser-platform/pace.ts';
import type { NodeStatus } from '../src/node-status.ts';
import type { Settings } from './settings.ts';

export type ToWorker =
  | {
      readonly type: 'start';
      /** The page's address, such as `https://ai.example.com/node`: the gateway is where it came from. */
      readonly pageUrl: string;
      /** Null when this device is known already, or may be. */
      readonly joinToken: string | null;
      readonly settings: Settings;
    }
  | { readonly type: 'change'; readonly settings: Settings }
  | { readonly type: 'stop' }
  | { readonly type: 'tab'; readonly state: TabState }
  /** Removes key and models from this device. */
  | { readonly type: 'forget' };

export type FromWorker =
  | { readonly type: 'models'; readonly models: readonly KnownModel[] }
  | { readonly type: 'report'; readonly report: Report }
  /** The gateway knows this device now: the join token is needed no more. */
  | { readonly type: 'admitted' }
  /** Over, by its owner's word or the gateway's. */
  | { readonly type: 'ended'; readonly refusal: Refusal | null }
  | { readonly type: 'forgotten' }
  /** It could not be started, in words for the owner. */
  | { readonly type: 'trouble'; readonly message: string };

export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** A model that this page's software can run. */
export interface KnownModel {
  readonly id: string;
  readonly description: string;
  readonly bytes: number;
}

/** How it goes, some times a second while it changes. */
export interface Report {
  readonly status: NodeStatus;
  readonly offer: Offer;
  /** `sealed`: the browser shows the key to nobody, us included. */
  readonly keyKept: 'sealed' | 'readable';
  /** Of models' files, in this browser. */
  readonly storedBytes: number;
}

/** One end of the line. */
export class Line<Said, Heard> {
  readonly #port: MessagePort;

  constructor(port: MessagePort, hear: (message: Heard) => void) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Heard>) => hear(data);
  }

  say(message: Said): void {
    this.#port.postMessage(message);
  }
}
