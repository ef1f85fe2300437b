import { Type } from '@sinclair/typebox';
import { idForm } from '../ids.ts';
import { Dollars, listOf, nullable, paging, Time, Uuid } from './common.ts';
import { declare, organization, project } from './route.ts';

/** What the feed tells and webhooks carry, as their `type`. */
export const EVENT_KINDS = [
  'budget.threshold_reached',
  'balance.low',
  'balance.runway_short',
  'payment.succeeded',
  'payment.failed',
  'recharge.succeeded',
  'recharge.failed',
  'recharge.switched_off',
  'webhook.switched_off',
  'batch.completed',
  'batch.failed',
  'batch.cancelled',
  'batch.expired',
  'node.joined',
  'node.away',
  'node.quarantined',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

const oneOf = <const T extends readonly string[]>(words: T) => {
  const literals = words.map((word) => Type.Literal(word as T[number]));
  return Type.Union(literals, { description: `one of ${words.map((word) => `"${word}"`).join(', ')}` });
};

const EventId = Type.String({
  pattern: idForm('event').source,
  description: 'the id of an event',
});

export const EventSchema = Type.Object(
  {
    id: EventId,
    organization_id: Uuid,
    project_id: nullable(Uuid),
    kind: oneOf(EVENT_KINDS),
    severity: oneOf(SEVERITIES),
    title: Type.String(),
    details: Type.Record(Type.String(), Type.Unknown()),
    created_at: Time,
  },
  { $id: 'Event' },
);

export const EventList = Type.Composite(
  [
    listOf(EventSchema),
    Type.Object({
      unread: Type.Integer({ description: 'how many you have not read; 100 stands for as many or more' }),
    }),
  ],
  { $id: 'EventList' },
);

export const ReadMark = Type.Object({ up_to: EventId }, { $id: 'ReadMark' });

const Percents = Type.Array(
  Type.Integer({ minimum: 1, maximum: 100, description: 'an integer from 1 to 100' }),
  {
    maxItems: 10,
    uniqueItems: true,
    description: 'at most 10 different percentages of a budget, such as [50, 80, 100]; none for no alerts',
  },
);

const rules = {
  budget_percents: Percents,
  low_balance: nullable(Dollars),
  runway_days: nullable(
    Type.Integer({ minimum: 1, maximum: 365, description: 'a number of days from 1 to 365, or null' }),
  ),
};

/** When the organization is told: at these shares of each budget, below this balance, below so many days of runway. */
export const AlertRules = Type.Object(rules, { $id: 'AlertRules' });
export const AlertRuleChanges = Type.Partial(Type.Object(rules), {
  $id: 'AlertRuleChanges',
  minProperties: 1,
});

/** Of the budgets of a project and its keys; null takes the organization's. */
export const ProjectAlertRules = Type.Object(
  { budget_percents: nullable(Percents) },
  { $id: 'ProjectAlertRules' },
);

export const Runway = Type.Object(
  {
    available: Dollars,
    /** A mean over the last seven days, or over the days since the organization was made. */
    daily_spending: Dollars,
    days: nullable(
      Type.Number({ description: 'how long the balance lasts; null when nothing is spent; 36500 at most' }),
    ),
    runs_out_at: nullable(Time),
  },
  { $id: 'Runway' },
);

const webhook = {
  url: Type.String({
    minLength: 8,
    maxLength: 2048,
    description: 'an address with http or https of at most 2048 characters',
  }),
  description: Type.String({ maxLength: 200, description: 'a string of at most 200 characters' }),
  kinds: nullable(
    Type.Array(oneOf(EVENT_KINDS), {
      minItems: 1,
      maxItems: EVENT_KINDS.length,
      uniqueItems: true,
      description: 'the kinds of events that are sent, each once, or null for all',
    }),
  ),
  enabled: Type.Boolean({ description: 'whether events are sent' }),
};

const shownWebhook = {
  id: Uuid,
  organization_id: Uuid,
  ...webhook,
  /** Why the platform switched it off; null when it did not. */
  switched_off_because: nullable(Type.String()),
  last_success_at: nullable(Time),
  /** Until then deliveries are signed with the secret before the last change, too. */
  old_secret_until: nullable(Time),
  created_at: Time,
};

export const Webhook = Type.Object(shownWebhook, { $id: 'Webhook' });
export const WebhookWithSecret = Type.Object(
  { ...shownWebhook, secret: Type.String({ description: 'whsec_…: here and never again' }) },
  { $id: 'WebhookWithSecret' },
);
const { url, ...rest } = webhook;
export const NewWebhook = Type.Composite([Type.Object({ url }), Type.Partial(Type.Object(rest))], {
  $id: 'NewWebhook',
});
export const WebhookChanges = Type.Partial(Type.Object(webhook), {
  $id: 'WebhookChanges',
  minProperties: 1,
});

const Attempt = Type.Object({
  at: Time,
  duration_ms: Type.Integer(),
  /** Null when there was no answer. */
  status: nullable(Type.Integer()),
  /** Why it failed; null when it did not. */
  error: nullable(Type.String()),
  /** The beginning of the answer, at most 1 KB. */
  response: nullable(Type.String()),
});

export const WebhookDelivery = Type.Object(
  {
    id: Type.String(),
    /** Sent as `webhook-id`: the same for every attempt, so that a receiver can drop repeats. */
    message_id: Type.String(),
    type: Type.String(),
    status: oneOf(['waiting', 'delivered', 'failed']),
    created_at: Time,
    next_attempt_at: nullable(Time),
    attempts: Type.Array(Attempt),
    body: Type.String({ description: 'the JSON that is sent' }),
  },
  { $id: 'WebhookDelivery' },
);

const ORGANIZATION = '/api/organizations/{organizationId}';
const WEBHOOK = `${ORGANIZATION}/webhooks/{webhookId}` as const;

const feedRoutes = declare({
  listEvents: {
    method: 'get',
    path: `${ORGANIZATION}/events`,
    tag: 'alerts',
    summary: 'What happened, newest first, and how much of it you have not read',
    access: organization('viewer'),
    query: Type.Object({
      ...paging,
      project_id: Type.Optional(Uuid),
      kind: Type.Optional(oneOf(EVENT_KINDS)),
      severity: Type.Optional(oneOf(SEVERITIES)),
    }),
    answer: EventList,
  },
  readEvents: {
    method: 'post',
    path: `${ORGANIZATION}/events/read`,
    tag: 'alerts',
    summary: 'Marks events as read by you, up to one of them',
    description: 'A note of your own and no administrative act, so it is not in the audit log.',
    access: organization('viewer'),
    body: ReadMark,
    answer: null,
  },
  streamEvents: {
    method: 'get',
    path: `${ORGANIZATION}/events/stream`,
    tag: 'alerts',
    summary: 'New events as they come',
    description:
      'Server-sent events with the id of the event; `last-event-id` begins behind that one. `end` when the session or the membership has ended.',
    access: organization('viewer'),
    answer: EventSchema,
    content: ['text/event-stream'],
    errors: ['no_capacity'],
  },
  getRunway: {
    method: 'get',
    path: `${ORGANIZATION}/runway`,
    tag: 'alerts',
    summary: 'How long the balance lasts at the present spending',
    access: organization('viewer'),
    answer: Runway,
  },
});

const ruleRoutes = declare({
  getAlertRules: {
    method: 'get',
    path: `${ORGANIZATION}/alert-rules`,
    tag: 'alerts',
    summary: 'When an organization is told of its budgets and balance',
    access: organization('viewer'),
    answer: AlertRules,
  },
  updateAlertRules: {
    method: 'patch',
    path: `${ORGANIZATION}/alert-rules`,
    tag: 'alerts',
    summary: 'Changes when an organization is told; what is absent stays',
    access: organization('admin'),
    body: AlertRuleChanges,
    answer: AlertRules,
    audit: 'alert_rules.updated',
  },
  getProjectAlertRules: {
    method: 'get',
    path: '/api/projects/{projectId}/alert-rules',
    tag: 'alerts',
    summary: 'At which shares of its budgets a project is told',
    access: project('viewer'),
    answer: ProjectAlertRules,
  },
  updateProjectAlertRules: {
    method: 'put',
    path: '/api/projects/{projectId}/alert-rules',
    tag: 'alerts',
    summary: 'Sets at which shares of its budgets a project is told',
    access: project('admin'),
    body: ProjectAlertRules,
    answer: ProjectAlertRules,
    audit: 'project_alert_rules.updated',
  },
});

const webhookRoutes = declare({
  listWebhooks: {
    method: 'get',
    path: `${ORGANIZATION}/webhooks`,
    tag: 'alerts',
    summary: 'The webhooks of an organization, oldest first',
    access: organization('admin'),
    answer: listOf(Webhook),
  },
  createWebhook: {
    method: 'post',
    path: `${ORGANIZATION}/webhooks`,
    tag: 'alerts',
    summary: 'A new webhook; its secret is in this answer and never again',
    description: 'Deliveries are signed as standardwebhooks.com says.',
    access: organization('admin'),
    body: NewWebhook,
    answer: WebhookWithSecret,
    status: 201,
    errors: ['state_conflict'],
    audit: 'webhook.created',
  },
  getWebhook: {
    method: 'get',
    path: WEBHOOK,
    tag: 'alerts',
    summary: 'One webhook',
    access: organization('admin'),
    answer: Webhook,
  },
  updateWebhook: {
    method: 'patch',
    path: WEBHOOK,
    tag: 'alerts',
    summary: 'Changes a webhook; what is absent stays',
    access: organization('admin'),
    body: WebhookChanges,
    answer: Webhook,
    audit: 'webhook.updated',
  },
  removeWebhook: {
    method: 'delete',
    path: WEBHOOK,
    tag: 'alerts',
    summary: 'Removes a webhook with its deliveries',
    access: organization('admin'),
    answer: null,
    audit: 'webhook.removed',
  },
  rotateWebhookSecret: {
    method: 'post',
    path: `${WEBHOOK}/rotate-secret`,
    tag: 'alerts',
    summary: 'A new secret; the old one signs beside it for 24 hours',
    access: organization('admin'),
    answer: WebhookWithSecret,
    audit: 'webhook.secret_rotated',
    creates: true,
  },
  testWebhook: {
    method: 'post',
    path: `${WEBHOOK}/test`,
    tag: 'alerts',
    summary: 'Sends a message of type webhook.test',
    access: organization('admin'),
    answer: WebhookDelivery,
    status: 202,
    errors: ['state_conflict'],
    audit: 'webhook.tested',
  },
  listWebhookDeliveries: {
    method: 'get',
    path: `${WEBHOOK}/deliveries`,
    tag: 'alerts',
    summary: 'What was sent to a webhook in the last 30 days and what it answered, newest first',
    access: organization('admin'),
    query: Type.Object(paging),
    answer: listOf(WebhookDelivery),
  },
  redeliverWebhook: {
    method: 'post',
    path: `${WEBHOOK}/deliveries/{deliveryId}/redeliver`,
    tag: 'alerts',
    summary: 'Sends a delivery again, with the same message id',
    access: organization('admin'),
    answer: WebhookDelivery,
    status: 202,
    errors: ['state_conflict'],
    audit: 'webhook.redelivered',
  },
});

export const alertRoutes = declare({ ...feedRoutes, ...ruleRoutes, ...webhookRoutes });
