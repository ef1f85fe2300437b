/**
 * The books a second time, without the ledger's arithmetic: what the audited database wrote down of each decision and
 * each movement, played back in its order. Pure.
 *
 * A *purse* is whatever a request must fit into: a wallet (its limit is what was put into it) and whatever may have a
 * budget, counted also while it has none. Of each, all that may be promised is its limit less what is spent and held.
 */

export type BookEvent = Moment & (Asked | Held | Freed | Charged | Added | LimitSet);

/** In the order of the locks: two events of one purse never change places. */
interface Moment {
  readonly sequence: number;
  /** Events with the same one commit together. */
  readonly transaction: string;
}

/** A request for money was decided. */
interface Asked {
  readonly kind: 'asked';
  readonly requestId: string;
  /** The wallet first. */
  readonly purses: readonly string[];
  readonly amount: bigint;
  /** The purse that did not cover it; null when it was granted. */
  readonly refusedBy: string | null;
  /** `2026-11`: budgets begin anew in the next. */
  readonly month: string;
}

/** A row of `ledger.holds` came. */
interface Held {
  readonly kind: 'held';
  readonly requestId: string;
  readonly amount: bigint;
}

/** A row of `ledger.holds` went. */
interface Freed {
  readonly kind: 'freed';
  readonly requestId: string;
}

/** A posting of a charge came. */
interface Charged {
  readonly kind: 'charged';
  readonly requestId: string;
  readonly amount: bigint;
  readonly month: string;
}

/** Money went into a wallet, or out of it when it is below zero. */
interface Added {
  readonly kind: 'added';
  readonly purse: string;
  readonly amount: bigint;
}

/** A budget came, changed, or went (null). */
interface LimitSet {
  readonly kind: 'limit';
  readonly purse: string;
  readonly limit: bigint | null;
  /** A new one begins with what its spender spent and holds. */
  readonly counted?: { readonly month: string; readonly spent: bigint; readonly held: bigint };
}

export type Fault =
  /** Granted though a purse did not cover it, or spent what was promised to others. */
  | 'overspend'
  /** Refused though every purse covered it. */
  | 'false_rejection'
  | 'double_charge'
  | 'charge_without_hold'
  | 'charge_above_hold'
  /** The decision and the rows of `ledger.holds` tell two stories. */
  | 'hold_without_decision'
  | 'decision_without_hold'
  /** A budget began with a wrong count of what was spent or held. */
  | 'budget_miscounted';

export interface Finding {
  readonly fault: Fault;
  /** A request or a purse. */
  readonly subject: string;
  readonly detail: string;
}

export interface Purse {
  readonly limit: bigint | null;
  /** Of a budget in its last month, of a wallet ever. */
  readonly spent: bigint;
  readonly held: bigint;
}

export interface Replay {
  readonly findings: readonly Finding[];
  readonly granted: number;
  readonly refused: ReadonlySet<string>;
  /** Refusals that would not have been without money held by killed gateways. */
  readonly refusedForDead: number;
  /** What the books must say at the end. */
  readonly purses: ReadonlyMap<string, Purse>;
  readonly holds: number;
}

/** A defect would fill the report with its consequences. */
const MAX_FINDINGS = 1_000;

/**
 * @param events in the order of their sequence
 * @param dead requests whose holds nobody settled: their gateway was killed
 */
export async function replay(
  events: Iterable<BookEvent> | AsyncIterable<BookEvent>,
  dead: ReadonlySet<string> = new Set(),
): Promise<Replay> {
  const books = new Books(dead);
  for await (const event of events) books.take(event);
  return books.close();
}

interface OpenPurse {
  limit: bigint | null;
  spent: bigint;
  held: bigint;
  /** Of `held`, what killed gateways hold. */
  dead: bigint;
  /** The month that `spent` belongs to; empty before anything was spent, and on wallets, which count for ever. */
  month: string;
  monthly: boolean;
}

interface OpenHold {
  readonly purses: readonly string[];
  readonly amount: bigint;
  /** Null while it holds; else the transaction that gave it back. */
  freedBy: string | null;
}

class Books {
  readonly #dead: ReadonlySet<string>;
  readonly #purses = new Map<string, OpenPurse>();
  readonly #holds = new Map<string, OpenHold>();
  /** Rows of `ledger.holds` that wait for their decision, which comes later in the same transaction. */
  readonly #undecided = new Map<string, Held & Moment>();
  readonly #charged = new Set<string>();
  readonly #refused = new Set<string>();
  readonly #findings: Finding[] = [];
  #granted = 0;
  #refusedForDead = 0;

  constructor(dead: ReadonlySet<string>) {
    this.#dead = dead;
  }

  take(event: BookEvent): void {
    if (event.kind === 'asked') this.#ask(event);
    else if (event.kind === 'held') this.#undecided.set(event.requestId, event);
    else if (event.kind === 'freed') this.#free(event);
    else if (event.kind === 'charged') this.#charge(event);
    else if (event.kind === 'added') this.#add(event);
    else this.#limit(event);
  }

