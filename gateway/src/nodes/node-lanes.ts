import type { AnnouncedModel } from '@zerogpu/protocol';
import { type Speed, TargetFailure } from '../flow.ts';
import type { ModelReport } from '../live-nodes.ts';
import { Lane, usualMsOf } from './lane.ts';

/** What one node has, as it announced it, and a lane for each model of it that gets runs. */
export class NodeLanes {
  readonly #lanes = new Map<string, Lane>();
  /** No longer announced, but with runs that still take their slots there. */
  readonly #retired = new Map<string, Lane>();
  readonly #changed: (model: string) => void;
  #announced: readonly AnnouncedModel[] = [];

  /** @param changed called whenever what the router goes by is another for this model */
  constructor(changed: (model: string) => void) {
    this.#changed = changed;
  }

  get announced(): readonly AnnouncedModel[] {
    return this.#announced;
  }

  /** Of a model that gets runs. */
  get(model: string): Lane | undefined {
    return this.#lanes.get(model);
  }

  models(): IterableIterator<string> {
    return this.#lanes.keys();
  }

  [Symbol.iterator](): IterableIterator<[model: string, lane: Lane]> {
    return this.#lanes.entries();
  }

  /**
   * Takes over what the node has.
   * @param held none of it gets runs
   */
  announce(models: readonly AnnouncedModel[], held: boolean): void {
    this.#announced = models;
    const served = held ? [] : models;
    const ids = new Set(served.map(({ id }) => id));
    for (const [id, lane] of this.#lanes) if (!ids.has(id)) this.#retire(id, lane);
    for (const model of served) this.#serve(model);
    this.forgetRetired();
  }

  /** Whether the node said just this the last time. */
  has(models: readonly AnnouncedModel[]): boolean {
    const announced = this.#announced;
    return models.length === announced.length && models.every((one, at) => isSame(one, announced[at]));
  }

  /** What the node said of how quick it is. */
  announcedSpeed(model: string): Speed | null {
    return this.#announced.find(({ id }) => id === model)?.speed ?? null;
  }

  /** What it has, whether it gets runs or not. */
  report(): ModelReport[] {
    return this.#announced.map(({ id, version, slots, resident, speed }) => {
      const lane = this.#lanes.get(id) ?? this.#retired.get(id);
      const load = { in_flight: lane?.inFlight ?? 0, service_ms: lane?.serviceMs ?? null };
      const measured = speed ? { base_ms: speed.baseMs, per_thousand_ms: speed.perThousandMs } : null;
      return { id, version, slots, resident, ...load, speed: measured };
    });
  }

  forgetRetired(): void {
    for (const [id, lane] of this.#retired) if (lane.inFlight === 0) this.#retired.delete(id);
  }

  /** Sends who waits elsewhere: they were not sent to the node, and are not lost with it. */
  sendAway(message: string): void {
    // One for all: an error with its stack takes 5 µs, and ten thousand nodes with ten models may go at once.
    const away = new TargetFailure('unavailable', message);
    for (const lane of this.#lanes.values()) lane.close(away);
  }

  /** Nothing here gets runs any more. */
  close(message: string): void {
    this.sendAway(message);
    this.#lanes.clear();
  }

  #serve({ id, slots, resident, speed }: AnnouncedModel): void {
    const known = this.#lanes.get(id) ?? this.#retired.get(id);
    const lane = known ?? new Lane(slots, resident, () => this.#changed(id));
    this.#retired.delete(id);
    this.#lanes.set(id, lane);
    known?.announce(slots, resident);
    if (speed) lane.pace.expect(usualMsOf(speed));
  }

  #retire(id: string, lane: Lane): void {
    this.#lanes.delete(id);
    this.#retired.set(id, lane);
    lane.close(new TargetFailure('unavailable', 'The node no longer has the model'));
  }
}

function isSame(one: AnnouncedModel, other: AnnouncedModel | undefined): boolean {
  return (
    one.id === other?.id &&
    one.version === other.version &&
    one.slots === other.slots &&
    one.resident === other.resident &&
    one.speed?.baseMs === other.speed?.baseMs &&
    one.speed?.perThousandMs === other.speed?.perThousandMs
  );
}
