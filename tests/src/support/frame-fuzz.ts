/** Sends hostile frames over real connections of strangers' nodes, while somebody's requests must go on being answered. */
import fc from 'fast-check';
import { hostileFrames } from './hostile-frames.ts';
import { poolToken, setReach } from './pools.ts';
import { announcedAs, deviceKeys, RawNode } from './raw-node.ts';
import { SUMMARY, wordsOf } from './scripted-node.ts';
import type { TestGateway } from './test-gateway.ts';

export interface FrameFuzzReport {
  readonly frames: number;
  /** Sockets that the gateway closed for what they sent. */
  readonly closed: number;
  readonly answered: number;
  readonly wrong: string[];
}

/** Of one connection, unless it is closed before. */
const FRAMES_EACH = 60;

export async function fuzzFrames(
  gateway: TestGateway,
  frames: number,
  seed: number,
): Promise<FrameFuzzReport> {
  const project = await gateway.newProject({ balance: 1_000_000_000_000n });
  await setReach(gateway, project, { privacy: 'public' });
  const token = await poolToken(gateway.gateway, 'public');
  const texts = fc.sample(hostileFrames, { seed, numRuns: Math.min(frames, 2000) });
  const report = { frames: 0, closed: 0, answered: 0, wrong: [] as string[] };
  for (let nodes = 0; report.frames < frames; nodes++) {
    // Of one address there may be so many new strangers in a minute.
    const node = await RawNode.open(gateway.url, deviceKeys(), `127.0.0.${2 + (nodes % 250)}`);
    // Each run is answered by whatever comes next, sometimes under its own id.
    node.onRun = ({ id }) =>
      node.say((texts[report.frames % texts.length] ?? '').replace('"id":"1"', `"id":"${id}"`));
    const greeted = await node.join([announcedAs(SUMMARY, { slots: 64 })], { joinToken: token });
    if (greeted?.type !== 'welcome') throw new Error(`Not welcome: ${JSON.stringify(greeted)}`);
    for (let i = 0; i < FRAMES_EACH && !node.isClosed && report.frames < frames; i++) {
      node.say(texts[report.frames++ % texts.length] ?? '');
      if (i % 10 === 9) await ask(gateway, project.apiKey, report);
    }
    if (node.isClosed) report.closed++;
    await node.hangUp();
  }
  return report;
}

async function ask(
  gateway: TestGateway,
  key: string,
  report: { answered: number; wrong: string[] },
): Promise<void> {
  const question = `Question ${report.answered++} of somebody.`;
  const body = { model: SUMMARY, messages: [{ role: 'user', content: question }] };
  const { status, text, json } = await gateway.call('/v1/chat/completions', body, { key });
  if (status !== 200) report.wrong.push(`${status} ${text}`);
  else if (json.choices[0].message.content !== wordsOf(question)) report.wrong.push(text);
}
