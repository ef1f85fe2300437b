/** Types only: the compiler holds the generated types of the admin API against the platform's own declarations. */
import type { AdminRouteName, AdminRoutes, AnswerOf, BodyOf, ParamsOf, QueryOf } from '@zerogpu/protocol';
import { expect, test } from 'vitest';
import type { Routes } from './admin.generated.ts';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
/** Without the `undefined` that an absent field may also be here, optional fields still optional. */
type Plain<T> = T extends readonly (infer Item)[]
  ? Plain<Item>[]
  : T extends object
    ? { [Field in keyof T]: Plain<Exclude<T[Field], undefined>> }
    : T;
/** Every field required at every depth, so that one that only one side has shows. */
type Filled<T> = T extends readonly (infer Item)[]
  ? Filled<Item>[]
  : T extends object
    ? { [Field in keyof T]-?: Filled<Exclude<T[Field], undefined>> }
    : T;
type SameData<A, B> = Same<Plain<A>, Plain<B>> extends true ? Same<Filled<A>, Filled<B>> : false;

/** What is signed comes from other servers, and has no method. */
type ForPeople = {
  [Name in AdminRouteName]: AdminRoutes[Name] extends { readonly raw: object } ? never : Name;
}[AdminRouteName];
/** Numbers may be given in a query where digits are asked for: the fields are the same, and whatever fits fits. */
type SameQuery<Wide, Narrow> = [Narrow] extends [Wide] ? Same<keyof Wide, keyof Narrow> : false;

type IsSame<Name extends ForPeople & keyof Routes> = [
  SameData<Routes[Name]['params'], ParamsOf<AdminRoutes[Name]>>,
  SameQuery<Routes[Name]['query'], QueryOf<AdminRoutes[Name]>>,
  SameData<Routes[Name]['body'], BodyOf<AdminRoutes[Name]>>,
  SameData<Routes[Name]['answer'], AnswerOf<AdminRoutes[Name]>>,
] extends [true, true, true, true]
  ? never
  : Name;
/** The names of the routes whose types differ. */
type Differing = { [Name in ForPeople & keyof Routes]: IsSame<Name> }[ForPeople & keyof Routes];

const checks = {
  routes: true satisfies Same<keyof Routes, ForPeople>,
  types: true satisfies Same<Differing, never>,
};

test('every route of the admin API has its types here', () => {
  expect(checks).toEqual({ routes: true, types: true });
});
