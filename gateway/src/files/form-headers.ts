/** What the headers of a form and of its parts say. Pure. */

/** RFC 2046 allows 70; some clients make longer ones. */
const MAX_BOUNDARY = 200;
/** As many bytes as file systems allow in a name. */
const MAX_FILENAME = 255;

export interface Disposition {
  /** Null when the part says none: then it is no part of a form. */
  readonly name: string | null;
  /** Without folders; null when there is none, or nothing is left of it. */
  readonly filename: string | null;
}

/** What a content type says. */
export interface ContentType {
  /** In small letters. */
  readonly essence: string;
  /** Null when it names none that could be one. */
  readonly boundary: string | null;
}

export function readContentType(header: string): ContentType {
  const [essence = '', parameters] = splitParameters(header);
  const boundary = parameters.get('boundary') ?? '';
  return {
    essence: essence.toLowerCase(),
    boundary: boundary.length >= 1 && boundary.length <= MAX_BOUNDARY ? boundary : null,
  };
}

/** @param headers of one part, lines with CRLF between */
export function readDisposition(headers: string): Disposition {
  const line = headers.split('\r\n').find((one) => /^content-disposition:/i.test(one));
  if (line === undefined) return { name: null, filename: null };
  const [kind, parameters] = splitParameters(line.slice(line.indexOf(':') + 1));
  const name = parameters.get('name');
  if (kind.toLowerCase() !== 'form-data' || name === undefined) return { name: null, filename: null };
  const filename = extended(parameters.get('filename*')) ?? parameters.get('filename');
  return {
    name: unescaped(name),
    filename: filename === undefined ? null : safeFilename(unescaped(filename)),
  };
}

/** `form-data; name="a"; filename="b;c"`: the first word, and what is said after it. The first of two counts. */
function splitParameters(header: string): readonly [string, ReadonlyMap<string, string>] {
  const parameters = new Map<string, string>();
  const pieces = piecesOf(header);
  for (const piece of pieces.slice(1)) {
    const equals = piece.indexOf('=');
    const name = piece.slice(0, Math.max(equals, 0)).trim().toLowerCase();
    if (name !== '' && !parameters.has(name)) parameters.set(name, unquoted(piece.slice(equals + 1).trim()));
  }
  return [(pieces[0] ?? '').trim(), parameters];
}

/** Divided at semicolons that are not within quotes; in one pass, because a pattern could be made slow. */
function piecesOf(header: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < header.length; i++) {
    const character = header[i];
    if (quoted && character === '\\') i += 1;
    else if (character === '"') quoted = !quoted;
    else if (character === ';' && !quoted) {
      pieces.push(header.slice(start, i));
      start = i + 1;
    }
  }
  return [...pieces, header.slice(start)];
}

/** A backslash stays before anything but a quote and itself: older browsers send paths of Windows as they are. */
function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  return text.slice(1, text.endsWith('"') && text.length > 1 ? -1 : undefined).replaceAll(/\\(["\\])/g, '$1');
}

/** Browsers and their like write these three so. */
function unescaped(text: string): string {
  return text.replaceAll(/%22/g, '"').replaceAll(/%0d/gi, '\r').replaceAll(/%0a/gi, '\n');
}

/** `UTF-8''na%C3%AFve.jsonl` (RFC 5987); undefined when it is not of that form. */
function extended(text: string | undefined): string | undefined {
  const [, encoded] = /^utf-8'[^']*'(.*)$/is.exec(text ?? '') ?? [];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/** A name alone: no folder, nothing that a terminal or a database would take for something else. */
export function safeFilename(text: string): string | null {
  // Control characters, what turns the direction of writing, halves of characters.
  const shown = text.toWellFormed().replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, '');
  const name = shown.slice(Math.max(shown.lastIndexOf('/'), shown.lastIndexOf('\\')) + 1).trim();
  return name === '' || name === '.' || name === '..' ? null : cut(name, MAX_FILENAME);
}

/** To so many bytes of UTF-8, and no half of a character. */
function cut(text: string, maxBytes: number): string {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return kept;
}
