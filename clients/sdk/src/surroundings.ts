/** What this runs in: a process with its variables, or a page with its address. */
import { isRecord } from './errors.ts';
import type { Environment } from './options.ts';

/** Looked up by name, because neither is declared everywhere that this runs. */
export function processEnvironment(): Environment {
  const process: unknown = Reflect.get(globalThis, 'process');
  const env = isRecord(process) && isRecord(process['env']) ? process['env'] : {};
  const text = (name: string): string | undefined => {
    const value = env[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return {
    ZEROGPU_API_KEY: text('ZEROGPU_API_KEY'),
    ZEROGPU_BASE_URL: text('ZEROGPU_BASE_URL'),
    ZEROGPU_PROJECT_ID: text('ZEROGPU_PROJECT_ID'),
  };
}

/** Whether this is a program of its own, and no page or worker of a browser. */
export function isProcess(): boolean {
  const process: unknown = Reflect.get(globalThis, 'process');
  return (
    isRecord(process) && isRecord(process['versions']) && typeof process['versions']['node'] === 'string'
  );
}

export function pageURL(): string | null {
  const location: unknown = Reflect.get(globalThis, 'location');
  const href = isRecord(location) ? location['href'] : null;
  return typeof href === 'string' && /^https?:/.test(href) ? href : null;
}
