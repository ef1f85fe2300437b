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

it('keeps the last quarter for those who have few', async () => {
  const places = new Places(32, 16, 'uploads');
  const open = async (organization: string) =>
    places.during(organization, endless())[Symbol.asyncIterator]().next();
  const opened = { one: 0, two: 0, three: 0, four: 0, five: 0, six: 0 };
  for (const name of Object.keys(opened) as (keyof typeof opened)[]) {
    for (let i = 0; i < 16; i++) {
      const isOpen = await open(name).then(
        () => true,
        () => false,
      );
      if (isOpen) opened[name] += 1;
    }
  }
  expect(opened).toEqual({ one: 16, two: 8, three: 2, four: 2, five: 2, six: 2 });
});
