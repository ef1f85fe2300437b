/** Sends mails by the operator's SMTP server. The library is loaded with the first mail: most gateways send none. */
import type { Log } from '../store/log.ts';

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface Mailer {
  /**
   * Has a mail written and sent after the answer has gone: whoever asks must not learn by the time whether there was
   * one to send.
   */
  post(write: () => Promise<Mail | null>): void;
  /** Waits for the mails under way. */
  close(): Promise<void>;
}

/** More than this under way and the mail server is gone; what comes then is dropped, and the operator told. */
const MAX_UNDER_WAY = 100;
/** Mail servers answer in a second; a hanging one must not gather mails until then. */
const TIMEOUT_MS = 20_000;

/**
 * @param url such as `smtp://user:password@mail.example.com:587?from=ai@example.com`
 * @param log never sees addresses or texts: a mail holds a link that opens an account
 */
export function smtpMailer(url: string, log: Log): Mailer {
  const underWay = new Set<Promise<void>>();
  return {
    post(write) {
      if (underWay.size >= MAX_UNDER_WAY) return log.error({}, 'Too many mails wait for the SMTP server');
      const sending = later()
        .then(write)
        .then((mail) => (mail === null ? undefined : send(url, mail)))
        .catch((error: unknown) => log.error({ reason: codeOf(error) }, 'A mail could not be sent'))
        .finally(() => underWay.delete(sending));
      underWay.add(sending);
    },
    async close() {
      await Promise.all(underWay);
    },
  };
}

const later = () => new Promise<void>((resolve) => setImmediate(resolve));

async function send(url: string, { to, subject, text }: Mail): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const { server, from } = addressOf(url);
  const transport = createTransport({
    url: server,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  try {
    await transport.sendMail({ from, to: { name: '', address: to }, subject, text });
  } finally {
    transport.close();
  }
}

/** The sender stands in the address because every mail server wants another one. */
function addressOf(url: string): { readonly server: string; readonly from: string } {
  const parsed = new URL(url);
  const from = parsed.searchParams.get('from') ?? `zerogpu@${parsed.hostname}`;
  parsed.searchParams.delete('from');
  return { server: parsed.href, from };
}

/** Such as ECONNREFUSED; an error's message may quote the mail. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
