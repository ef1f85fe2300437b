import { networkInterfaces } from 'node:os';

type Interfaces = ReturnType<typeof networkInterfaces>;

const EVERYWHERE: readonly string[] = ['0.0.0.0', '::', '[::]'];

/**
 * Where others reach a gateway that was told no public address: commands and links that it gives out are for other
 * devices, where 127.0.0.1 is somebody else.
 * @param url at which it listens, with its port
 * @param host as it was set
 */
export function addressForOthers(
  url: string,
  host: string,
  interfaces: Interfaces = networkInterfaces(),
): string {
  if (!EVERYWHERE.includes(host)) return url;
  const addresses = Object.values(interfaces).flatMap((all) => all ?? []);
  const own = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (own === undefined) return url;
  const { protocol, port } = new URL(url);
  return `${protocol}//${own.address}${port === '' ? '' : `:${port}`}`;
}
