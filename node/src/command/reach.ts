/** Whether a gateway answers at an address, asked before anything is kept: what is wrong there its user can mend now. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { CommandError, codeOf, messageOf } from './command-error.ts';

const PATIENCE_MS = 8_000;
/** The answer of `/health/live` is a line. */
const MAX_ANSWER = 4_096;

/** @throws CommandError in words that say what to do */
export async function checkGateway(url: string): Promise<void> {
  const { status, text } = await get(`${url}/health/live`).catch((error: unknown) => {
    throw new CommandError(whyUnreachable(url, error));
  });
  if (status !== 200 || !isAlive(text)) {
    throw new CommandError(
      `Something answers at ${url}, but it is no ZeroGPU gateway (HTTP ${status} at /health/live); is the port right?`,
    );
  }
}

function get(url: string): Promise<{ status: number; text: string }> {
  // Not fetch: its errors hide what went wrong in a chain of causes, and differ between versions of Node.
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const asked = request(url, { signal: AbortSignal.timeout(PATIENCE_MS) }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (data: string) => {
        text = (text + data).slice(0, MAX_ANSWER);
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.on('error', reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

function isAlive(text: string): boolean {
  try {
    return Object(JSON.parse(text)).status === 'ok';
  } catch {
    return false;
  }
}

/** What an error of the network means for whoever typed the address. */
export function whyUnreachable(url: string, error: unknown): string {
  const { host, hostname } = new URL(url);
  const code = codeOf(error);
  switch (code) {
    case 'ECONNREFUSED':
      return (
        `Nothing listens at ${host}. Is the gateway running there, started with HOST=0.0.0.0 so that other devices ` +
        'reach it, and is the port right?'
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `There is no host called "${hostname}" from here; check its name, or use its IP address`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `There is no way to ${host} from this network; are both devices in the same one?`;
    case 'ETIMEDOUT':
    case 'ABORT_ERR':
    case '23':
      return `No answer from ${host} within ${PATIENCE_MS / 1000} s; a firewall may drop it, or the address is another's`;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return (
        `The certificate of ${host} is signed by nobody whom this device knows (${code}). ` +
        'Get the file of the authority that signed it and set NODE_EXTRA_CA_CERTS to its path'
      );
    case 'CERT_HAS_EXPIRED':
      return `The certificate of ${host} has expired; its operator must renew it (or this device's clock is wrong)`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `The certificate of ${host} is for another name; use the name that it was made for`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'EPROTO':
      return `${host} does not speak TLS; try http://${host}`;
    case 'ECONNRESET':
    case 'HPE_INVALID_CONSTANT':
      return `${host} closed the connection; if it speaks TLS, try https://${host}`;
    default:
      return `Cannot reach ${host}: ${messageOf(error) || code}`;
  }
}
