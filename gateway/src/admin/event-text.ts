/** Server-sent events, as the admin API's streams write them. */

/**
 * One event.
 * @param name what kind it is; of words of ours
 * @param data goes as JSON, so that no text in it ends the event
 * @param id with which a reader whose connection broke goes on, where it can
 */
export function eventText(name: string, data: unknown, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** A line that readers pass over: proxies cut what is silent. */
export function remark(text: string): string {
  return `: ${text}\n\n`;
}
