import type { Inference } from '@zerogpu/protocol';

/** Less than a paragraph is a prompt, not a text that wants a summary. */
const MIN_LENGTH = 200;
const MIN_SENTENCES = 3;
/** So long that it is a text, whether or not it has sentences: a transcript, a list. */
const LONG = 2000;
/** Of a text, from its beginning and from its end: enough to see a sentence that asks for something. */
const LOOK_AT = 400;

/** How a sentence begins that asks a chat model for something, or tells it who it is. */
const ASKS =
  /^\W*(?:you are|you're|act as|imagine|pretend|please|can you|could you|would you|will you|i want you|i need you|i would like|i'd like|help me|write|create|generate|compose|draft|translate|explain|describe|answer|respond|reply|rewrite|rephrase|paraphrase|correct|fix|improve|edit|convert|extract|classify|categorize|list|give me|tell me|compare|analy[sz]e|review|evaluate|calculate|solve|complete|continue|summari[sz]e|based on the|the following|here is|here's|here are|below is|instructions?|task|question|prompt|context)\b/i;

const SENTENCE_END = /[.!?…]["'”’»)\]]?(?=\s|$)|[。！？]/g;

/**
 * True for a request to a chat model that is nothing but a text: one user message without instructions, tools or a
 * format, of a paragraph at least, that neither begins nor ends by asking for something. Only that may be answered with
 * a summary; whatever could be a prompt is not, because chat is never faked. Rather too strict than too lax: a text
 * that is taken for a prompt is summarized on `/v1/summary`.
 */
export function isBareText(asked: Inference): boolean {
  const { messages, instructions, tools, format, stop } = asked;
  const [message] = messages;
  if (messages.length !== 1 || message?.role !== 'user' || instructions !== null) return false;
  if (tools.length > 0 || stop.length > 0 || format.type !== 'text') return false;
  return isProse(asked.text.trim());
}

function isProse(text: string): boolean {
  if (text.length < MIN_LENGTH) return false;
  if (text.length < LONG && (text.match(SENTENCE_END)?.length ?? 0) < MIN_SENTENCES) return false;
  const first = /^[^.!?:\n]*[.!?:\n]?/.exec(text.slice(0, LOOK_AT))?.[0] ?? '';
  // Without the sentence's own end; a last sentence longer than the look is no request.
  const [, last = ''] = /[.!?:\n]([^.!?:\n]*)$/.exec(text.slice(-LOOK_AT, -1)) ?? [];
  const asks = [first, last].some((sentence) => ASKS.test(sentence));
  return !asks && !/[?:]$/.test(first) && !/[?:]$/.test(text);
}
