// Written by tools/gen-admin-sdk.ts from protocol/src/admin; do not edit.
import type { AdminCaller, AdminOptions, Listing } from './admin-calls.ts';
import type { Tail } from './stream.ts';
import type { TextStream } from './text-stream.ts';
import type { WithRequestId } from './transport.ts';

export type AlertRuleChanges = {
  /** at most 10 different percentages of a budget, such as [50, 80, 100]; none for no alerts */
  budget_percents?: number[] | undefined;
  /** dollars as a decimal number in a string, such as "12.50" */
  low_balance?: string | null | undefined;
  /** a number of days from 1 to 365, or null */
  runway_days?: number | null | undefined;
};

export type AlertRules = {
  /** at most 10 different percentages of a budget, such as [50, 80, 100]; none for no alerts */
  budget_percents: number[];
  /** dollars as a decimal number in a string, such as "12.50" */
  low_balance: string | null;
  /** a number of days from 1 to 365, or null */
  runway_days: number | null;
};

export type AnalyticsFacets = {
  /** a time such as 2026-11-21T17:05:00.000Z */
  from: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  to: string;
  models: {
    value: string | null;
    requests: number;
  }[];
  keys: {
    value: {
      /** a UUID in lower case */
      id: string;
      name: string | null;
      masked: string | null;
    } | null;
    requests: number;
  }[];
  statuses: {
    value: number;
    requests: number;
  }[];
  routes: {
    value: string | null;
    requests: number;
  }[];
  endpoints: {
    value: string;
    requests: number;
  }[];
};

export type AnalyticsGroup = {
  model?: string | null | undefined;
  key?: {
    /** a UUID in lower case */
    id: string;
    name: string | null;
    masked: string | null;
  } | null | undefined;
  status?: number | undefined;
  route?: string | null | undefined;
  endpoint?: string | undefined;
};

export type AnalyticsSeries = {
  /** a time such as 2026-11-21T17:05:00.000Z */
  from: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  to: string;
  bucket: string;
  series: {
    group: AnalyticsGroup;
    points: {
      /** a time such as 2026-11-21T17:05:00.000Z */
      at: string;
      figures: Figures;
    }[];
  }[];
  /** whether there are more groups than these */
  more_groups: boolean;
};

export type AnalyticsTotals = {
  /** a time such as 2026-11-21T17:05:00.000Z */
  from: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  to: string;
  totals: Figures;
  groups: {
    group: AnalyticsGroup;
    figures: Figures;
  }[];
  /** whether there are more groups than these */
  more_groups: boolean;
};

export type AuditEntry = {
  id: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  at: string;
  /** such as "key.created" */
  action: string;
  /** null when the platform itself acted; of former members as they were called when they left */
  person: {
    /** a UUID in lower case */
    id: string;
    email: string | null;
    name: string | null;
  } | null;
  /** a UUID in lower case */
  project_id: string | null;
  object: {
    kind: string;
    id: string;
  };
  details: Record<string, unknown>;
};

export type AutoRecharge = {
  enabled: boolean;
  /** dollars as a decimal number in a string, such as "12.50" */
  threshold: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  amount: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  monthly_cap: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  charged_this_month: string;
  /** a state of the auto recharge */
  state: 'on' | 'off' | 'retrying' | 'capped' | 'stopped';
  reason: string | null;
  failures: number;
  /** a time such as 2026-11-21T17:05:00.000Z */
  next_try_at: string | null;
  /** true when no real money moves: the sandbox, or a provider’s test account */
  test_money: boolean;
};

export type AutoRechargeChanges = {
  /** true or false */
  enabled: boolean;
  /** dollars with at most two decimals, as a string such as "100.00" */
  threshold: string;
  /** dollars from 5 to 10000 with at most two decimals, as a string such as "25.00" */
  amount: string;
  /** dollars with at most two decimals, as a string such as "100.00" */
  monthly_cap: string;
};

export type BatchProgress = {
  id: string;
  /** one of "validating", "failed", "in_progress", "finalizing", "completed", "cancelling", "cancelled", "expired" */
  status: 'validating' | 'failed' | 'in_progress' | 'finalizing' | 'completed' | 'cancelling' | 'cancelled' | 'expired';
  request_counts: {
    total: number;
    completed: number;
    failed: number;
  };
  progress: {
    /** as measured; null until something was */
    lines_per_second: number | null;
    /** a time such as 2026-11-21T17:05:00.000Z */
    estimated_end: string | null;
  } | null;
};

export type BillingBalance = {
  /** dollars as a decimal number in a string, such as "12.50" */
  balance: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  held: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  available: string;
  /** "sandbox" or "stripe" */
  provider: 'sandbox' | 'stripe';
  presets: string[];
  /** dollars as a decimal number in a string, such as "12.50" */
  minimum: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  maximum: string;
  /** true when no real money moves: the sandbox, or a provider’s test account */
  test_money: boolean;
};

export type Budget = {
  /** whose budget: "organization", "project" or "key" */
  spender: 'organization' | 'project' | 'key';
  /** of the organization, project or key */
  id: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  monthly_limit: string;
  /** charged in this month, in dollars */
  spent: string;
  /** set aside for requests under way, in dollars */
  held: string;
  /** what new requests may still cost; zero when the limit was lowered below */
  remaining: string;
  /** spent ÷ monthly_limit; 1 where the limit is zero */
  share: number;
  /** the calendar month, UTC, such as 2026-11 */
  month: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  resets_at: string;
};

export type CreatedJoinToken = {
  /** a UUID in lower case */
  id: string;
  /** one of "organization", "operator", "public", "cloud" */
  pool: 'organization' | 'operator' | 'public' | 'cloud';
  name: string;
  /** enough to know a token by */
  masked: string;
  /** one of "active", "used_up", "expired", "revoked" */
  status: 'active' | 'used_up' | 'expired' | 'revoked';
  uses_left: number | null;
  /** how many nodes it admitted that are not removed */
  nodes: number;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  created_by: {
    /** a UUID in lower case */
    id: string;
    name: string | null;
  } | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  expires_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  revoked_at: string | null;
  /** the whole token: here and never again */
  token: string;
  /** for a terminal on the device */
  command: string;
  /** the same, as a service that starts with the device */
  install_command: string;
  /** for a browser on the device */
  link: string;
};

export type CreatedKey = {
  /** a UUID in lower case */
  id: string;
  /** a UUID in lower case */
  project_id: string;
  /** a string of 1 to 100 characters */
  name: string;
  /** enough to know a key by, such as zgpu-api-4fGh…Xy9Z */
  masked: string;
  status: 'active' | 'expired' | 'revoked';
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  created_by: {
    /** a UUID in lower case */
    id: string;
    name: string | null;
  } | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  last_used_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  expires_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  revoked_at: string | null;
  /** ids of at least one model that the project allows, each once, or null for all of these */
  allowed_models: string[] | null;
  /** an integer of at least 1: requests in a minute; null leaves it to the project */
  requests_per_minute: number | null;
  /** an integer of at least 1: tokens in a minute; null leaves it to the project */
  tokens_per_minute: number | null;
  /** the whole key: here and never again */
  key: string;
};

export type Event = {
  /** the id of an event */
  id: string;
  /** a UUID in lower case */
  organization_id: string;
  /** a UUID in lower case */
  project_id: string | null;
  /** one of "budget.threshold_reached", "balance.low", "balance.runway_short", "payment.succeeded", "payment.failed", "recharge.succeeded", "recharge.failed", "recharge.switched_off", "webhook.switched_off", "batch.completed", "batch.failed", "batch.cancelled", "batch.expired", "node.joined", "node.away", "node.quarantined" */
  kind: 'budget.threshold_reached' | 'balance.low' | 'balance.runway_short' | 'payment.succeeded' | 'payment.failed' | 'recharge.succeeded' | 'recharge.failed' | 'recharge.switched_off' | 'webhook.switched_off' | 'batch.completed' | 'batch.failed' | 'batch.cancelled' | 'batch.expired' | 'node.joined' | 'node.away' | 'node.quarantined';
  /** one of "info", "warning", "critical" */
  severity: 'info' | 'warning' | 'critical';
  title: string;
  details: Record<string, unknown>;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
};

export type EventList = {
  object: 'list';
  data: Event[];
  next: string | null;
  /** how many you have not read; 100 stands for as many or more */
  unread: number;
};

export type Figures = {
  requests: number;
  /** answered with a status of 400 or more */
  errors: number;
  /** from 0 to 1; null without requests */
  error_rate: number | null;
  input_tokens: number;
  output_tokens: number;
  /** dollars as a decimal number in a string, such as "12.50" */
  cost: string;
  latency: {
    average_ms: number | null;
    p50_ms: number | null;
    p95_ms: number | null;
    p99_ms: number | null;
  };
};

export type FleetNode = {
  /** the id of a node */
  id: string;
  /** one of "organization", "operator", "public", "cloud" */
  pool: 'organization' | 'operator' | 'public' | 'cloud';
  /** as people named it; else what it calls itself */
  name: string;
  /** what it calls itself */
  own_name: string;
  /** one of "connected", "paused", "draining", "quarantined", "away", "removed" */
  state: 'connected' | 'paused' | 'draining' | 'quarantined' | 'away' | 'removed';
  /** one of "server", "desktop", "phone", "browser" */
  device_class: 'server' | 'desktop' | 'phone' | 'browser';
  /** its software with the version */
  agent: string;
  platform: string | null;
  cores: number | null;
  memory_bytes: number | null;
  runtimes: string[] | null;
  time_zone: string | null;
  place: {
    latitude: number;
    longitude: number;
  } | null;
  region: string | null;
  /** one of "given", "device", "address", "time_zone", "gateway" */
  place_source: 'given' | 'device' | 'address' | 'time_zone' | 'gateway' | null;
  models: {
    id: string;
    version: string;
    slots: number;
    /** null when it is away */
    in_flight: number | null;
    /** in memory, so that no run waits for it to load */
    resident: boolean;
    /** mean of the last runs, as the gateway saw it */
    service_ms: number | null;
    speed: {
      base_ms: number;
      per_thousand_ms: number;
    } | null;
    /** one of "vouched", "probation", "earned", "quarantined" */
    trust: 'vouched' | 'probation' | 'earned' | 'quarantined';
  }[];
  slots: number;
  in_flight: number | null;
  rtt_ms: number | null;
  runs: {
    done: number;
    failed: number;
  };
  runs_today: {
    done: number;
    failed: number;
  };
  /** how often it connected */
  sessions: number;
  connected_ms: number;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  connected_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  away_since: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  draining_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  quarantined_at: string | null;
  quarantined_because: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  removed_at: string | null;
  /** a UUID in lower case */
  join_token_id: string | null;
  shown: {
    model: string;
    version: string;
    runtime: string;
    /** one of "vouched", "probation", "earned", "quarantined" */
    trust: 'vouched' | 'probation' | 'earned' | 'quarantined';
    right_in_row: number;
    right: number;
    wrong: number;
    unchecked: number;
  }[];
  wrong_answers: {
    model: string;
    version: string;
    /** a time such as 2026-11-21T17:05:00.000Z */
    found_at: string;
    /** one of "release", "recheck", "known_answer" */
    found_by: 'release' | 'recheck' | 'known_answer';
    /** SHA-256 of the right answer */
    expected: string;
    /** SHA-256 of what the node said */
    given: string;
  }[];
};

export type FleetTotals = {
  nodes: number;
  by_state: Record<string, number>;
  by_class: Record<string, number>;
  by_region: Record<string, number>;
  models: {
    id: string;
    /** connected ones that have it */
    nodes: number;
    slots: number;
    in_flight: number;
  }[];
  last_hour: {
    done: number;
    failed: number;
  };
  last_day: {
    done: number;
    failed: number;
  };
  by_pool: Record<string, number>;
  /** that run now */
  gateways: number;
};

export type HistoryEntry = {
  id: string;
  /** a kind of entry */
  kind: 'credit' | 'auto_recharge' | 'refund' | 'usage';
  /** a time such as 2026-11-21T17:05:00.000Z */
  at: string;
  description: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  amount: string;
  /** a state of a payment, or "open" */
  status: 'pending' | 'requires_action' | 'succeeded' | 'failed' | 'canceled' | 'open';
  /** a UUID in lower case */
  payment_id: string | null;
  /** true when no real money moves: the sandbox, or a provider’s test account */
  test_money: boolean;
};

export type Invitation = {
  /** a UUID in lower case */
  id: string;
  /** "owner", "admin", "developer" or "viewer" */
  role: 'owner' | 'admin' | 'developer' | 'viewer';
  /** null: for whoever has the link */
  email: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  expires_at: string;
  /** a UUID in lower case */
  invited_by: string;
  status: 'pending' | 'expired';
};

export type JoinToken = {
  /** a UUID in lower case */
  id: string;
  /** one of "organization", "operator", "public", "cloud" */
  pool: 'organization' | 'operator' | 'public' | 'cloud';
  name: string;
  /** enough to know a token by */
  masked: string;
  /** one of "active", "used_up", "expired", "revoked" */
  status: 'active' | 'used_up' | 'expired' | 'revoked';
  uses_left: number | null;
  /** how many nodes it admitted that are not removed */
  nodes: number;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  created_by: {
    /** a UUID in lower case */
    id: string;
    name: string | null;
  } | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  expires_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  revoked_at: string | null;
};

