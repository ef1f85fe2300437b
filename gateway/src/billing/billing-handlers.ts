import type { billingRoutes } from '@zerogpu/protocol';
import type { Handlers } from '../admin/handler.ts';

export const billingHandlers: Handlers<keyof typeof billingRoutes> = {};
