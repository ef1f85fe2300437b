/** How numbers and states are put for people. Pure. */

export function megabytes(bytes: number): string {
  const mb = bytes / 2 ** 20;
  if (bytes > 0 && mb < 0.05) return 'under 0.1 MB';
  if (bytes === 0) return '0 MB';
  return `${mb < 10 ? mb.toFixed(1) : Math.round(mb)} MB`;
}

/** 1234567 as 1.2M: the page has room for five characters. */
export function count(value: number): string {
  if (value < 10_000) return String(value);
  if (value < 1_000_000) return `${short(value / 1_000)}k`;
  return `${short(value / 1_000_000)}M`;
}

const short = (value: number) =>
  value < 100 ? String(Math.floor(value * 10) / 10) : String(Math.floor(value));

export function seconds(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms / 1000));
  return whole === 1 ? '1 second' : `${whole} seconds`;
}

export function choice(mb: number): string {
  return mb < 1024 ? `${mb} MB` : `${mb / 1024} GB`;
}

/** `zlm-v1-summary-cloud` as it reads best, without what all have in common: `Summary cloud`. */
export function modelName(id: string): string {
  const name = id.replace(/^zlm-v\d+-/, '').replaceAll('-', ' ');
  return name
    .replace(/^\w/, (first) => first.toUpperCase())
    .replace(/\b(?:iab|pii)\b/gi, (word) => word.toUpperCase());
}

/** Of a run of some 400 tokens. */
export function runTime({ baseMs, perThousandMs }: { baseMs: number; perThousandMs: number }): string {
  const ms = baseMs + 0.4 * perThousandMs;
  if (ms < 0.1) return 'under 0.1 ms';
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

const BROWSERS = [
  [/\bEdg\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/(?:\bHeadless|\b)Chrome\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
] as const;
const SYSTEMS = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bLinux\b/, 'Linux'],
] as const;

/** Such as `Chrome on Android`, from what the browser says of itself. */
export function deviceName(userAgent: string): string {
  const nameIn = (table: readonly (readonly [RegExp, string])[]) =>
    table.find(([pattern]) => pattern.test(userAgent))?.[1];
  const system = nameIn(SYSTEMS);
  return `${nameIn(BROWSERS) ?? 'Browser'}${system === undefined ? '' : ` on ${system}`}`;
}