export type Key = {
  /** a UUID in lower case */
  id: string;
  /** a UUID in lower case */
  project_id: string;
  /** a string of 1 to 100 characters */
  name: string;
  /** enough to know a key by, such as zgpu-api-4fGh…Xy9Z */
  masked: string;
  status: 'active' | 'expired' | 'revoked';
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  created_by: {
    /** a UUID in lower case */
    id: string;
    name: string | null;
  } | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  last_used_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  expires_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  revoked_at: string | null;
  /** ids of at least one model that the project allows, each once, or null for all of these */
  allowed_models: string[] | null;
  /** an integer of at least 1: requests in a minute; null leaves it to the project */
  requests_per_minute: number | null;
  /** an integer of at least 1: tokens in a minute; null leaves it to the project */
  tokens_per_minute: number | null;
};

export type KeyChanges = {
  /** a string of 1 to 100 characters */
  name?: string | undefined;
  /** a time to come, such as 2027-01-31T12:00:00Z */
  expires_at?: string | null | undefined;
  /** ids of at least one model that the project allows, each once, or null for all of these */
  allowed_models?: string[] | null | undefined;
  /** an integer of at least 1: requests in a minute; null leaves it to the project */
  requests_per_minute?: number | null | undefined;
  /** an integer of at least 1: tokens in a minute; null leaves it to the project */
  tokens_per_minute?: number | null | undefined;
};

export type LoggedRequest = {
  id: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  settled_at: string;
  endpoint: string;
  /** that answered, else that was asked for */
  model: string | null;
  requested_model: string | null;
  status: number;
  error_code: string | null;
  finish_reason: string | null;
  streamed: boolean;
  input_tokens: number;
  output_tokens: number;
  /** dollars as a decimal number in a string, such as "12.50" */
  cost: string;
  key: {
    /** a UUID in lower case */
    id: string;
    name: string;
    masked: string;
  } | null;
  route: {
    /** "edge", "own", "cloud" or "upstream" */
    class: 'edge' | 'own' | 'cloud' | 'upstream' | null;
    region: string | null;
    attempts: number;
    hedged: boolean;
    fallback: boolean;
  } | null;
  latency: {
    total_ms: number;
    queue_ms: number | null;
    network_ms: number | null;
    model_ms: number | null;
  };
};

export type LoggedRequestDetail = {
  id: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  settled_at: string;
  endpoint: string;
  /** that answered, else that was asked for */
  model: string | null;
  requested_model: string | null;
  status: number;
  error_code: string | null;
  finish_reason: string | null;
  streamed: boolean;
  input_tokens: number;
  output_tokens: number;
  /** dollars as a decimal number in a string, such as "12.50" */
  cost: string;
  key: {
    /** a UUID in lower case */
    id: string;
    name: string;
    masked: string;
  } | null;
  route: {
    /** "edge", "own", "cloud" or "upstream" */
    class: 'edge' | 'own' | 'cloud' | 'upstream' | null;
    region: string | null;
    attempts: number;
    hedged: boolean;
    fallback: boolean;
  } | null;
  latency: {
    total_ms: number;
    queue_ms: number | null;
    network_ms: number | null;
    model_ms: number | null;
  };
  error: {
    code: string;
    /** what this code means */
    message: string;
  } | null;
  /** the nodes that came into question, the chosen one first, with the milliseconds that the request was predicted to take there */
  why: {
    /** its id, if it is the organization’s own */
    node: string | null;
    /** "edge", "own", "cloud" or "upstream" */
    class: 'edge' | 'own' | 'cloud' | 'upstream';
    region: string | null;
    total_ms: number;
    network_ms: number;
    queue_ms: number;
    service_ms: number;
    load_ms: number;
    /** for failures of late */
    penalty_ms: number;
  }[] | null;
  node: {
    id: string;
    name: string;
  } | null;
  payload: {
    /** whether bodies of this request are kept */
    stored: boolean;
    request: string | null;
    answer: string | null;
    /** whether only the beginning is kept */
    request_truncated: boolean;
    answer_truncated: boolean;
  };
};

export type MadeInvitation = {
  /** a UUID in lower case */
  id: string;
  /** "owner", "admin", "developer" or "viewer" */
  role: 'owner' | 'admin' | 'developer' | 'viewer';
  /** null: for whoever has the link */
  email: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  expires_at: string;
  /** shown this once */
  token: string;
  /** a page that accepts the invitation */
  link: string;
  mailed: boolean;
};

export type Member = {
  /** a UUID in lower case */
  person_id: string;
  email: string;
  name: string;
  /** "owner", "admin", "developer" or "viewer" */
  role: 'owner' | 'admin' | 'developer' | 'viewer';
  /** a time such as 2026-11-21T17:05:00.000Z */
  joined_at: string;
};

export type MemberChanges = {
  /** "owner", "admin", "developer" or "viewer" */
  role: 'owner' | 'admin' | 'developer' | 'viewer';
};

export type ModelPrice = {
  model: string;
  task: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  input_per_million: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  output_per_million: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  batch_input_per_million: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  batch_output_per_million: string;
};

export type NewBudget = {
  /** dollars a month as a decimal number in a string, such as "12.50"; "0" refuses every request */
  monthly_limit: string;
};

export type NewCredit = {
  /** dollars from 5 to 10000 with at most two decimals, as a string such as "25.00" */
  amount: string;
  /** a UUID in lower case */
  payment_method_id?: string | undefined;
};

export type NewFleetToken = {
  /** one of "operator", "public", "cloud" */
  pool: 'operator' | 'public' | 'cloud';
  /** a string of 1 to 100 characters */
  name: string;
  /** a number from 1 to 100000: how many nodes it admits; null for any number */
  uses?: number | null | undefined;
  /** a time to come, such as 2027-01-31T12:00:00Z */
  expires_at?: string | null | undefined;
};

export type NewInvitation = {
  /** "owner", "admin", "developer" or "viewer" */
  role: 'owner' | 'admin' | 'developer' | 'viewer';
  /** an email address */
  email?: string | null | undefined;
};

export type NewJoinToken = {
  /** a string of 1 to 100 characters */
  name: string;
  /** a number from 1 to 100000: how many nodes it admits; null for any number */
  uses?: number | null | undefined;
  /** a time to come, such as 2027-01-31T12:00:00Z */
  expires_at?: string | null | undefined;
};

export type NewKey = {
  /** a string of 1 to 100 characters */
  name: string;
  /** a time to come, such as 2027-01-31T12:00:00Z */
  expires_at?: string | null | undefined;
  /** ids of at least one model that the project allows, each once, or null for all of these */
  allowed_models?: string[] | null | undefined;
  /** an integer of at least 1: requests in a minute; null leaves it to the project */
  requests_per_minute?: number | null | undefined;
  /** an integer of at least 1: tokens in a minute; null leaves it to the project */
  tokens_per_minute?: number | null | undefined;
};

export type NewOrganization = {
  /** a string of 1 to 100 characters */
  name: string;
};

export type NewProject = {
  /** a string of 1 to 100 characters */
  name: string;
  /** "development", "staging" or "production" */
  environment?: 'development' | 'staging' | 'production' | undefined;
};

export type NewRefund = {
  /** dollars with at most two decimals, as a string such as "100.00" */
  amount?: string | undefined;
};

export type NewWebhook = {
  /** an address with http or https of at most 2048 characters */
  url: string;
  /** a string of at most 200 characters */
  description?: string | undefined;
  /** the kinds of events that are sent, each once, or null for all */
  kinds?: ('budget.threshold_reached' | 'balance.low' | 'balance.runway_short' | 'payment.succeeded' | 'payment.failed' | 'recharge.succeeded' | 'recharge.failed' | 'recharge.switched_off' | 'webhook.switched_off' | 'batch.completed' | 'batch.failed' | 'batch.cancelled' | 'batch.expired' | 'node.joined' | 'node.away' | 'node.quarantined')[] | null | undefined;
  /** whether events are sent */
  enabled?: boolean | undefined;
};

export type Node = {
  /** the id of a node */
  id: string;
  /** one of "organization", "operator", "public", "cloud" */
  pool: 'organization' | 'operator' | 'public' | 'cloud';
  /** as people named it; else what it calls itself */
  name: string;
  /** what it calls itself */
  own_name: string;
  /** one of "connected", "paused", "draining", "quarantined", "away", "removed" */
  state: 'connected' | 'paused' | 'draining' | 'quarantined' | 'away' | 'removed';
  /** one of "server", "desktop", "phone", "browser" */
  device_class: 'server' | 'desktop' | 'phone' | 'browser';
  /** its software with the version */
  agent: string;
  platform: string | null;
  cores: number | null;
  memory_bytes: number | null;
  runtimes: string[] | null;
  time_zone: string | null;
  place: {
    latitude: number;
    longitude: number;
  } | null;
  region: string | null;
  /** one of "given", "device", "address", "time_zone", "gateway" */
  place_source: 'given' | 'device' | 'address' | 'time_zone' | 'gateway' | null;
  models: {
    id: string;
    version: string;
    slots: number;
    /** null when it is away */
    in_flight: number | null;
    /** in memory, so that no run waits for it to load */
    resident: boolean;
    /** mean of the last runs, as the gateway saw it */
    service_ms: number | null;
    speed: {
      base_ms: number;
      per_thousand_ms: number;
    } | null;
    /** one of "vouched", "probation", "earned", "quarantined" */
    trust: 'vouched' | 'probation' | 'earned' | 'quarantined';
  }[];
  slots: number;
  in_flight: number | null;
  rtt_ms: number | null;
  runs: {
    done: number;
    failed: number;
  };
  runs_today: {
    done: number;
    failed: number;
  };
  /** how often it connected */
  sessions: number;
  connected_ms: number;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  connected_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  away_since: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  draining_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  quarantined_at: string | null;
  quarantined_because: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  removed_at: string | null;
  /** a UUID in lower case */
  join_token_id: string | null;
};

export type NodeChanges = {
  /** a string of 1 to 100 characters */
  name?: string | null | undefined;
  /** an object with latitude and longitude, or null */
  place?: {
    /** degrees from -90 to 90, north is positive */
    latitude: number;
    /** degrees from -180 to 180, east is positive */
    longitude: number;
    /** a country as two capital letters, such as "DE" */
    region?: string | null | undefined;
  } | null | undefined;
};

export type NodeNews = {
  /** the id of a node */
  id: string;
  name: string;
  /** one of "organization", "operator", "public", "cloud" */
  pool: 'organization' | 'operator' | 'public' | 'cloud';
  /** one of "connected", "paused", "draining", "quarantined", "away", "removed" */
  state: 'connected' | 'paused' | 'draining' | 'quarantined' | 'away' | 'removed';
  slots: number;
  in_flight: number | null;
  runs: {
    done: number;
    failed: number;
  };
};

export type NodeTotals = {
  nodes: number;
  by_state: Record<string, number>;
  by_class: Record<string, number>;
  by_region: Record<string, number>;
  models: {
    id: string;
    /** connected ones that have it */
    nodes: number;
    slots: number;
    in_flight: number;
  }[];
  last_hour: {
    done: number;
    failed: number;
  };
  last_day: {
    done: number;
    failed: number;
  };
};

export type Organization = {
  /** a UUID in lower case */
  id: string;
  name: string;
  /** "owner", "admin", "developer" or "viewer" */
  role: 'owner' | 'admin' | 'developer' | 'viewer';
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
};

export type OrganizationChanges = {
  /** a string of 1 to 100 characters */
  name: string;
};

export type Payment = {
  /** a UUID in lower case */
  id: string;
  /** "manual" or "auto_recharge" */
  source: 'manual' | 'auto_recharge';
  /** dollars as a decimal number in a string, such as "12.50" */
  amount: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  refunded: string;
  /** a state of a payment */
  state: 'pending' | 'requires_action' | 'succeeded' | 'failed' | 'canceled';
  failure_code: string | null;
  failure_message: string | null;
  brand: string;
  /** the last four digits of the number */
  last_four: string;
  /** for the provider’s own form in the browser; null in the sandbox */
  client_secret: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  settled_at: string | null;
  /** true when no real money moves: the sandbox, or a provider’s test account */
  test_money: boolean;
};

export type PaymentConfirmation = {
  /** "approve" or "reject": what the bank’s page would answer, in the sandbox */
  bank?: 'approve' | 'reject' | undefined;
};

export type PaymentMethod = {
  /** a UUID in lower case */
  id: string;
  brand: string;
  /** the last four digits of the number */
  last_four: string;
  exp_month: number;
  exp_year: number;
  country: string | null;
  is_default: boolean;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** true when no real money moves: the sandbox, or a provider’s test account */
  test_money: boolean;
};

export type PaymentMethodSetup = {
  /** a UUID in lower case */
  id: string;
  /** "sandbox" or "stripe" */
  provider: 'sandbox' | 'stripe';
  publishable_key: string | null;
  /** for the provider’s own form in the browser; null in the sandbox */
  client_secret: string | null;
  /** true when no real money moves: the sandbox, or a provider’s test account */
  test_money: boolean;
};

export type Person = {
  /** a UUID in lower case */
  id: string;
  email: string;
  name: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
};

export type PersonChanges = {
  /** a string of 1 to 100 characters */
  name: string;
};

