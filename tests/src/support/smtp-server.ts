/** A mail server for tests: takes every mail over a real socket and keeps it. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and text, as they came. */
  readonly content: string;
}

const LOOK_MS = 10;
const PATIENCE_MS = 10_000;

export class SmtpServer {
  readonly mails: ReceivedMail[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(): Promise<SmtpServer> {
    const smtp = new SmtpServer();
    smtp.#server.listen(0, '127.0.0.1');
    await once(smtp.#server, 'listening');
    return smtp;
  }

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
      converse(socket, (mail) => void this.mails.push(mail));
    });
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `smtp://127.0.0.1:${port}?from=platform@example.com`;
  }

  /** The next mail to an address, taken away. */
  async take(to: string): Promise<ReceivedMail> {
    for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
      const at = this.mails.findIndex((mail) => mail.to.includes(to));
      const [mail] = at < 0 ? [] : this.mails.splice(at, 1);
      if (mail) return mail;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    throw new Error(`No mail to ${to} came`);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** One session of RFC 5321, as little of it as a client needs. */
function converse(socket: Socket, received: (mail: ReceivedMail) => void): void {
  let [rest, from, content] = ['', '', ''];
  let [to, inData]: [string[], boolean] = [[], false];
  const reply = (line: string) => socket.write(`${line}\r\n`);
  const data = (line: string) => {
    if (line !== '.') {
      content += `${line.startsWith('.') ? line.slice(1) : line}\n`;
      return;
    }
    received({ from, to, content });
    [to, inData, content] = [[], false, ''];
    reply('250 taken');
  };
  const command = (line: string) => {
    const address = /<(.*)>/.exec(line)?.[1] ?? '';
    if (/^MAIL/i.test(line)) from = address;
    if (/^RCPT/i.test(line)) to.push(address);
    if (/^DATA/i.test(line)) {
      inData = true;
      return reply('354 go on');
    }
    if (/^QUIT/i.test(line)) return socket.end('221 bye\r\n');
    return reply('250 well');
  };
  reply('220 mail.example.com');
  socket.setEncoding('utf8').on('data', (piece) => {
    const lines = (rest + piece).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) inData ? data(line) : command(line);
  });
}

/** A mail without the line breaks of quoted-printable. */
export function textOf({ content }: ReceivedMail): string {
  return content.replaceAll('=\n', '').replaceAll('=3D', '=');
}

/** The token behind `#` of the link in a mail. */
export function tokenIn(mail: ReceivedMail): string {
  const token = /#(zgpu-[a-z]+-[0-9A-Za-z]+)/.exec(textOf(mail))?.[1];
  if (token === undefined) throw new Error('The mail has no link');
  return token;
}
