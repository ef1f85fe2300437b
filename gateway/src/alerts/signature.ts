/** Standard Webhooks (standardwebhooks.com, version 1): what a receiver checks to know that a message is ours. */
import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
/** Of the 24 to 64 that the specification allows: as many as the hash has. */
const SECRET_BYTES = 32;

export function makeWebhookSecret(random: (size: number) => Buffer = randomBytes): string {
  return PREFIX + random(SECRET_BYTES).toString('base64');
}

/** What an encrypted secret is bound to: it opens for its own webhook only. */
export function secretContext(webhookId: string): string {
  return `webhook secret ${webhookId}`;
}

export interface SignedMessage {
  readonly id: string;
  readonly body: string;
  /** Milliseconds since 1970, of this attempt: receivers refuse what is old. */
  readonly at: number;
}

/** @param secrets `whsec_…`, all that are valid now: a receiver may know any of them */
export function signatureHeaders(message: SignedMessage, secrets: readonly string[]): Record<string, string> {
  const timestamp = String(Math.floor(message.at / 1000));
  const content = `${message.id}.${timestamp}.${message.body}`;
  const signatures = secrets.map((secret) => `v1,${sign(content, secret)}`);
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}

function sign(content: string, secret: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  return createHmac('sha256', key).update(content).digest('base64');
}
