import { declare } from './route.ts';

export const analyticsRoutes = declare({});