export type Project = {
  /** a UUID in lower case */
  id: string;
  /** a UUID in lower case */
  organization_id: string;
  /** a string of 1 to 100 characters */
  name: string;
  /** "development", "staging" or "production" */
  environment: 'development' | 'staging' | 'production';
  /** ids of the models that keys of this project may use, or null for all */
  allowed_models: string[] | null;
  /** whether built-ins stand in; null is the server’s setting */
  stand_ins: boolean | null;
  /** an integer of at least 1, or null for no limit */
  requests_per_minute: number | null;
  /** an integer of at least 1, or null for no limit */
  tokens_per_minute: number | null;
  /** "none", "errors" or "all" */
  payload_policy: 'none' | 'errors' | 'all';
  /** an integer from 1 to 365 */
  payload_days: number;
  /** "own" (the organization’s nodes, then the operator’s), "public" (also nodes of strangers) or "cloud" (the operator’s cloud nodes alone) */
  privacy: 'public' | 'own' | 'cloud';
  /** whether other servers that the operator does not vouch for may be given texts */
  upstreams: boolean;
  status: 'active' | 'archived';
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
};

export type ProjectAlertRules = {
  /** at most 10 different percentages of a budget, such as [50, 80, 100]; none for no alerts */
  budget_percents: number[] | null;
};

export type ProjectBatch = {
  id: string;
  /** a UUID in lower case */
  project_id: string;
  endpoint: string;
  /** one of "validating", "failed", "in_progress", "finalizing", "completed", "cancelling", "cancelled", "expired" */
  status: 'validating' | 'failed' | 'in_progress' | 'finalizing' | 'completed' | 'cancelling' | 'cancelled' | 'expired';
  key: {
    /** a UUID in lower case */
    id: string;
    name: string;
    masked: string;
  };
  input_file_id: string;
  output_file_id: string | null;
  error_file_id: string | null;
  request_counts: {
    total: number;
    completed: number;
    failed: number;
  };
  progress: {
    /** as measured; null until something was */
    lines_per_second: number | null;
    /** a time such as 2026-11-21T17:05:00.000Z */
    estimated_end: string | null;
  } | null;
  errors: {
    code: string;
    message: string;
    line: number | null;
    param: string | null;
  }[] | null;
  metadata: Record<string, unknown>;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  in_progress_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  expires_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  finalizing_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  completed_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  failed_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  expired_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  cancelling_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  cancelled_at: string | null;
};

export type ProjectChanges = {
  /** a string of 1 to 100 characters */
  name?: string | undefined;
  /** "development", "staging" or "production" */
  environment?: 'development' | 'staging' | 'production' | undefined;
  /** ids of the models that keys of this project may use, or null for all */
  allowed_models?: string[] | null | undefined;
  /** whether built-ins stand in; null is the server’s setting */
  stand_ins?: boolean | null | undefined;
  /** an integer of at least 1, or null for no limit */
  requests_per_minute?: number | null | undefined;
  /** an integer of at least 1, or null for no limit */
  tokens_per_minute?: number | null | undefined;
  /** "none", "errors" or "all" */
  payload_policy?: 'none' | 'errors' | 'all' | undefined;
  /** an integer from 1 to 365 */
  payload_days?: number | undefined;
  /** "own" (the organization’s nodes, then the operator’s), "public" (also nodes of strangers) or "cloud" (the operator’s cloud nodes alone) */
  privacy?: 'public' | 'own' | 'cloud' | undefined;
  /** whether other servers that the operator does not vouch for may be given texts */
  upstreams?: boolean | undefined;
};

export type ProjectFile = {
  id: string;
  /** a UUID in lower case */
  project_id: string;
  filename: string;
  /** "batch" or "batch_output" */
  purpose: 'batch' | 'batch_output';
  bytes: number;
  /** whether it holds the failed lines of a batch */
  is_error: boolean;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  expires_at: string;
};

export type ProjectUsage = {
  project: {
    /** a UUID in lower case */
    id: string;
    name: string;
  };
  figures: Figures;
};

export type ReadMark = {
  /** the id of an event */
  up_to: string;
};

export type Refund = {
  /** a UUID in lower case */
  id: string;
  /** a UUID in lower case */
  payment_id: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  amount: string;
  /** a state of a refund */
  state: 'pending' | 'succeeded' | 'failed';
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** true when no real money moves: the sandbox, or a provider’s test account */
  test_money: boolean;
};

export type Runway = {
  /** dollars as a decimal number in a string, such as "12.50" */
  available: string;
  /** dollars as a decimal number in a string, such as "12.50" */
  daily_spending: string;
  /** how long the balance lasts; null when nothing is spent; 36500 at most */
  days: number | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  runs_out_at: string | null;
};

export type Session = {
  /** a UUID in lower case */
  id: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  expires_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  last_seen_at: string;
  /** what the browser or program called itself */
  agent: string;
  /** whether this call was made with it */
  current: boolean;
};

export type SetupFinish = {
  card?: {
    /** the number of a test card */
    number: string;
    /** an integer from 1 to 12 */
    exp_month: number;
    /** a year of four digits */
    exp_year: number;
    /** a security code of three or four digits */
    cvc: string;
    /** a country such as "US" */
    country: string;
  } | undefined;
  /** "approve" or "reject": what the bank’s page would answer, in the sandbox */
  bank?: 'approve' | 'reject' | undefined;
};

export type SetupResult = {
  /** "succeeded" or "requires_action" */
  state: 'succeeded' | 'requires_action';
  payment_method: PaymentMethod | null;
  /** true when no real money moves: the sandbox, or a provider’s test account */
  test_money: boolean;
};

export type SignIn = {
  /** an email address */
  email: string;
  /** a password */
  password: string;
  /** "cookie" (a browser keeps it, out of reach of scripts) or "token" (a program sends it itself) */
  session?: 'cookie' | 'token' | undefined;
};

export type SignUp = {
  /** an email address */
  email: string;
  /** a password of 8 to 256 characters */
  password: string;
  /** a string of 1 to 100 characters */
  name: string;
  /** the token of the link */
  invitation?: string | undefined;
  /** "cookie" (a browser keeps it, out of reach of scripts) or "token" (a program sends it itself) */
  session?: 'cookie' | 'token' | undefined;
};

export type SignedIn = {
  person: Person;
  /** for `authorization: Bearer …`; null when a cookie was set instead */
  token: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  expires_at: string;
};

export type Webhook = {
  /** a UUID in lower case */
  id: string;
  /** a UUID in lower case */
  organization_id: string;
  /** an address with http or https of at most 2048 characters */
  url: string;
  /** a string of at most 200 characters */
  description: string;
  /** the kinds of events that are sent, each once, or null for all */
  kinds: ('budget.threshold_reached' | 'balance.low' | 'balance.runway_short' | 'payment.succeeded' | 'payment.failed' | 'recharge.succeeded' | 'recharge.failed' | 'recharge.switched_off' | 'webhook.switched_off' | 'batch.completed' | 'batch.failed' | 'batch.cancelled' | 'batch.expired' | 'node.joined' | 'node.away' | 'node.quarantined')[] | null;
  /** whether events are sent */
  enabled: boolean;
  switched_off_because: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  last_success_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  old_secret_until: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
};

export type WebhookChanges = {
  /** an address with http or https of at most 2048 characters */
  url?: string | undefined;
  /** a string of at most 200 characters */
  description?: string | undefined;
  /** the kinds of events that are sent, each once, or null for all */
  kinds?: ('budget.threshold_reached' | 'balance.low' | 'balance.runway_short' | 'payment.succeeded' | 'payment.failed' | 'recharge.succeeded' | 'recharge.failed' | 'recharge.switched_off' | 'webhook.switched_off' | 'batch.completed' | 'batch.failed' | 'batch.cancelled' | 'batch.expired' | 'node.joined' | 'node.away' | 'node.quarantined')[] | null | undefined;
  /** whether events are sent */
  enabled?: boolean | undefined;
};

export type WebhookDelivery = {
  id: string;
  message_id: string;
  type: string;
  /** one of "waiting", "delivered", "failed" */
  status: 'waiting' | 'delivered' | 'failed';
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** a time such as 2026-11-21T17:05:00.000Z */
  next_attempt_at: string | null;
  attempts: {
    /** a time such as 2026-11-21T17:05:00.000Z */
    at: string;
    duration_ms: number;
    status: number | null;
    error: string | null;
    response: string | null;
  }[];
  /** the JSON that is sent */
  body: string;
};

export type WebhookWithSecret = {
  /** a UUID in lower case */
  id: string;
  /** a UUID in lower case */
  organization_id: string;
  /** an address with http or https of at most 2048 characters */
  url: string;
  /** a string of at most 200 characters */
  description: string;
  /** the kinds of events that are sent, each once, or null for all */
  kinds: ('budget.threshold_reached' | 'balance.low' | 'balance.runway_short' | 'payment.succeeded' | 'payment.failed' | 'recharge.succeeded' | 'recharge.failed' | 'recharge.switched_off' | 'webhook.switched_off' | 'batch.completed' | 'batch.failed' | 'batch.cancelled' | 'batch.expired' | 'node.joined' | 'node.away' | 'node.quarantined')[] | null;
  /** whether events are sent */
  enabled: boolean;
  switched_off_because: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  last_success_at: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  old_secret_until: string | null;
  /** a time such as 2026-11-21T17:05:00.000Z */
  created_at: string;
  /** whsec_…: here and never again */
  secret: string;
};

