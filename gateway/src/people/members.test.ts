import { ROLES } from '@zerogpu/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mayChange } from './members.ts';

const role = fc.constantFrom(...ROLES);

it('an owner may change anybody, an administrator anybody but owners and into no owner, others nobody', () => {
  const after = fc.option(role);
  fc.assert(
    fc.property(role, fc.option(role), after, fc.boolean(), (by, before, to, themselves) => {
      const leaves = themselves && to === null;
      const asAdmin = by === 'admin' && before !== 'owner' && to !== 'owner';
      const change = () => mayChange(by, before, to, themselves);
      if (by === 'owner' || leaves || asAdmin) expect(change).not.toThrow();
      else expect(change).toThrow(expect.objectContaining({ code: 'role_insufficient' }));
    }),
    { numRuns: 400 },
  );
});
