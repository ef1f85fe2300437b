/** An OpenAI-compatible server that a test tells what to say. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export type UpstreamBehaviour = (body: string, response: ServerResponse) => void;

/** Answers every chat completion with the same words. */
export const upstreamAnswers =
  (content: string): UpstreamBehaviour =>
  (_body, response) => {
    const message = { role: 'assistant', content };
    const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }], usage }));
  };

export interface ScriptedUpstream {
  /** Such as `http://127.0.0.1:41234/v1`. */
  readonly url: string;
  behaviour: UpstreamBehaviour;
  stop(): Promise<void>;
}

export async function startUpstream(behaviour: UpstreamBehaviour): Promise<ScriptedUpstream> {
  const server = createServer((request, response) => {
    readText(request).then(
      (body) => upstream.behaviour(body, response),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port');
  const upstream: ScriptedUpstream = {
    url: `http://127.0.0.1:${address.port}/v1`,
    behaviour,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
  return upstream;
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/** The setting that makes a gateway use it for a model. */
export function upstreamSetting(upstream: Pick<ScriptedUpstream, 'url'>, model: string): string {
  const { url } = upstream;
  return JSON.stringify([{ name: 'scripted', url, trusted: true, models: { [model]: 'any' } }]);
}
