/** What the pages share: the token of the link, calls of the admin API, one view at a time, forms. */

/**
 * @typedef {object} Answer
 * @property {boolean} ok
 * @property {number} status 0 when there was no answer
 * @property {unknown} json
 * @property {string} message what went wrong, as a sentence
 * @property {string} field which field of the body is wrong; empty when none is
 */

/**
 * The secret behind `#`, which is taken out of the address bar and the history at once. It is kept nowhere: who loads
 * the page again opens the link again.
 * @returns {string} empty when there is none
 */
export function takeToken() {
  // A mail program may have taken the full stop behind the link for a part of it.
  const token = /^#([\w-]{1,100})/.exec(location.hash)?.[1] ?? '';
  history.replaceState(null, '', location.pathname);
  // Another link, pasted over this page, changes only what is behind `#`.
  addEventListener('hashchange', () => location.reload());
  return token;
}

/**
 * @param {string} path relative, because a proxy may serve us below a folder
 * @returns {Promise<Answer>}
 */
export function get(path) {
  return call(path, { method: 'GET' });
}

/**
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<Answer>}
 */
export function post(path, body) {
  if (body === undefined) return call(path, { method: 'POST' });
  const headers = { 'content-type': 'application/json' };
  return call(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

/**
 * @param {string} path
 * @param {RequestInit} init
 * @returns {Promise<Answer>}
 */
async function call(path, init) {
  try {
    const response = await fetch(path, { ...init, cache: 'no-store' });
    const text = await response.text();
    return answerOf(response, text === '' ? null : JSON.parse(text));
  } catch {
    const message = 'The server cannot be reached. Look at your connection, then try again.';
    return { ok: false, status: 0, json: null, message, field: '' };
  }
}

/**
 * @param {Response} response
 * @param {unknown} json
 * @returns {Answer}
 */
function answerOf({ ok, status, headers }, json) {
  const wait = headers.get('retry-after');
  const said = textAt(json, 'error', 'message') || `The server answered ${status}`;
  const message = status === 429 && wait !== null ? `Too many attempts; try again in ${wait} seconds` : said;
  return { ok, status, json, message: `${message}.`, field: textAt(json, 'error', 'param') };
}

/**
 * @param {unknown} value
 * @param {...string} names
 * @returns {unknown} undefined when there is nothing
 */
export function valueAt(value, ...names) {
  let at = value;
  for (const name of names) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = Object.entries(at).find(([key]) => key === name)?.[1];
  }
  return at;
}

/**
 * @param {unknown} value
 * @param {...string} names
 * @returns {string} empty when there is none
 */
export function textAt(value, ...names) {
  const found = valueAt(value, ...names);
  return typeof found === 'string' ? found : '';
}

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function part(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`The page has no #${id}`);
}

/**
 * Puts a text, never markup, wherever the page has a place for it.
 * @param {string} name the value of `data-text`
 * @param {string} text
 */
export function fill(name, text) {
  for (const place of document.querySelectorAll(`[data-text="${name}"]`)) place.textContent = text;
}

/**
 * Shows one of the views that stand beside each other.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function reveal(id) {
  const shown = part(id, HTMLElement);
  for (const other of shown.parentElement?.children ?? []) {
    if (other instanceof HTMLElement && other.matches('[data-view]')) other.hidden = other !== shown;
  }
  return shown;
}

/**
 * Shows a view, and brings those who hear the page, or use a keyboard, to its beginning.
 * @param {string} id
 */
export function show(id) {
  const shown = reveal(id);
  const heading = shown.querySelector('h1, h2');
  const first = heading instanceof HTMLElement ? heading : shown;
  first.tabIndex = -1;
  first.focus();
}

/**
 * Sends a form once at a time, and says beside its button what went wrong.
 * @param {string} id
 * @param {() => Promise<{ readonly message: string, readonly field: string } | null>} send
 */
export function onSubmit(id, send) {
  const form = part(id, HTMLFormElement);
  let busy = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    form.setAttribute('aria-busy', 'true');
    complain(form, '', '');
    const trouble = await send();
    busy = false;
    form.removeAttribute('aria-busy');
    if (trouble !== null) complain(form, trouble.message, trouble.field);
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {string} message
 * @param {string} field
 */
function complain(form, message, field) {
  const place = form.querySelector('[role="alert"]');
  if (place) place.textContent = message;
  for (const input of form.querySelectorAll('input')) {
    if (message !== '' && input.name === field) {
      input.setAttribute('aria-invalid', 'true');
      input.focus();
    } else input.removeAttribute('aria-invalid');
  }
}

/**
 * What was typed into a form.
 * @param {string} id
 * @param {string} name
 * @returns {string}
 */
export function typed(id, name) {
  const value = new FormData(part(id, HTMLFormElement)).get(name);
  return typeof value === 'string' ? value : '';
}

/** @param {string} id of a form whose fields are to be empty again: passwords are kept no longer than needed */
export function empty(id) {
  part(id, HTMLFormElement).reset();
}

/**
 * @param {string} id
 * @param {() => void} work
 */
export function onClick(id, work) {
  part(id, HTMLButtonElement).addEventListener('click', work);
}
