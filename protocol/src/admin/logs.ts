import { declare } from './route.ts';

export const logRoutes = declare({});
