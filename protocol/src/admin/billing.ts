import { declare } from './route.ts';

export const billingRoutes = declare({});
