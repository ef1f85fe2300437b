/** Whether a node's software and this gateway understand each other, and what an old one is told. Pure. */
import { MANIFESTS } from '@zerogpu/catalogue';
import { type CatalogueModel, type Hello, NODE_PROTOCOLS, VERSION } from '@zerogpu/protocol';

export type Understanding =
  | {
      readonly kind: 'understood';
      /** The version of the protocol that both speak. */
      readonly protocol: number;
      /** Null when the node's software is as new as this gateway's. */
      readonly update: { readonly version: string; readonly message: string } | null;
    }
  | { readonly kind: 'too_different'; readonly message: string };

interface Speaks {
  readonly oldest: number;
  readonly newest: number;
}

/** What this gateway is, and where others reach it. */
export interface GatewaySoftware {
  readonly version: string;
  readonly protocols: Speaks;
  readonly address: string;
}

export function thisSoftware(address: string): GatewaySoftware {
  return { version: VERSION, protocols: NODE_PROTOCOLS, address };
}

/** A node from before versions were told speaks the first protocol. */
const FIRST: Speaks = { oldest: 1, newest: 1 };

/** The newest protocol that both speak, or why there is none. */
export function understandingWith(
  { protocols = FIRST, software, capabilities }: Pick<Hello, 'protocols' | 'software' | 'capabilities'>,
  gateway: GatewaySoftware,
): Understanding {
  const protocol = Math.min(protocols.newest, gateway.protocols.newest);
  const isBrowser = capabilities.deviceClass === 'browser';
  if (protocol >= protocols.oldest && protocol >= gateway.protocols.oldest) {
    const older = software !== undefined && isOlder(software, gateway.version);
    const message = `Version ${gateway.version} of the node's software is out. ${howToUpdate(gateway, isBrowser)}`;
    return { kind: 'understood', protocol, update: older ? { version: gateway.version, message } : null };
  }
  if (protocols.newest < gateway.protocols.oldest) {
    const told = howToUpdate(gateway, isBrowser);
    return { kind: 'too_different', message: `This node's software is too old for the gateway. ${told}` };
  }
  const message =
    'This node’s software is newer than the gateway and no longer speaks with it; update the gateway, or run the node that it gives out';
  return { kind: 'too_different', message };
}

function howToUpdate({ address, version }: GatewaySoftware, isBrowser: boolean): string {
  if (isBrowser) return 'Load the page again to get it';
  // npx keeps what it once got from an address: a new version needs another.
  const program = `npx --yes '${address}/node/zerogpu.tgz?${version}' node`;
  return `Get it with: ${program} join ${address} (as a service: ${program} install)`;
}

/** By the three numbers; what is no version is not older. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [numbers(version), numbers(than)];
  if (!a || !b) return false;
  const different = a.findIndex((number, i) => number !== b[i]);
  return different >= 0 && (a[different] ?? 0) < (b[different] ?? 0);
}

function numbers(version: string): number[] | null {
  return /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[-+].*)?$/.exec(version)?.slice(1).map(Number) ?? null;
}

/** The models whose weights come from here, for nodes that have others. */
export const CATALOGUE: readonly CatalogueModel[] = MANIFESTS.filter(
  ({ family, files }) => family === 'built-in' && files.length > 0,
).map(({ id, version, runtime, files, needs, memoryBytes, maxTokens, maxOutputTokens }) => ({
  id,
  version,
  runtime,
  files: files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
  needs: [...needs],
  memoryBytes,
  maxTokens,
  maxOutputTokens,
}));
