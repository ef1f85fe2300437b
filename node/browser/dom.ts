/** The page's parts, by id: a wrong one is a mistake of ours and is found when the page opens. */

export function part<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`The page has no #${id}`);
}

/** Puts a text, never markup; untouched when it is there already, so that nobody hears it twice. */
export function say(id: string, text: string): void {
  const place = part(id, HTMLElement);
  if (place.textContent !== text) place.textContent = text;
}

export function show(id: string, shown: boolean): void {
  part(id, HTMLElement).hidden = !shown;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  fields: Partial<HTMLElementTagNameMap[K]>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), fields);
  made.append(...children);
  return made;
}

export function onClick(id: string, act: () => void): void {
  part(id, HTMLButtonElement).addEventListener('click', act);
}
