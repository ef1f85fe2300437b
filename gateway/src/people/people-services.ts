import type { Pool } from 'pg';
import type { Log } from '../store/log.ts';
import type { Secrets } from '../store/secrets.ts';
import type { Attempts } from './attempts.ts';
import { type Mailer, smtpMailer } from './mailer.ts';
import { PasswordGate } from './password-gate.ts';
import { Sessions } from './sessions.ts';

export type SignUpPolicy = 'open' | 'invited' | 'closed';

/** What the handlers of people and organizations work with. */
export interface PeopleServices {
  readonly pool: Pool;
  readonly secrets: Secrets;
  readonly sessions: Sessions;
  readonly passwords: PasswordGate;
  readonly attempts: Attempts;
  /** Null: this server sends no mails. */
  readonly mailer: Mailer | null;
  readonly signUp: SignUpPolicy;
  /** Where people reach this server, such as `https://ai.example.com`. */
  publicUrl(): string;
}

export interface PeopleParts {
  readonly pool: Pool;
  readonly secrets: Secrets;
  readonly log: Log;
  readonly attempts: Attempts;
  readonly signUp: SignUpPolicy;
  readonly smtpUrl: string | null;
  publicUrl(): string;
}

export function makePeople(parts: PeopleParts): PeopleServices {
  const { pool, secrets, log, smtpUrl, publicUrl } = parts;
  return {
    ...parts,
    sessions: new Sessions(pool, secrets, () => publicUrl().startsWith('https:')),
    passwords: new PasswordGate(),
    mailer: smtpUrl === null ? null : smtpMailer(smtpUrl, log),
  };
}

/**
 * A link to a page of ours. Its token is behind `#`, which browsers send to nobody: it stands in no server's log and in
 * no `referer`.
 */
export function linkTo(publicUrl: string, page: 'reset-password' | 'invitation', token: string): string {
  return `${publicUrl.replace(/\/+$/, '')}/${page}#${token}`;
}
