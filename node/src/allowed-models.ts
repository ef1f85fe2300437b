/**
 * Whether an owner's list allows a model. A pattern is a model's id, in which `*` stands for any characters; no list
 * allows every model.
 */
export function isAllowed(patterns: readonly string[] | null, id: string): boolean {
  return patterns === null || patterns.some((pattern) => matches(pattern, id));
}

/** Walks both once and goes back to the last star at most once a character: no pattern takes long. */
function matches(pattern: string, text: string): boolean {
  let [p, t, star, from] = [0, 0, -1, 0];
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      from = t;
    } else if (pattern[p] === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++from;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