/** Every route by its `operationId`: what it takes and answers. */
export interface Routes {
  getSignInOptions: {
    params: { };
    query: Record<string, never>;
    body: undefined;
    answer: {
      /** who may sign up: anybody, whoever has an invitation, nobody */
      sign_up: 'open' | 'invited' | 'closed';
      /** whether this server sends mails; otherwise its operator hands out links */
      mails: boolean;
    };
  };
  signUp: {
    params: { };
    query: Record<string, never>;
    body: SignUp;
    answer: SignedIn;
  };
  signIn: {
    params: { };
    query: Record<string, never>;
    body: SignIn;
    answer: SignedIn;
  };
  signOut: {
    params: { };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  requestPasswordReset: {
    params: { };
    query: Record<string, never>;
    body: {
      /** an email address */
      email: string;
    };
    answer: {
      /** false: this server sends no mails, and its operator makes the link with `npm run admin -- reset-link <email>` */
      mails: boolean;
    };
  };
  resetPassword: {
    params: { };
    query: Record<string, never>;
    body: {
      /** the token of the link */
      token: string;
      /** a password of 8 to 256 characters */
      password: string;
    };
    answer: undefined;
  };
  getSession: {
    params: { };
    query: Record<string, never>;
    body: undefined;
    answer: {
      person: Person;
      session: Session;
      /** whether I run this installation */
      operator: boolean;
    };
  };
  listSessions: {
    params: { };
    query: Record<string, never>;
    body: undefined;
    answer: {
      object: 'list';
      data: Session[];
      next: string | null;
    };
  };
  endSession: {
    params: { sessionId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  updatePerson: {
    params: { };
    query: Record<string, never>;
    body: PersonChanges;
    answer: Person;
  };
  changePassword: {
    params: { };
    query: Record<string, never>;
    body: {
      /** a password */
      current_password: string;
      /** a password of 8 to 256 characters */
      new_password: string;
    };
    answer: undefined;
  };
  listOrganizations: {
    params: { };
    query: Record<string, never>;
    body: undefined;
    answer: {
      object: 'list';
      data: Organization[];
      next: string | null;
    };
  };
  createOrganization: {
    params: { };
    query: Record<string, never>;
    body: NewOrganization;
    answer: Organization;
  };
  getOrganization: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Organization;
  };
  updateOrganization: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: OrganizationChanges;
    answer: Organization;
  };
  leaveOrganization: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  listMembers: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: {
      object: 'list';
      data: Member[];
      next: string | null;
    };
  };
  updateMember: {
    params: { organizationId: string; personId: string; };
    query: Record<string, never>;
    body: MemberChanges;
    answer: Member;
  };
  removeMember: {
    params: { organizationId: string; personId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  listInvitations: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: {
      object: 'list';
      data: Invitation[];
      next: string | null;
    };
  };
  createInvitation: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: NewInvitation;
    answer: MadeInvitation;
  };
  revokeInvitation: {
    params: { organizationId: string; invitationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  viewInvitation: {
    params: { };
    query: Record<string, never>;
    body: {
      /** the token of the link */
      token: string;
    };
    answer: {
      organization_name: string;
      /** "owner", "admin", "developer" or "viewer" */
      role: 'owner' | 'admin' | 'developer' | 'viewer';
      /** null: for whoever has the link */
      email: string | null;
      /** a time such as 2026-11-21T17:05:00.000Z */
      expires_at: string;
    };
  };
  acceptInvitation: {
    params: { };
    query: Record<string, never>;
    body: {
      /** the token of the link */
      token: string;
    };
    answer: Organization;
  };
  listProjects: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: {
      object: 'list';
      data: Project[];
      next: string | null;
    };
  };
  createProject: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: NewProject;
    answer: Project;
  };
  getProject: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Project;
  };
  updateProject: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: ProjectChanges;
    answer: Project;
  };
  archiveProject: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Project;
  };
  restoreProject: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Project;
  };
  listKeys: {
    params: { projectId: string; };
    query: {
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: Key[];
      next: string | null;
    };
  };
  createKey: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: NewKey;
    answer: CreatedKey;
  };
  getKey: {
    params: { projectId: string; keyId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Key;
  };
  updateKey: {
    params: { projectId: string; keyId: string; };
    query: Record<string, never>;
    body: KeyChanges;
    answer: Key;
  };
  revokeKey: {
    params: { projectId: string; keyId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Key;
  };
  listBudgets: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: {
      object: 'list';
      data: Budget[];
      next: string | null;
    };
  };
  getOrganizationBudget: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Budget;
  };
  setOrganizationBudget: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: NewBudget;
    answer: Budget;
  };
  removeOrganizationBudget: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  listProjectBudgets: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: {
      object: 'list';
      data: Budget[];
      next: string | null;
    };
  };
  getProjectBudget: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Budget;
  };
  setProjectBudget: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: NewBudget;
    answer: Budget;
  };
  removeProjectBudget: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  getKeyBudget: {
    params: { projectId: string; keyId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Budget;
  };
  setKeyBudget: {
    params: { projectId: string; keyId: string; };
    query: Record<string, never>;
    body: NewBudget;
    answer: Budget;
  };
  removeKeyBudget: {
    params: { projectId: string; keyId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  listPrices: {
    params: { };
    query: Record<string, never>;
    body: undefined;
    answer: {
      object: 'list';
      data: ModelPrice[];
      next: string | null;
    };
  };
  getBillingBalance: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: BillingBalance;
  };
  addCredit: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: NewCredit;
    answer: Payment;
  };
  getPayment: {
    params: { organizationId: string; paymentId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Payment;
  };
  confirmPayment: {
    params: { organizationId: string; paymentId: string; };
    query: Record<string, never>;
    body: PaymentConfirmation;
    answer: Payment;
  };
  cancelPayment: {
    params: { organizationId: string; paymentId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Payment;
  };
  refundPayment: {
    params: { organizationId: string; paymentId: string; };
    query: Record<string, never>;
    body: NewRefund;
    answer: Refund;
  };
  getReceipt: {
    params: { organizationId: string; paymentId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: string;
  };
  startPaymentMethod: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: PaymentMethodSetup;
  };
  finishPaymentMethod: {
    params: { organizationId: string; setupId: string; };
    query: Record<string, never>;
    body: SetupFinish;
    answer: SetupResult;
  };
  listPaymentMethods: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: {
      object: 'list';
      data: PaymentMethod[];
      next: string | null;
    };
  };
  setDefaultPaymentMethod: {
    params: { organizationId: string; methodId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: PaymentMethod;
  };
  removePaymentMethod: {
    params: { organizationId: string; methodId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  getAutoRecharge: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: AutoRecharge;
  };
  setAutoRecharge: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: AutoRechargeChanges;
    answer: AutoRecharge;
  };
  listBillingHistory: {
    params: { organizationId: string; };
    query: {
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: HistoryEntry[];
      next: string | null;
    };
  };
  exportBillingHistory: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: HistoryEntry;
  };
  listEvents: {
    params: { organizationId: string; };
    query: {
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
      /** a UUID in lower case */
      project_id?: string | undefined;
      /** one of "budget.threshold_reached", "balance.low", "balance.runway_short", "payment.succeeded", "payment.failed", "recharge.succeeded", "recharge.failed", "recharge.switched_off", "webhook.switched_off", "batch.completed", "batch.failed", "batch.cancelled", "batch.expired", "node.joined", "node.away", "node.quarantined" */
      kind?: 'budget.threshold_reached' | 'balance.low' | 'balance.runway_short' | 'payment.succeeded' | 'payment.failed' | 'recharge.succeeded' | 'recharge.failed' | 'recharge.switched_off' | 'webhook.switched_off' | 'batch.completed' | 'batch.failed' | 'batch.cancelled' | 'batch.expired' | 'node.joined' | 'node.away' | 'node.quarantined' | undefined;
      /** one of "info", "warning", "critical" */
      severity?: 'info' | 'warning' | 'critical' | undefined;
    };
    body: undefined;
    answer: EventList;
  };
  readEvents: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: ReadMark;
    answer: undefined;
  };
  streamEvents: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Event;
  };
  getRunway: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Runway;
  };
  getAlertRules: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: AlertRules;
  };
  updateAlertRules: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: AlertRuleChanges;
    answer: AlertRules;
  };
  getProjectAlertRules: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: ProjectAlertRules;
  };
  updateProjectAlertRules: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: ProjectAlertRules;
    answer: ProjectAlertRules;
  };
  listWebhooks: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: {
      object: 'list';
      data: Webhook[];
      next: string | null;
    };
  };
  createWebhook: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: NewWebhook;
    answer: WebhookWithSecret;
  };
  getWebhook: {
    params: { organizationId: string; webhookId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Webhook;
  };
  updateWebhook: {
    params: { organizationId: string; webhookId: string; };
    query: Record<string, never>;
    body: WebhookChanges;
    answer: Webhook;
  };
  removeWebhook: {
    params: { organizationId: string; webhookId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  rotateWebhookSecret: {
    params: { organizationId: string; webhookId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: WebhookWithSecret;
  };
  testWebhook: {
    params: { organizationId: string; webhookId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: WebhookDelivery;
  };
  listWebhookDeliveries: {
    params: { organizationId: string; webhookId: string; };
    query: {
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: WebhookDelivery[];
      next: string | null;
    };
  };
  redeliverWebhook: {
    params: { organizationId: string; webhookId: string; deliveryId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: WebhookDelivery;
  };
  listBatches: {
    params: { projectId: string; };
    query: {
      /** one of "validating", "failed", "in_progress", "finalizing", "completed", "cancelling", "cancelled", "expired" */
      status?: 'validating' | 'failed' | 'in_progress' | 'finalizing' | 'completed' | 'cancelling' | 'cancelled' | 'expired' | undefined;
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: ProjectBatch[];
      next: string | null;
    };
  };
  streamBatches: {
    params: { projectId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: BatchProgress;
  };
  getBatch: {
    params: { projectId: string; batchId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: ProjectBatch;
  };
  cancelBatch: {
    params: { projectId: string; batchId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: ProjectBatch;
  };
  listFiles: {
    params: { projectId: string; };
    query: {
      /** "batch" or "batch_output" */
      purpose?: 'batch' | 'batch_output' | undefined;
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: ProjectFile[];
      next: string | null;
    };
  };
  getFile: {
    params: { projectId: string; fileId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: ProjectFile;
  };
  getFileContent: {
    params: { projectId: string; fileId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: unknown;
  };
  deleteFile: {
    params: { projectId: string; fileId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  listNodes: {
    params: { organizationId: string; };
    query: {
      /** one of "connected", "paused", "draining", "quarantined", "away", "removed" */
      state?: 'connected' | 'paused' | 'draining' | 'quarantined' | 'away' | 'removed' | undefined;
      /** the id of a model */
      model?: string | undefined;
      /** a country as two capital letters, such as "DE" */
      region?: string | undefined;
      /** one of "server", "desktop", "phone", "browser" */
      device_class?: 'server' | 'desktop' | 'phone' | 'browser' | undefined;
      /** a part of a name, in any case */
      search?: string | undefined;
      /** one of "newest", "name", "last_seen" */
      order?: 'newest' | 'name' | 'last_seen' | undefined;
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: Node[];
      next: string | null;
    };
  };
  streamNodes: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: NodeNews;
  };
  getNodeTotals: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: NodeTotals;
  };
  getNode: {
    params: { organizationId: string; nodeId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Node;
  };
  updateNode: {
    params: { organizationId: string; nodeId: string; };
    query: Record<string, never>;
    body: NodeChanges;
    answer: Node;
  };
  drainNode: {
    params: { organizationId: string; nodeId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Node;
  };
  undrainNode: {
    params: { organizationId: string; nodeId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: Node;
  };
  removeNode: {
    params: { organizationId: string; nodeId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  listJoinTokens: {
    params: { organizationId: string; };
    query: {
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: JoinToken[];
      next: string | null;
    };
  };
  createJoinToken: {
    params: { organizationId: string; };
    query: Record<string, never>;
    body: NewJoinToken;
    answer: CreatedJoinToken;
  };
  revokeJoinToken: {
    params: { organizationId: string; joinTokenId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: JoinToken;
  };
  getFleetTotals: {
    params: { };
    query: Record<string, never>;
    body: undefined;
    answer: FleetTotals;
  };
  listFleetNodes: {
    params: { };
    query: {
      /** one of "operator", "public", "cloud" */
      pool?: 'operator' | 'public' | 'cloud' | undefined;
      /** one of "connected", "paused", "draining", "quarantined", "away", "removed" */
      state?: 'connected' | 'paused' | 'draining' | 'quarantined' | 'away' | 'removed' | undefined;
      /** the id of a model */
      model?: string | undefined;
      /** a country as two capital letters, such as "DE" */
      region?: string | undefined;
      /** one of "server", "desktop", "phone", "browser" */
      device_class?: 'server' | 'desktop' | 'phone' | 'browser' | undefined;
      /** a part of a name, in any case */
      search?: string | undefined;
      /** one of "newest", "name", "last_seen" */
      order?: 'newest' | 'name' | 'last_seen' | undefined;
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: FleetNode[];
      next: string | null;
    };
  };
  streamFleetNodes: {
    params: { };
    query: Record<string, never>;
    body: undefined;
    answer: NodeNews;
  };
  getFleetNode: {
    params: { fleetNodeId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: FleetNode;
  };
  updateFleetNode: {
    params: { fleetNodeId: string; };
    query: Record<string, never>;
    body: NodeChanges;
    answer: FleetNode;
  };
  drainFleetNode: {
    params: { fleetNodeId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: FleetNode;
  };
  undrainFleetNode: {
    params: { fleetNodeId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: FleetNode;
  };
  releaseFleetNode: {
    params: { fleetNodeId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: FleetNode;
  };
  removeFleetNode: {
    params: { fleetNodeId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: undefined;
  };
  listFleetTokens: {
    params: { };
    query: {
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: JoinToken[];
      next: string | null;
    };
  };
  createFleetToken: {
    params: { };
    query: Record<string, never>;
    body: NewFleetToken;
    answer: CreatedJoinToken;
  };
  revokeFleetToken: {
    params: { fleetTokenId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: JoinToken;
  };
  listRequests: {
    params: { projectId: string; };
    query: {
      /** a status such as "429", or a class of them such as "4xx" */
      status?: string | undefined;
      /** the id of a model, of 1 to 256 characters */
      model?: string | undefined;
      /** a UUID in lower case */
      key_id?: string | undefined;
      /** an endpoint such as "responses" */
      endpoint?: string | undefined;
      /** "edge", "own", "cloud" or "upstream" */
      route?: 'edge' | 'own' | 'cloud' | 'upstream' | undefined;
      /** a whole number of milliseconds */
      latency_min?: string | number | undefined;
      /** a whole number of milliseconds */
      latency_max?: string | number | undefined;
      /** 4 to 30 characters of a request id, from anywhere in it */
      id?: string | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      from?: string | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      to?: string | undefined;
      /** "time" or "latency" */
      sort?: 'time' | 'latency' | undefined;
      /** "asc" or "desc" */
      order?: 'asc' | 'desc' | undefined;
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: LoggedRequest[];
      next: string | null;
    };
  };
  tailRequests: {
    params: { projectId: string; };
    query: {
      /** a status such as "429", or a class of them such as "4xx" */
      status?: string | undefined;
      /** the id of a model, of 1 to 256 characters */
      model?: string | undefined;
      /** a UUID in lower case */
      key_id?: string | undefined;
      /** an endpoint such as "responses" */
      endpoint?: string | undefined;
      /** "edge", "own", "cloud" or "upstream" */
      route?: 'edge' | 'own' | 'cloud' | 'upstream' | undefined;
      /** a whole number of milliseconds */
      latency_min?: string | number | undefined;
      /** a whole number of milliseconds */
      latency_max?: string | number | undefined;
      /** 4 to 30 characters of a request id, from anywhere in it */
      id?: string | undefined;
    };
    body: undefined;
    answer: LoggedRequest;
  };
  exportRequests: {
    params: { projectId: string; };
    query: {
      /** a status such as "429", or a class of them such as "4xx" */
      status?: string | undefined;
      /** the id of a model, of 1 to 256 characters */
      model?: string | undefined;
      /** a UUID in lower case */
      key_id?: string | undefined;
      /** an endpoint such as "responses" */
      endpoint?: string | undefined;
      /** "edge", "own", "cloud" or "upstream" */
      route?: 'edge' | 'own' | 'cloud' | 'upstream' | undefined;
      /** a whole number of milliseconds */
      latency_min?: string | number | undefined;
      /** a whole number of milliseconds */
      latency_max?: string | number | undefined;
      /** 4 to 30 characters of a request id, from anywhere in it */
      id?: string | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      from?: string | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      to?: string | undefined;
      /** "csv" or "jsonl" */
      format?: 'csv' | 'jsonl' | undefined;
      /** a number from 1 to 999999999 */
      rows?: string | number | undefined;
    };
    body: undefined;
    answer: LoggedRequest;
  };
  getRequest: {
    params: { projectId: string; requestId: string; };
    query: Record<string, never>;
    body: undefined;
    answer: LoggedRequestDetail;
  };
  getTotals: {
    params: { projectId: string; };
    query: {
      /** "1d", "7d" or "30d" */
      range?: '1d' | '7d' | '30d' | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      from?: string | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      to?: string | undefined;
      /** a status such as "429", or a class of them such as "4xx" */
      status?: string | undefined;
      /** the id of a model, of 1 to 256 characters */
      model?: string | undefined;
      /** a UUID in lower case */
      key_id?: string | undefined;
      /** an endpoint such as "responses" */
      endpoint?: string | undefined;
      /** "edge", "own", "cloud" or "upstream" */
      route?: 'edge' | 'own' | 'cloud' | 'upstream' | undefined;
      /** one or two of model, key, status, route, endpoint, such as "model" or "model,status" */
      group_by?: string | undefined;
    };
    body: undefined;
    answer: AnalyticsTotals;
  };
  getSeries: {
    params: { projectId: string; };
    query: {
      /** "1d", "7d" or "30d" */
      range?: '1d' | '7d' | '30d' | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      from?: string | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      to?: string | undefined;
      /** a status such as "429", or a class of them such as "4xx" */
      status?: string | undefined;
      /** the id of a model, of 1 to 256 characters */
      model?: string | undefined;
      /** a UUID in lower case */
      key_id?: string | undefined;
      /** an endpoint such as "responses" */
      endpoint?: string | undefined;
      /** "edge", "own", "cloud" or "upstream" */
      route?: 'edge' | 'own' | 'cloud' | 'upstream' | undefined;
      /** one or two of model, key, status, route, endpoint, such as "model" or "model,status" */
      group_by?: string | undefined;
      /** "minute", "hour" or "day" */
      bucket?: 'minute' | 'hour' | 'day' | undefined;
    };
    body: undefined;
    answer: AnalyticsSeries;
  };
  getFacets: {
    params: { projectId: string; };
    query: {
      /** "1d", "7d" or "30d" */
      range?: '1d' | '7d' | '30d' | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      from?: string | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      to?: string | undefined;
      /** a status such as "429", or a class of them such as "4xx" */
      status?: string | undefined;
      /** the id of a model, of 1 to 256 characters */
      model?: string | undefined;
      /** a UUID in lower case */
      key_id?: string | undefined;
      /** an endpoint such as "responses" */
      endpoint?: string | undefined;
      /** "edge", "own", "cloud" or "upstream" */
      route?: 'edge' | 'own' | 'cloud' | 'upstream' | undefined;
    };
    body: undefined;
    answer: AnalyticsFacets;
  };
  exportSeries: {
    params: { projectId: string; };
    query: {
      /** "1d", "7d" or "30d" */
      range?: '1d' | '7d' | '30d' | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      from?: string | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      to?: string | undefined;
      /** a status such as "429", or a class of them such as "4xx" */
      status?: string | undefined;
      /** the id of a model, of 1 to 256 characters */
      model?: string | undefined;
      /** a UUID in lower case */
      key_id?: string | undefined;
      /** an endpoint such as "responses" */
      endpoint?: string | undefined;
      /** "edge", "own", "cloud" or "upstream" */
      route?: 'edge' | 'own' | 'cloud' | 'upstream' | undefined;
      /** one or two of model, key, status, route, endpoint, such as "model" or "model,status" */
      group_by?: string | undefined;
      /** "minute", "hour" or "day" */
      bucket?: 'minute' | 'hour' | 'day' | undefined;
    };
    body: undefined;
    answer: Figures;
  };
  getUsage: {
    params: { organizationId: string; };
    query: {
      /** "1d", "7d" or "30d" */
      range?: '1d' | '7d' | '30d' | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      from?: string | undefined;
      /** a time such as 2026-11-21T17:05:00Z */
      to?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: ProjectUsage[];
      next: string | null;
      /** a time such as 2026-11-21T17:05:00.000Z */
      from: string;
      /** a time such as 2026-11-21T17:05:00.000Z */
      to: string;
      totals: Figures;
    };
  };
  listAudit: {
    params: { organizationId: string; };
    query: {
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
      /** an action such as "key.created" */
      action?: string | undefined;
      /** a UUID in lower case */
      person_id?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: AuditEntry[];
      next: string | null;
    };
  };
  listProjectAudit: {
    params: { projectId: string; };
    query: {
      /** a number from 1 to 999; 50 unless told */
      limit?: string | number | undefined;
      /** the `next` of the page before */
      after?: string | undefined;
      /** an action such as "key.created" */
      action?: string | undefined;
      /** a UUID in lower case */
      person_id?: string | undefined;
    };
    body: undefined;
    answer: {
      object: 'list';
      data: AuditEntry[];
      next: string | null;
    };
  };
}

export class AccountApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** What this server offers those who are not signed in. Anybody may call it. `GET /api/auth/options` */
  getSignInOptions(options: AdminOptions = {}): Promise<WithRequestId<Routes['getSignInOptions']['answer']>> {
    return this.#call.json<Routes['getSignInOptions']['answer']>({ method: 'GET', path: '/api/auth/options', options });
  }

  /** A new account, signed in; with an invitation also a membership. Anybody may call it. `POST /api/auth/sign-up` */
  signUp(body: Routes['signUp']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['signUp']['answer']>> {
    return this.#call.json<Routes['signUp']['answer']>({ method: 'POST', path: '/api/auth/sign-up', body, options });
  }

  /** Opens a session. The answer is the same, and takes as long, whether the account or only its password is wrong. Ten attempts a minute for an account. Anybody may call it. `POST /api/auth/sign-in` */
  signIn(body: Routes['signIn']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['signIn']['answer']>> {
    return this.#call.json<Routes['signIn']['answer']>({ method: 'POST', path: '/api/auth/sign-in', body, options });
  }

  /** Ends this session. Whoever is signed in may call it. `POST /api/auth/sign-out` */
  signOut(options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'POST', path: '/api/auth/sign-out', options });
  }

  /** Mails a link that sets a new password. The answer is the same whether there is such an account or not. Anybody may call it. `POST /api/auth/request-password-reset` */
  requestPasswordReset(body: Routes['requestPasswordReset']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['requestPasswordReset']['answer']>> {
    return this.#call.json<Routes['requestPasswordReset']['answer']>({ method: 'POST', path: '/api/auth/request-password-reset', body, options });
  }

  /** Sets a new password by a link’s token, and ends all sessions of the account. Anybody may call it. `POST /api/auth/reset-password` */
  resetPassword(body: Routes['resetPassword']['body'], options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'POST', path: '/api/auth/reset-password', body, options });
  }

  /** Who is signed in, and until when. Whoever is signed in may call it. `GET /api/session` */
  getSession(options: AdminOptions = {}): Promise<WithRequestId<Routes['getSession']['answer']>> {
    return this.#call.json<Routes['getSession']['answer']>({ method: 'GET', path: '/api/session', options });
  }

  /** My sessions, newest first. Whoever is signed in may call it. `GET /api/sessions` */
  listSessions(options: AdminOptions = {}): Listing<Routes['listSessions']['answer']> {
    return this.#call.list<Routes['listSessions']['answer']>({ method: 'GET', path: '/api/sessions', options });
  }

  /** Ends one of my sessions. Whoever is signed in may call it. `DELETE /api/sessions/{sessionId}` */
  endSession(sessionId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'DELETE', path: '/api/sessions/{sessionId}', params: { sessionId }, options });
  }

  /** Changes my name. Whoever is signed in may call it. `PATCH /api/person` */
  updatePerson(body: Routes['updatePerson']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['updatePerson']['answer']>> {
    return this.#call.json<Routes['updatePerson']['answer']>({ method: 'PATCH', path: '/api/person', body, options });
  }

  /** Changes my password, and ends my other sessions. Whoever is signed in may call it. `POST /api/person/password` */
  changePassword(body: Routes['changePassword']['body'], options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'POST', path: '/api/person/password', body, options });
  }
}

export class OrganizationsApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** The organizations of which I am a member, oldest first. Whoever is signed in may call it. `GET /api/organizations` */
  list(options: AdminOptions = {}): Listing<Routes['listOrganizations']['answer']> {
    return this.#call.list<Routes['listOrganizations']['answer']>({ method: 'GET', path: '/api/organizations', options });
  }

  /** A new organization with an empty wallet; its owner is who makes it. Whoever is signed in may call it. Once per `idempotencyKey`. `POST /api/organizations` */
  create(body: Routes['createOrganization']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['createOrganization']['answer']>> {
    return this.#call.json<Routes['createOrganization']['answer']>({ method: 'POST', path: '/api/organizations', body, once: true, options });
  }

  /** One organization, with my role in it. Every member of the organization may call it. `GET /api/organizations/{organizationId}` */
  get(organizationId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getOrganization']['answer']>> {
    return this.#call.json<Routes['getOrganization']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}', params: { organizationId }, options });
  }

  /** Renames an organization. Members of the organization with the role `admin` or `owner` may call it. `PATCH /api/organizations/{organizationId}` */
  update(organizationId: string, body: Routes['updateOrganization']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['updateOrganization']['answer']>> {
    return this.#call.json<Routes['updateOrganization']['answer']>({ method: 'PATCH', path: '/api/organizations/{organizationId}', params: { organizationId }, body, options });
  }

  /** Ends my membership; the last owner cannot leave. Every member of the organization may call it. `POST /api/organizations/{organizationId}/leave` */
  leave(organizationId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'POST', path: '/api/organizations/{organizationId}/leave', params: { organizationId }, options });
  }

  /** The members of an organization, oldest first. Every member of the organization may call it. `GET /api/organizations/{organizationId}/members` */
  listMembers(organizationId: string, options: AdminOptions = {}): Listing<Routes['listMembers']['answer']> {
    return this.#call.list<Routes['listMembers']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/members', params: { organizationId }, options });
  }

  /** Changes a member’s role; only an owner makes and unmakes owners, and one always stays. Members of the organization with the role `admin` or `owner` may call it. `PATCH /api/organizations/{organizationId}/members/{personId}` */
  updateMember(organizationId: string, personId: string, body: Routes['updateMember']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['updateMember']['answer']>> {
    return this.#call.json<Routes['updateMember']['answer']>({ method: 'PATCH', path: '/api/organizations/{organizationId}/members/{personId}', params: { organizationId, personId }, body, options });
  }

  /** Removes a member, who is out at once; open invitations of theirs are revoked. Members of the organization with the role `admin` or `owner` may call it. `DELETE /api/organizations/{organizationId}/members/{personId}` */
  removeMember(organizationId: string, personId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'DELETE', path: '/api/organizations/{organizationId}/members/{personId}', params: { organizationId, personId }, options });
  }

  /** Invitations that were neither accepted nor revoked, newest first. Members of the organization with the role `admin` or `owner` may call it. `GET /api/organizations/{organizationId}/invitations` */
  listInvitations(organizationId: string, options: AdminOptions = {}): Listing<Routes['listInvitations']['answer']> {
    return this.#call.list<Routes['listInvitations']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/invitations', params: { organizationId }, options });
  }

  /** A link that makes somebody a member, once and within 7 days. Members of the organization with the role `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/invitations` */
  createInvitation(organizationId: string, body: Routes['createInvitation']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['createInvitation']['answer']>> {
    return this.#call.json<Routes['createInvitation']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/invitations', params: { organizationId }, body, once: true, options });
  }

  /** Makes an invitation’s link worthless. Members of the organization with the role `admin` or `owner` may call it. `DELETE /api/organizations/{organizationId}/invitations/{invitationId}` */
  revokeInvitation(organizationId: string, invitationId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'DELETE', path: '/api/organizations/{organizationId}/invitations/{invitationId}', params: { organizationId, invitationId }, options });
  }

  /** What an invitation is to; changes nothing. The token is in the body because addresses end up in logs. Anybody may call it. `POST /api/invitations/view` */
  viewInvitation(body: Routes['viewInvitation']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['viewInvitation']['answer']>> {
    return this.#call.json<Routes['viewInvitation']['answer']>({ method: 'POST', path: '/api/invitations/view', body, options });
  }

  /** Makes me a member as the invitation says. Whoever is signed in may call it. Once per `idempotencyKey`. `POST /api/invitations/accept` */
  acceptInvitation(body: Routes['acceptInvitation']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['acceptInvitation']['answer']>> {
    return this.#call.json<Routes['acceptInvitation']['answer']>({ method: 'POST', path: '/api/invitations/accept', body, once: true, options });
  }
}

export class ProjectsApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** The projects of an organization, archived ones too, oldest first. Every member of the organization may call it. `GET /api/organizations/{organizationId}/projects` */
  list(organizationId: string, options: AdminOptions = {}): Listing<Routes['listProjects']['answer']> {
    return this.#call.list<Routes['listProjects']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/projects', params: { organizationId }, options });
  }

  /** A new project. Members of the organization with the role `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/projects` */
  create(organizationId: string, body: Routes['createProject']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['createProject']['answer']>> {
    return this.#call.json<Routes['createProject']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/projects', params: { organizationId }, body, once: true, options });
  }

  /** One project with its settings. Every member of the project’s organization may call it. `GET /api/projects/{projectId}` */
  get(projectId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getProject']['answer']>> {
    return this.#call.json<Routes['getProject']['answer']>({ method: 'GET', path: '/api/projects/{projectId}', params: { projectId }, options });
  }

  /** Changes a project’s name or settings; what is absent stays. Members of the project’s organization with the role `admin` or `owner` may call it. `PATCH /api/projects/{projectId}` */
  update(projectId: string, body: Routes['updateProject']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['updateProject']['answer']>> {
    return this.#call.json<Routes['updateProject']['answer']>({ method: 'PATCH', path: '/api/projects/{projectId}', params: { projectId }, body, options });
  }

  /** Archives a project: its keys are refused, its records stay. Members of the project’s organization with the role `admin` or `owner` may call it. `POST /api/projects/{projectId}/archive` */
  archive(projectId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['archiveProject']['answer']>> {
    return this.#call.json<Routes['archiveProject']['answer']>({ method: 'POST', path: '/api/projects/{projectId}/archive', params: { projectId }, options });
  }

  /** Makes an archived project active again. Members of the project’s organization with the role `admin` or `owner` may call it. `POST /api/projects/{projectId}/restore` */
  restore(projectId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['restoreProject']['answer']>> {
    return this.#call.json<Routes['restoreProject']['answer']>({ method: 'POST', path: '/api/projects/{projectId}/restore', params: { projectId }, options });
  }
}

export class KeysApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** The keys of a project, revoked ones too, newest first. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/keys` */
  list(projectId: string, query: Routes['listKeys']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listKeys']['answer']> {
    return this.#call.list<Routes['listKeys']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/keys', params: { projectId }, query, options });
  }

  /** A new key; its text is in this answer and never again. Members of the project’s organization with the role `developer`, `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/projects/{projectId}/keys` */
  create(projectId: string, body: Routes['createKey']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['createKey']['answer']>> {
    return this.#call.json<Routes['createKey']['answer']>({ method: 'POST', path: '/api/projects/{projectId}/keys', params: { projectId }, body, once: true, options });
  }

  /** One key, without its text. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/keys/{keyId}` */
  get(projectId: string, keyId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getKey']['answer']>> {
    return this.#call.json<Routes['getKey']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/keys/{keyId}', params: { projectId, keyId }, options });
  }

  /** Changes a key’s name, expiry, models or limits; what is absent stays. A developer may do this to keys that they created, an admin to all. Members of the project’s organization with the role `developer`, `admin` or `owner` may call it. `PATCH /api/projects/{projectId}/keys/{keyId}` */
  update(projectId: string, keyId: string, body: Routes['updateKey']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['updateKey']['answer']>> {
    return this.#call.json<Routes['updateKey']['answer']>({ method: 'PATCH', path: '/api/projects/{projectId}/keys/{keyId}', params: { projectId, keyId }, body, options });
  }

  /** Revokes a key for good: within a second every gateway refuses it. A developer may do this to keys that they created, an admin to all. Members of the project’s organization with the role `developer`, `admin` or `owner` may call it. `POST /api/projects/{projectId}/keys/{keyId}/revoke` */
  revoke(projectId: string, keyId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['revokeKey']['answer']>> {
    return this.#call.json<Routes['revokeKey']['answer']>({ method: 'POST', path: '/api/projects/{projectId}/keys/{keyId}/revoke', params: { projectId, keyId }, options });
  }
}

export class BudgetsApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** The budgets of an organization, its projects and their keys, widest first. Every member of the organization may call it. `GET /api/organizations/{organizationId}/budgets` */
  list(organizationId: string, options: AdminOptions = {}): Listing<Routes['listBudgets']['answer']> {
    return this.#call.list<Routes['listBudgets']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/budgets', params: { organizationId }, options });
  }

  /** The monthly budget of an organization; 404 where it has none. Every member of the organization may call it. `GET /api/organizations/{organizationId}/budget` */
  getOrganizationBudget(organizationId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getOrganizationBudget']['answer']>> {
    return this.#call.json<Routes['getOrganizationBudget']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/budget', params: { organizationId }, options });
  }

  /** Sets what an organization may spend in a month. In force for every request that is admitted after the answer. A request is refused when what is spent, what is held for requests under way, and the most that it can cost are together above the limit. Members of the organization with the role `admin` or `owner` may call it. `PUT /api/organizations/{organizationId}/budget` */
  setOrganizationBudget(organizationId: string, body: Routes['setOrganizationBudget']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['setOrganizationBudget']['answer']>> {
    return this.#call.json<Routes['setOrganizationBudget']['answer']>({ method: 'PUT', path: '/api/organizations/{organizationId}/budget', params: { organizationId }, body, options });
  }

  /** Removes the monthly budget of an organization. Members of the organization with the role `admin` or `owner` may call it. `DELETE /api/organizations/{organizationId}/budget` */
  removeOrganizationBudget(organizationId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'DELETE', path: '/api/organizations/{organizationId}/budget', params: { organizationId }, options });
  }

  /** The budgets of a project and its keys, widest first. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/budgets` */
  listProjectBudgets(projectId: string, options: AdminOptions = {}): Listing<Routes['listProjectBudgets']['answer']> {
    return this.#call.list<Routes['listProjectBudgets']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/budgets', params: { projectId }, options });
  }

  /** The monthly budget of a project; 404 where it has none. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/budget` */
  getProjectBudget(projectId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getProjectBudget']['answer']>> {
    return this.#call.json<Routes['getProjectBudget']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/budget', params: { projectId }, options });
  }

  /** Sets what a project may spend in a month. In force for every request that is admitted after the answer. A request is refused when what is spent, what is held for requests under way, and the most that it can cost are together above the limit. Members of the project’s organization with the role `admin` or `owner` may call it. `PUT /api/projects/{projectId}/budget` */
  setProjectBudget(projectId: string, body: Routes['setProjectBudget']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['setProjectBudget']['answer']>> {
    return this.#call.json<Routes['setProjectBudget']['answer']>({ method: 'PUT', path: '/api/projects/{projectId}/budget', params: { projectId }, body, options });
  }

  /** Removes the monthly budget of a project. Members of the project’s organization with the role `admin` or `owner` may call it. `DELETE /api/projects/{projectId}/budget` */
  removeProjectBudget(projectId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'DELETE', path: '/api/projects/{projectId}/budget', params: { projectId }, options });
  }

  /** The monthly budget of a key; 404 where it has none. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/keys/{keyId}/budget` */
  getKeyBudget(projectId: string, keyId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getKeyBudget']['answer']>> {
    return this.#call.json<Routes['getKeyBudget']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/keys/{keyId}/budget', params: { projectId, keyId }, options });
  }

  /** Sets what a key may spend in a month. In force for every request that is admitted after the answer. A request is refused when what is spent, what is held for requests under way, and the most that it can cost are together above the limit. Members of the project’s organization with the role `admin` or `owner` may call it. `PUT /api/projects/{projectId}/keys/{keyId}/budget` */
  setKeyBudget(projectId: string, keyId: string, body: Routes['setKeyBudget']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['setKeyBudget']['answer']>> {
    return this.#call.json<Routes['setKeyBudget']['answer']>({ method: 'PUT', path: '/api/projects/{projectId}/keys/{keyId}/budget', params: { projectId, keyId }, body, options });
  }

  /** Removes the monthly budget of a key. Members of the project’s organization with the role `admin` or `owner` may call it. `DELETE /api/projects/{projectId}/keys/{keyId}/budget` */
  removeKeyBudget(projectId: string, keyId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'DELETE', path: '/api/projects/{projectId}/keys/{keyId}/budget', params: { projectId, keyId }, options });
  }
}

export class BillingApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** What each model costs per million tokens; batches cost half. Anybody may call it. `GET /api/prices` */
  listPrices(options: AdminOptions = {}): Listing<Routes['listPrices']['answer']> {
    return this.#call.list<Routes['listPrices']['answer']>({ method: 'GET', path: '/api/prices', options });
  }

  /** The balance, what of it is held for running requests, and what may be added. Every member of the organization may call it. `GET /api/organizations/{organizationId}/billing/balance` */
  getBillingBalance(organizationId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getBillingBalance']['answer']>> {
    return this.#call.json<Routes['getBillingBalance']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/billing/balance', params: { organizationId }, options });
  }

  /** Charges a payment method and adds the amount to the balance. A payment that is still `pending` is finished by the server. Members of the organization with the role `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/billing/payments` */
  addCredit(organizationId: string, body: Routes['addCredit']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['addCredit']['answer']>> {
    return this.#call.json<Routes['addCredit']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/billing/payments', params: { organizationId }, body, once: true, options });
  }

  /** One payment. Every member of the organization may call it. `GET /api/organizations/{organizationId}/billing/payments/{paymentId}` */
  getPayment(organizationId: string, paymentId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getPayment']['answer']>> {
    return this.#call.json<Routes['getPayment']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/billing/payments/{paymentId}', params: { organizationId, paymentId }, options });
  }

  /** Goes on with a payment after the card’s bank has asked its holder. Members of the organization with the role `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/billing/payments/{paymentId}/confirm` */
  confirmPayment(organizationId: string, paymentId: string, body: Routes['confirmPayment']['body'] = {}, options: AdminOptions = {}): Promise<WithRequestId<Routes['confirmPayment']['answer']>> {
    return this.#call.json<Routes['confirmPayment']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/billing/payments/{paymentId}/confirm', params: { organizationId, paymentId }, body, once: true, options });
  }

  /** Gives up a payment that is not finished. Members of the organization with the role `admin` or `owner` may call it. `POST /api/organizations/{organizationId}/billing/payments/{paymentId}/cancel` */
  cancelPayment(organizationId: string, paymentId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['cancelPayment']['answer']>> {
    return this.#call.json<Routes['cancelPayment']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/billing/payments/{paymentId}/cancel', params: { organizationId, paymentId }, options });
  }

  /** Gives back a payment or a part of it, at most what the balance still has. Members of the organization with the role `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/billing/payments/{paymentId}/refunds` */
  refundPayment(organizationId: string, paymentId: string, body: Routes['refundPayment']['body'] = {}, options: AdminOptions = {}): Promise<WithRequestId<Routes['refundPayment']['answer']>> {
    return this.#call.json<Routes['refundPayment']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/billing/payments/{paymentId}/refunds', params: { organizationId, paymentId }, body, once: true, options });
  }

  /** The receipt of a payment as a page to print. Every member of the organization may call it. `GET /api/organizations/{organizationId}/billing/payments/{paymentId}/receipt` */
  getReceipt(organizationId: string, paymentId: string, options: AdminOptions = {}): Promise<TextStream> {
    return this.#call.text({ method: 'GET', path: '/api/organizations/{organizationId}/billing/payments/{paymentId}/receipt', params: { organizationId, paymentId }, options });
  }

  /** Begins adding a card; its number goes from the browser to the provider and never through this server. Members of the organization with the role `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/billing/payment-methods/setups` */
  startPaymentMethod(organizationId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['startPaymentMethod']['answer']>> {
    return this.#call.json<Routes['startPaymentMethod']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/billing/payment-methods/setups', params: { organizationId }, once: true, options });
  }

  /** Keeps the card that was added; in the sandbox it is given here, by one of the test numbers. Members of the organization with the role `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/billing/payment-methods/setups/{setupId}/finish` */
  finishPaymentMethod(organizationId: string, setupId: string, body: Routes['finishPaymentMethod']['body'] = {}, options: AdminOptions = {}): Promise<WithRequestId<Routes['finishPaymentMethod']['answer']>> {
    return this.#call.json<Routes['finishPaymentMethod']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/billing/payment-methods/setups/{setupId}/finish', params: { organizationId, setupId }, body, once: true, options });
  }

  /** The cards of an organization, newest first. Members of the organization with the role `admin` or `owner` may call it. `GET /api/organizations/{organizationId}/billing/payment-methods` */
  listPaymentMethods(organizationId: string, options: AdminOptions = {}): Listing<Routes['listPaymentMethods']['answer']> {
    return this.#call.list<Routes['listPaymentMethods']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/billing/payment-methods', params: { organizationId }, options });
  }

  /** Makes a card the one that is charged unless another is named. Members of the organization with the role `admin` or `owner` may call it. `POST /api/organizations/{organizationId}/billing/payment-methods/{methodId}/default` */
  setDefaultPaymentMethod(organizationId: string, methodId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['setDefaultPaymentMethod']['answer']>> {
    return this.#call.json<Routes['setDefaultPaymentMethod']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/billing/payment-methods/{methodId}/default', params: { organizationId, methodId }, options });
  }

  /** Removes a card. Members of the organization with the role `admin` or `owner` may call it. `DELETE /api/organizations/{organizationId}/billing/payment-methods/{methodId}` */
  removePaymentMethod(organizationId: string, methodId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'DELETE', path: '/api/organizations/{organizationId}/billing/payment-methods/{methodId}', params: { organizationId, methodId }, options });
  }

  /** Whether and when the balance is filled up by itself, and how that goes. Every member of the organization may call it. `GET /api/organizations/{organizationId}/billing/auto-recharge` */
  getAutoRecharge(organizationId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getAutoRecharge']['answer']>> {
    return this.#call.json<Routes['getAutoRecharge']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/billing/auto-recharge', params: { organizationId }, options });
  }

  /** Switches the auto recharge on or off, and sets when, how much, and how much in a month. Members of the organization with the role `owner` may call it. `PUT /api/organizations/{organizationId}/billing/auto-recharge` */
  setAutoRecharge(organizationId: string, body: Routes['setAutoRecharge']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['setAutoRecharge']['answer']>> {
    return this.#call.json<Routes['setAutoRecharge']['answer']>({ method: 'PUT', path: '/api/organizations/{organizationId}/billing/auto-recharge', params: { organizationId }, body, options });
  }

  /** Credits, recharges, refunds, failed tries and the usage of each month, newest first. Every member of the organization may call it. `GET /api/organizations/{organizationId}/billing/history` */
  listBillingHistory(organizationId: string, query: Routes['listBillingHistory']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listBillingHistory']['answer']> {
    return this.#call.list<Routes['listBillingHistory']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/billing/history', params: { organizationId }, query, options });
  }

  /** The whole history as a table for spreadsheets. Every member of the organization may call it. `GET /api/organizations/{organizationId}/billing/history/export` */
  exportBillingHistory(organizationId: string, options: AdminOptions = {}): Promise<TextStream> {
    return this.#call.text({ method: 'GET', path: '/api/organizations/{organizationId}/billing/history/export', params: { organizationId }, options });
  }
}

export class AlertsApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** What happened, newest first, and how much of it you have not read. Every member of the organization may call it. `GET /api/organizations/{organizationId}/events` */
  listEvents(organizationId: string, query: Routes['listEvents']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listEvents']['answer']> {
    return this.#call.list<Routes['listEvents']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/events', params: { organizationId }, query, options });
  }

  /** Marks events as read by you, up to one of them. A note of your own and no administrative act, so it is not in the audit log. Every member of the organization may call it. `POST /api/organizations/{organizationId}/events/read` */
  readEvents(organizationId: string, body: Routes['readEvents']['body'], options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'POST', path: '/api/organizations/{organizationId}/events/read', params: { organizationId }, body, options });
  }

  /** New events as they come. Server-sent events with the id of the event; `last-event-id` begins behind that one. `end` when the session or the membership has ended. Every member of the organization may call it. `GET /api/organizations/{organizationId}/events/stream` */
  streamEvents(organizationId: string, options: AdminOptions = {}): Promise<Tail<Routes['streamEvents']['answer']>> {
    return this.#call.events<Routes['streamEvents']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/events/stream', params: { organizationId }, options });
  }

  /** How long the balance lasts at the present spending. Every member of the organization may call it. `GET /api/organizations/{organizationId}/runway` */
  getRunway(organizationId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getRunway']['answer']>> {
    return this.#call.json<Routes['getRunway']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/runway', params: { organizationId }, options });
  }

  /** When an organization is told of its budgets and balance. Every member of the organization may call it. `GET /api/organizations/{organizationId}/alert-rules` */
  getAlertRules(organizationId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getAlertRules']['answer']>> {
    return this.#call.json<Routes['getAlertRules']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/alert-rules', params: { organizationId }, options });
  }

  /** Changes when an organization is told; what is absent stays. Members of the organization with the role `admin` or `owner` may call it. `PATCH /api/organizations/{organizationId}/alert-rules` */
  updateAlertRules(organizationId: string, body: Routes['updateAlertRules']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['updateAlertRules']['answer']>> {
    return this.#call.json<Routes['updateAlertRules']['answer']>({ method: 'PATCH', path: '/api/organizations/{organizationId}/alert-rules', params: { organizationId }, body, options });
  }

  /** At which shares of its budgets a project is told. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/alert-rules` */
  getProjectAlertRules(projectId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getProjectAlertRules']['answer']>> {
    return this.#call.json<Routes['getProjectAlertRules']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/alert-rules', params: { projectId }, options });
  }

  /** Sets at which shares of its budgets a project is told. Members of the project’s organization with the role `admin` or `owner` may call it. `PUT /api/projects/{projectId}/alert-rules` */
  updateProjectAlertRules(projectId: string, body: Routes['updateProjectAlertRules']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['updateProjectAlertRules']['answer']>> {
    return this.#call.json<Routes['updateProjectAlertRules']['answer']>({ method: 'PUT', path: '/api/projects/{projectId}/alert-rules', params: { projectId }, body, options });
  }

  /** The webhooks of an organization, oldest first. Members of the organization with the role `admin` or `owner` may call it. `GET /api/organizations/{organizationId}/webhooks` */
  listWebhooks(organizationId: string, options: AdminOptions = {}): Listing<Routes['listWebhooks']['answer']> {
    return this.#call.list<Routes['listWebhooks']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/webhooks', params: { organizationId }, options });
  }

  /** A new webhook; its secret is in this answer and never again. Deliveries are signed as standardwebhooks.com says. Members of the organization with the role `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/webhooks` */
  createWebhook(organizationId: string, body: Routes['createWebhook']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['createWebhook']['answer']>> {
    return this.#call.json<Routes['createWebhook']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/webhooks', params: { organizationId }, body, once: true, options });
  }

  /** One webhook. Members of the organization with the role `admin` or `owner` may call it. `GET /api/organizations/{organizationId}/webhooks/{webhookId}` */
  getWebhook(organizationId: string, webhookId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getWebhook']['answer']>> {
    return this.#call.json<Routes['getWebhook']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/webhooks/{webhookId}', params: { organizationId, webhookId }, options });
  }

  /** Changes a webhook; what is absent stays. Members of the organization with the role `admin` or `owner` may call it. `PATCH /api/organizations/{organizationId}/webhooks/{webhookId}` */
  updateWebhook(organizationId: string, webhookId: string, body: Routes['updateWebhook']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['updateWebhook']['answer']>> {
    return this.#call.json<Routes['updateWebhook']['answer']>({ method: 'PATCH', path: '/api/organizations/{organizationId}/webhooks/{webhookId}', params: { organizationId, webhookId }, body, options });
  }

  /** Removes a webhook with its deliveries. Members of the organization with the role `admin` or `owner` may call it. `DELETE /api/organizations/{organizationId}/webhooks/{webhookId}` */
  removeWebhook(organizationId: string, webhookId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'DELETE', path: '/api/organizations/{organizationId}/webhooks/{webhookId}', params: { organizationId, webhookId }, options });
  }

  /** A new secret; the old one signs beside it for 24 hours. Members of the organization with the role `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/webhooks/{webhookId}/rotate-secret` */
  rotateWebhookSecret(organizationId: string, webhookId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['rotateWebhookSecret']['answer']>> {
    return this.#call.json<Routes['rotateWebhookSecret']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/webhooks/{webhookId}/rotate-secret', params: { organizationId, webhookId }, once: true, options });
  }

  /** Sends a message of type webhook.test. Members of the organization with the role `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/webhooks/{webhookId}/test` */
  testWebhook(organizationId: string, webhookId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['testWebhook']['answer']>> {
    return this.#call.json<Routes['testWebhook']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/webhooks/{webhookId}/test', params: { organizationId, webhookId }, once: true, options });
  }

  /** What was sent to a webhook in the last 30 days and what it answered, newest first. Members of the organization with the role `admin` or `owner` may call it. `GET /api/organizations/{organizationId}/webhooks/{webhookId}/deliveries` */
  listWebhookDeliveries(organizationId: string, webhookId: string, query: Routes['listWebhookDeliveries']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listWebhookDeliveries']['answer']> {
    return this.#call.list<Routes['listWebhookDeliveries']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/webhooks/{webhookId}/deliveries', params: { organizationId, webhookId }, query, options });
  }

  /** Sends a delivery again, with the same message id. Members of the organization with the role `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver` */
  redeliverWebhook(organizationId: string, webhookId: string, deliveryId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['redeliverWebhook']['answer']>> {
    return this.#call.json<Routes['redeliverWebhook']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver', params: { organizationId, webhookId, deliveryId }, once: true, options });
  }
}

export class BatchesApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** The batches of a project, newest first. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/batches` */
  list(projectId: string, query: Routes['listBatches']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listBatches']['answer']> {
    return this.#call.list<Routes['listBatches']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/batches', params: { projectId }, query, options });
  }

  /** How the open batches of a project get on, as server-sent events. Events `batch`: at first one for each open batch, then one whenever something has changed, about one a second of each batch at most, the last of them with the status in which it ended. Of the 100 newest open ones. `end` when the session or the membership has ended. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/batches/stream` */
  stream(projectId: string, options: AdminOptions = {}): Promise<Tail<Routes['streamBatches']['answer']>> {
    return this.#call.events<Routes['streamBatches']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/batches/stream', params: { projectId }, options });
  }

  /** One batch. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/batches/{batchId}` */
  get(projectId: string, batchId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getBatch']['answer']>> {
    return this.#call.json<Routes['getBatch']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/batches/{batchId}', params: { projectId, batchId }, options });
  }

  /** Cancels a batch: lines that are under way finish, the others do not begin. Members of the project’s organization with the role `developer`, `admin` or `owner` may call it. `POST /api/projects/{projectId}/batches/{batchId}/cancel` */
  cancel(projectId: string, batchId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['cancelBatch']['answer']>> {
    return this.#call.json<Routes['cancelBatch']['answer']>({ method: 'POST', path: '/api/projects/{projectId}/batches/{batchId}/cancel', params: { projectId, batchId }, options });
  }
}

export class FilesApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** The files of a project, newest first. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/files` */
  list(projectId: string, query: Routes['listFiles']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listFiles']['answer']> {
    return this.#call.list<Routes['listFiles']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/files', params: { projectId }, query, options });
  }

  /** One file, without its content. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/files/{fileId}` */
  get(projectId: string, fileId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getFile']['answer']>> {
    return this.#call.json<Routes['getFile']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/files/{fileId}', params: { projectId, fileId }, options });
  }

  /** The content of a file, as it is. What programs asked and were answered is shown to developers and above. Members of the project’s organization with the role `developer`, `admin` or `owner` may call it. `GET /api/projects/{projectId}/files/{fileId}/content` */
  getFileContent(projectId: string, fileId: string, options: AdminOptions = {}): Promise<TextStream> {
    return this.#call.text({ method: 'GET', path: '/api/projects/{projectId}/files/{fileId}/content', params: { projectId, fileId }, options });
  }

  /** Deletes a file; batches that read it go on. Members of the project’s organization with the role `developer`, `admin` or `owner` may call it. `DELETE /api/projects/{projectId}/files/{fileId}` */
  delete(projectId: string, fileId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'DELETE', path: '/api/projects/{projectId}/files/{fileId}', params: { projectId, fileId }, options });
  }
}

export class NodesApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** The organization’s own nodes, newest first unless told. Removed ones only with `state=removed`. Every member of the organization may call it. `GET /api/organizations/{organizationId}/nodes` */
  listNodes(organizationId: string, query: Routes['listNodes']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listNodes']['answer']> {
    return this.#call.list<Routes['listNodes']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/nodes', params: { organizationId }, query, options });
  }

  /** How the organization’s nodes get on, as server-sent events. Events `node`: at first one for each node that is not removed, of the 500 newest, then one whenever something has changed, about one in two seconds of each node at most. `end` when the session or what it is for has ended. Every member of the organization may call it. `GET /api/organizations/{organizationId}/nodes/stream` */
  streamNodes(organizationId: string, options: AdminOptions = {}): Promise<Tail<Routes['streamNodes']['answer']>> {
    return this.#call.events<Routes['streamNodes']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/nodes/stream', params: { organizationId }, options });
  }

  /** What the organization’s nodes add up to. Every member of the organization may call it. `GET /api/organizations/{organizationId}/node-totals` */
  getNodeTotals(organizationId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getNodeTotals']['answer']>> {
    return this.#call.json<Routes['getNodeTotals']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/node-totals', params: { organizationId }, options });
  }

  /** One node. Every member of the organization may call it. `GET /api/organizations/{organizationId}/nodes/{nodeId}` */
  getNode(organizationId: string, nodeId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getNode']['answer']>> {
    return this.#call.json<Routes['getNode']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/nodes/{nodeId}', params: { organizationId, nodeId }, options });
  }

  /** Changes a node’s name or place; what is absent stays. A name or a place that is null is again what the node says and the gateway finds out: the name at once, the place when it connects next. Members of the organization with the role `admin` or `owner` may call it. `PATCH /api/organizations/{organizationId}/nodes/{nodeId}` */
  updateNode(organizationId: string, nodeId: string, body: Routes['updateNode']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['updateNode']['answer']>> {
    return this.#call.json<Routes['updateNode']['answer']>({ method: 'PATCH', path: '/api/organizations/{organizationId}/nodes/{nodeId}', params: { organizationId, nodeId }, body, options });
  }

  /** Gives a node no new runs. What it runs is finished, new runs go elsewhere; it stays connected. Gateways know within a second. Members of the organization with the role `admin` or `owner` may call it. `POST /api/organizations/{organizationId}/nodes/{nodeId}/drain` */
  drainNode(organizationId: string, nodeId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['drainNode']['answer']>> {
    return this.#call.json<Routes['drainNode']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/nodes/{nodeId}/drain', params: { organizationId, nodeId }, options });
  }

  /** Gives a drained node runs again. Members of the organization with the role `admin` or `owner` may call it. `POST /api/organizations/{organizationId}/nodes/{nodeId}/undrain` */
  undrainNode(organizationId: string, nodeId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['undrainNode']['answer']>> {
    return this.#call.json<Routes['undrainNode']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/nodes/{nodeId}/undrain', params: { organizationId, nodeId }, options });
  }

  /** Removes a node. For good: its socket is closed within a second on every gateway, and its key admits it no more. It can come back only as a new node, with a join token. Members of the organization with the role `admin` or `owner` may call it. `DELETE /api/organizations/{organizationId}/nodes/{nodeId}` */
  removeNode(organizationId: string, nodeId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'DELETE', path: '/api/organizations/{organizationId}/nodes/{nodeId}', params: { organizationId, nodeId }, options });
  }

  /** The organization’s join tokens, ended ones too, newest first. Every member of the organization may call it. `GET /api/organizations/{organizationId}/join-tokens` */
  listJoinTokens(organizationId: string, query: Routes['listJoinTokens']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listJoinTokens']['answer']> {
    return this.#call.list<Routes['listJoinTokens']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/join-tokens', params: { organizationId }, query, options });
  }

  /** A new join token for the organization’s own nodes. The token is in this answer and never again. Whoever has it can add nodes: for a few devices give it few uses and an end. Members of the organization with the role `admin` or `owner` may call it. Once per `idempotencyKey`. `POST /api/organizations/{organizationId}/join-tokens` */
  createJoinToken(organizationId: string, body: Routes['createJoinToken']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['createJoinToken']['answer']>> {
    return this.#call.json<Routes['createJoinToken']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/join-tokens', params: { organizationId }, body, once: true, options });
  }

  /** Revokes a join token for good; nodes that it admitted stay. Members of the organization with the role `admin` or `owner` may call it. `POST /api/organizations/{organizationId}/join-tokens/{joinTokenId}/revoke` */
  revokeJoinToken(organizationId: string, joinTokenId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['revokeJoinToken']['answer']>> {
    return this.#call.json<Routes['revokeJoinToken']['answer']>({ method: 'POST', path: '/api/organizations/{organizationId}/join-tokens/{joinTokenId}/revoke', params: { organizationId, joinTokenId }, options });
  }
}

export class FleetApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** What all nodes add up to, organizations’ own ones included. Operators of this installation may call it; for all others it is not there. `GET /api/fleet/totals` */
  getFleetTotals(options: AdminOptions = {}): Promise<WithRequestId<Routes['getFleetTotals']['answer']>> {
    return this.#call.json<Routes['getFleetTotals']['answer']>({ method: 'GET', path: '/api/fleet/totals', options });
  }

  /** The nodes of the pools operator, public and cloud, newest first unless told. Removed ones only with `state=removed`. Organizations’ own nodes are not among them: those stand in the totals alone. Operators of this installation may call it; for all others it is not there. `GET /api/fleet/nodes` */
  listFleetNodes(query: Routes['listFleetNodes']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listFleetNodes']['answer']> {
    return this.#call.list<Routes['listFleetNodes']['answer']>({ method: 'GET', path: '/api/fleet/nodes', query, options });
  }

  /** How the nodes of the operator’s pools get on, as server-sent events. Events `node`: at first one for each node that is not removed, of the 500 newest, then one whenever something has changed, about one in two seconds of each node at most. `end` when the session or what it is for has ended. Operators of this installation may call it; for all others it is not there. `GET /api/fleet/nodes/stream` */
  streamFleetNodes(options: AdminOptions = {}): Promise<Tail<Routes['streamFleetNodes']['answer']>> {
    return this.#call.events<Routes['streamFleetNodes']['answer']>({ method: 'GET', path: '/api/fleet/nodes/stream', options });
  }

  /** One node of the operator’s pools, with what it has shown. Operators of this installation may call it; for all others it is not there. `GET /api/fleet/nodes/{fleetNodeId}` */
  getFleetNode(fleetNodeId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getFleetNode']['answer']>> {
    return this.#call.json<Routes['getFleetNode']['answer']>({ method: 'GET', path: '/api/fleet/nodes/{fleetNodeId}', params: { fleetNodeId }, options });
  }

  /** Changes a node’s name or place; what is absent stays. A name or a place that is null is again what the node says and the gateway finds out: the name at once, the place when it connects next. Operators of this installation may call it; for all others it is not there. `PATCH /api/fleet/nodes/{fleetNodeId}` */
  updateFleetNode(fleetNodeId: string, body: Routes['updateFleetNode']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['updateFleetNode']['answer']>> {
    return this.#call.json<Routes['updateFleetNode']['answer']>({ method: 'PATCH', path: '/api/fleet/nodes/{fleetNodeId}', params: { fleetNodeId }, body, options });
  }

  /** Gives a node no new runs. What it runs is finished, new runs go elsewhere; it stays connected. Gateways know within a second. Operators of this installation may call it; for all others it is not there. `POST /api/fleet/nodes/{fleetNodeId}/drain` */
  drainFleetNode(fleetNodeId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['drainFleetNode']['answer']>> {
    return this.#call.json<Routes['drainFleetNode']['answer']>({ method: 'POST', path: '/api/fleet/nodes/{fleetNodeId}/drain', params: { fleetNodeId }, options });
  }

  /** Gives a drained node runs again. Operators of this installation may call it; for all others it is not there. `POST /api/fleet/nodes/{fleetNodeId}/undrain` */
  undrainFleetNode(fleetNodeId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['undrainFleetNode']['answer']>> {
    return this.#call.json<Routes['undrainFleetNode']['answer']>({ method: 'POST', path: '/api/fleet/nodes/{fleetNodeId}/undrain', params: { fleetNodeId }, options });
  }

  /** Lets a node out of quarantine; it is on probation again. Operators of this installation may call it; for all others it is not there. `POST /api/fleet/nodes/{fleetNodeId}/release` */
  releaseFleetNode(fleetNodeId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['releaseFleetNode']['answer']>> {
    return this.#call.json<Routes['releaseFleetNode']['answer']>({ method: 'POST', path: '/api/fleet/nodes/{fleetNodeId}/release', params: { fleetNodeId }, options });
  }

  /** Removes a node. For good: its socket is closed within a second on every gateway, and its key admits it no more. It can come back only as a new node, with a join token. Operators of this installation may call it; for all others it is not there. `DELETE /api/fleet/nodes/{fleetNodeId}` */
  removeFleetNode(fleetNodeId: string, options: AdminOptions = {}): Promise<void> {
    return this.#call.done({ method: 'DELETE', path: '/api/fleet/nodes/{fleetNodeId}', params: { fleetNodeId }, options });
  }

  /** The join tokens of the operator’s pools, ended ones too, newest first. Operators of this installation may call it; for all others it is not there. `GET /api/fleet/join-tokens` */
  listFleetTokens(query: Routes['listFleetTokens']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listFleetTokens']['answer']> {
    return this.#call.list<Routes['listFleetTokens']['answer']>({ method: 'GET', path: '/api/fleet/join-tokens', query, options });
  }

  /** A new join token for one of the operator’s pools. The token is in this answer and never again. Whoever has it can add nodes: for a few devices give it few uses and an end. Operators of this installation may call it; for all others it is not there. Once per `idempotencyKey`. `POST /api/fleet/join-tokens` */
  createFleetToken(body: Routes['createFleetToken']['body'], options: AdminOptions = {}): Promise<WithRequestId<Routes['createFleetToken']['answer']>> {
    return this.#call.json<Routes['createFleetToken']['answer']>({ method: 'POST', path: '/api/fleet/join-tokens', body, once: true, options });
  }

  /** Revokes a join token for good; nodes that it admitted stay. Operators of this installation may call it; for all others it is not there. `POST /api/fleet/join-tokens/{fleetTokenId}/revoke` */
  revokeFleetToken(fleetTokenId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['revokeFleetToken']['answer']>> {
    return this.#call.json<Routes['revokeFleetToken']['answer']>({ method: 'POST', path: '/api/fleet/join-tokens/{fleetTokenId}/revoke', params: { fleetTokenId }, options });
  }
}

export class LogsApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** The requests of a project, newest first unless told. Of the last 30 days unless `from` says otherwise. With `id` a page may hold fewer rows than asked for, even none, and still have a `next`: each page looks through a bounded number of requests. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/requests` */
  list(projectId: string, query: Routes['listRequests']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listRequests']['answer']> {
    return this.#call.list<Routes['listRequests']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/requests', params: { projectId }, query, options });
  }

  /** Requests as they settle, as server-sent events. Events `request` with a request as in the list; `gap` when so many settled that some were left out; `end` when the session or the membership has ended. The header `last-event-id` goes on where a connection broke; a request may then come twice. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/requests/tail` */
  tail(projectId: string, query: Routes['tailRequests']['query'] = {}, options: AdminOptions = {}): Promise<Tail<Routes['tailRequests']['answer']>> {
    return this.#call.events<Routes['tailRequests']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/requests/tail', params: { projectId }, query, options });
  }

  /** The requests of a project as a file, newest first: at most 100000 rows unless `rows` says more. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/requests/export` */
  export(projectId: string, query: Routes['exportRequests']['query'] = {}, options: AdminOptions = {}): Promise<TextStream> {
    return this.#call.text({ method: 'GET', path: '/api/projects/{projectId}/requests/export', params: { projectId }, query, options });
  }

  /** One request with all that is kept of it. Bodies are shown to developers and above. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/requests/{requestId}` */
  get(projectId: string, requestId: string, options: AdminOptions = {}): Promise<WithRequestId<Routes['getRequest']['answer']>> {
    return this.#call.json<Routes['getRequest']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/requests/{requestId}', params: { projectId, requestId }, options });
  }
}

export class AnalyticsApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** Sums over a range of time, and per group. From the beginning of a minute to the beginning of a minute: `range`, or `from` to `to`; the last day unless told. At most 500 groups, those with the most requests. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/analytics/totals` */
  getTotals(projectId: string, query: Routes['getTotals']['query'] = {}, options: AdminOptions = {}): Promise<WithRequestId<Routes['getTotals']['answer']>> {
    return this.#call.json<Routes['getTotals']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/analytics/totals', params: { projectId }, query, options });
  }

  /** Sums per minute, hour or day (UTC), for each group. From the beginning of a minute to the beginning of a minute: `range`, or `from` to `to`; the last day unless told. At most 10 groups, those with the most requests. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/analytics/series` */
  getSeries(projectId: string, query: Routes['getSeries']['query'] = {}, options: AdminOptions = {}): Promise<WithRequestId<Routes['getSeries']['answer']>> {
    return this.#call.json<Routes['getSeries']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/analytics/series', params: { projectId }, query, options });
  }

  /** Which models, keys, statuses, routes and endpoints there were, with their numbers of requests. From the beginning of a minute to the beginning of a minute: `range`, or `from` to `to`; the last day unless told. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/analytics/facets` */
  getFacets(projectId: string, query: Routes['getFacets']['query'] = {}, options: AdminOptions = {}): Promise<WithRequestId<Routes['getFacets']['answer']>> {
    return this.#call.json<Routes['getFacets']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/analytics/facets', params: { projectId }, query, options });
  }

  /** The sums per minute, hour or day and group as CSV. Every member of the project’s organization may call it. `GET /api/projects/{projectId}/analytics/export` */
  exportSeries(projectId: string, query: Routes['exportSeries']['query'] = {}, options: AdminOptions = {}): Promise<TextStream> {
    return this.#call.text({ method: 'GET', path: '/api/projects/{projectId}/analytics/export', params: { projectId }, query, options });
  }

  /** What each project of an organization used. From the beginning of a minute to the beginning of a minute: `range`, or `from` to `to`; the last day unless told. Every member of the organization may call it. `GET /api/organizations/{organizationId}/usage` */
  getUsage(organizationId: string, query: Routes['getUsage']['query'] = {}, options: AdminOptions = {}): Listing<Routes['getUsage']['answer']> {
    return this.#call.list<Routes['getUsage']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/usage', params: { organizationId }, query, options });
  }
}

export class AuditApi {
  readonly #call: AdminCaller;

  constructor(call: AdminCaller) {
    this.#call = call;
  }

  /** Who did what in an organization and its projects, newest first. Members of the organization with the role `admin` or `owner` may call it. `GET /api/organizations/{organizationId}/audit` */
  list(organizationId: string, query: Routes['listAudit']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listAudit']['answer']> {
    return this.#call.list<Routes['listAudit']['answer']>({ method: 'GET', path: '/api/organizations/{organizationId}/audit', params: { organizationId }, query, options });
  }

  /** Who did what in a project, newest first. Members of the project’s organization with the role `admin` or `owner` may call it. `GET /api/projects/{projectId}/audit` */
  listProjectAudit(projectId: string, query: Routes['listProjectAudit']['query'] = {}, options: AdminOptions = {}): Listing<Routes['listProjectAudit']['answer']> {
    return this.#call.list<Routes['listProjectAudit']['answer']>({ method: 'GET', path: '/api/projects/{projectId}/audit', params: { projectId }, query, options });
  }
}

/** Everything under one name. */
export class AdminApi {
  readonly account: AccountApi;
  readonly organizations: OrganizationsApi;
  readonly projects: ProjectsApi;
  readonly keys: KeysApi;
  readonly budgets: BudgetsApi;
  readonly billing: BillingApi;
  readonly alerts: AlertsApi;
  readonly batches: BatchesApi;
  readonly files: FilesApi;
  readonly nodes: NodesApi;
  readonly fleet: FleetApi;
  readonly logs: LogsApi;
  readonly analytics: AnalyticsApi;
  readonly audit: AuditApi;

  constructor(call: AdminCaller) {
    this.account = new AccountApi(call);
    this.organizations = new OrganizationsApi(call);
    this.projects = new ProjectsApi(call);
    this.keys = new KeysApi(call);
    this.budgets = new BudgetsApi(call);
    this.billing = new BillingApi(call);
    this.alerts = new AlertsApi(call);
    this.batches = new BatchesApi(call);
    this.files = new FilesApi(call);
    this.nodes = new NodesApi(call);
    this.fleet = new FleetApi(call);
    this.logs = new LogsApi(call);
    this.analytics = new AnalyticsApi(call);
    this.audit = new AuditApi(call);
  }
}