  close(): Replay {
    for (const { requestId } of this.#undecided.values()) {
      this.#find('hold_without_decision', requestId, 'a hold that no decision granted');
    }
    const holding = [...this.#holds.values()].filter((hold) => hold.freedBy === null);
    return {
      findings: this.#findings,
      granted: this.#granted,
      refused: this.#refused,
      refusedForDead: this.#refusedForDead,
      purses: this.#purses,
      holds: holding.length,
    };
  }

  #ask(event: Asked): void {
    const { requestId, amount, refusedBy } = event;
    this.#wallet(event.purses[0] ?? '');
    const row = this.#undecided.get(requestId);
    this.#undecided.delete(requestId);
    // A retry of the same request holds nothing more.
    if (refusedBy === null && row === undefined && this.#holds.get(requestId)?.freedBy === null) return;
    if (refusedBy !== null) {
      if (row !== undefined) this.#find('hold_without_decision', requestId, 'refused, and held all the same');
      this.#refuse(event);
    } else {
      if (row?.amount !== amount) this.#find('decision_without_hold', requestId, `${amount} were to be held`);
      this.#grant(event);
    }
  }

  #grant({ requestId, purses, amount, month }: Asked): void {
    this.#granted++;
    for (const id of purses) {
      const left = available(this.#purse(id, month));
      if (left !== null && left < amount) {
        this.#find('overspend', requestId, `${amount} granted where ${id} had ${left} left`);
      }
      this.#move(id, requestId, amount);
    }
    this.#holds.set(requestId, { purses, amount, freedBy: null });
  }

  #refuse({ requestId, purses, amount, refusedBy, month }: Asked): void {
    this.#refused.add(requestId);
    const states = purses.map((id) => this.#purse(id, month));
    const short = (left: bigint | null) => left !== null && left < amount;
    const blamed = states[purses.indexOf(String(refusedBy))];
    if (blamed === undefined || !short(available(blamed))) {
      const lefts = states.map((purse, i) => `${purses[i]} ${available(purse)}`).join(', ');
      this.#find('false_rejection', requestId, `${amount} refused by ${refusedBy} with ${lefts} left`);
    } else if (!states.some((purse) => short(availableWithoutDead(purse)))) this.#refusedForDead++;
  }

  #free({ requestId, transaction }: Freed & Moment): void {
    const hold = this.#holds.get(requestId);
    if (hold === undefined || hold.freedBy !== null) return;
    hold.freedBy = transaction;
    for (const id of hold.purses) this.#move(id, requestId, -hold.amount);
  }

  #charge({ requestId, amount, month, transaction }: Charged & Moment): void {
    if (this.#charged.has(requestId)) this.#find('double_charge', requestId, `${amount} once more`);
    this.#charged.add(requestId);
    const hold = this.#holds.get(requestId);
    if (hold === undefined || (hold.freedBy !== null && hold.freedBy !== transaction)) {
      this.#find('charge_without_hold', requestId, `${amount} charged`);
    } else if (amount > hold.amount) {
      this.#find('charge_above_hold', requestId, `${amount} charged, ${hold.amount} held`);
    }
    for (const id of hold?.purses ?? []) this.#purse(id, month).spent += amount;
  }

  #add({ purse: id, amount }: Added): void {
    const wallet = this.#wallet(id);
    wallet.limit = (wallet.limit ?? 0n) + amount;
    const left = available(wallet);
    if (amount < 0n && left !== null && left < 0n) {
      this.#find('overspend', id, `${-amount} taken out, ${-left} more than there was`);
    }
  }

  #limit({ purse: id, limit, counted }: LimitSet): void {
    const purse = this.#purse(id, counted?.month);
    purse.limit = limit;
    if (counted === undefined || (counted.spent === purse.spent && counted.held === purse.held)) return;
    const said = `spent ${counted.spent}, held ${counted.held}`;
    this.#find('budget_miscounted', id, `${said}; by our count spent ${purse.spent}, held ${purse.held}`);
  }

  #move(id: string, requestId: string, amount: bigint): void {
    const purse = this.#purse(id);
    purse.held += amount;
    if (this.#dead.has(requestId)) purse.dead += amount;
  }

  /** @param month of what happens to it; absent where no time passes */
  #purse(id: string, month = ''): OpenPurse {
    const purse = this.#purses.get(id) ?? newPurse();
    this.#purses.set(id, purse);
    if (purse.monthly && purse.month < month) {
      if (purse.month !== '') purse.spent = 0n;
      purse.month = month;
    }
    return purse;
  }

  #wallet(id: string): OpenPurse {
    const purse = this.#purse(id);
    purse.monthly = false;
    purse.limit ??= 0n;
    return purse;
  }

  #find(fault: Fault, subject: string, detail: string): void {
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push({ fault, subject, detail });
  }
}

function newPurse(): OpenPurse {
  return { limit: null, spent: 0n, held: 0n, dead: 0n, month: '', monthly: true };
}

function available({ limit, spent, held }: Purse): bigint | null {
  return limit === null ? null : limit - spent - held;
}

function availableWithoutDead(purse: OpenPurse): bigint | null {
  const left = available(purse);
  return left === null ? null : left + purse.dead;
}
