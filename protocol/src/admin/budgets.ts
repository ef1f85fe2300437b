import { Type } from '@sinclair/typebox';
import { Dollars, listOf, Time, Uuid } from './common.ts';
import { declare, organization, project } from './route.ts';

export const BudgetSchema = Type.Object(
  {
    spender: Type.Union([Type.Literal('organization'), Type.Literal('project'), Type.Literal('key')], {
      description: 'whose budget: "organization", "project" or "key"',
    }),
    id: { ...Uuid, description: 'of the organization, project or key' },
    monthly_limit: Dollars,
    spent: { ...Dollars, description: 'charged in this month, in dollars' },
    held: { ...Dollars, description: 'set aside for requests under way, in dollars' },
    remaining: {
      ...Dollars,
      description: 'what new requests may still cost; zero when the limit was lowered below',
    },
    share: Type.Number({ minimum: 0, description: 'spent ÷ monthly_limit; 1 where the limit is zero' }),
    month: Type.String({
      pattern: '^\\d{4}-\\d{2}$',
      description: 'the calendar month, UTC, such as 2026-11',
    }),
    resets_at: Time,
  },
  { $id: 'Budget' },
);

/** Up to 999,999,999 dollars, which is within a bigint of nano-dollars. */
const Limit = Type.String({
  pattern: '^\\d{1,9}(\\.\\d{1,9})?$',
  description: 'dollars a month as a decimal number in a string, such as "12.50"; "0" refuses every request',
});

export const NewBudget = Type.Object({ monthly_limit: Limit }, { $id: 'NewBudget' });

const inForce =
  'In force for every request that is admitted after the answer. A request is refused when what is spent, what is held for requests under way, and the most that it can cost are together above the limit.';

export const budgetRoutes = declare({
  listBudgets: {
    method: 'get',
    path: '/api/organizations/{organizationId}/budgets',
    tag: 'budgets',
    summary: 'The budgets of an organization, its projects and their keys, widest first',
    access: organization('viewer'),
    answer: listOf(BudgetSchema),
  },
  getOrganizationBudget: {
    method: 'get',
    path: '/api/organizations/{organizationId}/budget',
    tag: 'budgets',
    summary: 'The monthly budget of an organization; 404 where it has none',
    access: organization('viewer'),
    answer: BudgetSchema,
    errors: ['not_found'],
  },
  setOrganizationBudget: {
    method: 'put',
    path: '/api/organizations/{organizationId}/budget',
    tag: 'budgets',
    summary: 'Sets what an organization may spend in a month',
    description: inForce,
    access: organization('admin'),
    body: NewBudget,
    answer: BudgetSchema,
    audit: 'budget.set',
  },
  removeOrganizationBudget: {
    method: 'delete',
    path: '/api/organizations/{organizationId}/budget',
    tag: 'budgets',
    summary: 'Removes the monthly budget of an organization',
    access: organization('admin'),
    answer: null,
    errors: ['not_found'],
    audit: 'budget.removed',
  },
  listProjectBudgets: {
    method: 'get',
    path: '/api/projects/{projectId}/budgets',
    tag: 'budgets',
    summary: 'The budgets of a project and its keys, widest first',
    access: project('viewer'),
    answer: listOf(BudgetSchema),
  },
  getProjectBudget: {
    method: 'get',
    path: '/api/projects/{projectId}/budget',
    tag: 'budgets',
    summary: 'The monthly budget of a project; 404 where it has none',
    access: project('viewer'),
    answer: BudgetSchema,
    errors: ['not_found'],
  },
  setProjectBudget: {
    method: 'put',
    path: '/api/projects/{projectId}/budget',
    tag: 'budgets',
    summary: 'Sets what a project may spend in a month',
    description: inForce,
    access: project('admin'),
    body: NewBudget,
    answer: BudgetSchema,
    audit: 'budget.set',
  },
  removeProjectBudget: {
    method: 'delete',
    path: '/api/projects/{projectId}/budget',
    tag: 'budgets',
    summary: 'Removes the monthly budget of a project',
    access: project('admin'),
    answer: null,
    errors: ['not_found'],
    audit: 'budget.removed',
  },
  getKeyBudget: {
    method: 'get',
    path: '/api/projects/{projectId}/keys/{keyId}/budget',
    tag: 'budgets',
    summary: 'The monthly budget of a key; 404 where it has none',
    access: project('viewer'),
    answer: BudgetSchema,
    errors: ['not_found'],
  },
  setKeyBudget: {
    method: 'put',
    path: '/api/projects/{projectId}/keys/{keyId}/budget',
    tag: 'budgets',
    summary: 'Sets what a key may spend in a month',
    description: inForce,
    access: project('admin'),
    body: NewBudget,
    answer: BudgetSchema,
    audit: 'budget.set',
  },
  removeKeyBudget: {
    method: 'delete',
    path: '/api/projects/{projectId}/keys/{keyId}/budget',
    tag: 'budgets',
    summary: 'Removes the monthly budget of a key',
    access: project('admin'),
    answer: null,
    errors: ['not_found'],
    audit: 'budget.removed',
  },
});
