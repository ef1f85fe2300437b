import { expect, it } from 'vitest';
import { Places } from './places.ts';

async function* endless(): AsyncGenerator<string> {
  for (;;) yield 'x';
}

it('gives one organization its share, all together no more than there are, and takes them back', async () => {
  const places = new Places(3, 2, 'exports');
  const open = async (organization: string) => {
    const stream = places.during(organization, endless())[Symbol.asyncIterator]();
    await stream.next();
    return () => stream.return?.();
  };
  const first = await open('mine');
  await open('mine');
  await expect(open('mine')).rejects.toMatchObject({
    code: 'rate_limit_exceeded',
    message: 'Your organization has 2 exports open already; try again later',
  });
  await open('other');
  await expect(open('third')).rejects.toMatchObject({
    message: 'This server has 3 exports open already; try again later',
  });
  await first();
  await open('mine');
  await expect(open('mine')).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
});
