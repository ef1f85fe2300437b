import type { alertRoutes } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';
import { deliveryHandlers } from './delivery-handlers.ts';
import { type FeedServices, makeFeedHandlers } from './feed-handlers.ts';
import { ruleHandlers } from './rule-handlers.ts';
import { makeWebhookHandlers, type WebhookServices } from './webhook-handlers.ts';

export function makeAlertHandlers(
  services: FeedServices & WebhookServices,
): Handlers<keyof typeof alertRoutes> {
  return {
    ...makeFeedHandlers(services),
    ...ruleHandlers,
    ...makeWebhookHandlers(services),
    ...deliveryHandlers,
  };
}
